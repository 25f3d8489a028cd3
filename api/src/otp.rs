//! One-time codes: what each purpose allows, and the message that carries a code.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::ids::{ApiKeyId, MessageId, SessionId};
use shared::lane::Lane;
use shared::message::{Body, NewMessage, SealedText};
use shared::otp_code::{Challenge, CodeLength, OtpCode};
use shared::otp_policy::{Policy, Resend};
use shared::phone::PhoneNumber;
use shared::seal::{self, Keyring, OpenError};
use shared::text::MessageText;

use crate::templates::Variant;

pub(crate) mod begin;
pub(crate) mod checks;
mod conversions;
pub(crate) mod guard;
pub(crate) mod guarded;
pub(crate) mod policies;
pub(crate) mod resend;
pub(crate) mod start;
mod subjects;
pub(crate) mod verify;

/// The template codes come from, unless their purpose has another.
pub(crate) const TEMPLATE: &str = "otp";

/// What a caller learns when a code is on its way.
#[derive(Debug, Serialize)]
pub(crate) struct Sent {
    pub(crate) session_id: SessionId,
    expires_at: DateTime<Utc>,
    /// Seconds until another code can be asked for.
    resend_after: u64,
    attempts_remaining: i16,
    /// Codes are being guessed at, or this one was withheld: make sure that a person asks, by a challenge of your own, before the next send.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) challenge_required: bool,
}

/// Whose code is to be sent where.
struct Delivery<'a> {
    session: SessionId,
    phone: &'a PhoneNumber,
    policy: &'a Policy,
    user_id: Option<&'a str>,
    hint: Option<&'a str>,
    key: ApiKeyId,
    trace: Option<&'a str>,
    template: Option<&'a Variant>,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// How long a code made for `policy` is, now.
fn code_length(policy: &Policy, brakes: bool) -> CodeLength {
    if brakes { policy.code_length.max(CodeLength::EIGHT) } else { policy.code_length }
}

/// When a code made at `now` is worth nothing any more.
fn expiry(policy: &Policy, now: DateTime<Utc>) -> DateTime<Utc> {
    (now + policy.lifetime).trunc_subsecs(3)
}

/// Keeps `code` for a resend, if resends of `policy` repeat it.
fn keep(code: &OtpCode, policy: &Policy, keyring: &Keyring, session: SessionId) -> Option<Vec<u8>> {
    match policy.resend {
        Resend::New => None,
        Resend::Same => Some(keyring.bodies().seal(&place(session), code.expose().as_bytes())),
    }
}

/// The code that [`keep`] kept.
fn kept(sealed: &[u8], keyring: &Keyring, session: SessionId) -> Result<OtpCode, OpenError> {
    use secrecy::ExposeSecret as _;
    let digits = keyring.bodies().open_text(&place(session), sealed)?;
    OtpCode::parse(digits.expose_secret()).map_err(|_| OpenError::Damaged)
}

fn place(session: SessionId) -> Vec<u8> {
    seal::place("sms_otp_sessions", session.0.as_bytes())
}

impl Delivery<'_> {
    /// What the session keeps of `code`.
    fn mac(&self, code: &OtpCode, keyring: &Keyring) -> Vec<u8> {
        let purpose = self.policy.purpose.as_str();
        code.mac(keyring.otp_pepper(), Challenge { session: self.session, phone: self.phone, purpose })
    }

    /// The message that carries `code`.
    fn message(&self, code: &OtpCode, keyring: &Keyring) -> NewMessage {
        let (text, template) = self.text(code);
        let id = MessageId::new(self.now);
        let segments = i16::try_from(text.segments().count).unwrap_or(i16::MAX);
        let sealed =
            SealedText { text: text.into_string(), code: code.expose().to_owned(), minutes: self.minutes() };
        NewMessage {
            id,
            lane: Lane::Otp,
            due_at: None,
            expires_at: self.expires_at,
            to: self.phone.as_str().to_owned(),
            body: Body::Sealed(sealed.seal(keyring.bodies(), id)),
            segments,
            sender: template.and_then(|template| template.sender.clone()),
            template: template.map(|template| template.key.to_string()),
            variables: None,
            hint: self.hint.map(str::to_owned),
            preferred: None,
            at_most_once: false,
            user_id: self.user_id.map(str::to_owned),
            api_key_id: Some(self.key),
            session_id: Some(self.session),
            batch_id: None,
            campaign_id: None,
            trace: self.trace.map(str::to_owned),
        }
    }

    /// Whole minutes that the code is good for, at least one.
    fn minutes(&self) -> u64 {
        let seconds = (self.expires_at - self.now + TimeDelta::milliseconds(999)).num_seconds();
        u64::try_from(seconds).unwrap_or_default().div_ceil(60).max(1)
    }

    /// The text of the template, or our own where there is none that works; its last line binds the code to a host.
    fn text(&self, code: &OtpCode) -> (MessageText, Option<&Variant>) {
        let minutes = self.minutes();
        let filled = self.template.filter(|template| template.lane == Lane::Otp).and_then(|template| {
            let text = template.fill(&values(template, code, minutes)).ok()?;
            let text = Some(text).filter(|text| text.contains(code.expose()))?;
            Some((MessageText::parse(self.bound(text, code)).ok()?, Some(template)))
        });
        filled.unwrap_or_else(|| {
            let text = format!("Your code is {}. It expires in {minutes} minutes.", code.expose());
            (MessageText::parse(self.bound(text, code)).expect("a short printable text"), None)
        })
    }

    /// `text` with the line by which browsers know whose code it is (WICG sms-one-time-codes), unless it has one.
    fn bound(&self, text: String, code: &OtpCode) -> String {
        let has_one = text.lines().last().is_some_and(|line| line.starts_with('@'));
        match &self.policy.origin {
            Some(host) if !has_one => format!("{}\n\n@{host} #{}", text.trim_end(), code.expose()),
            _ => text,
        }
    }
}

/// The values a code's template may use: `code` and `minutes`, as far as it does.
fn values(template: &Variant, code: &OtpCode, minutes: u64) -> Map<String, Value> {
    let all = [("code", Value::from(code.expose())), ("minutes", Value::from(minutes))];
    all.into_iter()
        .filter(|(name, _)| template.variables().iter().any(|used| used == name))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
