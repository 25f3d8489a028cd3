//! Scripted misbehaviour: which submissions go wrong, and how often.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::lock::lock;
use crate::vendor::Vendor;

/// Which recipients a rule is about. Only digits count, in international form without `+`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientMatch {
    /// Exactly this number.
    Recipient(String),
    /// Numbers that begin like this.
    Prefix(String),
    /// Numbers that end like this.
    Suffix(String),
}

/// What a rule spoils.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultTarget {
    /// Messages and codes that are to be sent.
    #[default]
    Sends,
    /// Checks of codes.
    Checks,
}

impl FaultTarget {
    // By reference, as serde wants it.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// A fault, and the requests it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The vendor that misbehaves.
    pub vendor: Vendor,
    /// What it spoils; sends if absent.
    #[serde(default, skip_serializing_if = "FaultTarget::is_usual")]
    pub on: FaultTarget,
    /// The recipients concerned; all if absent.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub recipients: Option<RecipientMatch>,
    /// How often it happens; for ever if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens.
    pub fault: Fault,
}

impl FaultRule {
    /// A fault for every submission to a vendor, until it is cleared.
    pub fn new(vendor: Vendor, fault: Fault) -> Self {
        Self { vendor, on: FaultTarget::Sends, recipients: None, times: None, fault }
    }

    /// For checks of codes, not for sends.
    #[must_use]
    pub fn on_checks(self) -> Self {
        Self { on: FaultTarget::Checks, ..self }
    }

    /// Happens this often only.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// For these recipients only.
    #[must_use]
    pub fn to(self, recipients: RecipientMatch) -> Self {
        Self { recipients: Some(recipients), ..self }
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// When no submission could ever meet the rule, or its answer could not be sent.
    pub fn check(&self) -> Result<(), InvalidFaultRule> {
        if self.recipients.as_ref().is_some_and(|recipients| recipients.digits().is_empty()) {
            return Err(InvalidFaultRule::NoDigits);
        }
        if self.times == Some(0) {
            return Err(InvalidFaultRule::Never);
        }
        match &self.fault {
            Fault::Status { status, .. } | Fault::Garbage { status, .. } if !(200..600).contains(status) => {
                Err(InvalidFaultRule::Status(*status))
            }
            Fault::Reject { code } if self.vendor == Vendor::Twilio && code.parse::<u32>().is_err() => {
                Err(InvalidFaultRule::Code(code.clone()))
            }
            _ => Ok(()),
        }
    }

    fn concerns(&self, vendor: Vendor, target: FaultTarget, recipients: &[String]) -> bool {
        let of = |matcher: &RecipientMatch| recipients.iter().any(|to| matcher.admits(to));
        self.vendor == vendor && self.on == target && self.recipients.as_ref().is_none_or(of)
    }
}

impl RecipientMatch {
    fn text(&self) -> &str {
        match self {
            Self::Recipient(text) | Self::Prefix(text) | Self::Suffix(text) => text,
        }
    }

    fn digits(&self) -> String {
        self.text().chars().filter(char::is_ascii_digit).collect()
    }

    fn admits(&self, to: &str) -> bool {
        let (to, wanted) = (to.trim_start_matches('+'), self.digits());
        match self {
            Self::Recipient(_) => to == wanted,
            Self::Prefix(_) => to.starts_with(&wanted),
            Self::Suffix(_) => to.ends_with(&wanted),
        }
    }
}

/// Why a rule is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFaultRule {
    /// The recipient match holds no digit.
    #[error("`match` has no digits")]
    NoDigits,
    /// `times` is zero.
    #[error("`times` is 0: leave it out for ever, or give a number")]
    Never,
    /// The status cannot be the last of an answer.
    #[error("`status` {0} is not between 200 and 599")]
    Status(u16),
    /// Twilio's codes are numbers.
    #[error("`code` {0:?} is not a number, as Twilio's codes are")]
    Code(String),
}

/// A rule that was set, and how often it has struck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultStatus {
    /// The rule as it was given.
    pub rule: FaultRule,
    /// Requests it has spoilt so far.
    pub hits: u64,
}

impl FaultStatus {
    fn is_live(&self) -> bool {
        self.rule.times.is_none_or(|times| self.hits < times)
    }
}

