//! What doors answer.

use serde_json::{Value, json};

use super::factors::device_token;
use super::{answer, list, maybe, reference, text, time, uuid, whole};

pub(super) fn all() -> Value {
    let mut all = json!({
        "Problem": problem(),
        "FieldError": answer(json!({
            "field": {"type": "string", "example": "messages[3].to"},
            "message": {"type": "string", "description": "For people"},
        }), &[]),
        "Health": answer(json!({"status": {"type": "string", "enum": ["ok", "ready"]}}), &[]),
        "KeySet": answer(json!({"keys": list(answer(json!({
            "kty": {"type": "string", "const": "EC"}, "crv": {"type": "string", "const": "P-256"},
            "use": {"type": "string", "const": "sig"}, "alg": {"type": "string", "const": "ES256"},
            "kid": text(), "x": text(), "y": text(),
        }), &[]))}), &[]),
        "Inbox": answer(json!({"messages": list(answer(json!({
            "id": whole(), "message_id": uuid(), "to": text(), "lane": reference("Lane"), "sender": maybe(text()),
            "text": text(), "received_at": time(),
        }), &[]))}), &[]),
    });
    for part in [messages(), campaigns(), codes(), settings()] {
        if let (Value::Object(all), Value::Object(part)) = (&mut all, part) {
            all.extend(part);
        }
    }
    all
}

/// RFC 9457, with what the kinds add.
fn problem() -> Value {
    answer(
        json!({
            "type": {"type": "string", "format": "uri-reference", "example": "/problems/invalid-request"},
            "title": text(),
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "For people"},
            "code": {"type": "string", "example": "invalid-request",
                "enum": crate::problem::kinds::ALL.iter().map(|kind| kind.code).collect::<Vec<_>>()},
            "errors": list(reference("FieldError")),
            "attempts_remaining": {"type": "integer", "description": "Of codes: checks left"},
            "message_status": reference("Status"),
            "request_id": text(),
        }),
        &["errors", "attempts_remaining", "message_status"],
    )
}

fn messages() -> Value {
    let message = json!({
        "message_id": uuid(), "status": reference("Status"), "lane": reference("Lane"), "to": text(),
        "text": {"type": ["string", "null"], "description": "Of a code: null while it waits, masked afterwards"},
        "user_id": maybe(text()), "provider_name": maybe(text()),
        "reason": {"type": ["string", "null"], "description": "Why it waits or how it ended"},
        "segments": whole(), "attempt_count": whole(),
        "copies": {"type": "integer", "description": "Calls that may have sent it without an answer"},
        "sender": maybe(text()), "template": maybe(text()), "session_id": maybe(uuid()), "batch_id": maybe(uuid()),
        "campaign_id": maybe(uuid()), "created_at": time(), "due_at": maybe(time()), "expires_at": maybe(time()),
        "finished_at": maybe(time()),
    });
    let mut detail = message.clone();
    detail["attempts"] = list(reference("Attempt"));
    detail["receipt_at"] = maybe(time());
    detail["receipt_code"] =
        json!({"type": ["string", "null"], "description": "The vendor's, of the last receipt"});
    json!({
        "Accepted": answer(json!({"message_id": uuid(), "status": reference("Status")}), &[]),
        "BatchAnswer": answer(json!({
            "batch_id": uuid(), "accepted": whole(), "refused": whole(), "results": list(reference("BatchResult")),
        }), &[]),
        "BatchResult": answer(json!({
            "index": whole(), "message_id": uuid(),
            "error": answer(json!({
                "code": {"type": "string", "description": "`duplicate`, or that of a problem"}, "detail": text(),
                "errors": list(reference("FieldError")),
            }), &["errors"]),
        }), &["message_id", "error"]),
        "Message": answer(message, &[]),
        "MessageDetail": answer(detail, &[]),
        "Messages": answer(json!({"messages": list(reference("Message")), "next_cursor": maybe(uuid())}), &[]),
        "Attempt": answer(json!({
            "provider_name": text(),
            "outcome": {"type": "string", "enum": ["accepted", "throttled", "not_sent", "rejected", "in_doubt"]},
            "reason": maybe(text()), "code": {"type": ["string", "null"], "description": "The vendor's"},
            "status_code": maybe(whole()), "provider_message_id": maybe(text()),
            "possible_duplicate": {"type": "boolean"}, "started_at": time(), "response_time_ms": whole(),
        }), &[]),
        "Cancelled": answer(json!({"message_id": uuid(), "status": reference("Status")}), &[]),
    })
}

