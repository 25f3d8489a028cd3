//! The problems by name, each with its kind, its words and the fields at fault.

use std::error::Error;
use std::time::Duration;

use axum::http::StatusCode;
use shared::campaign::CampaignStatus;
use shared::message::Status;
use shared::store::api_keys::Scope;

use super::kinds::*;
use super::{FieldError, Problem};

impl Problem {
    /// Fields that cannot be used; at least one.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            several => format!("{} fields cannot be used, see errors", several.len()),
        };
        Self { errors, ..Self::new(&INVALID_REQUEST, detail) }
    }

    /// One field that cannot be used.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// Text that is no JSON.
    pub(crate) fn malformed_json(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = vec![FieldError { field: "body".into(), message: detail.clone() }];
        Self { errors, ..Self::new(&MALFORMED_JSON, detail) }
    }

    /// The body ended in the middle, or its chunks are not as HTTP writes them.
    pub(crate) fn incomplete_body() -> Self {
        let message = "ended too early or is badly framed";
        let errors = vec![FieldError { field: "body".into(), message: message.into() }];
        Self { errors, ..Self::new(&INCOMPLETE_BODY, format!("the body {message}")) }
    }

    /// The body did not arrive in time.
    pub(crate) fn request_timeout(limit: Duration) -> Self {
        let message = format!("did not arrive within {} seconds", limit.as_secs());
        let detail = format!("the body {message}");
        Self {
            errors: vec![FieldError { field: "body".into(), message }],
            ..Self::new(&REQUEST_TIMEOUT, detail)
        }
    }

    /// More bytes than this address takes.
    pub(crate) fn body_too_large(limit_bytes: usize) -> Self {
        let message = format!("is larger than {limit_bytes} bytes");
        let detail = format!("the body {message}");
        Self {
            errors: vec![FieldError { field: "body".into(), message }],
            ..Self::new(&BODY_TOO_LARGE, detail)
        }
    }

    /// A body of another kind.
    pub(crate) fn unsupported_media_type() -> Self {
        Self {
            errors: vec![FieldError {
                field: "content-type".into(),
                message: "must be application/json".into(),
            }],
            ..Self::new(&UNSUPPORTED_MEDIA_TYPE, "send the body with Content-Type: application/json")
        }
    }

    /// A body that is no form, where a form is needed.
    pub(crate) fn not_a_form() -> Self {
        Self::not_of_media("application/x-www-form-urlencoded")
    }

    /// A body of another media type than those in `media`.
    pub(crate) fn not_of_media(media: &str) -> Self {
        let message = format!("must be {media}");
        Self {
            errors: vec![FieldError { field: "content-type".into(), message: message.clone() }],
            ..Self::new(&UNSUPPORTED_MEDIA_TYPE, format!("the content type {message}"))
        }
    }

    /// A webhook whose signature is wrong, missing, or cannot be checked.
    pub(crate) fn invalid_signature(detail: &'static str) -> Self {
        Self::new(&INVALID_SIGNATURE, detail)
    }

    /// Nothing by this name.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(&NOT_FOUND, detail)
    }

    /// A right code for a number that is somebody else's; it does not say whose.
    pub(crate) fn phone_taken() -> Self {
        Self::new(
            &PHONE_TAKEN,
            "the code was right, but the number is verified for another user of the application",
        )
    }

    /// A right code, or the wish for one, before the present number was shown.
    pub(crate) fn old_phone_unverified() -> Self {
        Self::new(
            &OLD_PHONE_UNVERIFIED,
            "first a code of the purpose change_phone to the present number must be right, within 15 minutes before",
        )
    }

    /// A token that is unknown, used, or too old.
    pub(crate) fn reset_token_ended() -> Self {
        Self::new(
            &RESET_TOKEN_ENDED,
            "it was redeemed, is over ten minutes old, or never was; ask for another code",
        )
    }

    /// No key, or none that we know.
    pub(crate) fn unauthorized(detail: &'static str) -> Self {
        Self::new(&UNAUTHORIZED, detail)
    }

    /// A key without the scope for this.
    pub(crate) fn insufficient_scope(needed: Scope) -> Self {
        Self::new(&FORBIDDEN, format!("this needs a key with the scope {}", needed.as_str()))
    }

    /// The message has left the queue.
    pub(crate) fn not_cancellable(status: Status) -> Self {
        Self {
            message_status: Some(status),
            ..Self::new(
                &NOT_CANCELLABLE,
                format!("the message is {status}; only a queued one can be cancelled"),
            )
        }
    }

    /// A campaign does not do this where it stands.
    pub(crate) fn campaign_state(status: CampaignStatus, cannot: &str) -> Self {
        Self::new(&CAMPAIGN_STATE, format!("the campaign is {} and {cannot}", status.as_str()))
    }

    /// A campaign cannot begin as it is.
    pub(crate) fn campaign_not_ready(detail: impl Into<String>) -> Self {
        Self::new(&CAMPAIGN_STATE, detail)
    }

    /// Another request goes on with the same list.
    pub(crate) fn upload_running() -> Self {
        let detail = "another request has gone on with the list of this Idempotency-Key; send it once more to go on \
                      where that one stopped";
        Self::new(&IDEMPOTENCY_RUNNING, detail)
    }

    /// Not to be sent requests yet.
    pub(crate) fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(&NOT_READY, detail).retry_after(Duration::from_secs(1))
    }

    /// A fault of ours: the whole chain of causes goes to the log, nothing of it to the caller.
    pub(crate) fn internal(error: &dyn Error) -> Self {
        Self {
            cause: Some(chain(error)),
            ..Self::new(
                &INTERNAL,
                "see the gateway's log under this request id; the request was not accepted",
            )
        }
    }

    /// The work took longer than any caller waits for.
    pub(crate) fn too_slow() -> Self {
        Self::new(&UNAVAILABLE, "outcome unknown: the database did not answer in time")
            .retry_after(Duration::from_secs(1))
    }

    /// A handler that panicked.
    pub(crate) fn panicked() -> Self {
        Self {
            cause: Some("a handler panicked".into()),
            ..Self::new(&INTERNAL, "see the gateway's log under this request id")
        }
    }

    /// The process has not seen its database yet.
    pub(crate) fn no_database() -> Self {
        Self::new(&UNAVAILABLE, "the database does not answer; ask again").retry_after(Duration::from_secs(1))
    }

    /// The database is away for now.
    pub(super) fn unavailable(detail: &str, error: &dyn Error) -> Self {
        Self {
            cause: Some(chain(error)),
            ..Self::new(&UNAVAILABLE, detail).retry_after(Duration::from_secs(1))
        }
    }

    /// What a refusal of axum or hyper says, whose body is none of ours.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        let (kind, detail) = match status {
            StatusCode::NOT_FOUND => (&NOT_FOUND, "no such address"),
            StatusCode::METHOD_NOT_ALLOWED => (&METHOD_NOT_ALLOWED, "see the Allow header"),
            StatusCode::BAD_REQUEST => (&BAD_REQUEST, "the request line or a header is not valid HTTP"),
            StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                (&HEAD_TOO_LARGE, "shorten the address or the headers")
            }
            StatusCode::REQUEST_TIMEOUT => {
                (&REQUEST_TIMEOUT, "the head of the request did not arrive in time")
            }
            status if status.is_server_error() => (&INTERNAL, "see the gateway's log under this request id"),
            _ => (&OTHER, "see the status code"),
        };
        Self { status, ..Self::new(kind, detail) }
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
