//! What doors take. A field that is not here is refused.

use serde_json::{Value, json};
use shared::consent::Evidence;
use shared::spend::MAX_THRESHOLDS;
use shared::store::frequency_cap::{MAX_HOURS, MAX_MOST};

use super::factors::device_name;
use super::{object, phone, reference, text};
use crate::accept::{LONGEST_LIFETIME, SHORTEST_LIFETIME};
use crate::accept_batch::MAX_MESSAGES;
use crate::fields::{MAX_LOCALE_BYTES, MAX_PROVIDER_BYTES, MAX_USER_ID_BYTES};

pub(super) fn all() -> Value {
    json!({
        "SendRequest": send(),
        "BatchRequest": object(&["lane", "messages"], json!({
            "lane": {"type": "string", "enum": ["transactional", "promo"]},
            "messages": {"type": "array", "minItems": 1, "maxItems": MAX_MESSAGES, "items": reference("SendRequest")},
        })),
        "CampaignRequest": campaign(),
        "CampaignTest": object(&["to"], json!({
            "to": phone(),
            "variables": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        })),
        "CodeRequest": object(&["phone"], json!({
            "phone": phone(),
            "purpose": {"type": "string", "default": "login",
                "enum": ["login", "verify_phone", "two_factor", "password_reset", "change_phone"]},
            "user_id": user_id(),
            "client_ip": {"type": "string", "description": "IPv4 or IPv6 address of your user, for the limits by address"},
            "provider_hint": provider("Tried first"),
            "locale": locale(),
            "challenged": {"type": "boolean", "default": false, "description": "Your user passed a challenge of yours; \
                servers only"},
        })),
        "VerifyRequest": object(&["session_id", "otp"], json!({
            "session_id": text(),
            "otp": {"type": "string", "example": "123 456", "description": "As people type it: digits of any script, \
                with spaces and dashes"},
            "token": {"type": "boolean", "default": false, "description": "Answer with a signed proof, too"},
            "remember_device": device_name(),
        })),
        "RedeemRequest": object(&["token"], json!({
            "token": {"type": "string", "description": "The reset_token of /otp/verify"},
        })),
        "IdentitySettings": object(&["change_needs_old"], json!({
            "change_needs_old": {"type": "boolean", "description": "Another number is taken only after a code of the purpose \
                change_phone to the one before was right, within 15 minutes"},
        })),
        "ResendRequest": object(&["session_id"], json!({
            "session_id": text(),
            "client_ip": {"type": "string", "description": "As of /otp/send"},
            "challenged": {"type": "boolean", "default": false, "description": "As of /otp/send"},
        })),
        "AliasSend": open(&["phone"], json!({"phone": phone(), "name": text()})),
        "AliasSendTo": open(&[], json!({"phone": phone(), "phoneNumber": phone()})),
        "AliasVerify": open(&["session_id", "otp"], json!({"session_id": text(), "otp": text()})),
        "AliasVerifyPhone": open(&["otp"], json!({"phone": phone(), "session_id": text(), "otp": text()})),
        "AliasTemplate": open(&["to", "template"], json!({
            "to": phone(), "template": {"type": "string", "maxLength": 100}, "vars": {"type": "object"},
        })),
        "OptOutRequest": object(&[], json!({
            "scope": reference("OptOutScope"),
            "sender": {"type": "string", "maxLength": 40, "example": "ACME",
                "description": "With the scope `sender`: whom the messages come from"},
            "source": {"type": "string", "minLength": 1, "maxLength": Evidence::MAX_SOURCE_BYTES, "default": "api",
                "example": "letter of 1 May"},
            "proof": {"type": "string", "minLength": 1, "maxLength": Evidence::MAX_PROOF_BYTES,
                "example": "scan 1047", "description": "What shows it"},
        })),
        "ContactSettingsRequest": object(&[], json!({
            "phone": phone(),
            "otp_enabled": {"type": "boolean", "default": false},
            "preferred_provider": provider("Tried right after a message's own hint"),
        })),
        "TemplateRequest": template(),
        "ProviderRequest": integration(),
        "OtpPurposeRequest": object(
            &["code_length", "lifetime_seconds", "max_attempts", "cool_down_seconds", "max_sends",
              "send_window_seconds", "resend", "template"],
            otp_policy(),
        ),
        "OtpLimitRequest": object(&["kind", "per_seconds", "most"], otp_rule()),
        "CountryRulesRequest": country_rules(),
        "CampaignBudgetRequest": object(&["amount", "currency"], json!({
            "amount": {"type": "string", "example": "250.00", "description": "More than nothing"},
            "currency": {"type": "string", "example": "EUR"},
        })),
        "SpendCapRequest": object(&["scope", "amount", "currency"], json!({
            "scope": {"type": "string", "enum": ["day", "country", "campaign", "codes_day", "codes_hour", "codes_country"], "description": "What it counts: all \
                campaigns of a day in UTC, those to one country, or each campaign by itself; all codes of a day, of an \
                hour, or of a day to one country"},
            "country": {"type": "string", "example": "IN", "description": "With `country` and `codes_country`"},
            "amount": {"type": "string", "example": "500.00"}, "currency": {"type": "string", "example": "EUR"},
            "thresholds": {"type": "array", "maxItems": MAX_THRESHOLDS, "default": [50, 80, 100],
                "items": {"type": "integer", "minimum": 1, "maximum": 100},
                "description": "Shares in percent that are told of"},
        })),
        "FrequencyCapRequest": object(&["most", "within_hours"], json!({
            "most": {"type": "integer", "minimum": 1, "maximum": MAX_MOST},
            "within_hours": {"type": "integer", "minimum": 1, "maximum": MAX_HOURS},
        })),
        "PauseRequest": object(&["scope"], json!({
            "scope": reference("PauseScope"),
            "name": {"type": "string", "example": "promo", "description": "Which lane or provider; left out with `all`"},
        })),
    })
}

