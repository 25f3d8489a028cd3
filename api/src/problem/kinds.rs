//! The kinds of problems: a line each, with the code that programs rely on.

use axum::http::StatusCode;

/// A kind of problem: stable, documented, meant for programs.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) status: StatusCode,
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $status:ident, $title:literal;)*) => {
        $(pub(crate) static $name: Kind = Kind { code: $code, title: $title, status: StatusCode::$status };)*
        /// All of them, in this order.
        pub(crate) static ALL: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    // The request itself.
    INVALID_REQUEST = "invalid-request", BAD_REQUEST, "The request has fields that cannot be used";
    MALFORMED_JSON = "malformed-json", BAD_REQUEST, "The body is not valid JSON";
    INCOMPLETE_BODY = "incomplete-body", BAD_REQUEST, "The body cannot be read to its end";
    BAD_REQUEST = "bad-request", BAD_REQUEST, "The request cannot be read";
    REQUEST_TIMEOUT = "request-timeout", REQUEST_TIMEOUT, "The request took too long to arrive";
    HEAD_TOO_LARGE = "head-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The address or the headers are too large";
    BODY_TOO_LARGE = "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body is of another media type than this address takes";
    NOT_FOUND = "not-found", NOT_FOUND, "There is nothing here";
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "This address does not take that method";
    // Who asks.
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED, "A valid API key is needed";
    FORBIDDEN = "insufficient-scope", FORBIDDEN, "The API key may not do this";
    ORIGIN = "origin-not-allowed", FORBIDDEN, "Pages of this origin may not use the key";
    VERIFICATION_REQUIRED = "verification-required", FORBIDDEN, "A second factor is to be shown first";
    INVALID_SIGNATURE = "invalid-signature", FORBIDDEN, "The request is not signed by the provider";
    // What is asked for.
    COUNTRY_BLOCKED = "country-blocked", FORBIDDEN, "This country is not allowed";
    COUNTRY_RULE = "country-rule", FORBIDDEN, "A rule of the number's country forbids the message";
    NOT_CANCELLABLE = "not-cancellable", CONFLICT, "The message can no longer be cancelled";
    CAMPAIGN_STATE = "campaign-state", CONFLICT, "The campaign cannot do this where it stands";
    IDEMPOTENCY_MISMATCH = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key belongs to another request";
    IDEMPOTENCY_RUNNING = "idempotency-key-running", CONFLICT, "A request with this Idempotency-Key is still running";
    // Codes.
    OTP_WRONG = "otp-wrong", BAD_REQUEST, "The code is wrong";
    OTP_EXPIRED = "otp-expired", GONE, "The code has expired";
    OTP_USED = "otp-used", GONE, "The code was already used";
    PHONE_TAKEN = "phone-taken", CONFLICT, "The number belongs to another user";
    OLD_PHONE_UNVERIFIED = "old-phone-unverified", CONFLICT, "The present number must be verified first";
    RESET_TOKEN_ENDED = "reset-token-ended", GONE, "The token cannot be redeemed";
    OTP_LOCKED = "otp-locked", TOO_MANY_REQUESTS, "Too many wrong codes";
    OTP_COOL_DOWN = "otp-cool-down", TOO_MANY_REQUESTS, "It is too early for another code";
    OTP_SEND_LIMIT = "otp-send-limit", TOO_MANY_REQUESTS, "No more codes for this session";
    RATE_LIMITED = "rate-limited", TOO_MANY_REQUESTS, "Too many requests";
    // Us.
    OVERLOADED = "overloaded", SERVICE_UNAVAILABLE, "The gateway is overloaded";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The gateway cannot store anything at the moment";
    NOT_READY = "not-ready", SERVICE_UNAVAILABLE, "The gateway is not ready";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "The gateway failed";
    OTHER = "refused", BAD_REQUEST, "The request was refused";
}
