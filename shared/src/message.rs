//! Messages: what was asked for, and the states it goes through.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::ids::{ApiKeyId, BatchId, CampaignId, MessageId, SessionId};
use crate::lane::Lane;
use crate::seal::{self, OpenError, Sealer};

/// Where a message stands. The first two live in the outbox, the others in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// Waits for its time, a free slot or a provider. Becomes `sending` or ends.
    Queued,
    /// A worker holds it; a call may be under way. Becomes `queued` again only if that call surely
    /// did not send, or if another copy is allowed.
    Sending,
    /// A provider took it. A receipt may make it `delivered` or `undelivered`.
    Sent,
    /// A receipt says the phone has it.
    Delivered,
    /// A receipt says the phone will not get it.
    Undelivered,
    /// Every way was tried, or the message itself is at fault. Final.
    Failed,
    /// Its time ran out before a provider took it. Final.
    Expired,
    /// Not sent on purpose: consent, dedupe or guard. Final.
    Suppressed,
    /// Withdrawn by its caller. Final.
    Cancelled,
    /// Perhaps sent, and another copy is not allowed. A receipt may still settle it.
    Unknown,
}

impl Status {
    /// All states, in the order in which a message may come through them.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Failed,
        Self::Expired,
        Self::Suppressed,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// The word used in JSON, tables, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

/// A word that is no status.
#[derive(Debug, thiserror::Error)]
#[error("unknown status")]
pub struct UnknownStatus;

impl std::str::FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text of a message, as the outbox may hold it.
#[derive(Clone, Debug)]
pub enum Body {
    /// Text that anybody with rights to the outbox may read.
    Clear(String),
    /// A [`SealedText`], sealed with the message's id: the only form a code is stored in.
    Sealed(Vec<u8>),
}

/// What is sealed into an otp body.
#[derive(Clone, Serialize, Deserialize)]
pub struct SealedText {
    /// The whole text with the code in it.
    pub text: String,
    /// The code alone, for providers that put it into a text of their own.
    pub code: String,
    /// How long it is good for, for templates that say so.
    #[serde(default)]
    pub minutes: u64,
}

impl SealedText {
    /// Seals it for the outbox row of `id`.
    pub fn seal(&self, bodies: &Sealer, id: MessageId) -> Vec<u8> {
        let plain = serde_json::to_vec(self).expect("two strings are always valid JSON");
        bodies.seal(&body_place(id), &plain)
    }

    /// Opens the sealed body of the outbox row `id`.
    ///
    /// # Errors
    /// When the key is missing or the row was tampered with.
    pub fn open(bodies: &Sealer, id: MessageId, sealed: &[u8]) -> Result<Self, OpenError> {
        let plain = bodies.open(&body_place(id), sealed)?;
        serde_json::from_slice(plain.expose_secret()).map_err(|_| OpenError::Damaged)
    }

    /// The text as the log may keep it.
    pub fn masked(&self) -> String {
        self.text.replace(&self.code, "******")
    }
}

fn body_place(id: MessageId) -> Vec<u8> {
    seal::place("sms_outbox", id.0.as_bytes())
}

impl fmt::Debug for SealedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedText(******)")
    }
}

/// A request that has passed every check and may be committed to the outbox.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Made from the database's time.
    pub id: MessageId,
    /// Which queue it takes.
    pub lane: Lane,
    /// Not before this time; `None` for at once.
    pub due_at: Option<DateTime<Utc>>,
    /// Not after this time.
    pub expires_at: DateTime<Utc>,
    /// E.164.
    pub to: String,
    /// Its text.
    pub body: Body,
    /// How many segments the text takes.
    pub segments: i16,
    /// Sender asked for, else the provider's own.
    pub sender: Option<String>,
    /// Our template it was rendered from, for providers that only take templates.
    pub template: Option<String>,
    /// The values the template was rendered with; never for an otp.
    pub variables: Option<serde_json::Value>,
    /// Provider to try first.
    pub hint: Option<String>,
    /// The user's preferred provider, tried after the hint.
    pub preferred: Option<String>,
    /// Rather lost than doubled, when an answer stays away.
    pub at_most_once: bool,
    /// Whose message it is.
    pub user_id: Option<String>,
    /// The key that asked.
    pub api_key_id: Option<ApiKeyId>,
    /// The OTP session whose code it carries.
    pub session_id: Option<SessionId>,
    /// The batch it came with.
    pub batch_id: Option<BatchId>,
    /// The campaign it belongs to.
    pub campaign_id: Option<CampaignId>,
    /// W3C `traceparent` of the request.
    pub trace: Option<String>,
}

impl NewMessage {
    /// The message as a worker holds it that is stored with it: `seq`, `due_at` and `preferred` are as its row has them.
    pub fn stored(&self, seq: i64, due_at: DateTime<Utc>, preferred: Option<String>) -> OutboxMessage {
        let (body, sealed_body) = match &self.body {
            Body::Clear(text) => (Some(text.clone()), None),
            Body::Sealed(blob) => (None, Some(blob.clone())),
        };
        OutboxMessage {
            id: self.id,
            seq,
            lane: self.lane,
            due_at,
            expires_at: self.expires_at,
            to: self.to.clone(),
            by_sql: self.api_key_id.is_none(),
            body,
            sealed_body,
            sender: self.sender.clone(),
            template: self.template.clone(),
            variables: self.variables.clone(),
            hint: self.hint.clone(),
            preferred,
            at_most_once: self.at_most_once,
            tried: Vec::new(),
            attempts: 0,
            copies: 0,
            takeovers: 0,
            session_id: self.session_id,
            trace: self.trace.clone(),
        }
    }
}

/// A message as a worker holds it.
#[derive(Clone, Debug)]
pub struct OutboxMessage {
    /// Its id.
    pub id: MessageId,
    /// Breaks ties of `due_at`.
    pub seq: i64,
    /// Its queue.
    pub lane: Lane,
    /// When it was due.
    pub due_at: DateTime<Utc>,
    /// Not to be sent after this time.
    pub expires_at: DateTime<Utc>,
    /// E.164.
    pub to: String,
    /// It came by the SQL door, whose numbers the numbering plan has not seen yet.
    pub by_sql: bool,
    /// Its text, unless it is an otp.
    pub body: Option<String>,
    /// A sealed [`SealedText`], if it is an otp.
    pub sealed_body: Option<Vec<u8>>,
    /// Sender asked for.
    pub sender: Option<String>,
    /// Template it was rendered from.
    pub template: Option<String>,
    /// The template's values.
    pub variables: Option<serde_json::Value>,
    /// Provider to try first.
    pub hint: Option<String>,
    /// Provider to try next.
    pub preferred: Option<String>,
    /// Rather lost than doubled.
    pub at_most_once: bool,
    /// Provider of every counted try, oldest first.
    pub tried: Vec<String>,
    /// Provider calls so far.
    pub attempts: i16,
    /// Calls that may have sent it.
    pub copies: i16,
    /// Workers that died holding it.
    pub takeovers: i16,
    /// The OTP session whose code it carries.
    pub session_id: Option<SessionId>,
    /// W3C `traceparent` of the request.
    pub trace: Option<String>,
}
