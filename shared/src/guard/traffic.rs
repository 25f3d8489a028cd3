//! How many codes were sent and how many of them were verified, over the last day and, for countries, week.
//!
//! Counts are kept by the minute while their codes can still be verified, then by ten minutes, hours and days: a subject
//! has some forty of them at most, however much is sent to it.

use serde::{Deserialize, Serialize};

use super::LIFETIME;

const MINUTE: i64 = 60;
const TEN_MINUTES: i64 = 10 * MINUTE;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Minutes become ten once the codes of all of them have expired; then there is no hurry to know the minute.
const MINUTES_UNTIL: i64 = LIFETIME + 5 * MINUTE;
/// The shorter window of the ratio, and its codes' lives.
const TENS_UNTIL: i64 = HOUR + 2 * TEN_MINUTES;
/// The longer one.
const HOURS_UNTIL: i64 = DAY + HOUR;

/// What was sent in one stretch of time: when it begins (Unix seconds), how long it lasts (seconds), codes sent, codes
/// verified.
type Stretch = (i64, i64, u32, u32);

/// Codes sent, and those of them that were verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub sent: u32,
    /// Those that somebody typed in.
    pub verified: u32,
}

impl Counts {
    /// The share that was verified; of nothing, nothing.
    pub fn ratio(self) -> f64 {
        if self.sent == 0 { 0.0 } else { f64::from(self.verified) / f64::from(self.sent) }
    }

    /// The highest share that these counts leave likely: the upper bound of Wilson's 95 % interval.
    pub fn upper(self) -> f64 {
        if self.sent == 0 { 1.0 } else { self.bound(1.0).min(1.0) }
    }

    /// The lowest.
    pub fn lower(self) -> f64 {
        if self.sent == 0 { 0.0 } else { self.bound(-1.0).max(0.0) }
    }

    fn bound(self, side: f64) -> f64 {
        const Z: f64 = 1.96;
        let (n, share, z2) = (f64::from(self.sent), self.ratio(), Z * Z);
        let spread = Z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
        (share + z2 / (2.0 * n) + side * spread) / (1.0 + z2 / n)
    }
}

/// Counts by time, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Traffic(Vec<Stretch>);

impl Traffic {
    /// One more code was sent at `now`; what is older than `keeps` seconds is forgotten.
    pub(super) fn count(&mut self, now: i64, keeps: i64) {
        let begins = now - now.rem_euclid(MINUTE);
        match self.0.last_mut() {
            Some((at, MINUTE, sent, _)) if *at == begins => *sent = sent.saturating_add(1),
            _ => {
                self.0.push((begins, MINUTE, 1, 0));
                self.age(now, keeps);
            }
        }
    }

    /// Puts what has grown old into longer stretches.
    fn age(&mut self, now: i64, keeps: i64) {
        let mut aged: Vec<Stretch> = Vec::with_capacity(self.0.len());
        for &(begins, lasts, sent, verified) in &self.0 {
            let age = now - begins;
            if age >= keeps {
                continue;
            }
            let wanted = match age {
                ..MINUTES_UNTIL => MINUTE,
                MINUTES_UNTIL..TENS_UNTIL => TEN_MINUTES,
                TENS_UNTIL..HOURS_UNTIL => HOUR,
                _ => DAY,
            };
            let lasts = lasts.max(wanted);
            let begins = begins - begins.rem_euclid(lasts);
            match aged.last_mut().filter(|last| last.0 == begins && last.1 == lasts) {
                Some(last) => {
                    last.2 = last.2.saturating_add(sent);
                    last.3 = last.3.saturating_add(verified);
                }
                None => aged.push((begins, lasts, sent, verified)),
            }
        }
        self.0 = aged;
    }

    /// A code that was sent at `sent_at` was verified.
    pub(super) fn convert(&mut self, sent_at: i64) {
        if let Some((.., verified)) = self.unverified_at(sent_at) {
            *verified += 1;
        }
    }

    /// A code that was counted at `counted_at` was never sent.
    pub(super) fn take_back(&mut self, counted_at: i64) {
        if let Some((_, _, sent, _)) = self.unverified_at(counted_at) {
            *sent -= 1;
        }
    }

