//! `/settings/api`: providers as data, taken up without a restart; their keys go in and never come out.

use std::time::{Duration, Instant};

use mock_provider::{Credentials, Vendor};
use serde_json::{Value, json};
use tests::wait::{eventually, within};
use tests::{Door, TestApp};

use super::{SEND, a_message, assert_refused, secrets, with, without};

const PROVIDERS: &str = "/settings/api";

/// A Twilio account at the mock.
fn twilio(app: &TestApp) -> Value {
    json!({ "kind": "twilio", "sender": "+15005550006", "settings": { "base_url": app.mock.url() },
        "credentials": { "account_sid": Credentials::ACCOUNT_SID, "auth_token": Credentials::AUTH_TOKEN } })
}

/// A 2Factor.in account at the mock.
fn two_factor(app: &TestApp) -> Value {
    json!({ "kind": "2factor", "sender": "TFCTOR", "settings": { "base_url": app.mock.url(), "plain_text": true },
        "credentials": { "api_key": Credentials::TWO_FACTOR_KEY } })
}

/// A gateway that knows no provider but those set over the API.
async fn bare_app() -> TestApp {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.providers.clear());
    app
}

async fn provider_of_next(door: &Door) -> String {
    provider_of(door, &a_message()).await
}

/// Who had the message last, however it ended.
async fn provider_of(door: &Door, message: &Value) -> String {
    let answer = door.post(SEND, message).await;
    let path = format!("/sms/messages/{}", answer.body["message_id"].as_str().unwrap());
    eventually("the message to end", async || {
        let message = door.get(&path).await.body;
        let waits = matches!(message["status"].as_str(), Some("queued" | "sending"));
        (!waits).then(|| message["provider_name"].as_str().unwrap_or_default().to_owned())
    })
    .await
}

/// Waits until messages take `wanted`, and says how long that was.
async fn takes(door: &Door, wanted: &str) -> Duration {
    let began = Instant::now();
    within(Duration::from_secs(10), wanted, async || (provider_of_next(door).await == wanted).then_some(()))
        .await;
    began.elapsed()
}

