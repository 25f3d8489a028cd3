//! The shapes of requests and answers, with their limits.

use serde_json::{Map, Value, json};
use shared::consent::OptOutScope;
use shared::lane::Lane;

mod answers;
mod factors;
mod guard;
mod requests;

/// All shapes, by name.
pub(super) fn all() -> Map<String, Value> {
    let mut all = Map::new();
    let named =
        [words(), requests::all(), answers::all(), factors::requests(), factors::answers(), guard::all()];
    for named in named {
        if let Value::Object(schemas) = named {
            all.extend(schemas);
        }
    }
    all
}

/// A shape by its name.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Words that several shapes use.
fn words() -> Value {
    json!({
        "Lane": {"type": "string", "enum": Lane::ALL.map(Lane::as_str)},
        "Status": {
            "type": "string",
            "description": "`queued` and `sending` are on their way, `sent` and `unknown` may be settled by a receipt, \
                the others are final",
            "enum": ["queued", "sending", "sent", "delivered", "undelivered", "failed", "expired", "suppressed",
                     "cancelled", "unknown"],
        },
        "OptOutScope": {"type": "string", "enum": OptOutScope::ALL.map(OptOutScope::as_str), "default": "marketing",
            "description": "`marketing` stops promo, `all` transactional messages too, `sender` both of one sender; a code \
                is never stopped"},
        "PauseScope": {"type": "string", "enum": ["all", "lane", "provider"]},
        "VendorTemplate": object(&["id"], json!({
            "id": {"type": "string", "minLength": 1, "maxLength": 100, "description": "What the vendor calls it"},
            "variables": {"type": "array", "items": {"type": "string"}, "default": [],
                "description": "Ours in the order of the vendor's"},
        })),
    })
}

/// An object that takes nothing else.
fn object(required: &[&str], properties: Value) -> Value {
    let mut object = json!({"type": "object", "additionalProperties": false});
    object["properties"] = properties;
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

/// An object that has all of its properties, but perhaps those in `optional`. Later versions may add some.
fn answer(properties: Value, optional: &[&str]) -> Value {
    let names = properties.as_object().into_iter().flat_map(Map::keys);
    let required: Vec<&String> = names.filter(|name| !optional.contains(&name.as_str())).collect();
    let mut answer = json!({"type": "object", "required": required});
    answer["properties"] = properties;
    answer
}

fn list(items: Value) -> Value {
    let mut list = json!({"type": "array"});
    list["items"] = items;
    list
}

fn phone() -> Value {
    json!({"type": "string", "example": "+41790000001", "description": "Any common spelling; E.164 is best"})
}

fn uuid() -> Value {
    json!({"type": "string", "format": "uuid", "example": "01a1f8b9-6b18-75d6-970a-180dfb85db55"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time", "example": "2026-11-21T12:00:00Z"})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn whole() -> Value {
    json!({"type": "integer"})
}

/// The same, or null.
fn maybe(mut schema: Value) -> Value {
    let kind = schema["type"].take();
    schema["type"] = json!([kind, "null"]);
    schema
}
