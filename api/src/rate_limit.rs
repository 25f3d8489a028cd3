//! The headers that tell callers where they stand (draft-ietf-httpapi-ratelimit-headers-10):
//! `RateLimit-Policy: "phone-hour";q=5;w=3600` and `RateLimit: "phone-hour";r=4;t=3600`.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use shared::limits::Standing;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// An answer with the standings of whoever asked.
pub(crate) struct Limited<T>(pub(crate) Vec<Standing>, pub(crate) T);

impl<T: IntoResponse> IntoResponse for Limited<T> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        tell(response.headers_mut(), &self.0);
        response
    }
}

/// Puts `standings` into `headers`.
pub(crate) fn tell(headers: &mut HeaderMap, standings: &[Standing]) {
    let (mut policy, mut limit) = (String::new(), String::new());
    for Standing { limit: rule, remaining, reset } in standings {
        let comma = if policy.is_empty() { "" } else { ", " };
        // Rounded up: whoever comes back at that second is not early.
        let seconds = reset.as_millis().div_ceil(1000);
        // Writing to a string cannot fail.
        let _ = write!(policy, "{comma}\"{}\";q={};w={}", rule.name, rule.most, rule.per.as_secs());
        let _ = write!(limit, "{comma}\"{}\";r={remaining};t={seconds}", rule.name);
    }
    for (name, value) in [(POLICY, policy), (LIMIT, limit)] {
        if let Some(value) = HeaderValue::try_from(value).ok().filter(|value| !value.is_empty()) {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::limits::{Kind, Limit};

    use super::*;

    fn standing(name: &str, per: u64, remaining: u32, reset_millis: u64) -> Standing {
        let limit = Limit { name: name.into(), kind: Kind::Phone, per: Duration::from_secs(per), most: 5 };
        Standing { limit, remaining, reset: Duration::from_millis(reset_millis) }
    }

    #[test]
    fn standings_are_structured_fields() {
        let mut headers = HeaderMap::new();
        tell(&mut headers, &[standing("phone-hour", 3600, 4, 3_599_001), standing("ip-minute", 60, 0, 1)]);
        assert_eq!(headers[POLICY], r#""phone-hour";q=5;w=3600, "ip-minute";q=5;w=60"#);
        assert_eq!(headers[LIMIT], r#""phone-hour";r=4;t=3600, "ip-minute";r=0;t=1"#);
    }

    #[test]
    fn without_limits_there_are_no_headers() {
        let mut headers = HeaderMap::new();
        tell(&mut headers, &[]);
        assert!(headers.is_empty());
    }
}
