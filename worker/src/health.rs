//! What this process knows of a provider's present condition. Outlives a reload of its settings.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI16, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::backoff::{LONGEST_RETRY_AFTER, Schedule};
use shared::breaker::{self, Breaker};
use shared::lane::Lane;
use shared::phone::Region;

use crate::gate::{Gate, Pass, Ticket};
use crate::measures::ProviderMeasures;
use crate::pacing::Pacing;

/// Pauses after "slow down" without a time: full jitter below 1 s, 2 s, 4 s … 60 s.
const PAUSES: Schedule = Schedule::new(Duration::from_secs(1), 2.0, Duration::from_secs(60));

/// How soon to look again at a provider that is being probed.
const PROBE_RECHECK: Duration = Duration::from_millis(250);

/// One provider's condition.
#[derive(Debug)]
pub(crate) struct Health {
    /// Its name.
    pub(crate) name: String,
    /// Its metrics.
    pub(crate) measures: ProviderMeasures,
    /// How fast its calls begin.
    pub(crate) pacing: Pacing,
    gate: Mutex<Gate>,
    breakers: Mutex<HashMap<Option<Region>, Breaker>>,
    paused_until: Mutex<Option<DateTime<Utc>>>,
    pauses: AtomicI16,
    halted: AtomicBool,
    /// Messages that wait for room, by lane.
    waiting: [AtomicU32; 3],
}

/// A message's place among those that wait for room; given up when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    waiting: &'a AtomicU32,
    /// Which it is, from 1 on.
    pub(crate) number: u32,
}

/// Leave to make one call; dropping it without a result learns nothing.
#[derive(Debug)]
pub(crate) struct Leave<'a> {
    health: &'a Health,
    ticket: Ticket,
    region: Option<Region>,
    breaker: Option<breaker::Permit>,
}

/// How a call went, as the provider's condition sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Went {
    /// It took the message.
    Accepted,
    /// It works, and said no to this message or "slow down".
    Answered,
    /// It failed, hung or talked nonsense.
    Failed,
    /// The account is at fault: nobody's message will be taken.
    Unusable,
}

impl Health {
    /// A provider nothing bad is known of.
    pub(crate) fn new(name: &str, max_per_second: Option<u32>, max_in_flight: Option<u32>) -> Self {
        Self {
            name: name.to_owned(),
            measures: ProviderMeasures::new(name),
            pacing: Pacing::default(),
            gate: Mutex::new(Gate::new(max_per_second, max_in_flight, Instant::now())),
            breakers: Mutex::default(),
            paused_until: Mutex::default(),
            pauses: AtomicI16::new(0),
            halted: AtomicBool::new(false),
            waiting: Default::default(),
        }
    }

