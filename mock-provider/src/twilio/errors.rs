//! Twilio's error objects: `{code, message, more_info, status}` under the same HTTP status.

use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use serde::Serialize;

use crate::reply::{self, Reply};

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: u32,
    message: &'a str,
    more_info: String,
    status: u16,
}

fn error(status: u16, code: u32, message: &str) -> Reply {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    reply::json(reply::status(status), &ErrorBody { code, message, more_info, status })
}

/// 401: wrong or missing credentials.
pub(super) fn unauthorized() -> Reply {
    let mut reply = error(401, 20003, "Authenticate");
    let realm = HeaderValue::from_static("Basic realm=\"Twilio API\"");
    reply.headers_mut().insert(WWW_AUTHENTICATE, realm);
    reply
}

/// 404: no such path, account or message.
pub(crate) fn not_found(path: &str) -> Reply {
    error(404, 20404, &format!("The requested resource {path} was not found"))
}

/// 429: above the account's concurrency or rate.
pub(crate) fn throttled() -> Reply {
    error(429, 20429, "Too Many Requests")
}

/// Twilio's error object for any status; the codes of its 5xx are 20000 and the status.
pub(crate) fn broken(status: u16) -> Reply {
    let message = match status {
        503 => "Service is unavailable. Please try again",
        _ => "An internal server error has occurred",
    };
    error(status, 20_000 + u32::from(status), message)
}

/// A refusal by code, about this recipient and sender.
pub(super) fn refusal(code: u32, to: &str, from: &str) -> Reply {
    match code {
        20003 => unauthorized(),
        20429 => throttled(),
        _ => error(status_of(code), code, &message_of(code, to, from)),
    }
}

/// 400: a parameter of Verify that is missing or wrong.
pub(super) fn invalid_parameter(name: &str, value: &str) -> Reply {
    error(400, 60200, &format!("Invalid parameter `{name}`: {value}"))
}

fn status_of(code: u32) -> u16 {
    match code {
        20004 => 405,
        20005 | 60205 => 403,
        20404 => 404,
        20415 => 415,
        60202 | 60203 | 60212 | 63017 => 429,
        _ => 400,
    }
}

fn message_of(code: u32, to: &str, from: &str) -> String {
    match code {
        20004 => "Method not allowed".to_owned(),
        20005 => "Account is not active".to_owned(),
        20415 => "Unsupported Media Type: send application/x-www-form-urlencoded".to_owned(),
        21211 => format!("The 'To' number {to} is not a valid phone number."),
        21212 => {
            format!(
                "The 'From' number {from} is not a valid phone number, shortcode, or alphanumeric sender ID."
            )
        }
        21408 => {
            format!(
                "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}."
            )
        }
        21602 => "Message body is required.".to_owned(),
        21603 => "A 'From' phone number is required.".to_owned(),
        21604 => "A 'To' phone number is required.".to_owned(),
        21606 => {
            format!(
                "The 'From' phone number provided ({from}) is not a valid message-capable Twilio phone number."
            )
        }
        21608 => format!(
            "The number {to} is unverified. Trial accounts cannot send messages to unverified numbers."
        ),
        21609 => "The 'StatusCallback' URL is not a valid URL.".to_owned(),
        21610 => "Attempt to send to unsubscribed recipient".to_owned(),
        21611 => "This 'From' number has exceeded the maximum number of queued messages".to_owned(),
        21612 => {
            format!(
                "The 'To' phone number: {to}, is not currently reachable using the 'From' number: {from} via SMS."
            )
        }
        21614 => format!("'To' number: {to}, is not a valid mobile number"),
        21617 => "The concatenated message body exceeds the 1600 character limit.".to_owned(),
        21624 => "Invalid validity period value".to_owned(),
        21635 => format!("'To' number {to} cannot be a landline"),
        21705 => "The Messaging Service is invalid".to_owned(),
        60200 => format!("Invalid parameter `To`: {to}"),
        60202 => "Max check attempts reached".to_owned(),
        60203 => "Max send attempts reached".to_owned(),
        60205 => "SMS is not supported by landline phone number".to_owned(),
        60212 => "Too many concurrent requests for phone number".to_owned(),
        63017 => "Rate limit exceeded for the channel".to_owned(),
        other => format!("The message was refused with error {other}"),
    }
}
