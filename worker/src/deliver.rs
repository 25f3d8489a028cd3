//! One message through its route: the story of a claim, from slot to verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apalis::prelude::Data;
use chrono::{DateTime, Utc};
use shared::ids::AttemptId;
use shared::lane::Lane;
use shared::message::{OutboxMessage, SealedText, Status};
use shared::phone::PhoneNumber;
use shared::provider::{Outcome, OutgoingSms, ProviderReference, SendError, VendorTemplate};
use shared::routing::{self, Candidate, MAX_TRIES, Moment, Step, Traveller};
use shared::store::acks::{Attempt, Finished, Rescheduled};

use crate::ack::{Verdict, doubtful};
use crate::health::{Leave, Went};
use crate::lane::LaneParts;
use crate::queue::{Claim, Job};
use crate::roster::{Entry, Loaded, RELOAD};

/// From claim to first byte at most: whoever takes our messages over waits longer than this.
const FENCE: Duration = Duration::from_secs(1);
/// A message that finds no room within its claim comes back after this time.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Sends a claimed message, or says why not.
pub(crate) async fn deliver(claim: Job, parts: Data<Arc<LaneParts>>) -> Verdict {
    let mut delivery = match Delivery::begin(&claim, &parts) {
        Ok(delivery) => delivery,
        Err(verdict) => return verdict,
    };
    let mut moment = Moment::Claimed;
    loop {
        let now = parts.clock.now();
        if claim.message.expires_at <= now {
            return delivery.fail(Status::Expired, "expired");
        }
        let loaded = parts.roster.load();
        if loaded.may_lack_template_of(&claim.message, now) {
            return delivery.wait(now + RELOAD, "template_loads");
        }
        let mut candidates = loaded.candidates(&claim.message, delivery.to.region(), now);
        delivery.mark(&mut candidates, now);
        let step = routing::next(&delivery.facts(), &candidates, now, moment, fastrand::f64());
        let chosen = match step {
            Step::Try(chosen) => &loaded.entries[chosen],
            Step::Wait(until, reason) => return delivery.wait(until, reason),
            Step::GiveUp(reason) => return delivery.fail(Status::Failed, reason),
        };
        match delivery.attempt(chosen, &loaded).await {
            Some(verdict) => return verdict,
            None => moment = Moment::NotSent,
        }
    }
}

/// What routing needs to know of a message, with the tries made so far.
pub(crate) fn traveller<'a>(message: &'a OutboxMessage, tried: &'a [String]) -> Traveller<'a> {
    Traveller {
        lane: message.lane,
        hint: message.hint.as_deref(),
        preferred: message.preferred.as_deref(),
        tried,
        expires_at: message.expires_at,
        at_most_once: message.at_most_once,
        copies: message.copies,
    }
}

/// One claim's way: what was tried so far, and with what result.
struct Delivery<'a> {
    claim: &'a Claim,
    parts: &'a LaneParts,
    to: PhoneNumber,
    text: String,
    sealed: Option<SealedText>,
    tried: Vec<String>,
    busy: Vec<String>,
    attempts: Vec<Attempt>,
}

impl<'a> Delivery<'a> {
    fn begin(claim: &'a Claim, parts: &'a LaneParts) -> Result<Self, Verdict> {
        let message = &claim.message;
        let fail = |reason| Verdict::Finish(Finished::without_call(message.id, Status::Failed, reason));
        let sealed = match &message.sealed_body {
            None => None,
            Some(sealed) => match SealedText::open(parts.keyring.bodies(), message.id, sealed) {
                Ok(opened) => Some(opened),
                Err(error) => {
                    tracing::error!(%error, message.id = %message.id, "a sealed body does not open");
                    return Err(fail("body_unreadable"));
                }
            },
        };
        let text = match (&sealed, &message.body) {
            (Some(opened), _) => opened.text.clone(),
            (None, Some(text)) => text.clone(),
            (None, None) => return Err(fail("body_missing")),
        };
        let Ok(to) = PhoneNumber::parse(&message.to, None) else { return Err(fail("bad_number")) };
        Ok(Self {
            claim,
            parts,
            to,
            text,
            sealed,
            tried: message.tried.clone(),
            busy: Vec::new(),
            attempts: Vec::new(),
        })
    }

