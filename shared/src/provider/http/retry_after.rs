//! `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

/// The longest wait believed. Beyond it a vendor's clock or unit is wrong, and one probe an hour hurts nobody.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long to stay away; `None` if the header does not say.
///
/// A date is compared with the answer's own `Date`, so that a vendor's wrong clock cancels out; without one, with
/// `now`. Zero or a past date names no wait: then our own backoff decides, for "at once" is what led here.
pub(super) fn parse(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    let wait = if is_digits(value) {
        // More digits than a u64 holds is just a very long time.
        value.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        let from = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
        until.duration_since(from).ok()?
    };
    (!wait.is_zero()).then(|| wait.min(LONGEST))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOON: &str = "Fri, 20 Nov 2026 12:00:00 GMT";

    fn at(text: &str) -> SystemTime {
        httpdate::parse_http_date(text).expect("a date")
    }

    fn seconds(value: &str, date: Option<&str>) -> Option<u64> {
        parse(value, date, at(NOON)).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_read_and_capped_at_an_hour() {
        for (value, expected) in [
            ("1", 1),
            (" 2 ", 2),
            ("007", 7),
            ("3600", 3600),
            ("3601", 3600),
            ("86400", 3600),
            ("99999999999999999999999999", 3600),
        ] {
            assert_eq!(seconds(value, None), Some(expected), "{value:?}");
        }
    }

    #[test]
    fn a_date_counts_from_the_answers_own_date() {
        let later = "Fri, 20 Nov 2026 12:00:30 GMT";
        assert_eq!(seconds(later, None), Some(30));
        assert_eq!(seconds(later, Some("Fri, 20 Nov 2026 12:00:20 GMT")), Some(10));
        // The vendor's clock is a day behind ours.
        assert_eq!(seconds("Thu, 19 Nov 2026 12:00:05 GMT", Some("Thu, 19 Nov 2026 12:00:00 GMT")), Some(5));
        assert_eq!(seconds(later, Some("yesterday")), Some(30));
        assert_eq!(seconds("Sat, 21 Nov 2026 12:00:00 GMT", None), Some(3600));
    }

    #[test]
    fn the_two_old_date_forms_are_read_too() {
        assert_eq!(seconds("Friday, 20-Nov-26 12:00:09 GMT", None), Some(9));
        assert_eq!(seconds("Fri Nov 20 12:00:09 2026", None), Some(9));
    }

    #[test]
    fn no_wait_and_garbage_say_nothing() {
        for value in [
            "",
            " ",
            "0",
            "000",
            "-1",
            "+5",
            "1.5",
            "2s",
            "soon",
            "١٢",
            "12 30",
            "Fri, 20 Nov 2026",
            NOON,
            "Fri, 20 Nov 2026 11:59:59 GMT",
            "2026-11-20T12:00:30Z",
        ] {
            assert_eq!(seconds(value, None), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_wait_longer_than_an_hour(value in ".{0,40}", date in proptest::option::of(".{0,40}")) {
            let wait = parse(&value, date.as_deref(), at(NOON));
            prop_assert!(wait.is_none_or(|wait| !wait.is_zero() && wait <= LONGEST));
        }
    }
}