    /// The stretch in which a code was counted at `sent_at` that is not verified: the shortest, as long as there is one.
    fn unverified_at(&mut self, sent_at: i64) -> Option<&mut Stretch> {
        let of = |(begins, lasts, ..): &Stretch| (*begins..begins + lasts).contains(&sent_at);
        self.0.iter_mut().filter(|stretch| of(stretch) && stretch.3 < stretch.2).min_by_key(|s| s.1)
    }

    /// Everything of the last `window` seconds.
    pub(super) fn all(&self, now: i64, window: i64) -> Counts {
        self.sum(|begins, _| begins > now - window)
    }

    /// What was sent in the last `window` seconds and can no more be verified.
    pub(super) fn matured(&self, now: i64, window: i64) -> Counts {
        // Only what has expired is kept in stretches longer than a minute.
        self.sum(|begins, lasts| {
            begins > now - LIFETIME - window && (lasts > MINUTE || begins + MINUTE + LIFETIME <= now)
        })
    }

    /// How long ago the oldest count begins.
    pub(super) fn age_of_oldest(&self, now: i64) -> i64 {
        self.0.first().map_or(0, |(begins, ..)| now - begins)
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn sum(&self, wanted: impl Fn(i64, i64) -> bool) -> Counts {
        let wanted = self.0.iter().filter(|(begins, lasts, ..)| wanted(*begins, *lasts));
        wanted.fold(Counts::default(), |sum, (.., sent, verified)| Counts {
            sent: sum.sent.saturating_add(*sent),
            verified: sum.verified.saturating_add(*verified),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_795_000_000;

    #[test]
    fn wilson_bounds_are_those_of_the_books() {
        let upper = |verified, sent| (Counts { sent, verified }.upper() * 1000.0).round() / 1000.0;
        assert_eq!(upper(0, 10), 0.278);
        assert_eq!(upper(3, 20), 0.360);
        assert_eq!(upper(5, 10), 0.763);
        assert_eq!(upper(10, 10), 1.0);
        assert_eq!(upper(0, 0), 1.0);
        let lower = Counts { sent: 10, verified: 5 }.lower();
        assert_eq!((lower * 1000.0).round() / 1000.0, 0.237);
    }

    #[test]
    fn what_can_still_be_verified_is_not_matured() {
        let mut traffic = Traffic::default();
        traffic.count(NOW, DAY);
        assert_eq!(traffic.matured(NOW + LIFETIME, HOUR).sent, 0);
        assert_eq!(traffic.matured(NOW + LIFETIME + MINUTE, HOUR).sent, 1);
        assert_eq!(traffic.all(NOW, HOUR).sent, 1);
    }

    #[test]
    fn a_late_verification_counts_for_the_time_of_its_code() {
        let mut traffic = Traffic::default();
        traffic.count(NOW, DAY);
        traffic.count(NOW + 300, DAY);
        traffic.convert(NOW);
        assert_eq!(traffic.matured(NOW + LIFETIME + MINUTE, HOUR), Counts { sent: 1, verified: 1 });
        traffic.convert(NOW - DAY);
        assert_eq!(traffic.all(NOW + 300, HOUR).verified, 1, "nothing was sent then");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_by_ageing_and_the_counts_stay_few(
            gaps in prop::collection::vec(0..1200_i64, 1..400),
        ) {
            let (mut traffic, mut now) = (Traffic::default(), NOW);
            let mut times = Vec::new();
            for gap in gaps {
                now += gap;
                traffic.count(now, 8 * DAY);
                traffic.convert(now);
                times.push(now);
            }
            let sent = u32::try_from(times.len()).expect("few");
            prop_assert_eq!(traffic.all(now, 8 * DAY), Counts { sent, verified: sent });
            prop_assert!(traffic.0.len() <= 16 + 9 + 27 + 9, "{} counts", traffic.0.len());
            let ripe = times.iter().filter(|&&at| at <= now - LIFETIME - MINUTE).count();
            let matured = traffic.matured(now, 8 * DAY).sent as usize;
            let unripe = times.iter().filter(|&&at| at > now - LIFETIME).count();
            prop_assert!((ripe..=times.len() - unripe).contains(&matured));
        }
    }
}
