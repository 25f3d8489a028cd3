//! Settings of a vendor that is described by them, checked once: a row that is stored can be sent with.

use std::collections::BTreeMap;

use http::Method;
use http::header::HeaderName;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::answer::Rules;
use super::body::Body;
use super::template::Template;
use crate::lane::Lane;
use crate::provider::catalogue::{Credentials, InvalidSetting};
use crate::provider::http::BaseUrl;
use crate::text::SenderId;

mod meanings;
mod reader;

use meanings::{Codes, Statuses};
use reader::Reader;

/// A described vendor, checked.
#[derive(Clone, Debug)]
pub struct GenericConfig {
    pub(super) base_url: BaseUrl,
    pub(super) method: Method,
    pub(super) path: Vec<Template>,
    pub(super) query: Vec<(String, Template)>,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) basic_auth: Option<(Template, Template)>,
    pub(super) body: Body,
    pub(super) rules: Rules,
    pub(super) secrets: BTreeMap<String, SecretString>,
}

/// A described vendor as it was given. Every text but `base_url`, `method`, `id` and `code` is a template.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenericFields {
    base_url: String,
    method: Option<String>,
    #[serde(default)]
    path: String,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    basic_auth: Option<BasicAuth>,
    json: Option<Value>,
    form: Option<BTreeMap<String, String>>,
    id: String,
    code: Option<String>,
    #[serde(default)]
    statuses: Statuses,
    #[serde(default)]
    codes: Codes,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BasicAuth {
    user: String,
    password: String,
}

impl GenericConfig {
    /// Checks a vendor whose messages come from `sender` if they do not say, and who carries `lanes`.
    ///
    /// # Errors
    /// [`InvalidSetting`] names the field.
    pub fn parse(
        fields: &GenericFields,
        credentials: &Credentials,
        sender: Option<&SenderId>,
        lanes: &[Lane],
    ) -> Result<Self, InvalidSetting> {
        let mut reader = Reader::new(credentials);
        let method = method(fields.method.as_deref())?;
        let headers = reader.headers(&fields.headers)?;
        let config = Self {
            base_url: fields
                .base_url
                .parse()
                .map_err(|error| InvalidSetting::new("settings.base_url", format!("{error}")))?,
            path: reader.path(&fields.path)?,
            query: reader.pairs("settings.query", &fields.query)?,
            basic_auth: reader.basic_auth(fields.basic_auth.as_ref(), &headers)?,
            headers,
            body: reader.body(fields, &method)?,
            method,
            rules: Rules {
                id: pointer("settings.id", &fields.id)?,
                code: fields.code.as_deref().map(|code| pointer("settings.code", code)).transpose()?,
                statuses: fields.statuses.by_number()?,
                codes: fields.codes.by_word(fields.code.is_some())?,
            },
            secrets: credentials.all(),
        };
        reader.check_use(sender, lanes)?;
        Ok(config)
    }
}

fn method(text: Option<&str>) -> Result<Method, InvalidSetting> {
    match text {
        None | Some("POST") => Ok(Method::POST),
        Some("GET") => Ok(Method::GET),
        Some("PUT") => Ok(Method::PUT),
        Some(_) => Err(InvalidSetting::new("settings.method", "is not POST, PUT or GET")),
    }
}

/// A JSON pointer (RFC 6901) to something within a document.
fn pointer(field: &'static str, text: &str) -> Result<String, InvalidSetting> {
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if text.starts_with('/') && escapes {
        Ok(text.to_owned())
    } else {
        Err(InvalidSetting::new(field, "is not a JSON pointer such as /messages/0/id"))
    }
}
