//! What the doors of the pumping guard take and answer.

use serde_json::{Value, json};

use super::{answer, list, maybe, object, text, time, uuid, whole};

pub(super) fn all() -> Value {
    let mode = json!({"type": "string", "enum": ["observe", "enforce"]});
    let outcome = json!({"type": "string", "enum": ["allow", "challenge", "block"]});
    let credits = json!({"type": "integer", "minimum": 1, "maximum": 10_000});
    let rate = json!({"type": "number", "minimum": 0.3, "maximum": 1});
    let inputs = json!({"type": "object", "description": "What the rules looked at, as it was before"});
    json!({
        "GuardSettings": answer(json!({
            "mode": mode, "neighbours": whole(), "near": whole(), "credits_prefix": whole(), "credits_ip": whole(),
            "credits_country": whole(), "default_rate": {"type": "number"},
        }), &[]),
        "GuardSettingsRequest": object(&[], json!({
            "mode": mode,
            "neighbours": {"type": "integer", "minimum": 2, "maximum": 1000},
            "near": {"type": "integer", "minimum": 2, "maximum": 20},
            "credits_prefix": credits, "credits_ip": credits, "credits_country": credits, "default_rate": rate,
        })),
        "GuardDecisions": answer(json!({
            "decisions": list(answer(json!({
                "id": uuid(), "at": time(), "session_id": maybe(uuid()), "phone": text(), "prefix": text(),
                "country": text(), "client": maybe(text()), "outcome": outcome, "rule": text(),
                "rule_version": whole(), "mode": mode, "is_sent": {"type": "boolean"}, "inputs": inputs,
                "converted_at": maybe(time()),
            }), &[])),
            "next_cursor": maybe(uuid()),
        }), &[]),
        "GuardExplanation": answer(json!({
            "phone": {"type": "string", "description": "Masked"}, "prefix": text(), "country": text(),
            "client": maybe(text()), "mode": mode, "outcome": outcome, "rule": text(), "would_be_sent": {"type": "boolean"},
            "rule_version": whole(), "inputs": inputs,
        }), &[]),
        "GuardReleaseRequest": object(&["prefix"], json!({
            "prefix": {"type": "string", "example": "+4179123", "description": "What numbers begin with, a country \
                such as CH, or a client's address: IPv4, or IPv6, which stands for its /64"},
        })),
        "Converted": answer(json!({"message_id": uuid(), "converted": {"type": "boolean", "const": true}}), &[]),
        "GuardReleased": answer(json!({"released": list(text())}), &[]),
    })
}
