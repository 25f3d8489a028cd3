//! A vendor whose webhooks are refused does not complain; the log does.

use mock_provider::Credentials;
use serde_json::Value;
use tests::TestApp;

use super::{Running, log_lines};
use crate::webhooks::SID;

const RECEIPT: [(&str, &str); 2] = [("MessageSid", SID), ("MessageStatus", "delivered")];

/// The warnings of `gateway` that its webhooks are refused.
fn complaints(gateway: &Running) -> Vec<Value> {
    let lines = log_lines(&gateway.process).into_iter();
    lines.filter(|line| line["level"] == "WARN" && line["provider.id"] == "twilio").collect()
}

#[tokio::test]
async fn webhooks_that_cannot_be_checked_for_want_of_a_token_are_told_once() {
    let app = TestApp::without_worker().await;
    let by_key = [
        ("TWILIO_AUTH_TOKEN", ""),
        ("TWILIO_API_KEY_SID", Credentials::API_KEY_SID),
        ("TWILIO_API_KEY_SECRET", "secret"),
    ];
    let gateway = Running::with(app, &by_key, &["api"]).await;
    for path in ["/webhooks/twilio/status", "/webhooks/twilio/inbound", "/webhooks/twilio/status"] {
        assert_eq!(gateway.webhook(path, &RECEIPT).await, 403);
    }
    let told = complaints(&gateway);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0]["problem"].as_str().unwrap().contains("auth token"), "{told:?}");
}
