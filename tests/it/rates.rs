//! Configured rates at their edges: a single code, and a rate that is changed.

use std::time::Duration;

use serde_json::json;
use tests::builders::{a_number, a_transactional, an_otp};
use tests::wait::within;
use tests::{Door, TestApp};

/// A gateway whose only provider may be called `rate` times a second.
async fn with_rate(rate: u32) -> TestApp {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| {
        parts.providers.truncate(1);
        parts.providers[0].max_per_second = Some(rate);
    });
    app
}

/// A token that nobody was there to take is void; the code that asked for it must not ask in vain
/// for ever.
#[tokio::test]
async fn a_lone_code_leaves_within_a_second_whatever_the_rate() {
    for rate in [10, 15, 25] {
        let app = with_rate(rate).await;
        for _ in 0..3 {
            let id = app.accept(an_otp(app.now(), &app.keyring, "112233")).await;
            within(Duration::from_secs(2), "a lone code to leave", async || {
                (app.state(id).await.0 == "sent").then_some(())
            })
            .await;
        }
        app.stop().await;
    }
}

#[tokio::test]
async fn a_rate_that_is_changed_holds_from_then_on() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.providers.clear());
    let door = Door::open(&app).await;
    for rate in [15, 25, 20, 999, 1000, 5] {
        let settings = json!({
            "kind": "twilio",
            "sender": "+15005550006",
            "max_per_second": rate,
            "settings": { "base_url": app.mock.url() },
            "credentials": { "account_sid": mock_provider::Credentials::ACCOUNT_SID,
                             "auth_token": mock_provider::Credentials::AUTH_TOKEN },
        });
        let stored = door.put("/settings/api/main", &settings).await;
        assert!(stored.status.is_success(), "{:?}", stored.body);
        let id = app.accept(a_transactional(app.now()).to(&a_number())).await;
        within(Duration::from_secs(5), "a text to leave at the new rate", async || {
            (app.state(id).await.0 == "sent").then_some(())
        })
        .await;
    }
    door.close().await;
    app.stop().await;
}
