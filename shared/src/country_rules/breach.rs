//! A rule that a message breaks, as its reader learns of it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::{MAX_VARIABLE_CHARS, VARIABLE};
use crate::phone::Region;

/// One thing that a country asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Promo arrives within hours.
    PromoHours,
    /// Messages come from certain kinds of senders.
    SenderType,
    /// A text is a registered one, for its lane.
    DltTemplate,
    /// The registered business is named.
    DltEntity,
    /// The sender is a registered header.
    DltHeader,
    /// The text is, character for character, what is registered.
    DltText,
}

impl Rule {
    /// The word used in reasons and documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PromoHours => "promo_hours",
            Self::SenderType => "sender_type",
            Self::DltTemplate => "dlt_template",
            Self::DltEntity => "dlt_entity",
            Self::DltHeader => "dlt_header",
            Self::DltText => "dlt_text",
        }
    }
}

/// A rule that a message breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Breach {
    /// Whose rule.
    pub country: Region,
    /// In which version.
    pub version: i32,
    /// Which.
    pub rule: Rule,
}

/// Reasons that were given before.
static REASONS: Mutex<Option<HashMap<Breach, &'static str>>> = Mutex::new(None);

impl Breach {
    /// The reason as a message's row has it: `rule:IN.dlt_text.v3`.
    ///
    /// Reasons are constants all over the gateway. Of each breach one is made and kept: there are no more of them than
    /// an operator has made versions.
    pub fn reason(&self) -> &'static str {
        let mut reasons = REASONS.lock().unwrap_or_else(PoisonError::into_inner);
        reasons.get_or_insert_default().entry(*self).or_insert_with(|| {
            let Self { country, version, rule } = self;
            format!("rule:{country}.{}.v{version}", rule.as_str()).leak()
        })
    }

    /// What would make it right.
    pub fn cure(&self) -> String {
        match self.rule {
            Rule::PromoHours => "its hours have no time in common in the zones where the number may be; widen them".into(),
            Rule::SenderType => "senders of this kind are not carried there; send from a number or short code".into(),
            Rule::DltTemplate => {
                "the text must be of a template of this lane that has a dlt_template_id, or is registered with the provider"
                    .into()
            }
            Rule::DltEntity => "the template needs the dlt_entity_id of the registered business".into(),
            Rule::DltHeader => {
                "the sender must be a registered header: six letters, for promo six digits".into()
            }
            Rule::DltText => format!(
                "the text must be the template's dlt_text, each {VARIABLE} filled with at most {MAX_VARIABLE_CHARS} \
                 characters"
            ),
        }
    }
}

/// Names the rule and its version, and says the cure.
impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { country, version, rule } = self;
        write!(f, "rule {} of {country}, version {version}: {}", rule.as_str(), self.cure())
    }
}
