//! How fast a vendor answers and how much it takes: base latency and a rate limit, both changeable while running.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Latency and rate limit of one vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Milliseconds from a delivery to its answer.
    pub latency_ms: u64,
    /// Requests per second above which the vendor answers 429; 0 is no limit.
    pub rate_limit_per_second: u32,
    /// Whether that 429 carries `Retry-After`.
    pub rate_limit_retry_after: bool,
}

/// A change of one vendor's pace; what is absent stays.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaceChange {
    /// New latency in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// New rate limit; 0 lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit_per_second: Option<u32>,
    /// Whether the 429 of the limit carries `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit_retry_after: Option<bool>,
}

/// A change of the settings, as `PATCH /_mock/settings` takes it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// What changes for Twilio.
    #[serde(default)]
    pub twilio: PaceChange,
    /// What changes for 2Factor.
    #[serde(default)]
    pub twofactor: PaceChange,
}

/// Over the limit: when the current window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverLimit {
    pub(crate) retry_after_s: Option<u64>,
}

/// A vendor's pace as requests see it: no lock, a few atomic reads.
#[derive(Debug)]
pub(crate) struct PaceKeeper {
    started: Instant,
    latency_ms: AtomicU64,
    limit: AtomicU32,
    retry_after: AtomicBool,
    /// The running window: its start in milliseconds since `started`, then `COUNT_BITS` bits of requests in it.
    window: AtomicU64,
}

const COUNT_BITS: u32 = 24;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
const WINDOW_MS: u64 = 1000;

impl PaceKeeper {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            started: Instant::now(),
            latency_ms: AtomicU64::new(pace.latency_ms),
            limit: AtomicU32::new(pace.rate_limit_per_second),
            retry_after: AtomicBool::new(pace.rate_limit_retry_after),
            window: AtomicU64::new(0),
        }
    }

    pub(crate) fn current(&self) -> Pace {
        Pace {
            latency_ms: self.latency_ms.load(Relaxed),
            rate_limit_per_second: self.limit.load(Relaxed),
            rate_limit_retry_after: self.retry_after.load(Relaxed),
        }
    }

    pub(crate) fn change(&self, change: PaceChange) {
        if let Some(latency_ms) = change.latency_ms {
            self.latency_ms.store(latency_ms, Relaxed);
        }
        if let Some(limit) = change.rate_limit_per_second {
            self.limit.store(limit, Relaxed);
        }
        if let Some(retry_after) = change.rate_limit_retry_after {
            self.retry_after.store(retry_after, Relaxed);
        }
    }

    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.load(Relaxed))
    }

    /// Counts one request.
    ///
    /// # Errors
    /// [`OverLimit`] when this second's window is full; such a request is not counted.
    pub(crate) fn admit(&self) -> Result<(), OverLimit> {
        match self.limit.load(Relaxed) {
            0 => Ok(()),
            limit => self.admit_at(self.elapsed_ms(), limit),
        }
    }

    fn elapsed_ms(&self) -> u64 {
        // One window ahead, so that the zero of a fresh keeper reads as a window that is over.
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX) + WINDOW_MS
    }

    /// A window starts with its first request, not with the clock's second: `limit` requests in quick succession
    /// always fit, one more never does.
    fn admit_at(&self, now_ms: u64, limit: u32) -> Result<(), OverLimit> {
        let mut seen = self.window.load(Relaxed);
        loop {
            let (start, count) = (seen >> COUNT_BITS, seen & COUNT_MASK);
            let next = if now_ms >= start + WINDOW_MS {
                (now_ms << COUNT_BITS) | 1
            } else if count < u64::from(limit).min(COUNT_MASK) {
                seen + 1
            } else {
                return Err(self.over_limit());
            };
            match self.window.compare_exchange_weak(seen, next, Relaxed, Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => seen = other,
            }
        }
    }

    fn over_limit(&self) -> OverLimit {
        // The header counts whole seconds, and a window is one.
        OverLimit { retry_after_s: self.retry_after.load(Relaxed).then_some(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeper() -> PaceKeeper {
        PaceKeeper::new(Pace { latency_ms: 0, rate_limit_per_second: 0, rate_limit_retry_after: true })
    }

    #[test]
    fn a_window_takes_the_limit_and_no_more() {
        let keeper = keeper();
        let taken = (0..10).filter(|_| keeper.admit_at(5_000, 3).is_ok()).count();
        assert_eq!(taken, 3);
        assert_eq!(keeper.admit_at(5_999, 3), Err(OverLimit { retry_after_s: Some(1) }));
    }

    #[test]
    fn the_next_window_opens_one_second_after_the_first_request() {
        let keeper = keeper();
        assert!(keeper.admit_at(5_700, 1).is_ok());
        assert!(keeper.admit_at(6_699, 1).is_err());
        assert!(keeper.admit_at(6_700, 1).is_ok());
    }

    #[test]
    fn without_a_limit_everything_is_taken() {
        let keeper = keeper();
        assert!((0..1000).all(|_| keeper.admit().is_ok()));
    }
}