    /// The gate, for the lease and for new limits.
    pub(crate) fn gate(&self) -> MutexGuard<'_, Gate> {
        lock(&self.gate)
    }

    /// Until when it is paused for everyone.
    pub(crate) fn paused_until(&self) -> Option<DateTime<Utc>> {
        *lock(&self.paused_until)
    }

    /// Whether an operator has stopped it.
    pub(crate) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }

    /// An operator has stopped it, or lets it go on.
    pub(crate) fn set_halted(&self, halted: bool) {
        self.halted.store(halted, Ordering::Relaxed);
    }

    /// How long its breaker for `region` stays open.
    pub(crate) fn broken_for(&self, region: Option<Region>, now: Instant) -> Option<Duration> {
        let breakers = lock(&self.breakers);
        let breaker = breakers.get(&region)?;
        let time = breaker.open_until(now)?.saturating_duration_since(now);
        // A probe's answer may close it at any moment: whoever waits looks again soon.
        Some(if breaker.is_probing() { time.min(PROBE_RECHECK) } else { time })
    }

    /// Whether its breaker is open for every country it was used for.
    pub(crate) fn is_broken_everywhere(&self, now: Instant) -> bool {
        let breakers = lock(&self.breakers);
        !breakers.is_empty() && breakers.values().all(|breaker| breaker.open_until(now).is_some())
    }

    /// Shows how it stands; one that is not used any more is not closed either.
    pub(crate) fn show(&self, is_used: bool, now: DateTime<Utc>) {
        let paused = is_used && self.paused_until() > Some(now);
        let broken = is_used && self.is_broken_everywhere(Instant::now());
        self.measures.closed(paused, is_used && self.is_halted(), broken);
    }

    /// Asks to call it for a message of `lane` to `region`.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub(crate) fn enter(
        &self,
        lane: Lane,
        region: Option<Region>,
        clock: DateTime<Utc>,
    ) -> Result<Leave<'_>, Duration> {
        let now = Instant::now();
        // Held: a pause that begins meanwhile would be probed at once.
        let paused = lock(&self.paused_until);
        if let Some(until) = paused.filter(|&until| until > clock) {
            return Err((until - clock).to_std().unwrap_or_default());
        }
        let mut gate = self.gate();
        let ticket = match gate.pass(lane, now) {
            Pass::Granted(ticket) => ticket,
            Pass::Later(wait) => return Err(wait),
        };
        let mut breakers = lock(&self.breakers);
        let breaker = breakers.entry(region).or_insert_with(|| Breaker::new(breaker::Settings::default()));
        match breaker.allow(now) {
            Ok(permit) => Ok(Leave { health: self, ticket, region, breaker: Some(permit) }),
            Err(open) => {
                gate.done(&ticket);
                Err(open.0.saturating_duration_since(now).max(Duration::from_millis(5)))
            }
        }
    }

    /// Takes a place behind those that wait for room already. What [`Health::enter`] says is how long the first of them
    /// waits: a message that slept no longer than that would wake for nothing, as would hundreds with it.
    pub(crate) fn queue(&self, lane: Lane) -> Place<'_> {
        let waiting = &self.waiting[lane as usize];
        Place { waiting, number: waiting.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    /// How many more messages of `lane` it will let go soon, besides those that wait.
    pub(crate) fn releasable(&self, lane: Lane) -> usize {
        let waiting = self.waiting[lane as usize].load(Ordering::Relaxed);
        self.gate().releasable(lane, Instant::now()).saturating_sub(waiting as usize)
    }

    /// Takes over a pause that another worker wrote down.
    pub(crate) fn learn_pause(&self, until: Option<DateTime<Utc>>, pauses: i16, now: DateTime<Utc>) {
        let mut paused = lock(&self.paused_until);
        if until > *paused && until.is_some_and(|until| until > now) {
            *paused = until;
            self.pauses.store(pauses, Ordering::Relaxed);
            self.gate().shut();
        }
    }

    /// "Slow down": pauses it here. Says until when and how often in a row, for the others, unless
    /// they have nothing to learn from it.
    fn throttled(
        &self,
        ticket: &Ticket,
        retry_after: Option<Duration>,
        now: DateTime<Utc>,
        random: f64,
    ) -> Option<(DateTime<Utc>, i16)> {
        let mut paused = lock(&self.paused_until);
        let mut gate = self.gate();
        let pauses = self.pauses.load(Ordering::Relaxed).clamp(0, 30);
        if !gate.throttled(ticket, Instant::now()) {
            // Under way when the last pause began: it may prolong that, and says nothing more.
            let until = now + retry_after?.min(LONGEST_RETRY_AFTER);
            if Some(until) <= (*paused).max(Some(now)) {
                return None;
            }
            *paused = Some(until);
            gate.shut();
            return Some((until, pauses));
        }
        let until = now + PAUSES.pause(u32::from(pauses.unsigned_abs()), random, retry_after);
        let until = paused.map_or(until, |earlier| earlier.max(until));
        *paused = Some(until);
        self.pauses.store(pauses + 1, Ordering::Relaxed);
        self.measures.pauses.increment(1);
        Some((until, pauses + 1))
    }

    /// It took a message; says whether that ends a row of pauses.
    fn took_one(&self, ticket: &Ticket) -> bool {
        let is_over = self.gate().accepted(ticket, Instant::now());
        is_over && self.pauses.swap(0, Ordering::Relaxed) > 0
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Leave<'_> {
    /// The call is over; says whether it ends a row of pauses.
    pub(crate) fn went(mut self, went: Went) -> bool {
        let recovered = went == Went::Accepted && self.health.took_one(&self.ticket);
        let Some(permit) = self.breaker.take() else { return recovered };
        if let Some(breaker) = lock(&self.health.breakers).get_mut(&self.region) {
            let now = Instant::now();
            match went {
                Went::Accepted | Went::Answered => breaker.record(permit, breaker::Health::Success, now),
                Went::Failed => breaker.record(permit, breaker::Health::Failure, now),
                Went::Unusable => breaker.trip(permit, now),
            }
        }
        recovered
    }

    /// The call is over with "slow down". If that begins or prolongs a pause, says until when and how
    /// often in a row, for the others.
    pub(crate) fn throttled(
        self,
        retry_after: Option<Duration>,
        now: DateTime<Utc>,
        random: f64,
    ) -> Option<(DateTime<Utc>, i16)> {
        let news = self.health.throttled(&self.ticket, retry_after, now, random);
        self.went(Went::Answered);
        news
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.health.gate().done(&self.ticket);
        if let Some(permit) = self.breaker.take()
            && let Some(breaker) = lock(&self.health.breakers).get_mut(&self.region)
        {
            breaker.release(permit, Instant::now());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
