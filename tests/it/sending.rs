//! One message's way through its route.

use mock_provider::{Fault, FaultBody, RetryAfter, Vendor};
use tests::TestApp;
use tests::builders::{a_promo, a_transactional, an_otp};

fn pairs(attempts: &[(String, String)]) -> Vec<(&str, &str)> {
    attempts.iter().map(|(provider, outcome)| (provider.as_str(), outcome.as_str())).collect()
}

#[tokio::test]
async fn a_message_goes_out_by_the_first_provider() {
    let app = TestApp::start().await;
    let id = app.accept(a_transactional(app.now())).await;
    assert_eq!(app.end_of(id).await, ("sent".to_owned(), None));
    assert_eq!(pairs(&app.attempts(id).await), [("twilio", "accepted")]);
    assert_eq!(app.mock.arrivals().len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn an_otp_leaves_sealed_and_is_logged_masked() {
    let app = TestApp::start().await;
    let id = app.accept(an_otp(app.now(), &app.keyring, "048213")).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert!(app.mock.arrivals()[0].body.contains("048213"));
    let text: String = sqlx::query_scalar("select text from sms_messages_log where id = $1")
        .bind(id)
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(text, "Your code is ******.");
    app.stop().await;
}

#[tokio::test]
async fn a_server_fault_sends_the_message_by_the_next_provider() {
    let app = TestApp::start().await;
    let fault = Fault::Status { status: 503, body: FaultBody::Vendor, delivered: false };
    app.mock.fail(Vendor::Twilio, fault).unwrap();
    let id = app.accept(a_transactional(app.now())).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(pairs(&app.attempts(id).await), [("twilio", "not_sent"), ("2factor", "accepted")]);
    app.stop().await;
}

#[tokio::test]
async fn an_otp_moves_on_at_once_when_a_provider_throttles() {
    let app = TestApp::start().await;
    let fault = Fault::Throttle { retry_after: Some(RetryAfter::Seconds(2)) };
    app.mock.fail(Vendor::Twilio, fault).unwrap();
    let id = app.accept(an_otp(app.now(), &app.keyring, "111222")).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(pairs(&app.attempts(id).await), [("twilio", "throttled"), ("2factor", "accepted")]);
    app.stop().await;
}

#[tokio::test]
async fn a_promo_in_doubt_is_not_repeated_elsewhere() {
    let app = TestApp::start().await;
    app.mock.fail(Vendor::Twilio, Fault::DeliverThenReset).unwrap();
    let id = app.accept(a_promo(app.now())).await;
    assert_eq!(app.end_of(id).await.0, "unknown");
    assert_eq!(pairs(&app.attempts(id).await), [("twilio", "in_doubt")]);
    assert_eq!(app.mock.arrivals().len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn an_otp_in_doubt_is_sent_once_more_with_the_same_code() {
    let app = TestApp::start().await;
    app.mock.fail(Vendor::Twilio, Fault::DeliverThenReset).unwrap();
    let id = app.accept(an_otp(app.now(), &app.keyring, "987654")).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(pairs(&app.attempts(id).await), [("twilio", "in_doubt"), ("2factor", "accepted")]);
    assert_eq!(app.mock.arrivals().len(), 2);
    app.stop().await;
}
