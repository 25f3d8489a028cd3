//! What to do next, given what a message is and what its providers are like now. Pure: no I/O, no
//! clock; the worker brings the facts and carries the answer out.
//!
//! - Order: the caller's hint, the user's preferred provider, then priority; a provider that was
//!   tried less comes first, so a second round starts when everybody had a turn.
//! - A pause after "slow down" makes an otp go elsewhere at once, a transactional text if the pause
//!   is longer than 5 s; promo waits, and moves only when the breaker opens or its time runs out.
//! - A doubtful answer never lets another provider try within the same claim.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::backoff::Schedule;
use crate::lane::Lane;
use crate::message::Status;

/// Tries a provider gets at one message.
pub const MAX_TRIES: usize = 3;
/// Why a message is given up that every provider was tried for.
pub const PROVIDERS_EXHAUSTED: &str = "providers_exhausted";
/// Calls that may send one message, over all causes: an answer that stayed away, a dead worker.
pub const MAX_COPIES: i16 = 2;
/// A transactional text waits this long for its first provider rather than move to another.
const TRANSACTIONAL_PATIENCE: Duration = Duration::from_secs(5);
/// A promo whose provider would be back later than this before its end moves on.
pub const PROMO_RESERVE: Duration = Duration::from_secs(60);
/// How long a doubtful transactional text waits for a receipt before its second copy.
const RECEIPT_PATIENCE: Duration = Duration::from_secs(60);
/// When to look again at a provider that an operator has stopped.
const HALTED_RECHECK: Duration = Duration::from_secs(2);

/// What routing needs to know of a message.
#[derive(Clone, Copy, Debug)]
pub struct Traveller<'a> {
    /// Its lane.
    pub lane: Lane,
    /// Provider the caller wants first.
    pub hint: Option<&'a str>,
    /// Provider the user wants next.
    pub preferred: Option<&'a str>,
    /// Provider of every counted try.
    pub tried: &'a [String],
    /// Not to be sent after this time.
    pub expires_at: DateTime<Utc>,
    /// Rather lost than doubled.
    pub at_most_once: bool,
    /// Calls that may have sent it already.
    pub copies: i16,
}

/// Whether a provider can send a message at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It can.
    Fits,
    /// It only takes registered templates, and has none for this text.
    NeedsTemplate,
    /// Not in its lanes or countries.
    OutOfReach,
    /// The person has stopped whom its message would come from.
    Stopped,
}

/// What routing needs to know of a provider, in order of priority.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it can send this message.
    pub fit: Fit,
    /// An operator has stopped it.
    pub halted: bool,
    /// It told us to slow down, until then.
    pub paused_until: Option<DateTime<Utc>>,
    /// Its breaker is open, until then.
    pub broken_until: Option<DateTime<Utc>>,
}

/// When in a claim the question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The message has just been claimed.
    Claimed,
    /// A try under this claim has just certainly not sent it.
    NotSent,
}

