//! Checks of single fields. Every text a caller can give has a bound, and what is wrong is said of
//! all fields at once.

use std::fmt::Display;
use std::net::IpAddr;

use serde_json::{Map, Value};
use shared::config::ReachConfig;
use shared::phone::{PhoneNumber, Region};

use crate::accept::Refusal;
use crate::problem::FieldError;

/// Longest id of a user, in bytes.
pub(crate) const MAX_USER_ID_BYTES: usize = 128;
/// Longest name of a provider.
pub(crate) const MAX_PROVIDER_BYTES: usize = 40;
/// Longest name of a device.
pub(crate) const MAX_DEVICE_NAME_CHARS: usize = 64;
/// Longest BCP 47 tag we take.
pub(crate) const MAX_LOCALE_BYTES: usize = 35;

/// What is wrong with a request, field by field.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldError>);

impl Faults {
    /// The value, or `None` after noting what is wrong with it.
    pub(crate) fn take<T>(&mut self, field: &str, checked: Result<T, impl Display>) -> Option<T> {
        checked.map_err(|error| self.note(field, error)).ok()
    }

    /// Notes what is wrong with `field`.
    pub(crate) fn note(&mut self, field: &str, message: impl Display) {
        self.0.push(FieldError { field: field.to_owned(), message: message.to_string() });
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Faults> for Refusal {
    fn from(faults: Faults) -> Self {
        Self::Fields(faults.0)
    }
}

/// Whom this gateway texts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    /// Where numbers without a country code are from.
    pub(crate) default_region: Option<Region>,
    /// Countries that may be texted.
    pub(crate) allowed: ReachConfig,
}

impl Reach {
    /// Reads a number in any common spelling.
    pub(crate) fn phone(&self, text: &str) -> Result<PhoneNumber, impl Display + use<>> {
        PhoneNumber::parse(text, self.default_region)
    }

    /// Refuses numbers of countries that are not allowed, and numbers of no country unless all are.
    pub(crate) fn allow(&self, field: &'static str, phone: &PhoneNumber) -> Result<(), Refusal> {
        let country = phone.region();
        if self.allowed.allows(country) { Ok(()) } else { Err(Refusal::CountryBlocked { field, country }) }
    }
}

/// The application's own id of a user.
pub(crate) fn user_id(text: String) -> Result<String, String> {
    if text.is_empty() || text.len() > MAX_USER_ID_BYTES {
        return Err(format!("must have 1 to {MAX_USER_ID_BYTES} bytes"));
    }
    no_control_characters(&text)?;
    Ok(text)
}

/// A client's address.
pub(crate) fn address(text: &str) -> Result<IpAddr, &'static str> {
    text.parse().map_err(|_| "must be an IPv4 or IPv6 address")
}

/// What a user calls a device of theirs.
pub(crate) fn device_name(text: String) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().count() > MAX_DEVICE_NAME_CHARS {
        return Err(format!("must have 1 to {MAX_DEVICE_NAME_CHARS} characters"));
    }
    no_control_characters(&text)?;
    Ok(text)
}

/// The name of a provider; whether there is one is for the route to find out.
pub(crate) fn provider(text: String) -> Result<String, String> {
    let plain = (1..=MAX_PROVIDER_BYTES).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if plain {
        Ok(text)
    } else {
        Err(format!("must be a provider's name: 1 to {MAX_PROVIDER_BYTES} of a-z, 0-9, _ and -"))
    }
}

/// A language tag: letters and digits in groups joined by `-`.
pub(crate) fn locale(text: String) -> Result<String, String> {
    let plain = text.len() <= MAX_LOCALE_BYTES
        && text
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if plain { Ok(text) } else { Err("must be a BCP 47 language tag such as en or pt-BR".to_owned()) }
}

/// Text no table and no phone can be harmed by.
pub(crate) fn no_control_characters(text: &str) -> Result<(), String> {
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(format!("has the control character U+{:04X}", u32::from(found))),
        None => Ok(()),
    }
}

/// As [`no_control_characters`], for every text and every name within a value.
pub(crate) fn no_control_characters_within(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => no_control_characters(text),
        Value::Array(values) => values.iter().try_for_each(no_control_characters_within),
        Value::Object(values) => values.iter().try_for_each(|(name, value)| {
            no_control_characters(name)?;
            no_control_characters_within(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Short text for people, such as where a fact came from.
pub(crate) fn label(text: String, max_bytes: usize) -> Result<String, String> {
    if text.trim().is_empty() || text.len() > max_bytes {
        return Err(format!("must have 1 to {max_bytes} bytes"));
    }
    no_control_characters(&text)?;
    Ok(text)
}

/// Values for a template. What it makes of them is the template's business; here only what the
/// database cannot hold is refused.
pub(crate) fn vars(vars: &Map<String, Value>) -> Result<(), String> {
    let texts = vars.iter().flat_map(|(name, value)| [Some(name.as_str()), value.as_str()]).flatten();
    for text in texts {
        if let Some(found) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(format!("has the control character U+{:04X}", u32::from(found)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bounded_and_printable() {
        assert!(user_id("user-1 ü".into()).is_ok());
        for text in [String::new(), "a\0b".into(), "a\nb".into(), "x".repeat(MAX_USER_ID_BYTES + 1)] {
            assert!(user_id(text.clone()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn language_tags_are_told_from_other_texts() {
        for text in ["en", "pt-BR", "zh-Hant-TW"] {
            assert!(locale(text.into()).is_ok(), "{text}");
        }
        for text in ["", "-", "en_US", "en-", "é", "x@y", "toolonggroup"] {
            assert!(locale(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_of_another_country_is_refused_when_countries_are_listed() {
        let allowed = ReachConfig { countries: Some(vec!["IN".parse().expect("a country")]) };
        let reach = Reach { default_region: None, allowed };
        let allowed = |text| reach.allow("to", &PhoneNumber::parse(text, None).expect("a number")).is_ok();
        assert!(allowed("+919876543210"));
        assert!(!allowed("+41791234567"));
        assert!(!allowed("+88216123456789"), "satellite networks belong to no country");
    }
}