fn campaigns() -> Value {
    let mut campaign = json!({
        "campaign_id": uuid(), "name": text(), "status": reference("CampaignStatus"),
        "reason": {"type": ["string", "null"], "description": "Why it stands there or waits, if nobody asked for it"},
        "lane": reference("Lane"), "text": text(), "template": maybe(text()), "sender": maybe(text()),
        "provider_hint": maybe(text()), "max_per_second": maybe(whole()), "weight": whole(),
        "message_expires_in": whole(), "start_at": maybe(time()), "expires_at": maybe(time()),
        "dedupe_key": maybe(text()), "dedupe_window_hours": maybe(whole()),
        "budget": {"type": ["object", "null"], "properties": {"amount": text(), "currency": text()}},
        "created_at": time(), "started_at": maybe(time()), "paused_at": maybe(time()), "finished_at": maybe(time()),
    });
    campaign["progress"] = answer(
        json!({
            "recipients": whole(), "segments": whole(), "fed": {"type": "integer", "description": "Whose message was made"},
            "ended": whole(), "by_status": {"type": "object", "additionalProperties": {"type": "integer"}},
            "duplicates": whole(), "blocked": whole(), "rejected": whole(), "staged": whole(),
            "spent": list(answer(json!({"currency": text(), "amount": text()}), &[])),
            "unpriced_segments": {"type": "integer", "description": "Of the messages made, what no price is known for"},
            "rate_per_second": {"type": "number"}, "eta_seconds": maybe(whole()),
        }),
        &[],
    );
    json!({
        "CampaignStatus": {"type": "string",
            "enum": ["draft", "scheduled", "running", "paused", "finished", "cancelled"]},
        "Campaign": answer(campaign, &["progress"]),
        "Campaigns": answer(json!({"campaigns": list(reference("Campaign")), "next_cursor": maybe(uuid())}), &[]),
        "CampaignTestSent": answer(json!({"message_id": uuid(), "status": reference("Status"), "text": text()}), &[]),
        "CampaignPreview": answer(json!({
            "recipients": whole(), "duplicates": whole(), "opted_out": whole(), "blocked": whole(), "invalid": whole(),
            "staged": whole(), "segments": whole(),
            "countries": list(answer(json!({"country": maybe(text()), "recipients": whole(), "segments": whole()}), &[])),
            "longest_text": {"type": ["object", "null"],
                "description": "The text, its encoding, and the characters that make it dear, with what could replace them"},
            "ucs2": answer(json!({"recipients": whole(), "saved_segments": {"type": "integer",
                "description": "What plainer characters would save"}, "forcing": {"type": "array",
                "items": {"type": "object"}, "description": "The characters that force it, 40 at most, and what could \
                stand in their place"}}), &[]),
            "cost": {"type": "object", "description": "By provider and country as far as prices are known, and totals"},
            "budget": {"type": ["object", "null"], "description": "Against what the campaign costs in its currency",
                "properties": {
                    "amount": text(), "currency": text(), "spent": text(), "cost": text(), "is_enough": {"type": "boolean"},
                    "uncounted_segments": {"type": "integer", "description": "Of an unknown price or in another currency: \
                        the budget does not bound them"},
                }},
            "refused": list(answer(json!({"country": text(), "recipients": whole(), "rule": text(), "version": whole(),
                "detail": text()}), &[])),
            "seconds": {"type": ["integer", "null"], "description": "At its throttle, within the hours of each place"},
        }), &[]),
    })
}

fn codes() -> Value {
    json!({
        "CodeSent": answer(json!({
            "session_id": uuid(), "expires_at": time(),
            "resend_after": {"type": "integer", "description": "Seconds until another code can be asked for"},
            "attempts_remaining": whole(),
            "challenge_required": {"type": "boolean", "const": true, "description": "Present while codes are guessed \
                at all over the gateway, and, for servers, where the pumping guard withheld this one: make sure that a \
                person asks before the next send"},
            "status": {"type": "string", "description": "With `Prefer: wait`, how the message fared, if it did in time"},
        }), &["challenge_required", "status"]),
        "Verified": answer(json!({
            "verified": {"type": "boolean", "const": true},
            "token": {"type": "string", "description": "If asked for: proof for others, good for five minutes, a JWT signed by \
                a key of `/.well-known/jwks.json`"},
            "reset_token": {"type": "string", "description": "After a code of the purpose password_reset: what a server redeems \
                by `/otp/reset-tokens/redeem`, once"},
            "reset_expires_at": time(),
            "device_token": device_token(), "device_expires_at": time(),
        }), &["token", "reset_token", "reset_expires_at", "device_token", "device_expires_at"]),
        "ResetRedeemed": answer(json!({
            "user_id": {"type": ["string", "null"], "description": "Whom the code was asked for, else whose verified number it \
                was sent to"},
            "phone": text(), "session_id": uuid(),
        }), &[]),
        "UserPhone": answer(json!({
            "user_id": text(), "phone": {"type": ["string", "null"]}, "verified_at": maybe(time()),
            "history": {"type": "array", "items": answer(json!({
                "phone": {"type": ["string", "null"], "description": "Masked"}, "verified_at": time(), "ended_at": time(),
                "ended_by": {"type": "string", "enum": ["changed", "removed"]},
            }), &[])},
        }), &[]),
        "Session": answer(json!({
            "session_id": uuid(),
            "status": {"type": "string", "enum":
                ["pending", "sent", "verified", "expired", "locked", "superseded", "send_failed"]},
            "purpose": text(), "phone": {"type": ["string", "null"], "description": "Masked"},
            "attempts_remaining": whole(), "sends": whole(), "resend_after": whole(), "expires_in": whole(),
            "expires_at": time(), "created_at": time(), "verified_at": maybe(time()),
            "reason": {"type": "string", "description": "Why no code was sent, as `phone_locked`; servers only"},
        }), &["reason"]),
    })
}

