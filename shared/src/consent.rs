//! Consent: what people want no more of, and how that is known.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::phone::PhoneNumber;
use crate::text::SenderId;

/// Longest name of a pool of senders at a vendor, such as Twilio's `MG…`.
const MAX_POOL_BYTES: usize = 40;

/// How much a person stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum OptOutScope {
    /// Promo messages.
    #[default]
    Marketing,
    /// Transactional messages too. A code that its owner asks for is never stopped.
    All,
    /// Promo and transactional messages of one sender.
    Sender,
}

impl OptOutScope {
    /// All scopes, as they are declared.
    pub const ALL: [Self; 3] = [Self::Marketing, Self::All, Self::Sender];

    /// The word used in JSON, tables and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::All => "all",
            Self::Sender => "sender",
        }
    }
}

/// A word that is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope: use marketing, all or sender")]
pub struct UnknownScope;

impl FromStr for OptOutScope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// What a person wants no more of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Promo messages.
    Marketing,
    /// Everything but codes.
    All,
    /// What this sender sends, but codes. As messages name it: a name, a short code, a number, or the pool of senders
    /// that a vendor picks from.
    Sender(String),
}

/// A scope and a sender that do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStop {
    /// Scope `sender` without one.
    #[error("is required with the scope sender: the number, short code or name that messages come from")]
    SenderMissing,
    /// A sender with another scope.
    #[error("belongs to the scope sender")]
    SenderNotAsked,
    /// No sender can be called so.
    #[error(
        "cannot be a sender: write a number with + and country code, a short code, a name of up to 11 letters and \
         digits, or a messaging service's SID"
    )]
    NoSender,
}

impl Stop {
    /// What is meant by a scope and a sender.
    ///
    /// # Errors
    /// [`InvalidStop`], which is about the sender.
    pub fn parse(scope: OptOutScope, sender: Option<&str>) -> Result<Self, InvalidStop> {
        match (scope, sender) {
            (OptOutScope::Marketing, None) => Ok(Self::Marketing),
            (OptOutScope::All, None) => Ok(Self::All),
            (OptOutScope::Sender, Some(sender)) => Self::of_sender(sender),
            (OptOutScope::Sender, None) => Err(InvalidStop::SenderMissing),
            (OptOutScope::Marketing | OptOutScope::All, Some(_)) => Err(InvalidStop::SenderNotAsked),
        }
    }

    /// A stop to one sender, however it is written.
    ///
    /// # Errors
    /// When no sender can be called so.
    pub fn of_sender(text: &str) -> Result<Self, InvalidStop> {
        if let Ok(sender) = SenderId::parse(text) {
            return Ok(Self::Sender(sender.as_str().to_owned()));
        }
        let is_pool =
            (1..=MAX_POOL_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        is_pool.then(|| Self::Sender(text.to_owned())).ok_or(InvalidStop::NoSender)
    }

    /// How much it stops.
    pub const fn scope(&self) -> OptOutScope {
        match self {
            Self::Marketing => OptOutScope::Marketing,
            Self::All => OptOutScope::All,
            Self::Sender(_) => OptOutScope::Sender,
        }
    }

    /// The sender as tables hold it: empty if it is not about one.
    pub fn sender(&self) -> &str {
        match self {
            Self::Marketing | Self::All => "",
            Self::Sender(sender) => sender,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marketing | Self::All => f.write_str(self.scope().as_str()),
            Self::Sender(sender) => write!(f, "sender {sender}"),
        }
    }
}

/// Whether somebody who has stopped `senders`, an empty name for all of them, gets nothing from `own`.
pub fn is_stopped(senders: &[String], own: Option<&str>) -> bool {
    senders.iter().any(|sender| sender.is_empty() || Some(sender.as_str()) == own)
}

/// What was said of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Action {
    /// No more.
    OptOut,
    /// Again.
    OptIn,
}

impl Action {
    /// The word used in JSON, tables and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OptOut => "opt_out",
            Self::OptIn => "opt_in",
        }
    }
}

/// A word that is no action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown action: use opt_out or opt_in")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        [Self::OptOut, Self::OptIn].into_iter().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

