//! How often codes may be sent: so many within any stretch of time, for each subject. Pure.
//!
//! A *limit* is a rule (`phone-hour`: 5 an hour), a *subject* is whom sends are counted for (one phone). A send is
//! counted for all its subjects or, if one limit forbids it, for none: else whoever is over a limit of their own could
//! use up those of others.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

mod kind;

pub use kind::{Kind, UnknownKind};

/// At most `most` sends within any stretch of `per`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What headers and refusals call it: a token such as `phone-hour`.
    pub name: String,
    /// What its subjects are.
    pub kind: Kind,
    /// The stretch of time.
    pub per: Duration,
    /// Sends within it.
    pub most: u32,
}

/// Whom sends are counted for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// What it is.
    pub kind: Kind,
    /// Which one: `+41791112233`, `2001:db8::/64` …
    pub name: String,
}

/// What is remembered of subjects, and what is counted anew.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// When the subjects of exact kinds were last sent codes, oldest first.
    pub times: BTreeMap<Subject, Vec<DateTime<Utc>>>,
    /// How many codes the others were sent lately, by the name of the limit.
    pub counts: BTreeMap<(String, Subject), u64>,
    /// Sends that were counted here and are to be remembered.
    pub sends: BTreeMap<Subject, i32>,
}

/// Where a subject stands with a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit.
    pub limit: Limit,
    /// Sends that are left.
    pub remaining: u32,
    /// Until one more is.
    pub reset: Duration,
}

/// One send too many.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit {} is reached", .0.limit.name)]
pub struct Exceeded(pub Standing);

impl Ledger {
    /// Counts one send, see [`Ledger::count_sends`].
    ///
    /// # Errors
    /// As there.
    pub fn count_send(
        &mut self,
        limits: &[Limit],
        subjects: &[Subject],
        now: DateTime<Utc>,
    ) -> Result<Vec<Standing>, Exceeded> {
        self.count_sends(limits, subjects, 1, now)
    }

    /// Counts `sends` at `now` for all `subjects`, unless one of `limits` forbids so many, and says where they then
    /// stand.
    ///
    /// # Errors
    /// [`Exceeded`] names the limit that forbids them for the longest; nothing is counted.
    pub fn count_sends(
        &mut self,
        limits: &[Limit],
        subjects: &[Subject],
        sends: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Standing>, Exceeded> {
        let pairs =
            || subjects.iter().flat_map(|subject| limits_of(limits, subject.kind).map(move |l| (subject, l)));
        let before: Vec<_> = pairs().map(|(subject, limit)| self.standing(limit, subject, now)).collect();
        let exceeded =
            before.iter().filter(|standing| standing.remaining < sends).max_by_key(|standing| standing.reset);
        if let Some(standing) = exceeded {
            return Err(Exceeded(standing.clone()));
        }
        for subject in subjects {
            *self.sends.entry(subject.clone()).or_default() += i32::try_from(sends).unwrap_or(i32::MAX);
            if subject.kind.is_exact() {
                let times = self.times.entry(subject.clone()).or_default();
                times.extend(std::iter::repeat_n(now, usize::try_from(sends).unwrap_or_default()));
            }
        }
        for (subject, limit) in pairs().filter(|(subject, _)| !subject.kind.is_exact()) {
            *self.counts.entry((limit.name.clone(), subject.clone())).or_default() += u64::from(sends);
        }
        Ok(before
            .into_iter()
            .map(|standing| Standing { remaining: standing.remaining - sends, ..standing })
            .collect())
    }

    fn standing(&self, limit: &Limit, subject: &Subject, now: DateTime<Utc>) -> Standing {
        if !subject.kind.is_exact() {
            let used = self.counts.get(&(limit.name.clone(), subject.clone())).copied().unwrap_or_default();
            let remaining = limit.most.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX));
            return Standing { limit: limit.clone(), remaining, reset: limit.per };
        }
        let times = self.times.get(subject).map(Vec::as_slice).unwrap_or_default();
        let within = &times[times.partition_point(|&time| time + limit.per <= now)..];
        let most = usize::try_from(limit.most).unwrap_or(usize::MAX);
        let remaining = limit.most.saturating_sub(u32::try_from(within.len()).unwrap_or(u32::MAX));
        // Where more were sent than are allowed now, all but `most - 1` must grow too old before one is left.
        let frees = within.get(within.len().saturating_sub(most));
        let reset = frees.map_or(limit.per, |&time| (time + limit.per - now).to_std().unwrap_or_default());
        Standing { limit: limit.clone(), remaining, reset }
    }
}

/// The longest stretch of time that anything of `kind` is counted for.
pub fn longest(limits: &[Limit], kind: Kind) -> Duration {
    limits_of(limits, kind).map(|limit| limit.per).max().unwrap_or_default()
}

fn limits_of(limits: &[Limit], kind: Kind) -> impl Iterator<Item = &Limit> {
    limits.iter().filter(move |limit| limit.kind == kind)
}

#[cfg(test)]
mod tests;
