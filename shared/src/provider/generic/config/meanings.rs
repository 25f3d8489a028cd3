//! What a described vendor's statuses and codes mean, each said once.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::provider::catalogue::InvalidSetting;
use crate::provider::generic::answer::Meaning;

/// What statuses of answers mean, where it is not the usual.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Statuses {
    accepted: Vec<u16>,
    throttled: Vec<u16>,
    rejected: Vec<u16>,
    not_sent: Vec<u16>,
    in_doubt: Vec<u16>,
}

impl Statuses {
    /// Each status once.
    pub(super) fn by_number(&self) -> Result<BTreeMap<u16, Meaning>, InvalidSetting> {
        const FIELD: &str = "settings.statuses";
        let mut meanings = BTreeMap::new();
        for (numbers, meaning) in [
            (&self.accepted, Meaning::Accepted),
            (&self.throttled, Meaning::Throttled),
            (&self.rejected, Meaning::Rejected),
            (&self.not_sent, Meaning::NotSent),
            (&self.in_doubt, Meaning::InDoubt),
        ] {
            for number in numbers {
                if !(200..=599).contains(number) {
                    return Err(InvalidSetting::new(FIELD, format!("has {number}, which is not 200 to 599")));
                }
                if meanings.insert(*number, meaning).is_some() {
                    return Err(InvalidSetting::new(FIELD, format!("has {number} twice")));
                }
            }
        }
        Ok(meanings)
    }
}

/// What codes of answers mean.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Codes {
    throttled: Vec<String>,
    rejected: Vec<String>,
    not_sent: Vec<String>,
}

impl Codes {
    /// Each code once; there is none unless the settings say where an answer has it.
    pub(super) fn by_word(&self, has_pointer: bool) -> Result<BTreeMap<String, Meaning>, InvalidSetting> {
        const FIELD: &str = "settings.codes";
        let mut meanings = BTreeMap::new();
        for (words, meaning) in [
            (&self.throttled, Meaning::Throttled),
            (&self.rejected, Meaning::Rejected),
            (&self.not_sent, Meaning::NotSent),
        ] {
            for word in words {
                if word.trim() != word || word.is_empty() {
                    return Err(InvalidSetting::new(FIELD, format!("has {word:?}, which no code can be")));
                }
                if meanings.insert(word.clone(), meaning).is_some() {
                    return Err(InvalidSetting::new(FIELD, format!("has {word:?} twice")));
                }
            }
        }
        if !meanings.is_empty() && !has_pointer {
            return Err(InvalidSetting::new("settings.code", "is missing: where an answer has its code"));
        }
        Ok(meanings)
    }
}