    fn facts(&self) -> Traveller<'_> {
        traveller(&self.claim.message, &self.tried)
    }

    /// Calls one provider. `None` if the message was certainly not sent and may go on.
    async fn attempt(&mut self, entry: &Entry, loaded: &Loaded) -> Option<Verdict> {
        let Some(leave) = self.room(entry).await else {
            self.busy.push(entry.settings.name.clone());
            return None;
        };
        let sms = self.outgoing(entry, loaded);
        if !self.may_send() {
            return Some(self.wait(self.parts.clock.now(), "claim_too_old"));
        }
        let (started_at, began) = (self.parts.clock.now(), Instant::now());
        let answer = entry.adapter(self.claim.message.lane).send(&sms).await;
        self.record(entry, started_at, began.elapsed(), &answer);
        self.react(entry, leave, answer)
    }

    /// Waits for the provider's gate: as long as the claim is fresh, or, if its lane need not stay
    /// with this provider, only for a moment.
    async fn room<'e>(&self, entry: &'e Entry) -> Option<Leave<'e>> {
        let patience = match self.claim.message.lane {
            // Longer than a slice of a configured rate: else a lone code would never meet its token.
            Lane::Otp => Duration::from_millis(150),
            Lane::Transactional => Duration::from_millis(300),
            Lane::Promo => FENCE,
        };
        let began = Instant::now();
        loop {
            // While it waited here, the provider may have said "slow down" to another message.
            if entry.health.is_halted() || entry.health.paused_until() > Some(self.parts.clock.now()) {
                return None;
            }
            match entry.health.enter(self.claim.message.lane, self.to.region()) {
                Ok(leave) => return Some(leave),
                Err(wait)
                    if began.elapsed() + wait < patience && self.claim.began.elapsed() + wait < FENCE =>
                {
                    tokio::time::sleep(wait).await;
                }
                Err(_) => return None,
            }
        }
    }

    /// A provider that had no room is as good as paused for a moment; one that was stopped when the
    /// message was claimed is stopped, even if this process has not heard of it otherwise.
    fn mark(&self, candidates: &mut [Candidate<'_>], now: DateTime<Utc>) {
        for candidate in candidates {
            candidate.halted |= self.claim.halted.iter().any(|halted| halted == candidate.name);
            if self.busy.iter().any(|busy| busy == candidate.name) {
                candidate.paused_until = candidate.paused_until.max(Some(now + NO_ROOM));
            }
        }
    }

    /// The fence: beyond it somebody else may be about to take this message over.
    fn may_send(&self) -> bool {
        self.claim.began.elapsed() < FENCE
            && self.parts.presence.may_send(self.claim.worker)
            && self.parts.clock.now() < self.claim.message.expires_at
    }

    fn outgoing(&self, entry: &Entry, loaded: &Loaded) -> OutgoingSms {
        let message = &self.claim.message;
        let validity = (message.expires_at - self.parts.clock.now()).to_std().unwrap_or_default();
        let template = loaded.template(message, &entry.settings.name).map(|template| VendorTemplate {
            name: template.id.clone(),
            values: template.variables.iter().map(|variable| self.value(variable)).collect(),
        });
        OutgoingSms {
            message_id: message.id,
            lane: message.lane,
            to: self.to.clone(),
            text: self.text.clone(),
            code: self.sealed.as_ref().map(|sealed| sealed.code.clone()),
            sender: message.sender.clone(),
            template,
            expires_at: message.expires_at,
            validity,
            timeout: message.lane.call_timeout(),
        }
    }

    /// A template variable as text.
    fn value(&self, variable: &str) -> String {
        match (&self.sealed, variable) {
            (Some(sealed), "code") => return sealed.code.clone(),
            (Some(sealed), "minutes") => return sealed.minutes.to_string(),
            _ => (),
        }
        match self.claim.message.variables.as_ref().and_then(|values| values.get(variable)) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    fn record(
        &mut self,
        entry: &Entry,
        started_at: DateTime<Utc>,
        time: Duration,
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
        let labels = [
            ("provider", entry.settings.name.clone()),
            ("lane", message.lane.as_str().to_owned()),
            ("outcome", outcome.as_str().to_owned()),
        ];
        metrics::counter!("smsgw_attempts_total", &labels).increment(1);
        metrics::histogram!("smsgw_attempt_seconds", "provider" => entry.settings.name.clone())
            .record(time.as_secs_f64());
        self.attempts.push(Attempt {
            id: AttemptId::new(started_at),
            message_id: message.id,
            provider: entry.settings.name.clone(),
            outcome,
            reason: said.map(|said| said.reason),
            code: said.and_then(|said| said.code.clone()),
            status_code: status_code.map(i32::from),
            provider_message_id: answer.as_ref().ok().map(|reference| reference.id.clone()),
            possible_duplicate: message.copies > 0,
            started_at,
            response_time_ms: i32::try_from(time.as_millis()).unwrap_or(i32::MAX),
        });
    }

    /// Turns an answer into what happens next; `None` if another provider may try at once.
    fn react(
        &mut self,
        entry: &Entry,
        leave: Leave<'_>,
        answer: Result<ProviderReference, SendError>,
    ) -> Option<Verdict> {
        let name = &entry.settings.name;
        match answer {
            Ok(_) => {
                if leave.went(Went::Accepted) {
                    self.parts.roster.publish_recovery(name.clone());
                }
                Some(self.finish(Status::Sent, None, 0))
            }
            Err(SendError::Rejected { answer }) => {
                leave.went(Went::Answered);
                Some(self.fail(Status::Failed, answer.reason))
            }
            Err(SendError::Throttled { retry_after, .. }) => {
                leave.went(Went::Answered);
                let now = self.parts.clock.now();
                let (until, pauses) = entry.health.throttled(retry_after, now, fastrand::f64());
                self.parts.roster.publish_pause(name.clone(), until, pauses);
                None
            }
            Err(SendError::Unavailable { .. }) => {
                leave.went(Went::Failed);
                self.tried.push(name.clone());
                None
            }
            Err(SendError::Refused { .. }) => {
                leave.went(Went::Answered);
                // It will say the same each time: all its tries are used up at once.
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
    fn fail(&mut self, status: Status, reason: &'static str) -> Verdict {
        let status = if self.claim.message.copies > 0 { Status::Unknown } else { status };
        self.finish(status, Some(reason), 0)
    }

    fn finish(&mut self, status: Status, reason: Option<&'static str>, copies: i16) -> Verdict {
        let attempts = std::mem::take(&mut self.attempts);
        let masked_text = self.masked();
        Verdict::Finish(Finished { id: self.claim.message.id, status, reason, masked_text, copies, attempts })
    }

    fn wait(&mut self, until: DateTime<Utc>, reason: &'static str) -> Verdict {
        Verdict::Reschedule(Rescheduled {
            id: self.claim.message.id,
            claimed_due_at: self.claim.message.due_at,
            due_at: until.min(self.claim.message.expires_at),
            reason,
            tried: self.new_tries(),
            copies: 0,
            taken_over: false,
            attempts: std::mem::take(&mut self.attempts),
        })
    }

    fn masked(&self) -> Option<String> {
        self.sealed.as_ref().filter(|_| self.claim.message.lane == Lane::Otp).map(SealedText::masked)
    }

    fn new_tries(&self) -> Vec<String> {
        self.tried[self.claim.message.tried.len()..].to_vec()
    }
}
