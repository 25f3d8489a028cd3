//! Reads the templates of a described vendor's request, part by part.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

use super::{BasicAuth, GenericFields};
use crate::lane::Lane;
use crate::provider::catalogue::{Credentials, InvalidSetting};
use crate::provider::generic::body::{Body, Node};
use crate::provider::generic::template::{Placeholder, Template};
use crate::text::SenderId;

/// Reads templates and remembers what they use.
pub(super) struct Reader<'a> {
    credentials: &'a Credentials,
    used: BTreeSet<Placeholder>,
}

impl<'a> Reader<'a> {
    /// Of a vendor with these secrets.
    pub(super) fn new(credentials: &'a Credentials) -> Self {
        Self { credentials, used: BTreeSet::new() }
    }

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

    /// The parts of a path below the base.
    pub(super) fn path(&mut self, text: &str) -> Result<Vec<Template>, InvalidSetting> {
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

    /// Names as they stand, with their templates.
    pub(super) fn pairs(
        &mut self,
        field: &'static str,
        pairs: &BTreeMap<String, String>,
    ) -> Result<Vec<(String, Template)>, InvalidSetting> {
        pairs.iter().map(|(name, text)| Ok((name.clone(), self.template(field, text)?))).collect()
    }

    /// Headers that are not ours to write.
    pub(super) fn headers(
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
            if template.fixed(self.credentials).parse::<HeaderValue>().is_err() {
                return Err(wrong("whose value, with its secrets, has a control character"));
            }
            found.push((header, template));
        }
        Ok(found)
    }

    /// User and password.
    pub(super) fn basic_auth(
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

    /// What is sent, if the method takes anything.
    pub(super) fn body(&mut self, fields: &GenericFields, method: &Method) -> Result<Body, InvalidSetting> {
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
    pub(super) fn check_use(&self, sender: Option<&SenderId>, lanes: &[Lane]) -> Result<(), InvalidSetting> {
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
