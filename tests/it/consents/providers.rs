//! What a provider's refusal tells of a person: recorded once, and nobody is asked to send them that again.

use serde_json::json;
use shared::ids::MessageId;
use tests::builders::{Draft, a_promo, a_transactional, an_otp};
use tests::{Door, TestApp};

use super::history;

/// Twilio says of it that they texted STOP to our sender there; 2Factor takes it.
const UNSUBSCRIBED: &str = "+919875521610";

async fn end(app: &TestApp, draft: Draft) -> (MessageId, (String, Option<String>), Vec<(String, String)>) {
    let id = app.accept(draft.to(UNSUBSCRIBED)).await;
    (id, app.end_of(id).await, app.attempts(id).await)
}

fn call(provider: &str, outcome: &str) -> (String, String) {
    (provider.to_owned(), outcome.to_owned())
}

#[tokio::test]
async fn a_stop_that_a_provider_knows_of_is_recorded_and_holds_here_too() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let suppressed = ("suppressed".to_owned(), Some("opted_out".to_owned()));
    let (id, ended, attempts) = end(&app, a_transactional(app.now())).await;
    assert_eq!((ended, attempts), (suppressed.clone(), vec![call("twilio", "rejected")]));
    let proof = format!("message {id}");
    let known = [
        json!(["opt_out", "sender", "+15005550006", "provider:twilio", proof]),
        json!(["opt_out", "marketing", null, "provider:twilio", proof]),
    ];
    assert_eq!(history(&door, UNSUBSCRIBED).await, known);
    let (_, ended, attempts) = end(&app, a_promo(app.now())).await;
    assert_eq!((ended, attempts), (suppressed, vec![]), "a STOP means marketing, whoever sends it");
    let (_, ended, attempts) = end(&app, a_transactional(app.now())).await;
    assert_eq!((ended.0.as_str(), attempts), ("sent", vec![call("2factor", "accepted")]));
    assert_eq!(history(&door, UNSUBSCRIBED).await, known);
    app.stop().await;
}

#[tokio::test]
async fn a_code_goes_by_another_provider_than_the_one_that_was_told_to_stop() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    for _ in 0..2 {
        let (_, ended, attempts) = end(&app, an_otp(app.now(), &app.keyring, "123456")).await;
        assert_eq!(ended.0, "sent");
        assert_eq!(attempts, [call("twilio", "rejected"), call("2factor", "accepted")]);
        assert_eq!(history(&door, UNSUBSCRIBED).await.len(), 2);
    }
    app.stop().await;
}

/// A text of a sender of its own was refused because of that sender.
#[tokio::test]
async fn the_stop_is_to_the_sender_that_the_refused_message_had() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    end(&app, a_transactional(app.now()).sender("+15005550007")).await;
    assert_eq!(history(&door, UNSUBSCRIBED).await[0][2], "+15005550007");
    let (_, _, attempts) = end(&app, a_transactional(app.now()).sender("+15005550007")).await;
    assert_eq!(attempts, []);
    app.stop().await;
}
