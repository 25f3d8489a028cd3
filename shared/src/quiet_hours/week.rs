//! The hours of a week as people write them: `mon-fri 09:00-21:30; sat-sun 10:00-18:00`.

use std::fmt;
use std::str::FromStr;

use chrono::{TimeDelta, Weekday};
use serde::{Deserialize, Serialize};

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Minutes of a day; the end of the last one is written 24:00.
const DAY: u16 = 24 * 60;

/// One stretch of a day, in minutes since midnight by the clock on the wall; it closes after it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    opens: u16,
    closes: u16,
}

impl Window {
    pub(super) fn opens(self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.opens))
    }

    pub(super) fn closes(self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.closes))
    }
}

/// One stretch of each day of a week, or none; at least one day has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hours([Option<Window>; 7]);

/// A text that names no hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be hours of a week, such as mon-sun 08:00-21:00 or mon-fri 09:00-21:30; sat-sun 10:00-18:00")]
pub struct InvalidHours;

impl Hours {
    pub(super) fn of(&self, day: Weekday) -> Option<Window> {
        self.0[day.num_days_from_monday() as usize]
    }
}

impl FromStr for Hours {
    type Err = InvalidHours;

    fn from_str(text: &str) -> Result<Self, InvalidHours> {
        let mut week = [None; 7];
        for part in text.split(';') {
            let (days, window) = part.trim().split_once(' ').ok_or(InvalidHours)?;
            let window = window_of(window.trim())?;
            for day in days_of(days)? {
                // Said twice is said wrong.
                if week[day].replace(window).is_some() {
                    return Err(InvalidHours);
                }
            }
        }
        Ok(Self(week))
    }
}

impl TryFrom<String> for Hours {
    type Error = InvalidHours;

    fn try_from(text: String) -> Result<Self, InvalidHours> {
        text.parse()
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.to_string()
    }
}

/// `mon`, or `mon-fri`, which must not run over the end of the week.
fn days_of(text: &str) -> Result<std::ops::RangeInclusive<usize>, InvalidHours> {
    let day =
        |name: &str| NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)).ok_or(InvalidHours);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let days = day(first)?..=day(last)?;
    if days.is_empty() { Err(InvalidHours) } else { Ok(days) }
}

fn window_of(text: &str) -> Result<Window, InvalidHours> {
    let (opens, closes) = text.split_once('-').ok_or(InvalidHours)?;
    let window = Window { opens: minutes(opens)?, closes: minutes(closes)? };
    if window.opens < window.closes { Ok(window) } else { Err(InvalidHours) }
}

/// `09:30` in minutes.
fn minutes(text: &str) -> Result<u16, InvalidHours> {
    let (hours, minutes) = text.split_once(':').ok_or(InvalidHours)?;
    let two_digits = |part: &str| match part.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Ok(u16::from(tens - b'0') * 10 + u16::from(ones - b'0')),
        _ => Err(InvalidHours),
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let all = hours * 60 + minutes;
    if minutes < 60 && all <= DAY { Ok(all) } else { Err(InvalidHours) }
}

/// As it is read, days with the same hours together.
impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = 0;
        let mut parts = Vec::new();
        while first < NAMES.len() {
            let same = self.0[first..].iter().take_while(|window| **window == self.0[first]).count();
            if let Some(window) = self.0[first] {
                parts.push(format!("{} {window}", span(first, first + same - 1)));
            }
            first += same;
        }
        f.write_str(&parts.join("; "))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { opens, closes } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", opens / 60, opens % 60, closes / 60, closes % 60)
    }
}

fn span(first: usize, last: usize) -> String {
    if first == last { NAMES[first].to_owned() } else { format!("{}-{}", NAMES[first], NAMES[last]) }
}
