//! What sends are counted for.

use serde::{Deserialize, Serialize};

/// What the subjects of a limit are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A client's address: IPv4 whole, IPv6 its /64.
    Ip,
    /// A phone.
    Phone,
    /// A phone, for one purpose.
    Purpose,
    /// An application's user.
    User,
    /// A country.
    Country,
    /// An API key.
    Key,
}

/// A word that is no kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be ip, phone, user, country or key")]
pub struct UnknownKind;

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::Ip, Self::Phone, Self::Purpose, Self::User, Self::Country, Self::Key];

    /// The word in tables and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Phone => "phone",
            Self::Purpose => "purpose",
            Self::User => "user",
            Self::Country => "country",
            Self::Key => "key",
        }
    }

    /// Whether every send is remembered by itself, so that the limit holds to the send. Of the others there are too many:
    /// they are counted in sixtieths of the limit's time, and gateways that send at the same moment may pass a limit by
    /// one group.
    pub const fn is_exact(self) -> bool {
        match self {
            Self::Ip | Self::Phone | Self::Purpose | Self::User => true,
            Self::Country | Self::Key => false,
        }
    }

    /// Whether saying how many sends are left tells the sender about others: whoever knows a number could ask what it
    /// was sent lately.
    pub const fn tells_of_others(self) -> bool {
        match self {
            Self::Ip | Self::User | Self::Key => false,
            Self::Phone | Self::Purpose | Self::Country => true,
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(UnknownKind)
    }
}
