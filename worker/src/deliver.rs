//! One message through its route: the story of a claim, from slot to verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apalis::prelude::Data;
use chrono::{DateTime, Utc};
use shared::lane::Lane;
use shared::message::{OutboxMessage, SealedText, Status};
use shared::phone::{PhoneNumber, Region};
use shared::provider::{MADE_CODE_LENGTH, OutgoingSms, Provider, VendorTemplate};
use shared::routing::{self, Candidate, Fit, Moment, Step, Traveller};
use shared::store::acks::{Attempt, Finished};
use shared::text::MessageText;

use self::call::{Call, Request};
use crate::ack::Verdict;
use crate::health::Leave;
use crate::lane::LaneParts;
use crate::pacing::Turn;
use crate::queue::{Claim, Job};
use crate::roster::{Entry, Loaded, RELOAD};

mod call;
mod rules;
mod verdict;

/// From claim to first byte at most: whoever takes our messages over waits longer than this.
const FENCE: Duration = Duration::from_secs(1);
/// How often a message that waits for room looks, if many wait before it.
const LOOK: Duration = Duration::from_millis(25);
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
        let mut candidates = loaded.candidates(&claim.message, delivery.region, now);
        delivery.mark(&mut candidates, &loaded, now);
        if let Some(rules) = &loaded.rules
            && let Some(verdict) = delivery.obey(rules, &loaded, &mut candidates, now)
        {
            return verdict;
        }
        let step = routing::next(&delivery.facts(), &candidates, now, moment, fastrand::f64());
        let chosen = match step {
            Step::Try(chosen) => &loaded.entries[chosen],
            Step::Wait(until, reason) => return delivery.wait(until, reason),
            Step::GiveUp(reason) => return delivery.fail(Status::Failed, reason),
            Step::OptedOut => return delivery.fail(Status::Suppressed, "opted_out"),
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

/// The text, and the code in it if there is one.
fn content(message: &OutboxMessage, parts: &LaneParts) -> Result<(String, Option<SealedText>), &'static str> {
    match (&message.sealed_body, &message.body) {
        (Some(sealed), _) => match SealedText::open(parts.keyring.bodies(), message.id, sealed) {
            Ok(opened) => Ok((opened.text.clone(), Some(opened))),
            Err(error) => {
                tracing::error!(%error, message.id = %message.id, "a sealed body does not open");
                Err("body_unreadable")
            }
        },
        (None, Some(text)) => Ok((text.clone(), None)),
        (None, None) => Err("body_missing"),
    }
}

/// One claim's way: what was tried so far, and with what result.
struct Delivery<'a> {
    claim: &'a Claim,
    parts: &'a LaneParts,
    to: PhoneNumber,
    region: Option<Region>,
    text: String,
    sealed: Option<SealedText>,
    tried: Vec<String>,
    busy: Vec<String>,
    attempts: Vec<Attempt>,
    is_refused: bool,
}

impl<'a> Delivery<'a> {
    fn begin(claim: &'a Claim, parts: &'a LaneParts) -> Result<Self, Verdict> {
        let message = &claim.message;
        let (text, sealed) = content(message, parts).map_err(|reason| {
            Verdict::Finish(Finished::unsent(message.id, message.copies, Status::Failed, reason))
        })?;
        let to = PhoneNumber::stored(message.to.clone());
        let mut delivery = Self {
            claim,
            parts,
            region: to.region(),
            to,
            text,
            sealed,
            tried: message.tried.clone(),
            busy: Vec::new(),
            attempts: Vec::new(),
            is_refused: false,
        };
        if message.by_sql {
            delivery.check()?;
        }
        Ok(delivery)
    }

    /// The SQL door sees characters only: what the other doors ask of a number and a text is asked here.
    fn check(&mut self) -> Result<(), Verdict> {
        match PhoneNumber::parse(self.to.as_str(), None) {
            Ok(to) if to == self.to => (),
            // The claim asked for a "stop" under this spelling: the next one asks for the number itself.
            Ok(to) => return Err(self.respell(to)),
            Err(_) => return Err(self.fail(Status::Failed, "bad_number")),
        }
        if MessageText::parse(self.text.as_str()).is_err() {
            return Err(self.fail(Status::Failed, "bad_text"));
        }
        if !self.parts.reach.allows(self.region) {
            return Err(self.fail(Status::Failed, "country_blocked"));
        }
        Ok(())
    }