/// A text that cannot stand in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvidence {
    /// Blank or too long.
    #[error("must have 1 to {0} bytes")]
    Length(usize),
    /// What no table and no terminal should get.
    #[error("has the control character U+{:04X}", u32::from(*.0))]
    ControlCharacter(char),
}

/// How something is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who told us: `inbound:twilio`, `provider:twilio`, `link`, `api`, an import.
    pub source: String,
    /// What shows it: the vendor's id of a text, a form, a file.
    pub proof: Option<String>,
}

impl Evidence {
    /// Longest source.
    pub const MAX_SOURCE_BYTES: usize = 100;
    /// Longest proof.
    pub const MAX_PROOF_BYTES: usize = 500;

    /// Checks who is said to have told us.
    ///
    /// # Errors
    /// [`InvalidEvidence`] says what is wrong with it.
    pub fn source(text: String) -> Result<String, InvalidEvidence> {
        label(text, Self::MAX_SOURCE_BYTES)
    }

    /// Checks what is said to show it.
    ///
    /// # Errors
    /// [`InvalidEvidence`] says what is wrong with it.
    pub fn proof(text: String) -> Result<String, InvalidEvidence> {
        label(text, Self::MAX_PROOF_BYTES)
    }

    /// Known from `source`, which is all there is.
    pub fn of(source: impl Into<String>) -> Self {
        Self { source: source.into(), proof: None }
    }

    /// With what shows it.
    #[must_use]
    pub fn shown_by(self, proof: impl Into<String>) -> Self {
        Self { proof: Some(proof.into()), ..self }
    }
}

fn label(text: String, max_bytes: usize) -> Result<String, InvalidEvidence> {
    if text.trim().is_empty() || text.len() > max_bytes {
        return Err(InvalidEvidence::Length(max_bytes));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(InvalidEvidence::ControlCharacter(found)),
        None => Ok(text),
    }
}

/// What one person said of one stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Who.
    pub phone: PhoneNumber,
    /// Of what.
    pub stop: Stop,
    /// What.
    pub action: Action,
    /// How that is known.
    pub evidence: Evidence,
    /// When, if not now.
    pub at: Option<DateTime<Utc>>,
}

impl Statement {
    /// `phone` wants no more of `stop`.
    pub const fn opt_out(phone: PhoneNumber, stop: Stop, evidence: Evidence) -> Self {
        Self { phone, stop, action: Action::OptOut, evidence, at: None }
    }

    /// What a provider's refusal tells of a person: they said stop to `sender`, from which it takes nothing for them any
    /// more. A STOP means marketing, so no other provider's sender may go on with that.
    pub fn told_by_provider(
        provider: &str,
        phone: &PhoneNumber,
        sender: Option<&str>,
        proof: Option<String>,
    ) -> Vec<Self> {
        let evidence = Evidence { source: format!("provider:{provider}"), proof };
        let sender = sender.and_then(|sender| Stop::of_sender(sender).ok());
        let stops = [Some(Stop::Marketing), sender].into_iter().flatten();
        stops.map(|stop| Self::opt_out(phone.clone(), stop, evidence.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_goes_with_its_scope_alone() {
        assert_eq!(Stop::parse(OptOutScope::Marketing, None), Ok(Stop::Marketing));
        assert_eq!(Stop::parse(OptOutScope::Sender, None), Err(InvalidStop::SenderMissing));
        assert_eq!(Stop::parse(OptOutScope::All, Some("ACME")), Err(InvalidStop::SenderNotAsked));
    }

    #[test]
    fn a_sender_is_one_however_it_is_written() {
        let read = |text| Stop::parse(OptOutScope::Sender, Some(text)).map(|stop| stop.sender().to_owned());
        assert_eq!(read("+1 (500) 555-0006").as_deref(), Ok("+15005550006"));
        assert_eq!(read(" ACME ").as_deref(), Ok("ACME"));
        let pool = format!("MG{}", "0".repeat(32));
        assert_eq!(read(&pool).as_deref(), Ok(&*pool));
        for text in ["", " ", "two\nlines", "much too long a name", "=1+1"] {
            assert_eq!(read(text), Err(InvalidStop::NoSender), "{text:?}");
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for scope in OptOutScope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        for action in [Action::OptOut, Action::OptIn] {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        assert!("Sender".parse::<OptOutScope>().is_err() && "stop".parse::<Action>().is_err());
    }
}
