//! The names templates go by.

use serde::{Deserialize, Serialize};

/// A template's name: 1 to 64 letters, digits, `_`, `.` and `-`. Upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(try_from = "String", into = "String")]
#[sqlx(transparent)]
pub struct TemplateName(String);

/// A text that cannot name a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a template name is 1 to 64 letters, digits and signs _ . - (no spaces)")]
pub struct InvalidTemplateName;

impl TemplateName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`InvalidTemplateName`] if it has other signs or is too long.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplateName> {
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        valid.then(|| Self(text.to_owned())).ok_or(InvalidTemplateName)
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TemplateName {
    type Error = InvalidTemplateName;

    fn try_from(text: String) -> Result<Self, InvalidTemplateName> {
        Self::parse(&text)
    }
}

impl From<TemplateName> for String {
    fn from(name: TemplateName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for text in ["login", "SMSTemplate1", "booking.confirmed_v2-de", &"a".repeat(64)] {
            assert_eq!(TemplateName::parse(text).expect(text).as_str(), text);
        }
        for text in ["", "two words", "naïve", "a/b", "a\n", &"a".repeat(65)] {
            assert_eq!(TemplateName::parse(text), Err(InvalidTemplateName), "{text:?}");
        }
    }
}
