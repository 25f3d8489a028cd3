//! Operators: the people who look after the gateway in a browser.

use serde::{Deserialize, Serialize};

/// The longest name.
const NAME_CHARACTERS: usize = 64;

/// What an operator may do; each may what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Role {
    /// Look at messages, whose numbers are masked.
    Viewer,
    /// Run campaigns.
    Marketer,
    /// See whole numbers, and change settings.
    Admin,
    /// Say who the operators are, and see what they changed.
    SuperAdmin,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Marketer, Self::Admin, Self::SuperAdmin];

    /// The word used in JSON, tables and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Marketer => "marketer",
            Self::Admin => "admin",
            Self::SuperAdmin => "super_admin",
        }
    }

    /// The word that people read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Marketer => "Marketer",
            Self::Admin => "Admin",
            Self::SuperAdmin => "Super admin",
        }
    }
}

/// A word that is no role.
#[derive(Debug, thiserror::Error)]
#[error("unknown role: use viewer, marketer, admin or super_admin")]
pub struct UnknownRole;

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// What an operator signs in as: small letters, digits and `. _ @ + -`, at most 64, such as an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct OperatorName(String);

impl OperatorName {
    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that cannot be an operator's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 letters without accents, digits or . _ @ + -, and begins with a letter or digit")]
pub struct InvalidOperatorName;

impl std::str::FromStr for OperatorName {
    type Err = InvalidOperatorName;

    /// Capitals are taken for small letters: nobody should be locked out by a keyboard's shift key.
    fn from_str(text: &str) -> Result<Self, InvalidOperatorName> {
        let name = text.trim().to_ascii_lowercase();
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let allowed = name.bytes().all(|b| is_plain(b) || b"._@+-".contains(&b));
        let begins = name.bytes().next().is_some_and(is_plain);
        (allowed && begins && name.len() <= NAME_CHARACTERS).then_some(Self(name)).ok_or(InvalidOperatorName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_include_those_before_them() {
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        assert!("root".parse::<Role>().is_err());
    }

    #[test]
    fn a_name_is_plain_and_small() {
        assert_eq!(" Ann@Example.org ".parse::<OperatorName>().unwrap().as_str(), "ann@example.org");
        for wrong in ["", " ", "-ann", "a nn", "änn", "a\nb", "a<b", &"a".repeat(65)] {
            assert_eq!(wrong.parse::<OperatorName>(), Err(InvalidOperatorName), "{wrong:?}");
        }
    }
}
