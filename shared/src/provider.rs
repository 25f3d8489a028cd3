//! What a provider is: one call that sends one SMS, and what its answer asks us to do. Some also make codes themselves;
//! then one call starts a code and another checks it.
//!
//! An adapter speaks its vendor's wire format and translates the answer; it decides nothing.
//! Whether another provider is tried, and when, is [`crate::routing`]'s business.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::ids::MessageId;
use crate::lane::Lane;
use crate::phone::PhoneNumber;

pub mod catalogue;
pub mod checkers;
pub mod generic;
pub mod http;
mod otp;
pub mod sandbox;
pub mod trial;
pub mod twilio;
pub mod twofactor;

pub use otp::{CheckError, Checked, CodeMode, MADE_CODE_LENGTH, OtpCheck, UnknownCodeMode};

/// One SMS as an adapter gets it.
#[derive(Clone)]
pub struct OutgoingSms {
    /// Our id; goes along wherever the vendor has room for it, so that a receipt finds its message.
    pub message_id: MessageId,
    /// Its lane.
    pub lane: Lane,
    /// Who gets it.
    pub to: PhoneNumber,
    /// The whole text.
    pub text: String,
    /// The code in the text, if it is an otp.
    pub code: Option<String>,
    /// Sender asked for by the message or its template, else the provider's own.
    pub sender: Option<String>,
    /// This provider's own template for the text, with the values in its order.
    pub template: Option<VendorTemplate>,
    /// Not to be delivered after this time; passed on where the vendor has a field.
    pub expires_at: DateTime<Utc>,
    /// How long that is from now.
    pub validity: Duration,
    /// How long the call may take.
    pub timeout: Duration,
}

/// A vendor's template and the values for it, in the vendor's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorTemplate {
    /// The vendor's name or id of the template.
    pub name: String,
    /// Values in the vendor's order.
    pub values: Vec<String>,
}

/// A vendor's "yes": it took the message, which is not yet delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderReference {
    /// The vendor's id of the message; receipts carry it. Of a code that the vendor made, the id it is checked by.
    pub id: String,
    /// HTTP status of the answer.
    pub status_code: Option<u16>,
}

/// What the vendor said when it did not say yes; for the log, not for decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VendorAnswer {
    /// HTTP status, if there was an answer.
    pub status_code: Option<u16>,
    /// The vendor's own error code.
    pub code: Option<String>,
    /// A short, stable reason in our words: `bad_number`, `credentials`, `timeout` …
    pub reason: &'static str,
}

/// Why a send failed; each variant asks the caller for one reaction.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The message is at fault: no provider will take it.
    #[error("message rejected: {}", .answer.reason)]
    Rejected {
        /// What the vendor said.
        answer: VendorAnswer,
    },
    /// The person told this vendor to stop: nobody sends them more of that, but codes.
    #[error("they said stop to the provider: {}", .answer.reason)]
    OptedOut {
        /// What the vendor said.
        answer: VendorAnswer,
    },
    /// The provider wants us slower: it pauses, the message may go elsewhere.
    #[error("provider throttles")]
    Throttled {
        /// How long the vendor asked us to stay away.
        retry_after: Option<Duration>,
        /// What the vendor said.
        answer: VendorAnswer,
    },
    /// Certainly not sent, for the time being: another provider may try, and this one later.
    #[error("provider unavailable: {}", .answer.reason)]
    Unavailable {
        /// What the vendor said.
        answer: VendorAnswer,
    },
    /// Certainly not sent, and this provider will not take this message later either.
    #[error("provider refuses this message: {}", .answer.reason)]
    Refused {
        /// What the vendor said.
        answer: VendorAnswer,
    },
    /// Certainly not sent, and the provider will take nobody's message: credentials or credit.
    #[error("provider account is at fault: {}", .answer.reason)]
    Unusable {
        /// What the vendor said.
        answer: VendorAnswer,
    },
    /// Perhaps sent: another try could send twice.
    #[error("no clear answer after the request left: {}", .answer.reason)]
    InDoubt {
        /// What is known.
        answer: VendorAnswer,
    },
}

/// How an attempt ended, as the log names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The provider took it.
    Accepted,
    /// The provider wants us slower.
    Throttled,
    /// Certainly not sent.
    NotSent,
    /// No provider will take it.
    Rejected,
    /// Perhaps sent.
    InDoubt,
}

impl Outcome {
    /// All outcomes, as they are declared.
    pub const ALL: [Self; 5] =
        [Self::Accepted, Self::Throttled, Self::NotSent, Self::Rejected, Self::InDoubt];

    /// The word used in tables, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Throttled => "throttled",
            Self::NotSent => "not_sent",
            Self::Rejected => "rejected",
            Self::InDoubt => "in_doubt",
        }
    }
}

impl SendError {
    /// How the attempt ended.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Rejected { .. } | Self::OptedOut { .. } => Outcome::Rejected,
            Self::Throttled { .. } => Outcome::Throttled,
            Self::Unavailable { .. } | Self::Refused { .. } | Self::Unusable { .. } => Outcome::NotSent,
            Self::InDoubt { .. } => Outcome::InDoubt,
        }
    }

    /// What the vendor said.
    pub const fn answer(&self) -> &VendorAnswer {
        match self {
            Self::Rejected { answer }
            | Self::OptedOut { answer }
            | Self::Throttled { answer, .. }
            | Self::Unavailable { answer }
            | Self::Refused { answer }
            | Self::Unusable { answer }
            | Self::InDoubt { answer } => answer,
        }
    }
}

/// One account at one vendor.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Whether it can send a text that it has no template for.
    fn takes_plain_text(&self, lane: Lane) -> bool;

    /// Sends one SMS.
    ///
    /// # Errors
    /// See [`SendError`]: each variant asks for one reaction.
    async fn send(&self, sms: &OutgoingSms) -> Result<ProviderReference, SendError>;

    /// Whether codes are to be made by the provider, with [`Provider::start_otp`], and not sent as ours.
    fn makes_codes(&self) -> bool {
        false
    }

    /// Lets the provider make a code and send it to whom `sms` goes; the code and text in `sms` are not used. The
    /// reference is the vendor's session, which [`Provider::check_otp`] needs.
    ///
    /// # Errors
    /// As [`Provider::send`]; a provider that makes no codes refuses.
    async fn start_otp(&self, _sms: &OutgoingSms) -> Result<ProviderReference, SendError> {
        let answer = VendorAnswer { reason: otp::MAKES_NO_CODES, ..VendorAnswer::default() };
        Err(SendError::Refused { answer })
    }

    /// Asks the provider about a code it made; also one whose setting has changed since, so that nobody's code is lost by
    /// that.
    ///
    /// # Errors
    /// See [`CheckError`]: each variant asks for one reaction.
    async fn check_otp(&self, _check: &OtpCheck<'_>) -> Result<Checked, CheckError> {
        Err(CheckError::Unusable { reason: otp::MAKES_NO_CODES })
    }
}

/// A provider as it is passed around.
pub type SharedProvider = Arc<dyn Provider>;
