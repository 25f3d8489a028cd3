//! What an operator sets of the guard, and the shares of verified codes that it goes by.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::traffic::Counts;

/// Whether what the guard decides is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is written down, and every code is sent.
    #[default]
    Observe,
    /// Codes that it would withhold are withheld.
    Enforce,
}

/// A word that is no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be observe or enforce")]
pub struct UnknownMode;

impl Mode {
    /// The word in tables and requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

impl std::str::FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(word: &str) -> Result<Self, UnknownMode> {
        [Self::Observe, Self::Enforce].into_iter().find(|mode| mode.as_str() == word).ok_or(UnknownMode)
    }
}

/// How much the guard lets pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether it withholds.
    pub mode: Mode,
    /// So many other numbers of one prefix within ten minutes, none of them verified, make the next suspect.
    pub neighbours: u32,
    /// So many within ten of the number itself.
    pub near: u32,
    /// Credits that a prefix begins with …
    pub credits_prefix: u32,
    /// … a client's address …
    pub credits_ip: u32,
    /// … and a country.
    pub credits_country: u32,
    /// The share of codes that is taken to be verified until there are enough to know.
    pub default_rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Observe,
            neighbours: 6,
            near: 4,
            credits_prefix: 20,
            credits_ip: 10,
            credits_country: 200,
            default_rate: 0.6,
        }
    }
}

/// Fewer codes say nothing about a share.
const ENOUGH: u32 = 100;
/// No share counts as lower: an attack that lasts a week must not become what is usual.
const LEAST: f64 = 0.3;

/// Shares of codes that were verified in the last seven days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    countries: HashMap<String, Counts>,
    all: Counts,
}

impl Rates {
    /// From what was counted for each country.
    pub fn of(countries: impl IntoIterator<Item = (String, Counts)>) -> Self {
        let countries: HashMap<String, Counts> = countries.into_iter().collect();
        let all = countries.values().fold(Counts::default(), |sum, one| Counts {
            sent: sum.sent.saturating_add(one.sent),
            verified: sum.verified.saturating_add(one.verified),
        });
        Self { countries, all }
    }

    /// That of `country`; of all countries if it is too little known; the one that is set if that is, too.
    pub fn of_country(&self, country: &str, settings: &Settings) -> f64 {
        let known = self.countries.get(country).copied().filter(|counts| counts.sent >= ENOUGH);
        let known = known.or(Some(self.all).filter(|counts| counts.sent >= ENOUGH));
        known.map_or(settings.default_rate, Counts::ratio).clamp(LEAST, 1.0)
    }

    /// That of the whole gateway.
    pub fn of_all(&self, settings: &Settings) -> f64 {
        let known = Some(self.all).filter(|counts| counts.sent >= ENOUGH);
        known.map_or(settings.default_rate, Counts::ratio).clamp(LEAST, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(sent: u32, verified: u32) -> Counts {
        Counts { sent, verified }
    }

    #[test]
    fn a_country_of_which_little_is_known_has_the_share_of_all_and_no_share_is_too_low() {
        let settings = Settings::default();
        assert_eq!(Rates::default().of_country("CH", &settings), 0.6);
        let rates = Rates::of([("CH".into(), counts(1000, 800)), ("XK".into(), counts(99, 0))]);
        assert_eq!(rates.of_country("CH", &settings), 0.8);
        assert_eq!(rates.of_country("XK", &settings), rates.of_all(&settings));
        assert_eq!(Rates::of([("IN".into(), counts(9000, 0))]).of_all(&settings), LEAST);
    }

    #[test]
    fn a_mode_reads_as_it_is_written() {
        for mode in [Mode::Observe, Mode::Enforce] {
            assert_eq!(mode.as_str().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).expect("a word"), mode.as_str());
        }
        assert_eq!("off".parse::<Mode>(), Err(UnknownMode));
    }
}
