//! The ways in which a vendor can misbehave, as the control API spells them.

use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};

/// What goes wrong with a submission that is valid in itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// 429 in the vendor's shape. Not delivered.
    Throttle {
        /// The `Retry-After` header; none if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<RetryAfter>,
    },
    /// Any status, usually a 5xx.
    Status {
        /// The HTTP status.
        status: u16,
        /// What the body holds.
        #[serde(default)]
        body: FaultBody,
        /// Whether the message is delivered all the same.
        #[serde(default)]
        delivered: bool,
    },
    /// The request is read and never answered. Not delivered.
    Hang,
    /// Delivered, but never answered.
    DeliverThenHang,
    /// Delivered, but the connection is reset instead of an answer.
    DeliverThenReset,
    /// Delivered and answered, one byte per interval from the status line on.
    SlowBytes {
        /// Milliseconds between two bytes.
        interval_ms: u64,
    },
    /// The connection is reset (TCP RST) instead of an answer. Not delivered.
    Reset,
    /// A success status with a body no vendor would send.
    Garbage {
        /// The HTTP status.
        #[serde(default = "ok")]
        status: u16,
        /// The body.
        #[serde(default = "junk")]
        body: String,
        /// Whether the message is delivered.
        #[serde(default = "yes")]
        delivered: bool,
    },
    /// Delivered at once, answered correctly but later.
    Delay {
        /// Milliseconds on top of the vendor's latency.
        delay_ms: u64,
    },
    /// Refused with the vendor's own code: a Twilio error code, or the `Details` text of 2Factor. Not delivered.
    Reject {
        /// The code or text.
        code: String,
    },
}

fn ok() -> u16 {
    200
}

/// A body no vendor would send.
pub(crate) fn junk() -> String {
    "<html><body>It works!</body></html>".to_owned()
}

fn yes() -> bool {
    true
}

/// What `Retry-After` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// An HTTP date this many seconds ahead.
    DateIn(u64),
    /// Any text, to see what a client makes of it.
    Text(String),
}

/// The body of [`Fault::Status`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultBody {
    /// The vendor's own error object.
    #[default]
    Vendor,
    /// No body.
    Empty,
    /// This text, as `text/html`.
    Text(String),
}

impl RetryAfter {
    /// The text of the header, for an answer given now.
    pub(crate) fn header(&self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::DateIn(seconds) => http_date(Duration::from_secs(*seconds)),
            Self::Text(text) => text.clone(),
        }
    }
}

/// The IMF-fixdate (RFC 9110 section 5.6.7) this far ahead; a distance beyond the calendar counts as none.
fn http_date(ahead: Duration) -> String {
    let ahead = chrono::TimeDelta::from_std(ahead).unwrap_or_default();
    let now = Utc::now();
    now.checked_add_signed(ahead).unwrap_or(now).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
