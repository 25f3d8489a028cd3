//! Whom the send of a code is counted for.

use shared::ids::{ApiKeyId, SessionId};
use shared::limits::{Kind, Subject};
use shared::message::NewMessage;
use shared::otp_policy::Purpose;
use shared::phone::PhoneNumber;
use shared::store::guard;

use crate::client_address::ClientAddress;

/// Who asks for a code, and for whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    pub(super) phone: &'a PhoneNumber,
    pub(super) purpose: Purpose,
    pub(super) user_id: Option<&'a str>,
    /// The person's address, never that of the application's server.
    pub(super) client: Option<ClientAddress>,
    pub(super) key: Option<ApiKeyId>,
}

impl Asker<'_> {
    /// What the pumping guard is asked of the send.
    pub(super) fn guarded(&self, message: &NewMessage, session: SessionId) -> guard::Send {
        guard::Send {
            session,
            message: message.id,
            segments: message.segments.unsigned_abs().into(),
            phone: self.phone.clone(),
            client: self.client.map(|address| address.block().to_string()),
            is_challenged: false,
            is_resend: false,
            is_unmeasured: false,
        }
    }

    /// All subjects of the send.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        let phone = self.phone.as_str();
        let of = |kind, name: String| Subject { kind, name };
        [
            Some(of(Kind::Phone, phone.to_owned())),
            Some(of(Kind::Purpose, format!("{} {phone}", self.purpose.as_str()))),
            self.user_id.map(|user| of(Kind::User, user.to_owned())),
            self.client.map(|address| of(Kind::Ip, address.block().to_string())),
            self.phone.region().map(|region| of(Kind::Country, region.to_string())),
            self.key.map(|key| of(Kind::Key, key.to_string())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
