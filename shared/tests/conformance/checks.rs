//! Checks of codes that a vendor made: only the vendor's own words say yes, and whoever says nothing is away.

use std::time::Duration;

use shared::provider::{CheckError, Checked};

use crate::adapters::{self, Checker};
use crate::answer;
use crate::peer::{Act, Peer};

const CODE: &str = "493817";

async fn check(checker: &Checker, act: Act) -> Result<Checked, CheckError> {
    let peer = Peer::always(act).await;
    checker.check_at(&peer.url("http"), CODE).await
}

fn away(reason: &'static str) -> Result<Checked, CheckError> {
    Err(CheckError::Away { retry_after: None, reason })
}

#[tokio::test]
async fn the_vendors_own_words_say_right_wrong_and_ended() {
    for checker in adapters::checkers() {
        for (said, expected) in [
            (&checker.right, Checked::Right),
            (&checker.wrong, Checked::Wrong),
            (&checker.ended, Checked::Ended),
        ] {
            let peer = Peer::always(Act::Answer(checker.answer(said))).await;
            let checked = checker.check_at(&peer.url("http"), CODE).await;
            assert_eq!(checked, Ok(expected), "{}", checker.name);
            let [request] = &peer.requests()[..] else { panic!("one request") };
            assert!(request.contains(checker.session) && request.contains(CODE), "{request}");
        }
    }
}

#[tokio::test]
async fn whoever_cannot_be_reached_or_says_nothing_clear_is_away() {
    for checker in adapters::checkers() {
        let right = checker.answer(&checker.right);
        let cut = right[..right.len() - 1].to_vec();
        assert_eq!(checker.check_at("http://127.0.0.1:1", CODE).await, away("connect"), "{}", checker.name);
        assert_eq!(check(&checker, Act::Reset).await, away("reset"), "{}", checker.name);
        assert_eq!(check(&checker, Act::AnswerAndClose(cut)).await, away("reset"), "{}", checker.name);
        for body in ["", "OTP Matched", "approved", "{}", "null", "<html>OTP Matched</html>"] {
            let act = Act::Answer(answer(200, "", body));
            assert_eq!(check(&checker, act).await, away("garbage_answer"), "{} {body}", checker.name);
        }
        for status in [500, 502, 503, 504] {
            // Not even the right words under a server error.
            let act = Act::Answer(answer(status, "", &checker.right.1));
            assert_eq!(check(&checker, act).await, away("server_error"), "{} {status}", checker.name);
        }
    }
}

#[tokio::test]
async fn silence_is_away_after_five_seconds() {
    let checks = adapters::checkers().into_iter().map(|checker| async move {
        let began = std::time::Instant::now();
        assert_eq!(check(&checker, Act::Hang).await, away("timeout"), "{}", checker.name);
        assert!(began.elapsed() < Duration::from_secs(8), "{} took {:?}", checker.name, began.elapsed());
    });
    futures::future::join_all(checks).await;
}

#[tokio::test]
async fn slow_down_is_away_for_as_long_as_the_vendor_says() {
    for checker in adapters::checkers() {
        for (headers, wait) in [("", None), ("retry-after: 7\r\n", Some(Duration::from_secs(7)))] {
            let checked = check(&checker, Act::Answer(answer(429, headers, ""))).await;
            let expected = CheckError::Away { retry_after: wait, reason: "rate_limited" };
            assert_eq!(checked, Err(expected), "{}", checker.name);
        }
    }
}

#[tokio::test]
async fn an_account_that_may_not_ask_is_unusable() {
    for checker in adapters::checkers() {
        for (status, reason) in
            [(401, "credentials"), (402, "credit"), (403, "account"), (404, "refused"), (301, "redirected")]
        {
            let checked = check(&checker, Act::Answer(answer(status, "", ""))).await;
            assert_eq!(checked, Err(CheckError::Unusable { reason }), "{} {status}", checker.name);
        }
    }
}
