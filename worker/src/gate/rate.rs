//! Where the tokens of a gate come from.
//!
//! A configured rate comes from the database, a slice at a time, so that all workers together keep
//! it (see [`crate::lease`]). Without one the gate is open until the provider says "slow down". Then
//! a rate is learnt as TCP's CUBIC (RFC 9438) learns a window: down by a fifth, quickly back towards
//! what was measured, slowly around it, and ever faster beyond it. So a real limit is probed
//! gently, and one "slow down" to an idle gateway is forgotten within seconds. A limit that was met
//! twice at about the same rate, while all of that was used, is believed: the rate stays just below
//! it, each time twice as long, before it is probed again, since every probe costs a pause.

use std::time::{Duration, Instant};

use shared::lane::Lane;

use super::PROMO_SHARE;

/// A learned rate begins at this share of what was measured.
const DECREASE: f64 = 0.8;
/// How fast it grows: messages per second, per second cubed.
const GROWTH: f64 = 2.4;
/// Two measurements that differ by less than this share of the larger mean the same limit.
const ALIKE: f64 = 0.25;
/// A rate that is believed begins at this share of what was measured …
const BELIEVED: f64 = 0.97;
/// … and stays there for this long, then for twice as long, up to …
const HOLD: Duration = Duration::from_secs(16);
/// … this.
const LONGEST_HOLD: Duration = Duration::from_secs(64);
/// A provider that has not throttled for this long is free again.
const FORGET: Duration = Duration::from_secs(600);
/// Tokens that may be saved up, as time.
const BURST: Duration = Duration::from_millis(100);
/// A claim is worth taking if the gate lets it through within this time, in seconds; bulk waits a little longer.
const HORIZON: f64 = 0.25;

/// Where tokens come from.
#[derive(Clone, Debug)]
pub(crate) enum Rate {
    /// Nobody has limited it.
    Free,
    /// Leased by slices of the configured rate.
    Leased { per_second: f64, tokens: f64, promo_tokens: f64, wanted: u32 },
    /// Learned from "slow down".
    Learned(Learned),
}

/// A rate that was learnt.
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    /// What was sent a second when the provider said so.
    measured: f64,
    /// How often in a row that was about the same.
    confirmed: u32,
    /// When it last said so, or when it was heard to go on.
    since: Instant,
    filled: Instant,
    tokens: f64,
    promo_tokens: f64,
}

impl Rate {
    /// As the settings say.
    pub(super) fn configured(max_per_second: Option<u32>) -> Self {
        match max_per_second {
            None => Self::Free,
            Some(rate) => {
                Self::Leased { per_second: f64::from(rate), tokens: 0.0, promo_tokens: 0.0, wanted: 0 }
            }
        }
    }

    /// Takes over a new setting.
    pub(super) fn reconfigure(&mut self, max_per_second: Option<u32>) {
        match (self, max_per_second) {
            (Self::Leased { per_second, .. }, Some(rate)) => *per_second = f64::from(rate),
            (Self::Free | Self::Learned(_), None) => (),
            (rate, setting) => *rate = Self::configured(setting),
        }
    }

    /// Takes a token, or says how long to wait for one. Codes are few and are not held up by a rate
    /// that is only a guess; the others make room for them.
    pub(super) fn take(&mut self, lane: Lane, now: Instant) -> Option<Duration> {
        self.refill(now);
        match self {
            Self::Free => None,
            Self::Leased { tokens, promo_tokens, wanted, per_second } => {
                if spend(lane, tokens, promo_tokens) {
                    return None;
                }
                *wanted = wanted.saturating_add(1);
                Some(Duration::from_secs_f64((1.0 / *per_second).clamp(0.005, 0.05)))
            }
            Self::Learned(learned) if lane == Lane::Otp => {
                // The others make up for a second of codes at most, however many there were.
                learned.tokens = (learned.tokens - 1.0).max(-learned.per_second(now));
                None
            }
            Self::Learned(learned) => {
                let wait = Duration::from_secs_f64((1.0 / learned.per_second(now)).clamp(0.001, 0.2));
                (!spend(lane, &mut learned.tokens, &mut learned.promo_tokens)).then_some(wait)
            }
        }
    }

    /// How many messages of `lane` it would let go soon.
    pub(super) fn soon(&mut self, lane: Lane, now: Instant) -> u32 {
        self.refill(now);
        let per_second = match self {
            Self::Free => return u32::MAX,
            Self::Leased { per_second, .. } => *per_second,
            Self::Learned(_) if lane == Lane::Otp => return u32::MAX,
            Self::Learned(learned) => learned.per_second(now),
        };
        let share = if lane == Lane::Promo { PROMO_SHARE } else { 1.0 };
        ((per_second * share * HORIZON) as u32).max(1)
    }

