//! NDJSON: one object a line.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::charset::Charset;
use super::lines::Line;
use super::{Options, Reason, Recipient, Row, cell, name};
use crate::template::MAX_VARIABLES;

/// Longest name told in a refusal, in characters.
const MAX_NAME_CHARS: usize = 80;
/// Members that may hold the variables; the second is what requests for single texts call them.
const VARIABLES: [&str; 2] = ["variables", "vars"];
/// Members that are the number whatever else there is; the second is as in requests for single texts.
const PHONES: [&str; 2] = ["phone", "to"];

/// Members with their values as they were written: `12.50` is to stay that.
type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Reads objects.
#[derive(Default)]
pub(super) struct Ndjson {
    charset: Charset,
}

impl Ndjson {
    pub(super) const fn charset(&self) -> &Charset {
        &self.charset
    }

    /// Reads a line.
    pub(super) fn take(&mut self, line: Line<'_>, options: &Options, sink: &mut impl FnMut(Row)) {
        let Some(bytes) = line.text else {
            return sink(Row::new(line.number, Err(Reason::LineTooLong)));
        };
        let text = self.charset.text(line.number, bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if !text.is_empty() {
            sink(Row::new(line.number, recipient(text, options)));
        }
    }
}

fn recipient(text: &str, options: &Options) -> Result<Recipient, Reason> {
    let members = members(text)?;
    let phone_name = find_phone(&members, options)?;
    let mut variables = Map::new();
    for (name, value) in members.iter().filter(|&(name, _)| name != phone_name) {
        if VARIABLES.contains(&name.as_str()) && value.get().starts_with('{') {
            for (name, value) in &self::members(value.get())? {
                insert(&mut variables, name, value, options)?;
            }
        } else {
            insert(&mut variables, name, value, options)?;
        }
    }
    let phone = match scalar(phone_name, members[phone_name])? {
        Value::String(text) => cell::phone(&text, options.default_region)?,
        _ => return Err(Reason::NestedValue(short(phone_name))),
    };
    Ok(Recipient { phone, variables })
}

fn members(text: &str) -> Result<Members<'_>, Reason> {
    serde_json::from_str(text).map_err(|error| Reason::InvalidJson { column: error.column() })
}

/// The name of the one member that holds the number.
fn find_phone<'a>(members: &'a Members<'_>, options: &Options) -> Result<&'a String, Reason> {
    if let Some(wanted) = &options.phone_column {
        return members.keys().find(|name| name::same(name, wanted)).ok_or(Reason::MissingPhone);
    }
    let exact = PHONES.iter().find_map(|phone| members.get_key_value(*phone));
    if let Some((name, _)) = exact {
        return Ok(name);
    }
    let mut candidates = members.keys().filter(|name| name::is_phone(name));
    match (candidates.next(), candidates.next()) {
        (None, _) => Err(Reason::MissingPhone),
        (Some(only), None) => Ok(only),
        (Some(one), Some(other)) => Err(Reason::SeveralPhones(short(one), short(other))),
    }
}

fn insert(
    variables: &mut Map<String, Value>,
    member: &str,
    value: &RawValue,
    options: &Options,
) -> Result<(), Reason> {
    let variable = if name::is_variable(member) { Some(member.to_owned()) } else { name::variable(member) };
    let Some(variable) = variable.filter(|name| options.wants(name)) else {
        // What is wrong with others does no harm if the variables worth keeping are known.
        return if options.variables.is_some() { Ok(()) } else { Err(Reason::InvalidName(short(member))) };
    };
    let value = scalar(member, value)?;
    if let Value::String(text) = &value {
        cell::check_value(&variable, text)?;
    }
    if variables.contains_key(&variable) {
        return Err(Reason::DuplicateName(variable));
    }
    variables.insert(variable, value);
    if variables.len() > MAX_VARIABLES { Err(Reason::TooManyVariables) } else { Ok(()) }
}

/// A text as it is, a number as it was written, null as an empty text. True and false stay: a condition
/// in a template takes any text but the empty one for true.
fn scalar(name: &str, value: &RawValue) -> Result<Value, Reason> {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).map_err(|_| Reason::LostCharacter(short(name))),
        Some(b'{' | b'[') => Err(Reason::NestedValue(short(name))),
        Some(b't' | b'f') => Ok(Value::from(raw == "true")),
        Some(b'n') => Ok(Value::from("")),
        _ => Ok(Value::from(raw)),
    }
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}
