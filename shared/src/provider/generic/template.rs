//! Texts with placeholders: `Bearer {secret.token}`. A brace itself is written twice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use crate::provider::OutgoingSms;
use crate::provider::catalogue::Credentials;

/// What stands in a place until a message is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Placeholder {
    /// `{to}`: the number as E.164 writes it, with `+`.
    To,
    /// `{to_digits}`: the same without `+`.
    ToDigits,
    /// `{text}`: the whole text.
    Text,
    /// `{code}`: the code of an otp.
    Code,
    /// `{sender}`: the message's sender, else the provider's.
    Sender,
    /// `{message_id}`: our id.
    MessageId,
    /// `{expires_in}`: whole seconds after which it should not be delivered, at least 1.
    ExpiresIn,
    /// `{secret.name}`: one of the credentials.
    Secret(String),
}

impl Placeholder {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "to" => Self::To,
            "to_digits" => Self::ToDigits,
            "text" => Self::Text,
            "code" => Self::Code,
            "sender" => Self::Sender,
            "message_id" => Self::MessageId,
            "expires_in" => Self::ExpiresIn,
            _ => Self::Secret(name.strip_prefix("secret.").filter(|name| !name.is_empty())?.to_owned()),
        })
    }
}

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    Value(Placeholder),
}

/// A text with placeholders, read once.
#[derive(Clone, Debug)]
pub(super) struct Template(Vec<Piece>);

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with its braces, or the placeholder that does not exist.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let tail = &rest[at..];
            if tail.starts_with("{{") || tail.starts_with("}}") {
                literal.push_str(&tail[..1]);
                rest = &tail[2..];
            } else if let Some((name, after)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) {
                let placeholder = Placeholder::parse(name).ok_or_else(|| {
                    let known = "to, to_digits, text, code, sender, message_id, expires_in or secret.NAME";
                    format!("has the placeholder {{{name}}}: use {known}")
                })?;
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                pieces.push(Piece::Value(placeholder));
                rest = after;
            } else {
                return Err("has a single brace: write {{ or }} for a brace itself".to_owned());
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Literal(literal));
        Ok(Self(pieces))
    }

    /// The placeholders in it.
    pub(super) fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Value(placeholder) => Some(placeholder),
        })
    }

    /// Whether it is `{expires_in}` and nothing else.
    pub(super) fn is_seconds(&self) -> bool {
        let mut literals = self.0.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text),
            Piece::Value(_) => None,
        });
        literals.all(String::is_empty) && self.placeholders().eq([&Placeholder::ExpiresIn])
    }

    /// What is the same in every message: its text, and the secrets in it.
    pub(super) fn fixed(&self, credentials: &Credentials) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Value(Placeholder::Secret(name)) => {
                    text.push_str(credentials.get(name).map_or("", |secret| secret.expose_secret()));
                }
                Piece::Value(_) => (),
            }
        }
        text
    }

    /// The text for one message; `None` if the message lacks a value.
    pub(super) fn render(&self, values: &Values<'_>) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Value(placeholder) => text.push_str(&values.get(placeholder)?),
            }
        }
        Some(text)
    }
}

/// What placeholders stand for, for one message.
pub(super) struct Values<'a> {
    pub(super) sms: &'a OutgoingSms,
    pub(super) sender: Option<&'a str>,
    pub(super) secrets: &'a BTreeMap<String, SecretString>,
}

impl Values<'_> {
    /// How many seconds the message is good for.
    pub(super) fn seconds(&self) -> u64 {
        self.sms.validity.as_secs().max(1)
    }

    fn get(&self, placeholder: &Placeholder) -> Option<Cow<'_, str>> {
        Some(match placeholder {
            Placeholder::To => self.sms.to.as_str().into(),
            Placeholder::ToDigits => self.sms.to.digits().into(),
            Placeholder::Text => self.sms.text.as_str().into(),
            Placeholder::Code => self.sms.code.as_deref()?.into(),
            Placeholder::Sender => self.sender?.into(),
            Placeholder::MessageId => self.sms.message_id.to_string().into(),
            Placeholder::ExpiresIn => self.seconds().to_string().into(),
            Placeholder::Secret(name) => self.secrets.get(name)?.expose_secret().into(),
        })
    }
}