    /// Learns from "slow down", said while `measured` messages a second were taken.
    pub(super) fn slow_down(&mut self, measured: f64, now: Instant) {
        let (measured, confirmed) = match self {
            // The operator knows better.
            Self::Leased { .. } => return,
            Self::Free => (measured, 0),
            Self::Learned(learned) => {
                let measured = measured.min(learned.per_second(now));
                let is_met = learned.was_used_up(measured, now) && learned.is_alike(measured);
                (measured, if is_met { learned.confirmed + 1 } else { 0 })
            }
        };
        *self = Self::Learned(Learned::begin(measured.max(1.0), confirmed, now));
    }

    /// The provider goes on after a pause: growth begins here.
    pub(super) fn resume(&mut self, now: Instant) {
        if let Self::Learned(learned) = self {
            // What a pause has saved up would go out in a burst, and be the first that is too much.
            *learned = Learned::begin(learned.measured, learned.confirmed, now);
        }
    }

    /// The configured rate.
    pub(crate) fn leased_per_second(&self) -> Option<f64> {
        match self {
            Self::Leased { per_second, .. } => Some(*per_second),
            Self::Free | Self::Learned(_) => None,
        }
    }

    /// How many tokens to lease: what was asked for in vain since the last time.
    pub(crate) fn take_demand(&mut self, per_slice: u32) -> u32 {
        match self {
            Self::Leased { wanted, .. } => std::mem::take(wanted).min(per_slice),
            Self::Free | Self::Learned(_) => 0,
        }
    }

    /// A new slice begins; the tokens of the last one are void.
    pub(crate) fn begin_slice(&mut self) {
        if let Self::Leased { tokens, .. } = self {
            *tokens = 0.0;
        }
    }

    /// The present slice gives `granted` more tokens.
    pub(crate) fn lease(&mut self, granted: u32) {
        if let Self::Leased { tokens, promo_tokens, .. } = self {
            *tokens += f64::from(granted);
            // Carried over, so that a slice of one token is not always kept from promo.
            *promo_tokens = (*promo_tokens + f64::from(granted) * PROMO_SHARE).min(tokens.max(1.0) + 1.0);
        }
    }

    fn refill(&mut self, now: Instant) {
        let Self::Learned(learned) = self else { return };
        if now.duration_since(learned.since) > FORGET {
            *self = Self::Free;
            return;
        }
        learned.refill(now);
    }
}

impl Learned {
    /// A rate that grows from now on, with nothing saved up.
    fn begin(measured: f64, confirmed: u32, now: Instant) -> Self {
        Self { measured, confirmed, since: now, filled: now, tokens: 0.0, promo_tokens: 0.0 }
    }

    fn per_second(&self, now: Instant) -> f64 {
        let (share, hold) = self.caution();
        let time = now.duration_since(self.since).saturating_sub(hold).as_secs_f64();
        let plateau = (self.measured * (1.0 - share) / GROWTH).cbrt();
        (self.measured + GROWTH * (time - plateau).powi(3)).max(1.0)
    }

    /// At which share of what was measured it begins, and how long it stays there.
    fn caution(&self) -> (f64, Duration) {
        match self.confirmed {
            0 => (DECREASE, Duration::ZERO),
            times => (BELIEVED, (HOLD * 2_u32.saturating_pow(times - 1).min(1024)).min(LONGEST_HOLD)),
        }
    }

    fn is_alike(&self, measured: f64) -> bool {
        (self.measured - measured).abs() <= ALIKE * self.measured.max(measured)
    }

    /// Whether `measured` is about all that it let go. If not, the limit that was met is not known:
    /// somebody else had a part in it. A second ago, since what is measured is a second's count.
    fn was_used_up(&self, measured: f64, now: Instant) -> bool {
        let before = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
        measured >= (1.0 - ALIKE) * self.per_second(before)
    }

    fn refill(&mut self, now: Instant) {
        let per_second = self.per_second(now);
        let fresh = per_second * now.duration_since(self.filled).as_secs_f64();
        let burst = (per_second * BURST.as_secs_f64()).max(1.0);
        self.tokens = (self.tokens + fresh).min(burst);
        self.promo_tokens = (self.promo_tokens + fresh * PROMO_SHARE).min(burst);
        self.filled = now;
    }
}

fn spend(lane: Lane, tokens: &mut f64, promo_tokens: &mut f64) -> bool {
    let enough = *tokens >= 1.0 && (lane != Lane::Promo || *promo_tokens >= 1.0);
    if enough {
        *tokens -= 1.0;
        if lane == Lane::Promo {
            *promo_tokens -= 1.0;
        }
    }
    enough
}
