//! Messages that default everything but what a test is about.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::ids::MessageId;
use shared::lane::Lane;
use shared::message::{Body, NewMessage, SealedText};
use shared::seal::Keyring;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// An Indian mobile number that no other test uses, without magic at the mock vendor: both vendors take it.
pub fn a_number() -> String {
    format!("+9198{:08}", 10_000_000 + NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A message under construction.
#[derive(Clone, Debug)]
pub struct Draft {
    message: NewMessage,
}

/// A text one person's action caused.
pub fn a_transactional(now: DateTime<Utc>) -> Draft {
    draft(Lane::Transactional, now)
}

/// A text many get.
pub fn a_promo(now: DateTime<Utc>) -> Draft {
    draft(Lane::Promo, now)
}

/// A text with a sealed code, without an OTP session around it.
pub fn an_otp(now: DateTime<Utc>, keyring: &Keyring, code: &str) -> Draft {
    let mut otp = draft(Lane::Otp, now);
    let sealed = SealedText { text: format!("Your code is {code}."), code: code.to_owned(), minutes: 10 };
    otp.message.body = Body::Sealed(sealed.seal(keyring.bodies(), otp.message.id));
    otp
}

fn draft(lane: Lane, now: DateTime<Utc>) -> Draft {
    let message = NewMessage {
        id: MessageId::new(now),
        lane,
        due_at: None,
        expires_at: now + lane.lifetime(),
        to: a_number(),
        body: Body::Clear("Your table is booked.".to_owned()),
        segments: 1,
        sender: None,
        template: None,
        variables: None,
        hint: None,
        preferred: None,
        at_most_once: false,
        user_id: None,
        api_key_id: None,
        session_id: None,
        batch_id: None,
        campaign_id: None,
        trace: None,
    };
    Draft { message }
}

impl Draft {
    /// With this text.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.message.body = Body::Clear(text.to_owned());
        self
    }

    /// To this number.
    #[must_use]
    pub fn to(mut self, number: &str) -> Self {
        self.message.to = number.to_owned();
        self
    }

    /// Not after this time from `now`.
    #[must_use]
    pub fn expires_in(mut self, now: DateTime<Utc>, time: Duration) -> Self {
        self.message.expires_at = now + time;
        self
    }

    /// Rather lost than doubled.
    #[must_use]
    pub fn at_most_once(mut self) -> Self {
        self.message.at_most_once = true;
        self
    }

    /// From this sender.
    #[must_use]
    pub fn sender(mut self, sender: &str) -> Self {
        self.message.sender = Some(sender.to_owned());
        self
    }

    /// By this provider first.
    #[must_use]
    pub fn hint(mut self, provider: &str) -> Self {
        self.message.hint = Some(provider.to_owned());
        self
    }

    /// By this provider after the hint.
    #[must_use]
    pub fn preferred(mut self, provider: &str) -> Self {
        self.message.preferred = Some(provider.to_owned());
        self
    }

    /// Rendered from this template with these values.
    #[must_use]
    pub fn template(mut self, name: &str, values: serde_json::Value) -> Self {
        self.message.template = Some(name.to_owned());
        self.message.variables = Some(values);
        self
    }

    /// The message.
    pub fn build(self) -> NewMessage {
        self.message
    }
}
