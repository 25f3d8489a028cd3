//! What commands read besides flags: files and standard input. Secrets come this way, since others on
//! the machine can read what stands on a command line.

use std::io::Read;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::print::WrongUse;

/// The text of `file`, or of standard input if it is `-`.
pub(crate) fn read(file: &str) -> Result<String> {
    if file != "-" {
        return std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    Ok(text)
}

/// The bytes of `file`, or of standard input if it is `-`, as they come.
pub(crate) fn open(file: &str) -> Result<Box<dyn Read>> {
    if file == "-" {
        return Ok(Box::new(std::io::stdin()));
    }
    let opened = std::fs::File::open(file).with_context(|| format!("cannot read {file}"))?;
    Ok(Box::new(opened))
}

/// Secrets by name, from a JSON object of texts or from lines `name=value`. What is wrong is said
/// without quoting anything.
pub(crate) fn secrets(text: &str) -> Result<Map<String, Value>, WrongUse> {
    if text.trim_start().starts_with('{') {
        return match serde_json::from_str(text) {
            Ok(Value::Object(all)) if all.values().all(Value::is_string) => Ok(all),
            _ => Err(WrongUse::new("the credentials are not a JSON object of texts")),
        };
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .enumerate()
        .map(|(at, line)| match line.split_once('=') {
            Some((name, value)) => Ok((name.trim().to_owned(), Value::from(value.trim()))),
            None => Err(WrongUse::new(format!("line {} of the credentials is not name=value", at + 1))),
        })
        .collect()
}

/// An object without the fields that were not given.
pub(crate) fn given(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.retain(|_, value| !value.is_null());
    }
    object
}

/// `name=value` as it stands behind `flag`.
pub(crate) fn pair<'a>(flag: &str, text: &'a str) -> Result<(&'a str, &'a str), WrongUse> {
    let found = text.split_once('=').filter(|(name, _)| !name.is_empty());
    found.ok_or_else(|| WrongUse::new(format!("{flag} {text:?} is not NAME=VALUE")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_in_both_forms_and_never_quoted() {
        let lines = secrets("# main account\naccount_sid = AC1\nauth_token=a=b\n").expect("lines");
        let json = secrets(r#"{"account_sid": "AC1", "auth_token": "a=b"}"#).expect("JSON");
        assert_eq!(lines, json);
        for wrong in ["{\"auth_token\": 12345678}", "{\"auth_token\": \"hidden\"", "hidden-token"] {
            let told = secrets(wrong).expect_err(wrong).to_string();
            assert!(!told.contains("hidden") && !told.contains("12345678"), "{told}");
        }
    }
}