#[tokio::test]
async fn a_provider_is_used_changed_and_removed_without_a_restart() {
    let app = bare_app().await;
    let door = Door::open(&app).await;
    assert_eq!(provider_of_next(&door).await, "sandbox", "nothing is set, and this is no production");
    let set = door.put(&format!("{PROVIDERS}/main"), &twilio(&app)).await;
    assert_eq!(set.status, 200, "{}", set.body);
    let added = takes(&door, "main").await;
    let first = with(&two_factor(&app), "priority", json!(5));
    assert_eq!(door.put(&format!("{PROVIDERS}/india"), &first).await.status, 200);
    let overtaken = takes(&door, "india").await;
    let off = with(&without(&first, "credentials"), "enabled", json!(false));
    assert_eq!(door.put(&format!("{PROVIDERS}/india"), &off).await.status, 200);
    let disabled = takes(&door, "main").await;
    assert_eq!(
        door.put(&format!("{PROVIDERS}/india"), &with(&off, "enabled", json!(true))).await.status,
        200
    );
    let enabled = takes(&door, "india").await;
    assert_eq!(door.delete(&format!("{PROVIDERS}/india")).await.status, 204);
    let deleted = takes(&door, "main").await;
    eprintln!("taken up after {:?}", [added, overtaken, disabled, enabled, deleted]);
    for took in [added, overtaken, disabled, enabled, deleted] {
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_provider_takes_only_its_lanes_and_countries() {
    let app = bare_app().await;
    let door = Door::open(&app).await;
    let abroad = with(&with(&twilio(&app), "priority", json!(1)), "countries", json!(["CH"]));
    let promo = with(&with(&twilio(&app), "priority", json!(2)), "lanes", json!(["promo"]));
    for (name, provider) in [("rest", two_factor(&app)), ("abroad", abroad), ("bulk", promo)] {
        let set = door.put(&format!("{PROVIDERS}/{name}"), &provider).await;
        assert_eq!(set.status, 200, "{}", set.body);
    }
    takes(&door, "rest").await;
    let swiss = with(&a_message(), "to", json!("+41791234567"));
    eventually("the Swiss number to be reached abroad", async || {
        (provider_of(&door, &swiss).await == "abroad").then_some(())
    })
    .await;
    let bulk = json!({ "lane": "promo", "messages": [a_message()] });
    eventually("promo to take its own provider", async || {
        door.post(super::BATCH, &bulk).await;
        let sent = door.get("/sms/messages?lane=promo&status=sent&limit=1").await.body;
        (sent["messages"][0]["provider_name"] == "bulk").then_some(())
    })
    .await;
    assert_eq!(provider_of_next(&door).await, "rest");
    let home = bulk["messages"][0]["to"].as_str().unwrap();
    let by_twilio = app.mock.arrivals().into_iter().filter(|arrival| arrival.vendor == Vendor::Twilio);
    assert!(by_twilio.into_iter().all(|arrival| arrival.to == "+41791234567" || arrival.to == home));
    app.stop().await;
}

#[tokio::test]
async fn keys_go_in_and_never_come_out() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = format!("{PROVIDERS}/main");
    let (token, another) = ("first-token-of-the-account", "second-token-of-the-account");
    let secret = |token: &str| json!({ "account_sid": Credentials::ACCOUNT_SID, "auth_token": token });
    let mut shown = vec![door.put(&path, &with(&twilio(&app), "credentials", secret(token))).await];
    shown.push(door.get(&path).await);
    shown.push(door.put(&path, &with(&without(&twilio(&app), "credentials"), "priority", json!(3))).await);
    shown.push(door.put(&path, &with(&twilio(&app), "credentials", json!({ "auth_token": another }))).await);
    shown.push(door.get(PROVIDERS).await);
    // A refusal must not repeat what it refuses either.
    let colour = with(&secret(token), "colour", json!(another));
    shown.push(door.put(&path, &with(&twilio(&app), "credentials", colour)).await);
    shown
        .push(door.put(&path, &with(&twilio(&app), "credentials", json!({ "auth_token": [another] }))).await);
    shown.push(door.put(&path, &with(&twilio(&app), "credentials", json!(another))).await);
    assert_eq!(
        shown.iter().map(|answer| answer.status.as_u16()).collect::<Vec<_>>(),
        [200, 200, 200, 200, 200, 400, 400, 400]
    );
    for answer in &shown {
        let text = answer.body.to_string();
        assert!(!text.contains(token) && !text.contains(another), "{text}");
        assert!(!text.contains(&Credentials::ACCOUNT_SID[2..30]), "{text}");
    }
    assert_eq!(shown[2].body["credentials"]["auth_token"], "…ount", "that one is set may be known");
    for (table, row) in secrets::dump(&app).await {
        assert!(!row.contains(token) && !row.contains(another), "{table} holds a key in clear");
        assert!(
            !row.contains(&secrets::hex(token)) && !row.contains(&secrets::hex(another)),
            "{table} holds a key"
        );
    }
}

/// Who may set providers may not read their keys: not by having them sent to a host of their own either.
#[tokio::test]
async fn keys_do_not_follow_to_another_host() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = format!("{PROVIDERS}/main");
    let at = |url: &str| with(&without(&twilio(&app), "credentials"), "settings", json!({ "base_url": url }));
    assert_eq!(door.put(&path, &twilio(&app)).await.status, 200);
    let other_port = "http://127.0.0.1:1";
    for elsewhere in ["https://thief.example", other_port, &app.mock.url().replace("http:", "https:")] {
        let refused = door.put(&path, &at(elsewhere)).await;
        assert_eq!(refused.fields(), ["credentials.account_sid"], "{elsewhere}");
        let half = json!({ "account_sid": Credentials::ACCOUNT_SID });
        let refused = door.put(&path, &with(&at(elsewhere), "credentials", half)).await;
        assert_eq!(refused.fields(), ["credentials.auth_token"], "{elsewhere}");
    }
    let below = format!("{}/below", app.mock.url());
    assert_eq!(door.put(&path, &at(&below)).await.status, 200, "the same host is the same vendor");
    let anew = with(&at(other_port), "credentials", twilio(&app)["credentials"].clone());
    assert_eq!(door.put(&path, &anew).await.status, 200);
    let vendors_own = without(&without(&twilio(&app), "credentials"), "settings");
    assert_eq!(door.put(&path, &vendors_own).await.status, 200);
    assert_eq!(door.put(&path, &at(other_port)).await.fields(), ["credentials.account_sid"]);
}

#[tokio::test]
async fn what_is_left_out_takes_its_usual_value_but_keys_stay() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = format!("{PROVIDERS}/main");
    let all = json!({ "kind": "twilio", "priority": 7, "enabled": false, "lanes": ["otp"], "countries": ["IN", "CH"],
        "max_per_second": 20, "max_in_flight": 5, "sender": "ACME", "settings": { "base_url": "http://127.0.0.1:1" },
        "credentials": twilio(&app)["credentials"] });
    let set = door.put(&path, &all).await.body;
    for (field, value) in all.as_object().unwrap().iter().filter(|(field, _)| *field != "credentials") {
        assert_eq!(set[field], *value, "{field}");
    }
    let bare = door.put(&path, &json!({ "kind": "twilio", "sender": "ACME" })).await.body;
    for (field, value) in [
        ("name", json!("main")),
        ("priority", json!(100)),
        ("enabled", json!(true)),
        ("lanes", json!(["otp", "transactional", "promo"])),
        ("countries", json!(null)),
        ("max_per_second", json!(null)),
        ("max_in_flight", json!(null)),
        ("settings", json!({})),
        ("problem", json!(null)),
    ] {
        assert_eq!(bare[field], value, "{field}");
    }
    assert_eq!(bare["credentials"], set["credentials"]);
    let other_kind = door.put(&path, &json!({ "kind": "2factor" })).await;
    assert_eq!(other_kind.fields(), ["credentials.api_key"], "one vendor's keys are not another's");
    assert_eq!(door.delete(&path).await.status, 204);
    assert_refused(&door.get(&path).await, 404, "not-found");
    assert_eq!(door.get(PROVIDERS).await.body, json!({ "providers": [] }));
}
