//! The body of a request: nothing, a form, or JSON with placeholders in its strings.

use serde_json::Value;

use super::template::{Template, Values};
use crate::provider::SendError;

/// What a request carries.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Nothing.
    None,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, Template)>),
    /// `application/json`.
    Json(Node),
}

/// A JSON value, whose strings are templates. Names are as they stand.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A string.
    Text(Template),
    /// `"{expires_in}"` alone: a number.
    Seconds,
    /// Numbers, true, false and null.
    Plain(Value),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Vec<(String, Self)>),
}

impl Node {
    /// Reads a value; `parse` reads its strings.
    pub(super) fn parse<E>(
        value: &Value,
        parse: &mut impl FnMut(&str) -> Result<Template, E>,
    ) -> Result<Self, E> {
        Ok(match value {
            Value::String(text) => {
                let template = parse(text)?;
                if template.is_seconds() { Self::Seconds } else { Self::Text(template) }
            }
            Value::Array(values) => {
                Self::List(values.iter().map(|value| Self::parse(value, parse)).collect::<Result<_, E>>()?)
            }
            Value::Object(values) => {
                let mut fields = Vec::with_capacity(values.len());
                for (name, value) in values {
                    fields.push((name.clone(), Self::parse(value, parse)?));
                }
                Self::Object(fields)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Plain(value.clone()),
        })
    }

    /// The value for one message.
    pub(super) fn render(
        &self,
        render: &impl Fn(&Template) -> Result<String, SendError>,
        values: &Values<'_>,
    ) -> Result<Value, SendError> {
        Ok(match self {
            Self::Text(template) => Value::String(render(template)?),
            Self::Seconds => values.seconds().into(),
            Self::Plain(value) => value.clone(),
            Self::List(nodes) => {
                Value::Array(nodes.iter().map(|node| node.render(render, values)).collect::<Result<_, _>>()?)
            }
            Self::Object(fields) => {
                let fields =
                    fields.iter().map(|(name, node)| Ok((name.clone(), node.render(render, values)?)));
                Value::Object(fields.collect::<Result<_, SendError>>()?)
            }
        })
    }
}
