//! Names and values of a request: form bodies, query strings, flat JSON objects.

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;

/// Fields in the order they came; the first of a name counts, an empty value counts as absent.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of a form-encoded text.
    pub(crate) fn from_form(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The fields of a request's query string.
    pub(crate) fn from_query(head: &Parts) -> Self {
        Self::from_form(head.uri.query().unwrap_or_default().as_bytes())
    }

    /// The fields of a flat JSON object, numbers as text; `None` for anything else.
    pub(crate) fn from_json(text: &Bytes) -> Option<Self> {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text).ok()?;
        let pairs = object.into_iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        });
        Some(Self(pairs.collect()))
    }

    /// Adds the fields of `other` behind these.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The first value of a name, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name)?;
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    }
}

/// The media type of the body, in lower case and without parameters.
pub(crate) fn media_type(head: &Parts) -> Option<String> {
    let value = head.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}
