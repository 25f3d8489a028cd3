//! Forms: what they sent, and what is wrong with it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::problem::Problem;

/// The fields of a form, without the blanks around them.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(BTreeMap<String, String>);

impl From<Vec<(String, String)>> for Values {
    fn from(fields: Vec<(String, String)>) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect())
    }
}

impl Values {
    /// What a field says; nothing if it is absent.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Whether a field says just this.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    /// Whether a box is ticked.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether a field of this group says anything.
    pub(super) fn has_any(&self, group: &str) -> bool {
        self.0.iter().any(|(name, value)| name.starts_with(group) && !value.is_empty())
    }

    /// Fills a field in.
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// What a field says, if it says anything.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|text| !text.is_empty())
    }

    /// The number in a field, or what stands there instead: whoever reads the document names the field then.
    pub(super) fn number(&self, name: &str) -> Value {
        let Some(text) = self.text(name) else { return Value::Null };
        text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
    }

    /// A document of these fields, the numbers among them as numbers; what is empty is left out.
    pub(super) fn document(&self, texts: &[&str], numbers: &[&str]) -> Map<String, Value> {
        let texts = texts.iter().map(|name| (name, self.text(name).map_or(Value::Null, Value::from)));
        let all = texts.chain(numbers.iter().map(|name| (name, self.number(name))));
        all.filter(|(_, value)| !value.is_null()).map(|(name, value)| ((*name).to_owned(), value)).collect()
    }
}

/// What is wrong with a form, field by field.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(String, String)>);

impl Faults {
    /// What is wrong with one field.
    pub(super) fn of(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, fault)| fault.as_str())
    }

    /// All, each with its field.
    pub(super) fn all(&self) -> &[(String, String)] {
        &self.0
    }
}

/// The fields at fault; a problem that is not about fields is given back.
impl TryFrom<Problem> for Faults {
    type Error = Problem;

    fn try_from(problem: Problem) -> Result<Self, Problem> {
        if problem.errors().is_empty() {
            return Err(problem);
        }
        let faults = problem.errors().iter().map(|error| (error.field.clone(), error.message.clone()));
        Ok(Self(faults.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(fields: &[(&str, &str)]) -> Values {
        fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
            .into()
    }

    #[test]
    fn numbers_become_numbers_and_what_is_none_stays_to_be_refused_by_name() {
        let form = values(&[("most", " 12 "), ("per_seconds", "a minute"), ("kind", ""), ("name", "x")]);
        let document = form.document(&["kind", "name"], &["most", "per_seconds", "absent"]);
        let expected = serde_json::json!({ "name": "x", "most": 12, "per_seconds": "a minute" });
        assert_eq!(Value::Object(document), expected);
    }
}
