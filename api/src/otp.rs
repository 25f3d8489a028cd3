//! One-time codes: what each purpose allows, and the message that carries a code.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::ids::{ApiKeyId, MessageId, SessionId};
use shared::lane::Lane;
use shared::message::{Body, NewMessage, SealedText};
use shared::otp_code::{Challenge, CodeLength, OtpCode};
use shared::phone::PhoneNumber;
use shared::seal::Keyring;
use shared::text::MessageText;

use crate::templates::Variant;

pub(crate) mod resend;
pub(crate) mod start;
pub(crate) mod verify;

/// The template a code's text comes from, if an operator has made one.
pub(crate) const TEMPLATE: &str = "otp";
/// How long codes are.
const LENGTH: CodeLength = CodeLength::SIX;
/// Codes one session may send.
const MAX_SENDS: i16 = 5;

/// What a code lets its holder do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// Sign in.
    #[default]
    Login,
    /// Show that a number is theirs.
    VerifyPhone,
    /// Confirm a sign-in or a payment.
    TwoFactor,
    /// Choose another password.
    PasswordReset,
    /// Take another number.
    ChangePhone,
}

/// What a purpose allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// The word in requests and tables.
    pub(crate) word: &'static str,
    /// How long a code is good.
    pub(crate) lifetime: Duration,
    /// Checks a session allows, over all its codes.
    pub(crate) max_attempts: i16,
    /// Time before the second code; it doubles with every further one.
    pub(crate) cool_down: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);
const USUAL: Policy = Policy {
    word: "login",
    lifetime: MINUTE.saturating_mul(10),
    max_attempts: 5,
    cool_down: Duration::from_secs(30),
};

/// One line a purpose, in the order of [`Purpose`].
const POLICIES: [Policy; 5] = [
    USUAL,
    Policy { word: "verify_phone", max_attempts: 3, cool_down: MINUTE, ..USUAL },
    Policy { word: "two_factor", lifetime: MINUTE.saturating_mul(5), ..USUAL },
    Policy { word: "password_reset", ..USUAL },
    Policy { word: "change_phone", ..USUAL },
];

impl Purpose {
    /// What it allows.
    pub(crate) const fn policy(self) -> Policy {
        POLICIES[self as usize]
    }
}

impl Policy {
    /// The policy of a stored purpose; one that is no longer known is treated as the usual.
    fn of(word: &str) -> Self {
        POLICIES.into_iter().find(|policy| policy.word == word).unwrap_or(USUAL)
    }

    /// How long to wait after the `sends`-th code.
    fn cool_down_after(self, sends: i16) -> Duration {
        let doublings = u32::try_from(sends - 1).unwrap_or_default().min(16);
        self.cool_down * 2_u32.pow(doublings)
    }
}

/// What a caller learns when a code is on its way.
#[derive(Debug, Serialize)]
pub(crate) struct Sent {
    session_id: SessionId,
    expires_at: DateTime<Utc>,
    /// Seconds until another code can be asked for.
    resend_after: u64,
    attempts_remaining: i16,
}

/// Whose code is to be sent where.
struct Delivery<'a> {
    session: SessionId,
    phone: &'a PhoneNumber,
    policy: Policy,
    user_id: Option<&'a str>,
    hint: Option<&'a str>,
    key: ApiKeyId,
    trace: Option<&'a str>,
    template: Option<&'a Variant>,
    now: DateTime<Utc>,
}

/// A new code: its hash for the session, and the message that carries it.
struct Fresh {
    code_mac: Vec<u8>,
    message: NewMessage,
}

impl Delivery<'_> {
    fn fresh_code(&self, keyring: &Keyring) -> Fresh {
        let code = OtpCode::generate(LENGTH);
        let challenge = Challenge { session: self.session, phone: self.phone, purpose: self.policy.word };
        let code_mac = code.mac(keyring.otp_pepper(), challenge);
        let (text, template) = self.text(&code);
        let id = MessageId::new(self.now);
        let segments = i16::try_from(text.segments().count).unwrap_or(i16::MAX);
        let sealed =
            SealedText { text: text.into_string(), code: code.expose().to_owned(), minutes: self.minutes() };
        let message = NewMessage {
            id,
            lane: Lane::Otp,
            due_at: None,
            expires_at: self.expires_at(),
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
        };
        Fresh { code_mac, message }
    }

    fn expires_at(&self) -> DateTime<Utc> {
        (self.now + self.policy.lifetime).trunc_subsecs(3)
    }

    fn minutes(&self) -> u64 {
        self.policy.lifetime.as_secs() / 60
    }

    /// The text of the template, or our own where there is none that works.
    fn text(&self, code: &OtpCode) -> (MessageText, Option<&Variant>) {
        let minutes = self.minutes();
        let filled = self.template.filter(|template| template.lane == Lane::Otp).and_then(|template| {
            let text = template.fill(&values(template, code, minutes)).ok()?;
            let text = Some(text).filter(|text| text.contains(code.expose()))?;
            Some((MessageText::parse(text).ok()?, Some(template)))
        });
        filled.unwrap_or_else(|| {
            let text = format!("Your code is {}. It expires in {minutes} minutes.", code.expose());
            (MessageText::parse(text).expect("a short printable text"), None)
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_its_own_line() {
        for (word, purpose) in [
            ("login", Purpose::Login),
            ("verify_phone", Purpose::VerifyPhone),
            ("two_factor", Purpose::TwoFactor),
            ("password_reset", Purpose::PasswordReset),
            ("change_phone", Purpose::ChangePhone),
        ] {
            assert_eq!(purpose.policy().word, word);
            let read: Purpose = serde_json::from_value(Value::from(word)).expect("a purpose");
            assert_eq!(read, purpose);
        }
    }

    #[test]
    fn the_cool_down_doubles_with_every_code() {
        let waits = [1, 2, 3, 4].map(|sends| USUAL.cool_down_after(sends).as_secs());
        assert_eq!(waits, [30, 60, 120, 240]);
        assert_eq!(Purpose::VerifyPhone.policy().cool_down_after(1).as_secs(), 60);
    }
}