fn campaign() -> Value {
    use crate::campaigns::create::*;
    object(
        &["name"],
        json!({
            "name": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES, "example": "Autumn sale"},
            "text": {"type": "string", "example": "Hi {{ name }}, 20 % off today", "description": "With variables, which \
                become columns of the list"},
            "template": {"type": "string", "maxLength": 64, "description": "In place of `text`, which becomes what the \
                template says now"},
            "locale": locale(),
            "sender": {"type": "string", "example": "SHOP"},
            "lane": {"type": "string", "enum": ["promo", "transactional"], "default": "promo"},
            "start_at": {"type": "string", "format": "date-time"},
            "expires_at": {"type": "string", "format": "date-time", "description": "Nobody is texted after this"},
            "message_expires_in": {"type": "integer", "minimum": SHORTEST_LIFETIME, "maximum": LONGEST_LIFETIME,
                "description": "Seconds that a message may wait once it is due"},
            "max_per_second": {"type": "integer", "minimum": 1, "maximum": MAX_PER_SECOND},
            "weight": {"type": "integer", "minimum": WEIGHTS.0, "maximum": WEIGHTS.1, "default": USUAL_WEIGHT,
                "description": "Its share beside other campaigns without a throttle"},
            "budget": reference("CampaignBudgetRequest"),
            "provider_hint": provider("Tried first"),
            "dedupe_key": {"type": "string", "maxLength": MAX_NAME_BYTES, "description": "Who was texted by a campaign of \
                this key within the window is left out"},
            "dedupe_window_hours": {"type": "integer", "minimum": 1, "maximum": MAX_WINDOW_HOURS,
                "default": USUAL_WINDOW_HOURS},
        }),
    )
}

fn send() -> Value {
    let mut send = object(
        &["to"],
        json!({
            "to": phone(),
            "text": {"type": "string", "minLength": 1, "example": "Your table is booked.",
                "description": "1 to 10 segments; no control characters but line ends and tabs"},
            "template": {"type": "string", "maxLength": 64, "example": "booked", "description": "In place of `text`"},
            "vars": {"type": "object", "description": "The template's variables",
                "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": 500}},
            "user_id": user_id(),
            "provider_hint": provider("Tried first"),
            "send_at": {"type": "string", "format": "date-time",
                "description": "Up to 30 days ahead; up to 60 s past means now"},
            "expires_in": {"type": "integer", "minimum": SHORTEST_LIFETIME, "maximum": LONGEST_LIFETIME,
                "description": "Seconds after which it is no longer sent, counted from `send_at`; transactional \
                    messages have 4 hours unless told otherwise, promo 24"},
            "at_most_once": {"type": "boolean", "default": false, "description": "Rather lost than sent twice"},
            "guarded": {"type": "boolean", "default": false, "description": "It carries a code that you check yourself: the \
                pumping guard judges it; not in batches, nor planned ahead by `send_at`"},
        }),
    );
    send["oneOf"] = json!([{"required": ["text"]}, {"required": ["template"]}]);
    send
}