    fn facts(&self) -> Traveller<'_> {
        traveller(&self.claim.message, &self.tried)
    }

    /// Calls one provider. `None` if the message was certainly not sent and may go on.
    async fn attempt(&mut self, entry: &Entry, loaded: &Loaded) -> Option<Verdict> {
        let Some((turn, leave)) = self.room(entry).await else {
            self.busy.push(entry.settings.name.clone());
            return None;
        };
        let sms = self.outgoing(entry, loaded);
        if !self.may_send() {
            return Some(self.wait(self.parts.clock.now(), "claim_too_old"));
        }
        let call = Call::start(&self.claim.message, &entry.settings.name, self.parts.clock.now());
        let adapter = entry.adapter(self.claim.message.lane);
        let request = self.request(&**adapter);
        let answer = turn.take(request.of(&**adapter, &sms)).await;
        self.record(entry, call, request, &answer);
        self.react(entry, leave, answer)
    }

    /// A provider that makes codes makes those of sessions, where a check can find it again, unless they are to be longer
    /// than what it makes: their purpose asks for that, or the brake. To any other goes our own code, also when the first
    /// has failed: the session then checks that one.
    fn request(&self, provider: &dyn Provider) -> Request {
        let ours = self.sealed.as_ref().filter(|_| self.claim.message.session_id.is_some());
        match ours {
            Some(sealed) if provider.makes_codes() && sealed.code.len() <= MADE_CODE_LENGTH.get() => {
                Request::StartOtp
            }
            _ => Request::Send,
        }
    }

    /// Waits for its turn and the provider's gate: as long as the claim is fresh, or, if its lane need not stay with this
    /// provider, only for a moment.
    async fn room<'e>(&self, entry: &'e Entry) -> Option<(Turn<'e>, Leave<'e>)> {
        let patience = match self.claim.message.lane {
            // Longer than a slice of a configured rate: else a lone code would never meet its token.
            Lane::Otp => Duration::from_millis(150),
            Lane::Transactional => Duration::from_millis(300),
            Lane::Promo => FENCE,
        };
        let (began, mut place) = (Instant::now(), None);
        loop {
            // First: what the gate gives is not to be waited with.
            let turn = entry.health.pacing.turn(self.claim.message.lane).await;
            let now = self.parts.clock.now();
            // While it waited here, the provider may have said "slow down" to another message.
            if entry.health.is_halted() || entry.health.paused_until() > Some(now) {
                return None;
            }
            // Promo may have waited long for its turn: a rate's token would be lost with it.
            if self.claim.message.lane == Lane::Promo && self.claim.began.elapsed() >= FENCE {
                return None;
            }
            match entry.health.enter(self.claim.message.lane, self.region, now) {
                Ok(leave) => return Some((turn, leave)),
                Err(wait) => {
                    drop(turn);
                    let left = patience.saturating_sub(began.elapsed());
                    let left = left.min(FENCE.saturating_sub(self.claim.began.elapsed()));
                    if wait >= left {
                        return None;
                    }
                    // Hundreds that all look as often as the first of them would do nothing else.
                    let number =
                        place.get_or_insert_with(|| entry.health.queue(self.claim.message.lane)).number;
                    let nap = wait.saturating_mul(number).min(wait.max(LOOK));
                    tokio::time::sleep(nap.min(left - wait)).await;
                }
            }
        }
    }

    /// A provider that had no room is as good as paused for a moment; one that was stopped when the
    /// message was claimed is stopped, by an operator or by the person, even if this process has not heard of it otherwise.
    fn mark(&self, candidates: &mut [Candidate<'_>], loaded: &Loaded, now: DateTime<Utc>) {
        for (candidate, entry) in candidates.iter_mut().zip(&loaded.entries) {
            if candidate.fit == Fit::Fits && self.has_stopped(entry) {
                candidate.fit = Fit::Stopped;
            }
            candidate.halted |= self.claim.halted.iter().any(|halted| halted == candidate.name);
            if self.busy.iter().any(|busy| busy == candidate.name) {
                candidate.paused_until = candidate.paused_until.max(Some(now + NO_ROOM));
            }
        }
    }

    /// Whether the person had stopped, when this was claimed, whom the provider's message would come from.
    fn has_stopped(&self, entry: &Entry) -> bool {
        let stopped = &self.claim.stopped;
        !stopped.is_empty()
            && entry
                .settings
                .sender_of(self.claim.message.sender.as_deref())
                .is_some_and(|sender| stopped.iter().any(|stopped| stopped == sender))
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
        let template = loaded.template(message, entry).map(|template| VendorTemplate {
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
}
