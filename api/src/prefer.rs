//! `Prefer: wait=N` (RFC 7240): how long the caller would wait for a message's outcome.
//!
//! A preference is a wish: one that cannot be read is as good as none, and no reason to refuse a request.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(crate) const APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Whoever would wait longer waits so many seconds.
pub(crate) const LONGEST: u64 = 30;

/// What a request prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefer {
    wait: Option<u64>,
}

impl Prefer {
    fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(PREFER).into_iter().filter_map(|line| line.to_str().ok());
        let mut preferences = lines.flat_map(preferences);
        // Of several the first counts, be it usable or not (RFC 7240 §2).
        let wait = preferences.find_map(|(name, value)| name.eq_ignore_ascii_case("wait").then_some(value));
        Self { wait: wait.and_then(seconds) }
    }

    /// How long to wait, if a wait is preferred at all.
    pub(crate) fn wait(self) -> Option<Duration> {
        self.wait.map(Duration::from_secs)
    }

    /// What `Preference-Applied` says.
    pub(crate) fn applied(self) -> Option<HeaderValue> {
        let seconds = self.wait?;
        HeaderValue::try_from(format!("wait={seconds}")).ok()
    }
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// Name and value of each preference in a line, without their parameters.
fn preferences(line: &str) -> impl Iterator<Item = (&str, &str)> {
    split_outside_quotes(line, ',').map(|preference| {
        let bare = split_outside_quotes(preference, ';').next().unwrap_or_default();
        let (name, value) = bare.split_once('=').unwrap_or((bare, ""));
        (name.trim(), value.trim())
    })
}

/// As `str::split`, but what stands in a quoted string (RFC 9110 §5.6.4) does not count.
fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let splits = !quoted && c == separator;
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && c == '\\' && !escaped;
        splits
    })
}

/// Whole seconds, as a token or a quoted string; more than [`LONGEST`] are cut.
fn seconds(value: &str) -> Option<u64> {
    let digits = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    // Digits that are no u64 are too many seconds, too.
    valid.then(|| digits.parse().unwrap_or(LONGEST).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(lines: &[&'static str]) -> Option<u64> {
        let headers = lines.iter().map(|line| (PREFER, HeaderValue::from_static(line)));
        let mut all = HeaderMap::new();
        headers.for_each(|(name, value)| {
            all.append(name, value);
        });
        Prefer::of(&all).wait
    }

    #[test]
    fn whole_seconds_are_read_wherever_they_stand() {
        for line in [
            "wait=8",
            "Wait=8",
            "wait = 8",
            "wait=\"8\"",
            "respond-async, wait=8",
            "wait=8; foo=\"a,wait=1\", wait=9",
            "foo=\"a, wait=1, \\\", wait=2\", wait=08",
            ", ,wait=8,",
        ] {
            assert_eq!(waits(&[line]), Some(8), "{line}");
        }
        assert_eq!(waits(&["respond-async", "wait=8", "wait=9"]), Some(8));
    }

    #[test]
    fn more_than_the_longest_wait_is_cut() {
        assert_eq!(waits(&["wait=0"]), Some(0));
        assert_eq!(waits(&["wait=30"]), Some(30));
        for line in ["wait=31", "wait=3600", "wait=99999999999999999999999"] {
            assert_eq!(waits(&[line]), Some(LONGEST), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_preference() {
        for line in [
            "",
            "wait",
            "wait=",
            "wait=\"\"",
            "wait=-1",
            "wait=1.5",
            "wait=8s",
            "wait=\"8",
            "waiting=8",
            "\"wait=8\"",
        ] {
            assert_eq!(waits(&[line]), None, "{line}");
        }
        assert_eq!(waits(&["wait=x", "wait=8"]), None, "the first one counts");
        assert_eq!(waits(&[]), None);
    }
}
