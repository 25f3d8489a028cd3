//! Answers, before they go out by hyper or byte by byte.

use std::fmt::Write as _;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// An answer with its whole body.
pub(crate) type Reply = Response<Bytes>;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    // Only maps with odd keys fail to serialize, and no answer has one.
    let body = serde_json::to_vec(body).unwrap_or_default();
    with_type(status, "application/json", body.into())
}

/// An answer of any content type.
pub(crate) fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = status;
    reply
}

/// Adds `Retry-After`, unless the text cannot stand in a header.
pub(crate) fn set_retry_after(reply: &mut Reply, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        reply.headers_mut().insert(RETRY_AFTER, value);
    }
}

/// The status for a number that a rule or a vendor table gives.
pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The bytes of a whole HTTP/1.1 answer, for when hyper is not to send it.
pub(crate) fn to_wire(reply: &Reply) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", reply.status());
    for (name, value) in reply.headers() {
        // Writing to a String cannot fail.
        let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
    }
    let _ = write!(head, "content-length: {}\r\nconnection: close\r\n\r\n", reply.body().len());
    let mut wire = head.into_bytes();
    wire.extend_from_slice(reply.body());
    wire
}
