//! What a vendor makes of a request, before faults and delivery.

use crate::arrival::ArrivalKind;
use crate::check::CodeCheck;
use crate::reply::Reply;
use crate::vendor::Vendor;

/// How a vendor read a request.
pub(crate) enum Reading {
    /// It is answered as it stands: a refusal or a look-up. Nothing is delivered or checked.
    Answer(Reply),
    /// It asks for a message to be sent, and nothing is wrong with it.
    Submission(Box<Submission>),
    /// It asks about a code that was sent.
    Check(Box<CodeCheck>),
}

/// A valid request to send a message.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) vendor: Vendor,
    pub(crate) kind: ArrivalKind,
    /// In E.164 with `+`; never empty. Only 2Factor takes several.
    pub(crate) recipients: Vec<String>,
    pub(crate) from: Option<String>,
    pub(crate) body: String,
    pub(crate) template: Option<String>,
    pub(crate) variables: Vec<String>,
    /// The caller's own id of the message, wherever the vendor has room for it.
    pub(crate) reference: Option<String>,
    /// The id it goes by, if it is not to have one of its own.
    pub(crate) provider_id: Option<String>,
    pub(crate) validity_s: Option<u32>,
    pub(crate) status_callback: Option<String>,
}
