//! The doors: what each takes, answers and refuses.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::store::api_keys::Scope;

use super::schemas::reference;
use crate::problem::kinds::*;

mod list;

pub(super) use list::all;

/// One method of one address.
pub(super) struct Door {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    /// The scope a key needs; `None` where none is needed.
    scope: Option<Scope>,
    /// Not every caller needs the key.
    key_is_optional: bool,
    /// Other ways to come in, by their schemes.
    others: &'static [&'static str],
    parameters: Vec<Value>,
    /// The schema of the body.
    body: Option<&'static str>,
    /// The body is a vendor's form.
    is_form: bool,
    /// The body is a list, a row for each line.
    is_list: bool,
    /// Status, description, and the content by media type and schema.
    answer: (u16, &'static str, Option<(&'static str, Value)>),
    headers: Vec<(&'static str, &'static str)>,
    refusals: Vec<&'static Kind>,
}

impl Door {
    fn new(method: &'static str, path: &'static str, id: &'static str, tag: &'static str) -> Self {
        let mut door = Self {
            method,
            path,
            id,
            tag,
            summary: "",
            scope: None,
            key_is_optional: false,
            others: &[],
            parameters: Vec::new(),
            body: None,
            is_form: false,
            is_list: false,
            answer: (200, "Done", None),
            headers: Vec::new(),
            refusals: vec![&BAD_REQUEST, &HEAD_TOO_LARGE, &INTERNAL],
        };
        for name in path.split(['{', '}']).skip(1).step_by(2) {
            door.parameters.push(in_path(name));
            door.refusals.push(&NOT_FOUND);
        }
        door
    }