fn template() -> Value {
    object(
        &["body"],
        json!({
            "body": {"type": "string", "minLength": 1, "maxLength": 4096, "example": "Hi {{ name }}, see you soon.",
                "description": "With `{{ variable }}`, `{% if %}` and the filters capitalize, default, lower, title, \
                    trim, upper"},
            "lane": {"$ref": "#/components/schemas/Lane", "description": "Default: transactional; of the template \
                `otp`: otp"},
            "locale": locale(),
            "sender": {"type": "string", "example": "SMSGWX", "description": "Name, short code or number"},
            "dlt_entity_id": {"type": "string", "maxLength": 100, "description": "India: the registered business"},
            "dlt_template_id": {"type": "string", "maxLength": 100, "description": "India: the registered text's number"},
            "dlt_text": {"type": "string", "minLength": 1, "example": "Hi {#var#}, see you soon.",
                "description": "India: the registered text, each variable written `{#var#}`"},
            "provider_templates": {"type": "object", "additionalProperties": reference("VendorTemplate"),
                "description": "By provider name: the vendor's own template"},
        }),
    )
}

fn integration() -> Value {
    let most = |what: &str| json!({"type": "integer", "minimum": 1, "description": format!("{what}; left out: no limit")});
    object(
        &["kind"],
        json!({
            "kind": {"type": "string", "example": "twilio", "description": "Which adapter it takes"},
            "priority": {"type": "integer", "format": "int32", "default": 100, "description": "The lowest is tried first"},
            "enabled": {"type": "boolean", "default": true},
            "lanes": {"type": "array", "items": reference("Lane"), "description": "Left out: all"},
            "countries": {"type": "array", "items": {"type": "string", "example": "CH"},
                "description": "ISO 3166; left out: everywhere"},
            "max_per_second": most("Calls a second"),
            "max_in_flight": most("Calls at the same time"),
            "sender": {"type": "string", "example": "+15005550006"},
            "settings": {"type": "object", "description": "What its adapter needs besides secrets", "default": {}},
            "credentials": {"type": "object", "additionalProperties": text(), "writeOnly": true,
                "description": "Secrets by name; those left out stay, an empty one is removed"},
        }),
    )
}

fn country_rules() -> Value {
    object(
        &["enabled"],
        json!({
            "enabled": {"type": "boolean"},
            "promo_hours": {"type": ["string", "null"], "example": "mon-sat 08:00-22:00",
                "description": "When promo may arrive, by the reader's clock; null for always"},
            "senders": {"type": ["array", "null"], "minItems": 1,
                "items": {"type": "string", "enum": ["alphanumeric", "number", "short_code"]},
                "description": "Kinds of senders that are carried; null for all"},
            "dlt": {"type": "boolean", "description": "India's registry; of no other country"},
            "source": {"type": ["string", "null"], "minLength": 1, "maxLength": 200,
                "description": "Where this was read"},
        }),
    )
}

fn user_id() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": MAX_USER_ID_BYTES, "example": "ann",
        "description": "Your id of the user, measured in bytes"})
}

fn provider(description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": MAX_PROVIDER_BYTES, "pattern": "^[a-z0-9_-]+$",
        "example": "twilio", "description": description})
}

fn locale() -> Value {
    json!({"type": "string", "maxLength": MAX_LOCALE_BYTES, "example": "de-CH", "description": "BCP 47 tag"})
}

/// An object that may have more fields, which are not looked at.
fn open(required: &[&str], properties: Value) -> Value {
    let mut shape = object(required, properties);
    shape["additionalProperties"] = true.into();
    shape
}

fn between(least: u32, most: u32, description: &str) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most, "description": description})
}

fn otp_policy() -> Value {
    json!({
        "code_length": between(6, 10, "Digits"),
        "lifetime_seconds": between(30, 600, "How long a code is good"),
        "max_attempts": between(1, 10, "Checks of one session, over all its codes"),
        "cool_down_seconds": between(1, 600, "Before the second code; doubles with every further one"),
        "max_sends": between(1, 20, "Codes of one session, and of one phone within the window"),
        "send_window_seconds": between(1, 86_400, "The window"),
        "resend": {"type": "string", "enum": ["new", "same"], "description": "What a resend sends"},
        "template": {"type": "string", "maxLength": 64, "example": "otp"},
        "origin": {"type": ["string", "null"], "maxLength": 253, "example": "app.example.com",
            "description": "Host that codes are bound to by the last line of their text (WebOTP)"},
    })
}

fn otp_rule() -> Value {
    json!({
        "kind": {"type": "string", "enum": ["ip", "phone", "user", "country", "key"]},
        "per_seconds": between(1, 2_592_000, "The stretch of time"),
        "most": between(1, 1_000_000_000, "Codes within it; at most 1000 of ip, phone and user"),
    })
}

/// A policy with its name.
pub(super) fn otp_purpose() -> Value {
    let mut policy = otp_policy();
    policy["purpose"] = text();
    policy
}

/// A limit with its name.
pub(super) fn otp_limit() -> Value {
    let mut rule = otp_rule();
    rule["name"] = text();
    rule
}
