//! What the doors of second factors take and answer.

use serde_json::{Value, json};

use super::{answer, list, maybe, object, reference, text, time, uuid, whole};
use crate::fields::MAX_DEVICE_NAME_CHARS;
use crate::routes::limits;

pub(super) fn requests() -> Value {
    let (usual, most) = limits::MINUTES;
    json!({
        "OtpRequirementRequest": object(&[], json!({
            "within": {"type": "integer", "minimum": 1, "maximum": most,
                "default": usual, "description": "Minutes for which a verification counts"},
            "device_token": {"type": "string", "description": "What the device was given; it works once"},
        })),
        "TwoFactorRequest": object(&["method"], json!({
            "method": {"type": "string", "enum": ["none", "sms", "app"]},
        })),
        "AppConfirmation": object(&["code"], json!({"code": {"type": "string", "example": "123 456"}})),
        "TwoFactorCheck": object(&["method", "code"], json!({
            "method": {"type": "string", "enum": ["app", "backup_code"]},
            "code": {"type": "string", "example": "123 456", "description": "As people type it"},
            "token": {"type": "boolean", "default": false, "description": "Answer with a signed proof, too"},
            "remember_device": device_name(),
        })),
    })
}

pub(super) fn answers() -> Value {
    json!({
        "OtpRequirement": answer(json!({
            "user_id": text(), "otp_enabled": {"type": "boolean"}, "required": {"type": "boolean"},
            "reason": {"type": "string",
                "enum": ["disabled", "no_phone", "verified_recently", "remembered_device", "due"]},
            "method": method(),
            "methods": {"type": "array", "items": {"type": "string", "enum": ["app", "sms", "backup_code"]},
                "description": "What would do now, the best first"},
            "backup_codes_remaining": whole(),
            "phone": {"type": ["string", "null"], "description": "Masked"},
            "verified_at": {"type": ["string", "null"], "format": "date-time",
                "description": "The last verification that counts, if within the time asked about"},
            "within": {"type": "integer", "description": "Minutes, as asked"},
            "device_token": device_token(), "device_expires_at": time(),
        }), &["device_token", "device_expires_at"]),
        "TwoFactor": answer(json!({
            "user_id": text(), "method": method(), "app_enrolled": {"type": "boolean"}, "app_since": maybe(time()),
            "backup_codes_remaining": whole(), "devices": whole(),
        }), &[]),
        "AppEnrolment": answer(json!({
            "secret": {"type": "string", "description": "Base32, for whoever cannot scan"},
            "otpauth_url": {"type": "string", "format": "uri"},
            "qr_svg": {"type": "string", "description": "The same as a picture: an SVG document"},
            "expires_at": {"type": "string", "format": "date-time", "description": "Until then it can be confirmed"},
        }), &[]),
        "AppConfirmed": answer(json!({"method": method(), "backup_codes": list(text())}), &["backup_codes"]),
        "BackupCodes": answer(json!({
            "codes": {"type": "array", "items": {"type": "string", "example": "0a1bc-d2e3f"}, "minItems": 10, "maxItems": 10},
        }), &[]),
        "TwoFactorVerified": answer(json!({
            "verified": {"type": "boolean", "const": true},
            "method": {"type": "string", "enum": ["app", "backup_code"]},
            "token": {"type": "string", "description": "If asked for: proof for others, as of /otp/verify, without a number"},
            "device_token": device_token(), "device_expires_at": time(), "backup_codes_remaining": whole(),
        }), &["token", "device_token", "device_expires_at"]),
        "Device": answer(json!({
            "id": uuid(), "name": text(), "created_at": time(), "last_used_at": maybe(time()), "expires_at": time(),
        }), &[]),
        "Devices": answer(json!({"devices": list(reference("Device"))}), &[]),
    })
}

pub(super) fn device_name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": MAX_DEVICE_NAME_CHARS, "example": "Firefox on my laptop",
        "description": "Remember this device for 30 days, under this name"})
}

pub(super) fn device_token() -> Value {
    json!({"type": "string", "description": "For the device to keep: it works once, and is answered with the next one"})
}

fn method() -> Value {
    json!({"type": "string", "enum": ["none", "sms", "app"], "description": "What the user is asked for"})
}