    fn says(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    /// Opens to keys with this scope, which are looked up in the database.
    fn needs(mut self, scope: Scope) -> Self {
        self.refusals.extend([&UNAUTHORIZED, &FORBIDDEN, &UNAVAILABLE]);
        Self { scope: Some(scope), ..self }
    }

    /// As [`Door::needs`], but for some callers only.
    fn may_need(self, scope: Scope) -> Self {
        Self { key_is_optional: true, ..self.needs(scope) }
    }

    /// Opens to users with tokens of their own, too.
    fn open_to_users(self) -> Self {
        Self { others: &["user"], ..self }
    }

    /// Opens to pages with a publishable key and to users, too.
    fn open_to_pages(mut self) -> Self {
        self.refusals.push(&ORIGIN);
        Self { others: &["publishable", "user"], ..self }
    }

    fn takes(mut self, schema: &'static str) -> Self {
        self.refusals.extend([&INVALID_REQUEST, &MALFORMED_JSON, &INCOMPLETE_BODY, &REQUEST_TIMEOUT]);
        self.refusals.extend([&BODY_TOO_LARGE, &UNSUPPORTED_MEDIA_TYPE]);
        Self { body: Some(schema), ..self }
    }

    /// A provider calls, which signs a form.
    fn signed(mut self) -> Self {
        self.refusals.extend([&INVALID_SIGNATURE, &INCOMPLETE_BODY, &REQUEST_TIMEOUT, &BODY_TOO_LARGE]);
        self.refusals.extend([&UNSUPPORTED_MEDIA_TYPE, &UNAVAILABLE, &INVALID_REQUEST]);
        self.parameters.push(json!({"name": "X-Twilio-Signature", "in": "header", "required": true,
            "schema": {"type": "string"}, "description": "Made with the provider's auth token"}));
        Self { is_form: true, ..self }
    }

    /// Takes a list of any length, and answers while it reads.
    fn takes_list(mut self) -> Self {
        self.refusals.extend([&INVALID_REQUEST, &UNSUPPORTED_MEDIA_TYPE]);
        Self { is_list: true, ..self }
    }

    fn asks(mut self, name: &str, schema: &Value, description: &str) -> Self {
        let parameter = json!({"name": name, "in": "query", "schema": schema, "description": description});
        self.parameters.push(parameter);
        self.refuses(&[&INVALID_REQUEST])
    }

    fn must_say(self, name: &str, schema: &Value, description: &str) -> Self {
        let mut door = self.asks(name, schema, description);
        if let Some(parameter) = door.parameters.last_mut() {
            parameter["required"] = true.into();
        }
        door
    }

    fn with_header(mut self, name: &'static str, description: &'static str) -> Self {
        self.headers.push((name, description));
        self
    }

    fn gives(self, schema: &'static str, description: &'static str) -> Self {
        Self { answer: (200, description, Some(("application/json", reference(schema)))), ..self }
    }

    fn gives_text(self, media: &'static str, description: &'static str) -> Self {
        Self { answer: (200, description, Some((media, json!({"type": "string"})))), ..self }
    }

    fn gives_object(self, description: &'static str) -> Self {
        Self { answer: (200, description, Some(("application/json", json!({"type": "object"})))), ..self }
    }

    fn gives_nothing(self, description: &'static str) -> Self {
        Self { answer: (204, description, None), ..self }
    }

    /// Creates something, once for each `Idempotency-Key`: the answer says that it is on disk.
    fn creates(self, schema: &'static str) -> Self {
        Self {
            answer: (202, "Committed to disk", Some(("application/json", reference(schema)))),
            ..self.once()
        }
    }

    /// Begins what takes its time; to begin it again changes nothing.
    fn begins(self, schema: &'static str) -> Self {
        Self { answer: (202, "Committed to disk", Some(("application/json", reference(schema)))), ..self }
    }

    /// Makes something that has an address of its own, once for each `Idempotency-Key`.
    fn makes(self, schema: &'static str) -> Self {
        Self {
            answer: (201, "Committed to disk", Some(("application/json", reference(schema)))),
            ..self.once()
        }
    }

    /// Makes secrets, which are told once and kept by nobody: so not even for whoever asks again.
    fn makes_secrets(self, schema: &'static str) -> Self {
        let content = ("application/json", reference(schema));
        Self { answer: (201, "Made; asking again makes others", Some(content)), ..self }
    }

    /// Sends something, once for each `Idempotency-Key`.
    fn once(mut self) -> Self {
        self.parameters.push(json!({"name": "Idempotency-Key", "in": "header",
            "schema": {"type": "string", "minLength": 1, "maxLength": 257, "example": "order-7-confirmation"},
            "description": "1 to 255 visible ASCII characters, bare or as a quoted string; kept for 24 hours. \
                            Not with a publishable key"}));
        self.parameters.push(json!({"name": "traceparent", "in": "header", "schema": {"type": "string"},
            "description": "W3C trace context, kept with the message"}));
        let replayed = ("idempotency-replayed", "`true` if this is the stored answer to an earlier request");
        self.headers.push(replayed);
        self.refuses(&[&IDEMPOTENCY_MISMATCH, &IDEMPOTENCY_RUNNING, &INVALID_REQUEST])
    }

    /// Sends are counted, and callers told where they stand.
    fn counts(mut self) -> Self {
        self.headers.push(("RateLimit-Policy", "The limits: `\"phone-hour\";q=5;w=3600`, times in seconds"));
        self.headers.push(("RateLimit", "What is left of each, and until when: `\"phone-hour\";r=4;t=3600`"));
        self.refuses(&[&RATE_LIMITED])
    }

    /// Answers with the outcome if the caller would wait for it.
    fn may_wait(mut self) -> Self {
        let longest = crate::prefer::LONGEST;
        let description = format!(
            "`wait=N` (RFC 7240): answer with the outcome if there is one within N seconds, at most {longest}; \
             what cannot be read is ignored"
        );
        self.parameters.push(json!({"name": "Prefer", "in": "header",
            "schema": {"type": "string", "example": "wait=8"}, "description": description}));
        self.with_header(
            "Preference-Applied",
            "`wait=N`: so long the answer waited, at most, for the outcome",
        )
    }

    fn refuses(mut self, kinds: &[&'static Kind]) -> Self {
        self.refusals.extend(kinds);
        self
    }

    /// The operation object.
    pub(super) fn operation(self) -> Value {
        let mut operation = json!({
            "operationId": self.id, "tags": [self.tag], "summary": self.summary, "security": [],
        });
        if let Some(scope) = self.scope {
            let key = json!({"key": [scope.as_str()]});
            let others = self.others.iter().map(|scheme| json!({*scheme: []}));
            let open = self.key_is_optional.then(|| json!({}));
            operation["security"] = open.into_iter().chain([key]).chain(others).collect();
        }
        operation["responses"] = self.responses();
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.into();
        }
        if let Some(schema) = self.body {
            let content = json!({"application/json": {"schema": reference(schema)}});
            operation["requestBody"] = json!({"required": true, "content": content});
        }
        if self.is_form {
            let content = json!({"application/x-www-form-urlencoded": {"schema": {"type": "object"}}});
            operation["requestBody"] = json!({"required": true, "content": content});
        }
        if self.is_list {
            let text = json!({"schema": {"type": "string"}});
            let content = json!({"text/csv": text, "application/x-ndjson": text});
            operation["requestBody"] = json!({"required": true, "content": content});
        }
        operation
    }

    fn responses(&self) -> Value {
        let (status, description, content) = &self.answer;
        let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/x-request-id"}});
        for (name, what) in &self.headers {
            headers[name] = header(what);
        }
        let mut responses = json!({status.to_string(): {"description": description, "headers": headers}});
        if let Some((media, schema)) = content {
            responses[status.to_string()]["content"] = json!({*media: {"schema": schema}});
        }
        let mut by_status = BTreeMap::<u16, BTreeMap<&str, &Kind>>::new();
        for &kind in &self.refusals {
            by_status.entry(kind.status.as_u16()).or_default().insert(kind.code, kind);
        }
        for (status, kinds) in by_status {
            responses[status.to_string()] = refusal(status, kinds.into_values());
        }
        responses
    }
}

fn in_path(name: &str) -> Value {
    let schema = match name {
        "id" => json!({"type": "string", "maxLength": 128}),
        "phone" => json!({"type": "string", "example": "+41790000001"}),
        _ => json!({"type": "string", "maxLength": 64}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn header(description: &str) -> Value {
    json!({"description": description, "schema": {"type": "string"}})
}

/// All refusals with one status: one that is alone by its name.
fn refusal<'a>(status: u16, kinds: impl Iterator<Item = &'a Kind>) -> Value {
    let kinds: Vec<&Kind> = kinds.collect();
    match kinds.as_slice() {
        [alone] => json!({"$ref": format!("#/components/responses/{}", alone.code)}),
        several => refused(status, several),
    }
}

fn refused(status: u16, kinds: &[&Kind]) -> Value {
    let list: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}", kind.code, kind.title)).collect();
    let mut response = json!({
        "description": list.join("; "),
        "headers": {"x-request-id": {"$ref": "#/components/headers/x-request-id"}},
        "content": {"application/problem+json": {"schema": reference("Problem")}},
    });
    match status {
        401 => response["headers"]["WWW-Authenticate"] = header("`Bearer`"),
        405 => response["headers"]["Allow"] = header("The methods of this address"),
        409 | 429 | 503 => {
            response["headers"]["Retry-After"] = json!({"$ref": "#/components/headers/Retry-After"});
        }
        _ => {}
    }
    response
}

/// Every refusal by its name.
pub(super) fn refusals() -> Map<String, Value> {
    ALL.iter().map(|kind| (kind.code.to_owned(), refused(kind.status.as_u16(), &[*kind]))).collect()
}

/// Headers of many answers.
pub(super) fn headers() -> Value {
    json!({
        "x-request-id": header("The request's id, as in the gateway's log"),
        "Retry-After": header("Seconds to wait, where waiting helps"),
    })
}