/// The rules in force, oldest first.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    /// How many rules can still strike: a book without any is passed without the lock.
    live: AtomicUsize,
    rules: Mutex<Vec<FaultStatus>>,
}

impl FaultBook {
    /// Adds checked rules behind those there are.
    pub(crate) fn add(&self, rules: Vec<FaultRule>) {
        let mut book = lock(&self.rules);
        book.extend(rules.into_iter().map(|rule| FaultStatus { rule, hits: 0 }));
        self.live.store(book.iter().filter(|rule| rule.is_live()).count(), SeqCst);
    }

    /// The first live rule for a request, which thereby strikes once more.
    pub(crate) fn strike(&self, vendor: Vendor, target: FaultTarget, recipients: &[String]) -> Option<Fault> {
        if self.live.load(SeqCst) == 0 {
            return None;
        }
        let mut book = lock(&self.rules);
        let concerned =
            |status: &&mut FaultStatus| status.is_live() && status.rule.concerns(vendor, target, recipients);
        let struck = book.iter_mut().find(concerned)?;
        struck.hits += 1;
        if !struck.is_live() {
            self.live.fetch_sub(1, SeqCst);
        }
        Some(struck.rule.fault.clone())
    }

    pub(crate) fn list(&self) -> Vec<FaultStatus> {
        lock(&self.rules).clone()
    }

    pub(crate) fn clear(&self) {
        let mut book = lock(&self.rules);
        book.clear();
        self.live.store(0, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultBody;

    fn strike(book: &FaultBook, to: &str) -> Option<Fault> {
        book.strike(Vendor::Twilio, FaultTarget::Sends, &[to.to_owned()])
    }

    #[test]
    fn a_rule_strikes_as_often_as_it_says() {
        let book = FaultBook::default();
        book.add(vec![FaultRule::new(Vendor::Twilio, Fault::Reset).times(2)]);
        let struck = (0..5).filter(|_| strike(&book, "+41790000001").is_some()).count();
        assert_eq!(struck, 2);
        assert_eq!(book.list()[0].hits, 2);
    }

    #[test]
    fn the_oldest_rule_that_fits_strikes_first() {
        let book = FaultBook::default();
        book.add(vec![
            FaultRule::new(Vendor::TwoFactor, Fault::Reset),
            FaultRule::new(Vendor::Twilio, Fault::Hang).to(RecipientMatch::Suffix("02".to_owned())),
            FaultRule::new(Vendor::Twilio, Fault::Reset),
        ]);
        assert_eq!(strike(&book, "+41790000001"), Some(Fault::Reset));
        assert_eq!(strike(&book, "+41790000002"), Some(Fault::Hang));
    }

    #[test]
    fn a_rule_for_checks_leaves_sends_alone() {
        let book = FaultBook::default();
        book.add(vec![FaultRule::new(Vendor::Twilio, Fault::Hang).on_checks()]);
        assert_eq!(strike(&book, "+41790000001"), None);
        let check = book.strike(Vendor::Twilio, FaultTarget::Checks, &["+41790000001".to_owned()]);
        assert_eq!(check, Some(Fault::Hang));
    }

    #[test]
    fn a_recipient_is_compared_by_its_digits() {
        let exact = RecipientMatch::Recipient("+41 79 000 00 01".to_owned());
        assert!(exact.admits("+41790000001"));
        assert!(!exact.admits("+417900000012"));
        assert!(RecipientMatch::Prefix("+4179".to_owned()).admits("+41790000001"));
    }

    #[test]
    fn a_rule_that_could_never_work_is_refused() {
        let rule = |fault| FaultRule::new(Vendor::Twilio, fault);
        assert_eq!(rule(Fault::Hang).times(0).check(), Err(InvalidFaultRule::Never));
        assert!(rule(Fault::Reject { code: "stop".to_owned() }).check().is_err());
        assert!(
            rule(Fault::Status { status: 100, body: FaultBody::Empty, delivered: false }).check().is_err()
        );
        assert!(rule(Fault::Hang).to(RecipientMatch::Prefix("+".to_owned())).check().is_err());
    }

    #[test]
    fn a_misspelt_field_is_an_error_and_not_ignored() {
        let json = r#"{"vendor":"twilio","fault":{"kind":"delay","delay":5}}"#;
        assert!(serde_json::from_str::<FaultRule>(json).is_err());
    }
}
