//! What the guard says of a send, and what it said that by.

use serde::{Deserialize, Serialize};

use super::settings::Mode;
use super::state::{HoldRule, State};
use super::traffic::Counts;

/// What should become of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is sent.
    Allow,
    /// It is sent once its sender was shown to be a person.
    Challenge,
    /// It is not sent.
    Block,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Challenge, Self::Block];

    /// The word in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Challenge => "challenge",
            Self::Block => "block",
        }
    }
}

impl std::str::FromStr for Outcome {
    type Err = UnknownOutcome;

    fn from_str(word: &str) -> Result<Self, UnknownOutcome> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word).ok_or(UnknownOutcome)
    }
}

/// A word that is no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be allow, challenge or block")]
pub struct UnknownOutcome;

/// Which rule decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The number has verified a code before: nothing else is looked at.
    KnownNumber,
    /// Nothing speaks against it.
    Passed,
    /// One of the few that show whether a block was right.
    Probe,
    /// Those few are sent, and nothing has come back yet.
    ProbeSpent,
    /// Too many numbers of one prefix within ten minutes, or too many next to each other.
    Neighbours,
    /// Too few codes of the prefix come back.
    Ratio,
    /// Too few codes that one address asked for come back.
    RatioIp,
    /// A block that was set before has not ended.
    Blocked,
    /// The prefix has no credits left.
    CreditsPrefix,
    /// The address has none left.
    CreditsIp,
    /// The country has none left.
    CreditsCountry,
    /// An operator's cap of spending is reached.
    SpendCap,
    /// An application that checks its codes itself reports none that came back, and has sent as many as it may then.
    Unmeasured,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::KnownNumber,
        Self::Passed,
        Self::Probe,
        Self::ProbeSpent,
        Self::Neighbours,
        Self::Ratio,
        Self::RatioIp,
        Self::Blocked,
        Self::CreditsPrefix,
        Self::CreditsIp,
        Self::CreditsCountry,
        Self::SpendCap,
        Self::Unmeasured,
    ];

    /// The word in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KnownNumber => "known_number",
            Self::Passed => "passed",
            Self::Probe => "probe",
            Self::ProbeSpent => "probe_spent",
            Self::Neighbours => "neighbours",
            Self::Ratio => "ratio",
            Self::RatioIp => "ratio_ip",
            Self::Blocked => "blocked",
            Self::CreditsPrefix => "credits_prefix",
            Self::CreditsIp => "credits_ip",
            Self::CreditsCountry => "credits_country",
            Self::SpendCap => "spend_cap",
            Self::Unmeasured => "unmeasured",
        }
    }

    /// Whether it is obeyed in `mode`. A cap is no guess: an operator set it.
    pub fn is_enforced_in(self, mode: Mode) -> bool {
        mode == Mode::Enforce || self == Self::SpendCap
    }

    /// What follows from it.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::KnownNumber | Self::Passed | Self::Probe => Outcome::Allow,
            Self::CreditsPrefix | Self::CreditsIp => Outcome::Challenge,
            Self::ProbeSpent
            | Self::Neighbours
            | Self::Ratio
            | Self::RatioIp
            | Self::Blocked
            | Self::CreditsCountry
            | Self::SpendCap
            | Self::Unmeasured => Outcome::Block,
        }
    }
}

/// A subject as a decision saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Credits left.
    pub credits: f64,
    /// The last hour, of what can no more be verified.
    pub hour: Counts,
    /// The last day, likewise.
    pub day: Counts,
    /// Blocks by the ratio in a row.
    pub level: u32,
    /// What blocks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_by: Option<HoldRule>,
    /// For so many more seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_for_seconds: Option<i64>,
    /// Codes sent since its last block, while nothing has come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<u32>,
}

impl View {
    pub(super) fn of(state: &State, now: i64) -> Self {
        Self {
            credits: (state.credits * 100.0).round() / 100.0,
            hour: state.traffic.matured(now, super::HOUR),
            day: state.traffic.matured(now, super::DAY),
            level: state.level,
            held_by: state.hold.map(|hold| hold.rule),
            held_for_seconds: state.hold.map(|hold| hold.until - now),
            probes: state.probe.map(|probe| probe.sent),
        }
    }
}

/// Everything a decision went by, as it was before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// The number has verified a code before.
    pub known_number: bool,
    /// Its sender passed a challenge of the application.
    pub challenged: bool,
    /// It is another code of a running session.
    pub resend: bool,
    /// The share of codes that is usually verified in its country.
    pub rate: f64,
    /// Half of that: fewer are too few.
    pub least: f64,
    /// Other numbers of the prefix in ten minutes that have verified nothing, …
    pub neighbours: u32,
    /// … how many may be, …
    pub neighbours_allowed: u32,
    /// … and how many of them are within ten of it.
    pub near: u32,
    /// The prefix.
    pub prefix: View,
    /// The client's address, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<View>,
    /// The country.
    pub country: View,
}

/// What the guard says.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// By which rule.
    pub rule: Rule,
    /// Whether that rule is obeyed; `false` if it is only observed.
    pub is_enforced: bool,
    /// By what.
    pub inputs: Inputs,
}

impl Decision {
    /// What should become of the send.
    pub const fn outcome(&self) -> Outcome {
        self.rule.outcome()
    }

    /// What does become of it.
    pub const fn is_sent(&self) -> bool {
        matches!(self.outcome(), Outcome::Allow) || !self.is_enforced
    }
}
