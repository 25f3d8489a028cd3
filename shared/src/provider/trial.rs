//! Trying a provider: one real message through it, past queue and route.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::catalogue::{BuildContext, BuildError, ProviderSettings, build};
use super::{OutgoingSms, ProviderReference, SendError};
use crate::ids::MessageId;
use crate::lane::Lane;
use crate::phone::PhoneNumber;

/// The message of a trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// As what it goes.
    pub lane: Lane,
    /// To whom.
    pub to: PhoneNumber,
    /// What it says, unless the usual.
    pub text: Option<String>,
}

/// What a provider answered.
#[derive(Debug)]
pub struct Tried {
    /// As a worker would see it.
    pub answer: Result<ProviderReference, SendError>,
    /// How long it took.
    pub took: Duration,
}

/// Why a provider cannot be tried; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    /// There is no adapter for it here.
    #[error(transparent)]
    NotBuilt(#[from] BuildError),
    /// It sends no texts of our own.
    #[error("takes only texts that it has a template for")]
    NeedsTemplate,
}

impl Trial {
    /// Sends it once, whatever comes of it. A code that the provider makes goes out as one, but nobody can check it.
    ///
    /// # Errors
    /// [`TrialError`], before anything is sent.
    pub async fn run(
        &self,
        settings: &ProviderSettings,
        context: &BuildContext,
        now: DateTime<Utc>,
    ) -> Result<Tried, TrialError> {
        let adapter = build(settings, context)?;
        if !adapter.takes_plain_text(self.lane) {
            return Err(TrialError::NeedsTemplate);
        }
        let sms = self.message(now);
        let began = Instant::now();
        let makes_it = self.lane == Lane::Otp && adapter.makes_codes();
        let answer = if makes_it { adapter.start_otp(&sms).await } else { adapter.send(&sms).await };
        Ok(Tried { answer, took: began.elapsed() })
    }

    fn message(&self, now: DateTime<Utc>) -> OutgoingSms {
        // Not a code anybody waits for.
        let code = (self.lane == Lane::Otp).then(|| "123456".to_owned());
        let usual = match &code {
            Some(code) => format!("{code} is a test code of smsgw."),
            None => "This is a test message of smsgw.".to_owned(),
        };
        OutgoingSms {
            message_id: MessageId::new(now),
            lane: self.lane,
            to: self.to.clone(),
            text: self.text.clone().unwrap_or(usual),
            code,
            sender: None,
            template: None,
            expires_at: now + self.lane.lifetime(),
            validity: self.lane.lifetime(),
            timeout: self.lane.call_timeout(),
        }
    }
}
