//! Settings of a vendor that is described by them, checked once: a row that is stored can be sent with.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Meaning, Rules};
use super::body::{Body, Node};
use super::template::{Placeholder, Template};
use crate::lane::Lane;
use crate::provider::catalogue::{Credentials, InvalidSetting};
use crate::provider::http::BaseUrl;
use crate::text::SenderId;

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

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Statuses {
    accepted: Vec<u16>,
    throttled: Vec<u16>,
    rejected: Vec<u16>,
    not_sent: Vec<u16>,
    in_doubt: Vec<u16>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Codes {
    throttled: Vec<String>,
    rejected: Vec<String>,
    not_sent: Vec<String>,
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
        let mut reader = Reader { credentials, used: BTreeSet::new() };
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

/// Reads templates and remembers what they use.
struct Reader<'a> {
    credentials: &'a Credentials,
    used: BTreeSet<Placeholder>,
}

impl Reader<'_> {
    fn template(&mut self, field: &'static str, text: &str) -> Result<Template, InvalidSetting> {
        let template = Template::parse(text).map_err(|problem| InvalidSetting::new(field, problem))?;
        for placeholder in template.placeholders() {
            if let Placeholder::Secret(name) = placeholder
                && self.credentials.get(name).is_none()
            {
                let problem = format!("uses {{secret.{name}}}, but credentials.{name} is not given");
                return Err(InvalidSetting::new(field, problem));
            }
        }
        self.used.extend(template.placeholders().cloned());
        Ok(template)
    }

    fn path(&mut self, text: &str) -> Result<Vec<Template>, InvalidSetting> {
        const FIELD: &str = "settings.path";
        let text = text.strip_prefix('/').unwrap_or(text);
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if text.contains(['?', '#']) {
            return Err(InvalidSetting::new(FIELD, "has a ? or #: parameters belong in settings.query"));
        }
        let segments: Vec<_> = text.split('/').collect();
        let inner = &segments[..segments.len() - 1];
        if inner.contains(&"") || segments.iter().any(|segment| matches!(*segment, "." | "..")) {
            return Err(InvalidSetting::new(FIELD, "has an empty part, or one of dots"));
        }
        segments.into_iter().map(|segment| self.template(FIELD, segment)).collect()
    }

    fn pairs(
        &mut self,
        field: &'static str,
        pairs: &BTreeMap<String, String>,
    ) -> Result<Vec<(String, Template)>, InvalidSetting> {
        pairs.iter().map(|(name, text)| Ok((name.clone(), self.template(field, text)?))).collect()
    }

    fn headers(
        &mut self,
        headers: &BTreeMap<String, String>,
    ) -> Result<Vec<(HeaderName, Template)>, InvalidSetting> {
        const FIELD: &str = "settings.headers";
        // Ours to write: they say where a message begins and ends, or what it is.
        let ours = [CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
        let mut found: Vec<(HeaderName, Template)> = Vec::new();
        for (name, text) in headers {
            let wrong = |problem: &str| InvalidSetting::new(FIELD, format!("has {name:?}, {problem}"));
            let header: HeaderName = name.parse().map_err(|_| wrong("which is not the name of a header"))?;
            if ours.contains(&header) || header == "x-request-id" {
                return Err(wrong("which the gateway writes itself"));
            }
            if found.iter().any(|(other, _)| *other == header) {
                return Err(wrong("which stands there twice"));
            }
            let template = self.template(FIELD, text)?;
            if template.literal().is_some_and(|text| text.parse::<HeaderValue>().is_err()) {
                return Err(wrong("whose value has a control character"));
            }
            found.push((header, template));
        }
        Ok(found)
    }

    fn basic_auth(
        &mut self,
        login: Option<&BasicAuth>,
        headers: &[(HeaderName, Template)],
    ) -> Result<Option<(Template, Template)>, InvalidSetting> {
        const FIELD: &str = "settings.basic_auth";
        let Some(login) = login else { return Ok(None) };
        // It is that header; which of two a vendor heeds is anybody's guess.
        if headers.iter().any(|(name, _)| *name == AUTHORIZATION) {
            return Err(InvalidSetting::new(FIELD, "cannot stand beside a header Authorization"));
        }
        Ok(Some((self.template(FIELD, &login.user)?, self.template(FIELD, &login.password)?)))
    }

    fn body(&mut self, fields: &GenericFields, method: &Method) -> Result<Body, InvalidSetting> {
        match (&fields.json, &fields.form) {
            (None, None) => Ok(Body::None),
            (Some(_), Some(_)) => {
                Err(InvalidSetting::new("settings.form", "cannot stand beside settings.json"))
            }
            (Some(_), None) if method == Method::GET => {
                Err(InvalidSetting::new("settings.json", "cannot be sent by GET"))
            }
            (None, Some(_)) if method == Method::GET => {
                Err(InvalidSetting::new("settings.form", "cannot be sent by GET"))
            }
            (Some(json), None) => {
                Node::parse(json, &mut |text| self.template("settings.json", text)).map(Body::Json)
            }
            (None, Some(form)) => self.pairs("settings.form", form).map(Body::Form),
        }
    }

    /// A request without a number or a text, or with something that not every message has, could not be sent.
    fn check_use(&self, sender: Option<&SenderId>, lanes: &[Lane]) -> Result<(), InvalidSetting> {
        let uses = |placeholder| self.used.contains(&placeholder);
        if !uses(Placeholder::To) && !uses(Placeholder::ToDigits) {
            return Err(InvalidSetting::new("settings", "nowhere says {to} or {to_digits}: whom to send to"));
        }
        if !uses(Placeholder::Text) && !uses(Placeholder::Code) {
            return Err(InvalidSetting::new("settings", "nowhere says {text} or {code}: what to send"));
        }
        if uses(Placeholder::Sender) && sender.is_none() {
            return Err(InvalidSetting::new("sender", "is missing: the request uses {sender}"));
        }
        if uses(Placeholder::Code) && lanes != [Lane::Otp] {
            return Err(InvalidSetting::new("lanes", "must be otp alone: the request uses {code}"));
        }
        let unused = |name: &&str| !uses(Placeholder::Secret((*name).to_owned()));
        match self.credentials.names().find(unused) {
            None => Ok(()),
            Some(name) => {
                let problem = format!("has {name:?}, which no {{secret.…}} uses; an empty text removes it");
                Err(InvalidSetting::new("credentials", problem))
            }
        }
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

impl Statuses {
    fn by_number(&self) -> Result<BTreeMap<u16, Meaning>, InvalidSetting> {
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

impl Codes {
    fn by_word(&self, has_pointer: bool) -> Result<BTreeMap<String, Meaning>, InvalidSetting> {
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
