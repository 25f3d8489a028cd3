//! Answers that came: garbage, errors, requests to slow down.

use std::time::Duration;

use shared::provider::{Outcome, SendError};

use crate::peer::{Act, Peer};
use crate::{adapters, answer, expect_doubt, failed, yes};

#[tokio::test]
async fn a_yes_whose_body_breaks_off_is_in_doubt() {
    for adapter in adapters::all() {
        let whole = yes(&adapter);
        for missing in [1, adapter.yes.1.len()] {
            let act = Act::AnswerAndClose(whole[..whole.len() - missing].to_vec());
            expect_doubt(&adapter, act, "reset").await;
        }
    }
}

#[tokio::test]
async fn a_garbage_yes_is_in_doubt() {
    for adapter in adapters::all() {
        let body = &adapter.yes.1;
        let cut = &body[..body.len() - 1];
        for garbage in
            ["", "OK", "<html>Login</html>", "{}", "[]", "null", "\0\0", cut, &format!("{body}{body}")]
        {
            expect_doubt(&adapter, Act::Answer(answer(200, "", garbage)), "garbage_answer").await;
        }
        expect_doubt(&adapter, Act::AnswerAndClose(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()), "garbage_answer")
            .await;
    }
}

#[tokio::test]
async fn an_endless_body_is_in_doubt_and_not_read() {
    const MIB: usize = 1024 * 1024;
    for adapter in adapters::all() {
        let peer = Peer::always(Act::Flood(64 * MIB)).await;
        let error = failed(&adapter, adapter.send_to(&peer.url("http")).await);
        assert_eq!((error.outcome(), error.answer().reason), (Outcome::InDoubt, "garbage_answer"));
        // What is not read fills the system's socket buffers, at most.
        assert!(peer.flooded() < 16 * MIB, "{} took {} bytes", adapter.name, peer.flooded());
    }
}

#[tokio::test]
async fn a_server_error_is_in_doubt_unless_the_vendor_itself_says_it_failed() {
    for adapter in adapters::all() {
        for status in [500, 502, 503, 504] {
            for body in ["", "<html>502 Bad Gateway</html>", r#"{"error":"upstream"}"#] {
                expect_doubt(&adapter, Act::Answer(answer(status, "", body)), "server_error").await;
            }
        }
        for status in [500, 503] {
            let own = (adapter.own_failure)(status);
            let peer = Peer::always(Act::Answer(answer(status, "", &own))).await;
            let error = failed(&adapter, adapter.send_to(&peer.url("http")).await);
            assert!(matches!(error, SendError::Unavailable { .. }), "{}: {error:?}", adapter.name);
        }
        // A gateway that gave up waiting knows nothing, whatever it writes.
        let own = (adapter.own_failure)(504);
        expect_doubt(&adapter, Act::Answer(answer(504, "", &own)), "server_error").await;
    }
}

#[tokio::test]
async fn slow_down_is_throttled_for_as_long_as_the_vendor_says() {
    let date = "date: Fri, 20 Nov 2026 12:00:00 GMT\r\n";
    for adapter in adapters::all() {
        for (headers, wait) in [
            ("", None),
            ("retry-after: 2\r\n", Some(2)),
            ("Retry-After: Fri, 20 Nov 2026 12:00:07 GMT\r\n", Some(7)),
            ("retry-after: 86400\r\n", Some(3600)),
            ("retry-after: soon\r\n", None),
            ("retry-after: 0\r\n", None),
        ] {
            for body in [String::new(), (adapter.own_failure)(429)] {
                let peer = Peer::always(Act::Answer(answer(429, &format!("{date}{headers}"), &body))).await;
                let error = failed(&adapter, adapter.send_to(&peer.url("http")).await);
                let SendError::Throttled { retry_after, answer } = error else { panic!("{error:?}") };
                assert_eq!(retry_after, wait.map(Duration::from_secs), "{} {headers:?}", adapter.name);
                assert_eq!((answer.status_code, answer.reason), (Some(429), "rate_limited"));
            }
        }
    }
}

#[tokio::test]
async fn statuses_without_a_body_ask_for_the_same_reaction_everywhere() {
    for adapter in adapters::all() {
        for (status, variant) in [
            (400, "Refused"),
            (401, "Unusable"),
            (402, "Unusable"),
            (403, "Unusable"),
            (404, "Refused"),
            (405, "Refused"),
            (408, "Throttled"),
            (422, "Refused"),
            (204, "InDoubt"),
            (304, "InDoubt"),
            (599, "InDoubt"),
        ] {
            let peer = Peer::always(Act::Answer(answer(status, "", ""))).await;
            let error = failed(&adapter, adapter.send_to(&peer.url("http")).await);
            assert!(format!("{error:?}").starts_with(variant), "{} {status}: {error:?}", adapter.name);
            assert_eq!(error.answer().status_code, Some(status));
        }
    }
}

#[tokio::test]
async fn a_no_whose_body_breaks_off_is_still_a_no() {
    for adapter in adapters::all() {
        for (status, variant) in [(400, "Refused"), (401, "Unusable"), (429, "Throttled")] {
            let head = format!("HTTP/1.1 {status} No\r\ncontent-length: 50\r\n\r\n{{");
            let peer = Peer::always(Act::AnswerAndClose(head.into_bytes())).await;
            let error = failed(&adapter, adapter.send_to(&peer.url("http")).await);
            assert!(format!("{error:?}").starts_with(variant), "{} {status}: {error:?}", adapter.name);
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for adapter in adapters::all() {
        let target = Peer::always(Act::Answer(yes(&adapter))).await;
        for status in [301, 302, 307, 308] {
            let headers = format!("location: {}/\r\n", target.url("http"));
            let peer = Peer::always(Act::Answer(answer(status, &headers, ""))).await;
            let error = failed(&adapter, adapter.send_to(&peer.url("http")).await);
            assert!(matches!(error, SendError::Unusable { .. }), "{} {status}: {error:?}", adapter.name);
        }
        assert_eq!(target.connections(), 0, "{}", adapter.name);
    }
}
