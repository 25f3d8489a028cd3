//! Accounts, messages and a context for the adapters' unit tests. Nothing here connects to anything.

use std::time::Duration;

use chrono::DateTime;
use sqlx::postgres::PgPoolOptions;

use super::{BuildContext, ProviderSettings, VendorConfig};
use crate::config::Environment;
use crate::ids::MessageId;
use crate::lane::Lane;
use crate::phone::PhoneNumber;
use crate::provider::twilio::{TwilioConfig, TwilioFields};
use crate::provider::twofactor::{TwoFactorConfig, TwoFactorFields};
use crate::provider::{OutgoingSms, http};
use crate::text::SenderId;

pub(in crate::provider) const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
pub(in crate::provider) const SERVICE_SID: &str = "MG00000000000000000000000000000002";
pub(in crate::provider) const KEY_SID: &str = "SK00000000000000000000000000000003";
pub(in crate::provider) const VERIFY_SID: &str = "VA00000000000000000000000000000004";
pub(in crate::provider) const VERIFICATION_SID: &str = "VE00000000000000000000000000000005";
pub(in crate::provider) const MESSAGE_SID: &str = "SM0123456789abcdefABCDEF0123456789";

/// A transactional text to an Indian number.
pub(in crate::provider) fn a_text() -> OutgoingSms {
    OutgoingSms {
        message_id: MessageId(uuid::Uuid::from_u128(7)),
        lane: Lane::Transactional,
        to: phone("+919876543210"),
        text: "Your table & chairs are ready: 100 %".to_owned(),
        code: None,
        sender: None,
        template: None,
        expires_at: DateTime::UNIX_EPOCH,
        validity: Duration::from_secs(600),
        timeout: Duration::from_secs(1),
    }
}

pub(in crate::provider) fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text, None).expect("a phone number")
}

pub(in crate::provider) fn sender(text: &str) -> SenderId {
    SenderId::parse(text).expect("a sender")
}

pub(in crate::provider) fn twilio(fields: &TwilioFields, from: &str) -> ProviderSettings {
    let sender = Some(sender(from));
    let config = TwilioConfig::parse(fields, sender.as_ref()).expect("a Twilio account");
    ProviderSettings { sender, ..ProviderSettings::unlimited("twilio", VendorConfig::Twilio(config)) }
}

pub(in crate::provider) fn two_factor(fields: &TwoFactorFields, from: &str) -> ProviderSettings {
    let sender = Some(sender(from));
    let config = TwoFactorConfig::parse(fields, sender.as_ref()).expect("a 2Factor.in account");
    ProviderSettings { sender, ..ProviderSettings::unlimited("2factor", VendorConfig::TwoFactor(config)) }
}

/// A development gateway; its pool leads nowhere. Needs a runtime around it.
pub(in crate::provider) fn context(public_url: Option<&str>) -> BuildContext {
    BuildContext {
        client: http::client().expect("a client"),
        public_url: public_url.map(|url| url.parse().expect("a base URL")),
        pool: PgPoolOptions::new().connect_lazy("postgres://nobody@127.0.0.1:1/none").expect("a pool"),
        environment: Environment::Development,
    }
}

/// Their names, the lowest priority first.
pub(in crate::provider) fn names(providers: &[ProviderSettings]) -> Vec<&str> {
    let mut sorted: Vec<_> = providers.iter().collect();
    sorted.sort_by_key(|provider| provider.priority);
    sorted.into_iter().map(|provider| provider.name.as_str()).collect()
}
