//! How long to wait before the next try: exponential with full jitter, unless the other side named a time.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};

/// After this many steps a schedule grows no further, whatever its longest delay.
const MAX_STEPS: u32 = 64;
/// The longest `Retry-After` that is believed: a vendor's mistake must not silence it for days.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Delays that grow by a factor up to a limit.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    steps: ExponentialBuilder,
    max: Duration,
}

impl Schedule {
    /// Delays of at most `base`, `base * factor`, `base * factor²`, …, never above `max`.
    ///
    /// # Panics
    /// If `factor` is below 1: such delays would shrink.
    pub const fn new(base: Duration, factor: f32, max: Duration) -> Self {
        assert!(factor >= 1.0, "a backoff grows");
        let steps = ExponentialBuilder::new()
            .with_min_delay(base)
            .with_factor(factor)
            .with_max_delay(max)
            .without_max_times();
        Self { steps, max }
    }

    /// The longest delay after `n` failures before this one (the first failure has `n = 0`).
    pub fn ceiling(&self, n: u32) -> Duration {
        let step = self.steps.build().nth(n.min(MAX_STEPS) as usize);
        step.unwrap_or(self.max).min(self.max)
    }

    /// The delay after `n` earlier failures: a share of the ceiling that `random`, evenly spread over 0
    /// to 1, picks. Full jitter, so that many senders that failed together do not come back together.
    pub fn delay(&self, n: u32, random: f64) -> Duration {
        let share = if random.is_nan() { 1.0 } else { random.clamp(0.0, 1.0) };
        self.ceiling(n).mul_f64(share)
    }

    /// As [`Schedule::delay`], but a time the other side named (`Retry-After`) wins, up to
    /// [`LONGEST_RETRY_AFTER`]. Zero names no time: taken at its word it would make a loop without pause.
    pub fn pause(&self, n: u32, random: f64, retry_after: Option<Duration>) -> Duration {
        match retry_after {
            Some(named) if !named.is_zero() => named.min(LONGEST_RETRY_AFTER),
            Some(_) | None => self.delay(n, random),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAUSES: Schedule = Schedule::new(Duration::from_secs(1), 2.0, Duration::from_secs(60));

    #[test]
    fn ceilings_double_up_to_the_longest_delay() {
        let ceilings: Vec<u64> = (0..8).map(|n| PAUSES.ceiling(n).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(PAUSES.ceiling(u32::MAX), Duration::from_secs(60));
    }

    #[test]
    fn a_base_above_the_longest_delay_is_cut() {
        let schedule = Schedule::new(Duration::from_secs(9), 2.0, Duration::from_secs(5));
        assert_eq!(schedule.ceiling(0), Duration::from_secs(5));
    }

    #[test]
    fn jitter_picks_from_the_whole_span() {
        assert_eq!(PAUSES.delay(3, 0.0), Duration::ZERO);
        assert_eq!(PAUSES.delay(3, 0.5), Duration::from_secs(4));
        assert_eq!(PAUSES.delay(3, 1.0), Duration::from_secs(8));
    }

    #[test]
    fn a_named_time_wins_within_reason() {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        assert_eq!(PAUSES.pause(0, 0.5, Some(minutes(5))), minutes(5));
        assert_eq!(PAUSES.pause(0, 0.5, Some(minutes(60 * 24))), LONGEST_RETRY_AFTER);
        assert_eq!(PAUSES.pause(0, 0.5, Some(Duration::ZERO)), PAUSES.delay(0, 0.5));
        assert_eq!(PAUSES.pause(0, 0.5, None), PAUSES.delay(0, 0.5));
    }

    proptest! {
        #[test]
        fn no_delay_is_above_its_ceiling_nor_the_ceiling_above_the_limit(
            base in 0..10_000_u64, factor in 1.0..10.0_f32, max in 0..1_000_000_u64,
            n in any::<u32>(), random in any::<f64>(),
        ) {
            let max = Duration::from_millis(max);
            let schedule = Schedule::new(Duration::from_millis(base), factor, max);
            prop_assert!(schedule.delay(n, random) <= schedule.ceiling(n));
            prop_assert!(schedule.ceiling(n) <= max);
        }

        #[test]
        fn ceilings_never_shrink(
            base in 0..10_000_u64, factor in 1.0..10.0_f32, max in 0..1_000_000_u64, n in 0..100_u32,
        ) {
            let schedule = Schedule::new(Duration::from_millis(base), factor, Duration::from_millis(max));
            prop_assert!(schedule.ceiling(n) <= schedule.ceiling(n + 1));
        }

        #[test]
        fn a_named_time_is_never_shortened_below_its_limit(
            seconds in 1..3600_u64, n in any::<u32>(), random in 0.0..1.0_f64,
        ) {
            let named = Duration::from_secs(seconds);
            prop_assert_eq!(PAUSES.pause(n, random, Some(named)), named);
        }
    }
}
