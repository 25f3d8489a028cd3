//! When a text may be read: the hours of a week in the reader's own time. Pure: no clock, no I/O.
//!
//! Hours are open where they are open in every zone the reader may live in. What counts is what a clock on the wall
//! shows, so a day that daylight saving makes an hour shorter or longer needs no rule of its own: a time that is skipped
//! opens when the clock has jumped over it, and one that comes twice is open, or closed, twice.

use chrono::{DateTime, Datelike, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

mod week;

pub use week::{Hours, InvalidHours};

/// How far ahead an opening is looked for: every hour of a week comes twice within it.
const HORIZON: TimeDelta = TimeDelta::days(15);
/// Clocks do not change twice within this time.
const STRIDE_SECONDS: i64 = 12 * 3600;

/// Whether a time is within the hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It is.
    Open,
    /// Not yet: they open then.
    At(DateTime<Utc>),
    /// The zones have no hour of the week in common.
    Never,
}

impl Hours {
    /// Whether the hours are open at `now` in all of `zones`, else when they will be. Of no zones nothing is known, so
    /// they are never open.
    pub fn opening(&self, zones: &[Tz], now: DateTime<Utc>) -> Opening {
        let end = now + HORIZON;
        let mut at = now;
        while at < end && !zones.is_empty() {
            let Some(next) = zones.iter().map(|&zone| self.open_from(zone, at, end)).max_by_key(is_later)
            else {
                break;
            };
            match next {
                None => break,
                Some(next) if next == at && at == now => return Opening::Open,
                Some(next) if next == at => return Opening::At(at),
                // Open there then, but perhaps closed elsewhere by that time.
                Some(next) => at = next,
            }
        }
        Opening::Never
    }

    /// The first instant from `at` on, before `end`, at which the hours are open in `zone`.
    fn open_from(&self, zone: Tz, at: DateTime<Utc>, end: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut at = at;
        while at < end {
            let found = at + self.wait(local(zone, at))?;
            // That holds as long as the clock runs evenly; where it is put forward or back, it is asked again.
            match clock_change(zone, at, found) {
                None => return Some(found).filter(|found| *found < end),
                Some(change) => at = change,
            }
        }
        None
    }

    /// How long a clock that shows `time` runs until the hours open; nothing if they are open, `None` if they never are.
    fn wait(&self, time: NaiveDateTime) -> Option<TimeDelta> {
        let passed = time.time() - NaiveTime::MIN;
        (0..=7).find_map(|days| {
            let window = self.of((time + TimeDelta::days(days)).weekday())?;
            let (opens, closes) =
                (TimeDelta::days(days) + window.opens(), TimeDelta::days(days) + window.closes());
            (passed < closes).then(|| (opens - passed).max(TimeDelta::zero()))
        })
    }
}

/// Later openings sort after earlier ones, and none at all last.
fn is_later(opening: &Option<DateTime<Utc>>) -> (bool, Option<DateTime<Utc>>) {
    (opening.is_none(), *opening)
}

fn local(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// The first instant after `from`, up to `to`, at which the clock of `zone` is put forward or back.
fn clock_change(zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // Clocks change at whole seconds.
    let (mut before, last) = (from.timestamp(), to.timestamp());
    let offset = offset(zone, before)?;
    while before < last {
        let mut after = (before + STRIDE_SECONDS).min(last);
        if self::offset(zone, after)? == offset {
            before = after;
            continue;
        }
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self::offset(zone, middle)? == offset { before = middle } else { after = middle }
        }
        return DateTime::from_timestamp(after, 0);
    }
    None
}

/// Seconds that the clock of `zone` is ahead of UTC.
fn offset(zone: Tz, timestamp: i64) -> Option<i32> {
    let at = DateTime::from_timestamp(timestamp, 0)?;
    Some(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc())
}

#[cfg(test)]
mod tests;