/// What to do next with a claimed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Call this candidate.
    Try(usize),
    /// Put it back until then.
    Wait(DateTime<Utc>, &'static str),
    /// There is no way left.
    GiveUp(&'static str),
    /// Every provider that could send it would send it as one whom the person has stopped.
    OptedOut,
}

/// The next step of `message` among `candidates` at `now`; `random` in `0.0..1.0` spreads retries.
pub fn next(
    message: &Traveller<'_>,
    candidates: &[Candidate<'_>],
    now: DateTime<Utc>,
    moment: Moment,
    random: f64,
) -> Step {
    let fitting: Vec<usize> = (0..candidates.len()).filter(|&i| candidates[i].fit == Fit::Fits).collect();
    if fitting.is_empty() {
        if candidates.iter().any(|c| c.fit == Fit::Stopped) {
            return Step::OptedOut;
        }
        let needs_template = candidates.iter().any(|c| c.fit == Fit::NeedsTemplate);
        return Step::GiveUp(if needs_template { "needs_template" } else { "no_route" });
    }
    let mut order: Vec<usize> =
        fitting.into_iter().filter(|&i| tries(message, candidates[i].name) < MAX_TRIES).collect();
    if order.is_empty() {
        return Step::GiveUp(PROVIDERS_EXHAUSTED);
    }
    order.sort_by_key(|&i| (tries(message, candidates[i].name), rank(message, candidates[i].name), i));
    match choose(message, candidates, &order, now) {
        Step::Try(i) => pace(message, candidates[i].name, now, moment, random).unwrap_or(Step::Try(i)),
        other => other,
    }
}

fn tries(message: &Traveller<'_>, name: &str) -> usize {
    message.tried.iter().filter(|tried| *tried == name).count()
}

fn rank(message: &Traveller<'_>, name: &str) -> u8 {
    if message.hint == Some(name) {
        0
    } else if message.preferred == Some(name) {
        1
    } else {
        2
    }
}

/// The first candidate in `order` that is open, unless the lane would rather wait for one before it.
fn choose(
    message: &Traveller<'_>,
    candidates: &[Candidate<'_>],
    order: &[usize],
    now: DateTime<Utc>,
) -> Step {
    let mut opens: Option<(DateTime<Utc>, &'static str)> = None;
    for &i in order {
        let Some((until, reason)) = closed(&candidates[i], now) else {
            return Step::Try(i);
        };
        if reason == "provider_paused" && waits_for(message, until, now) {
            return Step::Wait(until, reason);
        }
        if opens.is_none_or(|(earliest, _)| until < earliest) {
            opens = Some((until, reason));
        }
    }
    match opens {
        Some((until, reason)) => Step::Wait(until, reason),
        None => Step::GiveUp("no_route"),
    }
}

/// Until when a candidate is closed, and why.
fn closed(candidate: &Candidate<'_>, now: DateTime<Utc>) -> Option<(DateTime<Utc>, &'static str)> {
    if candidate.halted {
        return Some((now + HALTED_RECHECK, "provider_halted"));
    }
    if let Some(until) = candidate.broken_until.filter(|&until| until > now) {
        return Some((until, "provider_broken"));
    }
    candidate.paused_until.filter(|&until| until > now).map(|until| (until, "provider_paused"))
}

/// Whether the lane stays with a provider that is back at `until`.
fn waits_for(message: &Traveller<'_>, until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    match message.lane {
        Lane::Otp => false,
        Lane::Transactional => until <= now + TRANSACTIONAL_PATIENCE,
        Lane::Promo => until + PROMO_RESERVE < message.expires_at,
    }
}

/// A provider that has just failed at this message gets time before its next turn.
fn pace(
    message: &Traveller<'_>,
    name: &str,
    now: DateTime<Utc>,
    moment: Moment,
    random: f64,
) -> Option<Step> {
    let before = tries(message, name);
    if moment == Moment::Claimed || before == 0 {
        return None;
    }
    let round = u32::try_from(before - 1).unwrap_or(u32::MAX);
    Some(Step::Wait(now + retry_schedule(message.lane).delay(round, random), "retry"))
}

/// Time between the rounds of tries.
fn retry_schedule(lane: Lane) -> Schedule {
    match lane {
        Lane::Otp => Schedule::new(Duration::from_millis(500), 3.0, Duration::from_secs(5)),
        Lane::Transactional | Lane::Promo => {
            Schedule::new(Duration::from_secs(4), 5.0, Duration::from_secs(120))
        }
    }
}

/// What becomes of a message that has perhaps been sent once more than we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Another copy may leave at that time; `copies + 1` is committed first.
    SendAgain(DateTime<Utc>),
    /// No further copy may leave.
    End(Status),
}

/// Decides about a message after a call whose answer stayed away, or whose worker died.
pub fn in_doubt(message: &Traveller<'_>, now: DateTime<Utc>) -> Doubt {
    let spent = message.copies + 1 >= MAX_COPIES;
    match message.lane {
        Lane::Otp if !spent => Doubt::SendAgain(now),
        Lane::Transactional if !spent && !message.at_most_once => Doubt::SendAgain(now + RECEIPT_PATIENCE),
        Lane::Otp | Lane::Transactional | Lane::Promo => Doubt::End(Status::Unknown),
    }
}

#[cfg(test)]
mod tests;
