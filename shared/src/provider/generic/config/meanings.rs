//! What a described vendor's statuses and codes mean, each said once.

use std::collections::BTreeMap;
use std::fmt::Debug;

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
        let all = [
            (&self.accepted, Meaning::Accepted),
            (&self.throttled, Meaning::Throttled),
            (&self.rejected, Meaning::Rejected),
            (&self.not_sent, Meaning::NotSent),
            (&self.in_doubt, Meaning::InDoubt),
        ];
        let impossible = |number: &u16| (!(200..=599).contains(number)).then_some("is not 200 to 599");
        each_once("settings.statuses", &all, impossible)
    }
}

/// What codes of answers mean.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Codes {
    throttled: Vec<String>,
    rejected: Vec<String>,
    opted_out: Vec<String>,
    not_sent: Vec<String>,
}

impl Codes {
    /// Each code once; there is none unless the settings say where an answer has it.
    pub(super) fn by_word(&self, has_pointer: bool) -> Result<BTreeMap<String, Meaning>, InvalidSetting> {
        let all = [
            (&self.throttled, Meaning::Throttled),
            (&self.rejected, Meaning::Rejected),
            (&self.opted_out, Meaning::OptedOut),
            (&self.not_sent, Meaning::NotSent),
        ];
        let impossible = |word: &String| (word.trim() != word || word.is_empty()).then_some("no code can be");
        let meanings = each_once("settings.codes", &all, impossible)?;
        if !meanings.is_empty() && !has_pointer {
            return Err(InvalidSetting::new("settings.code", "is missing: where an answer has its code"));
        }
        Ok(meanings)
    }
}

/// What each key means, if it can be one and stands there once. `impossible` says why a key cannot.
fn each_once<K: Ord + Clone + Debug>(
    field: &'static str,
    all: &[(&Vec<K>, Meaning)],
    impossible: impl Fn(&K) -> Option<&'static str>,
) -> Result<BTreeMap<K, Meaning>, InvalidSetting> {
    let mut meanings = BTreeMap::new();
    for (keys, meaning) in all {
        for key in *keys {
            if let Some(why) = impossible(key) {
                return Err(InvalidSetting::new(field, format!("has {key:?}, which {why}")));
            }
            if meanings.insert(key.clone(), *meaning).is_some() {
                return Err(InvalidSetting::new(field, format!("has {key:?} twice")));
            }
        }
    }
    Ok(meanings)
}
