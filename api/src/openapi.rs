//! `/openapi.json`: the API described for programs (OpenAPI 3.1), and `/docs`, the same for people.
//!
//! Built beside the router, from the constants that the checks use, and not by macros on handlers and types: a door
//! stays as it reads, and `shared` knows nothing of it. That nothing is left out or invented is what tests are for:
//! the doors are compared with `routes.rs`, fields of requests with what the doors take, answers with what they give.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

mod doors;
mod page;
mod schemas;

pub(crate) use page::page;

/// The document, which is the same for every gateway of this version.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(build);
    &DOCUMENT
}

/// The document as `docs/openapi.json` has it.
pub fn text() -> String {
    format!("{:#}\n", document())
}

fn build() -> Value {
    let mut paths = Map::new();
    for door in doors::all() {
        let (path, method) = (door.path, door.method);
        paths.entry(path).or_insert_with(|| json!({}))[method] = door.operation();
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "smsgw",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A self-hosted SMS gateway on a Postgres outbox. `202` means committed to disk. Every \
                refusal is a problem document (RFC 9457) whose `type` is the address of its explanation.",
            "license": {"name": "MIT or Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This gateway"}],
        "tags": [
            {"name": "messages", "description": "Texts, and what became of them"},
            {"name": "campaigns", "description": "One text for many people"},
            {"name": "codes", "description": "One-time codes: made, sent and checked here"},
            {"name": "aliases", "description": "Addresses that other applications were written for"},
            {"name": "people", "description": "Who said stop, and what users want"},
            {"name": "templates", "description": "Texts with variables"},
            {"name": "settings", "description": "Providers and pauses"},
            {"name": "webhooks", "description": "What providers tell us"},
            {"name": "gateway", "description": "The gateway itself"},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "responses": doors::refusals(),
            "headers": doors::headers(),
            "securitySchemes": security(),
        },
    })
}

/// Who may call.
fn security() -> Value {
    let bearer = |format: &str, description: &str| json!({"type": "http", "scheme": "bearer", "bearerFormat": format, "description": description});
    json!({
        "key": bearer("sk_…", "An API key of a server, made by `smsgw keys create NAME --scopes send,otp,read,admin`. \
            Each operation names the scope it needs; `admin` opens every door."),
        "publishable": bearer("pk_…", "An API key for pages, made by `smsgw keys create NAME --origins ORIGIN`, good \
            for one-time codes on pages of these origins."),
        "user": bearer("JWT", "An end user's own token (`SMSGW_JWT_SECRET`, `SMSGW_JWKS_URL`). Its subject is the \
            `user_id`; rows of others are not shown."),
    })
}

#[cfg(test)]
mod tests;
