//! What an answer means for its message: the attempt to log, and the verdict.

use chrono::{DateTime, Utc};
use shared::consent::Statement;
use shared::ids::AttemptId;
use shared::lane::Lane;
use shared::message::{SealedText, Status};
use shared::phone::PhoneNumber;
use shared::provider::{Outcome, ProviderReference, SendError};
use shared::routing::MAX_TRIES;
use shared::store::acks::{Attempt, Finished, Rescheduled};

use super::Delivery;
use super::call::{Call, Request};
use crate::ack::{Verdict, doubtful};
use crate::health::{Leave, Went};
use crate::roster::Entry;

impl Delivery<'_> {
    pub(super) fn record(
        &mut self,
        entry: &Entry,
        call: Call,
        request: Request,
        answer: &Result<ProviderReference, SendError>,
    ) {
        let message = &self.claim.message;
        let (outcome, said) = match answer {
            Ok(_) => (Outcome::Accepted, None),
            Err(error) => (error.outcome(), Some(error.answer())),
        };
        let status_code = match answer {
            Ok(reference) => reference.status_code,
            Err(error) => error.answer().status_code,
        };
        let (started_at, time) = call.end(outcome, said.map(|said| said.reason));
        entry.health.measures.attempt(message.lane, outcome, time);
        if outcome == Outcome::Accepted {
            self.parts.measures.sent(message, self.parts.clock.now());
        }
        self.attempts.push(Attempt {
            id: AttemptId::new(started_at),
            message_id: message.id,
            provider: entry.settings.name.clone(),
            outcome,
            reason: said.map_or(request.accepted(), |said| Some(said.reason)),
            code: said.and_then(|said| said.code.clone()),
            status_code: status_code.map(i32::from),
            provider_message_id: answer.as_ref().ok().map(|reference| reference.id.clone()),
            possible_duplicate: message.copies > 0,
            started_at,
            response_time_ms: i32::try_from(time.as_millis()).unwrap_or(i32::MAX),
            stops: match answer {
                Err(SendError::OptedOut { .. }) => self.stops_known_to(entry),
                Ok(_) | Err(_) => Vec::new(),
            },
        });
    }

    /// A provider that takes nothing for this person any more knows a STOP to whom the message would have come from.
    fn stops_known_to(&self, entry: &Entry) -> Vec<Statement> {
        let message = &self.claim.message;
        let sender = entry.settings.sender_of(message.sender.as_deref());
        let proof = Some(format!("message {}", message.id));
        Statement::told_by_provider(&entry.settings.name, &self.to, sender, proof)
    }

    /// Turns an answer into what happens next; `None` if another provider may try at once.
    pub(super) fn react(
        &mut self,
        entry: &Entry,
        leave: Leave<'_>,
        answer: Result<ProviderReference, SendError>,
    ) -> Option<Verdict> {
        let name = &entry.settings.name;
        match answer {
            Ok(_) => {
                if leave.went(Went::Accepted) {
                    self.parts.roster.publish_recovery(name);
                }
                let reason = self.attempts.last().and_then(|attempt| attempt.reason);
                Some(self.finish(Status::Sent, reason, 0))
            }
            Err(SendError::Rejected { answer }) => {
                leave.went(Went::Answered);
                Some(self.fail(Status::Failed, answer.reason))
            }
            Err(SendError::OptedOut { answer }) if self.claim.message.lane != Lane::Otp => {
                leave.went(Went::Answered);
                Some(self.fail(Status::Suppressed, answer.reason))
            }
            Err(SendError::Throttled { retry_after, .. }) => {
                let news = leave.throttled(retry_after, self.parts.clock.now(), fastrand::f64());
                if let Some((until, pauses)) = news {
                    self.parts.roster.publish_pause(name, until, pauses);
                }
                None
            }
            Err(SendError::Unavailable { .. }) => {
                leave.went(Went::Failed);
                self.tried.push(name.clone());
                None
            }
            // A code that its owner asks for goes by another.
            Err(SendError::Refused { answer } | SendError::OptedOut { answer }) => {
                // Without a status nobody was asked: that is no sign of the provider's health.
                if answer.status_code.is_some() {
                    leave.went(Went::Answered);
                }
                // It will say the same each time: all its tries are used up at once.
                self.is_refused = true;
                let left =
                    MAX_TRIES - self.tried.iter().filter(|tried| *tried == name).count().min(MAX_TRIES);
                self.tried.extend(std::iter::repeat_n(name.clone(), left));
                None
            }
            Err(SendError::Unusable { answer }) => {
                leave.went(Went::Unusable);
                tracing::error!(
                    provider.id = name,
                    reason = answer.reason,
                    "a provider's account is at fault"
                );
                self.tried.push(name.clone());
                None
            }
            Err(SendError::InDoubt { answer }) => {
                leave.went(Went::Failed);
                self.tried.push(name.clone());
                Some(self.doubt(answer.reason))
            }
        }
    }

    fn doubt(&mut self, reason: &'static str) -> Verdict {
        let (tried, attempts) = (self.new_tries(), std::mem::take(&mut self.attempts));
        let mut verdict = doubtful(self.claim, self.parts.clock.now(), reason, tried, attempts);
        if let Verdict::Finish(one) = &mut verdict {
            one.masked_text = self.masked();
        }
        verdict
    }

    /// The end of a message that was not sent under this claim. After an earlier doubtful call
    /// nobody can say that it was not sent at all.
    pub(super) fn fail(&mut self, status: Status, reason: &'static str) -> Verdict {
        let status = if self.claim.message.copies > 0 { Status::Unknown } else { status };
        self.finish(status, Some(reason), 0)
    }

    fn finish(&mut self, status: Status, reason: Option<&'static str>, copies: i16) -> Verdict {
        let attempts = std::mem::take(&mut self.attempts);
        let masked_text = self.masked();
        let (id, is_refused) = (self.claim.message.id, self.is_refused);
        Verdict::Finish(Finished { id, status, reason, masked_text, copies, attempts, is_refused })
    }

    pub(super) fn wait(&mut self, until: DateTime<Utc>, reason: &'static str) -> Verdict {
        Verdict::Reschedule(self.returned(until, reason))
    }

    /// Goes back for a claim that knows whose number it is.
    pub(super) fn respell(&mut self, to: PhoneNumber) -> Verdict {
        let returned = self.returned(self.parts.clock.now(), "respelled");
        Verdict::Reschedule(Rescheduled { to: Some(Box::new(to)), ..returned })
    }

    fn returned(&mut self, until: DateTime<Utc>, reason: &'static str) -> Rescheduled {
        Rescheduled {
            id: self.claim.message.id,
            claimed_due_at: self.claim.message.due_at,
            due_at: until.min(self.claim.message.expires_at),
            reason,
            tried: self.new_tries(),
            copies: 0,
            taken_over: false,
            to: None,
            attempts: std::mem::take(&mut self.attempts),
        }
    }

    fn masked(&self) -> Option<String> {
        self.sealed.as_ref().filter(|_| self.claim.message.lane == Lane::Otp).map(SealedText::masked)
    }

    fn new_tries(&self) -> Vec<String> {
        self.tried[self.claim.message.tried.len()..].to_vec()
    }
}