fn settings() -> Value {
    json!({
        "OptOuts": answer(json!({
            "phone": text(), "opted_out": {"type": "boolean"},
            "opt_outs": list(answer(json!({
                "scope": reference("OptOutScope"), "sender": maybe(text()), "source": text(), "proof": maybe(text()),
                "created_at": time(),
            }), &[])),
            "unsubscribe_url": {"type": ["string", "null"], "description": "For a message: by this link the person stops \
                marketing themselves; null unless `SMSGW_PUBLIC_URL` is set"},
        }), &[]),
        "ConsentHistory": answer(json!({
            "phone": text(),
            "history": list(answer(json!({
                "action": {"type": "string", "enum": ["opt_out", "opt_in"]}, "scope": reference("OptOutScope"),
                "sender": maybe(text()), "source": text(), "proof": maybe(text()), "at": time(),
            }), &[])),
        }), &[]),
        "Erasure": answer(json!({
            "erasure_id": uuid(), "status": {"type": "string", "enum": ["running", "done"]}, "requested_at": time(),
            "done_at": maybe(time()), "rows": {"type": "integer", "description": "Deleted, or stripped of the person"},
        }), &[]),
        "ContactSettings": answer(json!({
            "user_id": text(), "phone": maybe(text()), "otp_enabled": {"type": "boolean"},
            "preferred_provider": maybe(text()), "updated_at": maybe(time()),
        }), &[]),
        "Template": answer(json!({
            "name": text(), "locale": {"type": "string", "description": "Empty: for all without a variant of their own"},
            "lane": reference("Lane"), "body": text(), "sender": maybe(text()), "dlt_entity_id": maybe(text()),
            "dlt_template_id": maybe(text()), "dlt_text": maybe(text()),
            "provider_templates": {"type": "object", "additionalProperties": reference("VendorTemplate")},
            "updated_at": time(),
        }), &[]),
        "Templates": answer(json!({"templates": list(reference("Template"))}), &[]),
        "Provider": answer(json!({
            "name": text(), "kind": text(), "priority": whole(), "enabled": {"type": "boolean"},
            "lanes": list(reference("Lane")), "countries": maybe(list(text())), "max_per_second": maybe(whole()),
            "max_in_flight": maybe(whole()), "sender": maybe(text()), "settings": {"type": "object"},
            "credentials": {"type": "object", "additionalProperties": text(), "description": "Last characters only"},
            "problem": {"type": ["string", "null"], "description": "Why its credentials cannot be opened, if so"},
        }), &[]),
        "Providers": answer(json!({"providers": list(reference("Provider"))}), &[]),
        "OtpPurpose": answer(super::requests::otp_purpose(), &["origin"]),
        "OtpLimit": answer(super::requests::otp_limit(), &[]),
        "OtpSettings": answer(json!({
            "purposes": list(reference("OtpPurpose")), "limits": list(reference("OtpLimit")),
        }), &[]),
        "CountryRules": answer(country_rules(), &[]),
        "CountryRulesVersions": answer({
            let mut present = country_rules();
            present["versions"] = list(reference("CountryRules"));
            present
        }, &[]),
        "AllCountryRules": answer(json!({"rules": list(reference("CountryRules"))}), &[]),
        "SpendCap": answer(json!({
            "name": text(), "scope": {"type": "string", "enum": ["day", "country", "campaign", "codes_day", "codes_hour", "codes_country"]},
            "country": maybe(text()), "amount": text(), "currency": text(), "thresholds": list(whole()),
            "spent": {"type": ["string", "null"], "description": "Today; null where each campaign is counted by itself"},
            "updated_at": time(),
        }), &[]),
        "SpendCaps": answer(json!({"caps": list(reference("SpendCap"))}), &[]),
        "Spend": answer(json!({
            "today": {"type": "string", "format": "date"},
            "spent": list(answer(json!({
                "day": {"type": "string", "format": "date"}, "country": maybe(text()), "currency": maybe(text()),
                "amount": text(), "segments": whole(),
            }), &[])),
            "caps": list(reference("SpendCap")),
        }), &[]),
        "FrequencyCap": answer(json!({"most": whole(), "within_hours": whole(), "updated_at": time()}), &[]),
        "Pauses": answer(json!({"pauses": list(answer(json!({
            "scope": reference("PauseScope"), "name": text(), "paused_at": time(),
        }), &[]))}), &[]),
    })
}

fn country_rules() -> Value {
    json!({
        "country": {"type": "string", "description": "ISO 3166"},
        "version": {"type": "integer", "description": "Refusals name it"},
        "enabled": {"type": "boolean"}, "promo_hours": maybe(text()), "senders": maybe(list(text())),
        "dlt": {"type": "boolean"}, "source": maybe(text()), "created_at": time(),
    })
}
