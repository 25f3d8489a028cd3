//! `GET /sms/messages` and `/sms/messages/{id}`: outbox and log seen as one, also while messages move.

use std::collections::HashSet;

use mock_provider::{Fault, FaultBody, PaceChange, Vendor};
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{BATCH, MESSAGES, OTP_SEND, SEND, a_message, with};

async fn send(door: &Door, message: &Value) -> String {
    let answer = door.post(SEND, message).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.body["message_id"].as_str().unwrap().to_owned()
}

fn ids(page: &Value) -> Vec<String> {
    let messages = page["messages"].as_array().unwrap();
    messages.iter().map(|message| message["message_id"].as_str().unwrap().to_owned()).collect()
}

/// Follows the `Link` headers from `path` to the end.
async fn walk(door: &Door, path: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = door.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        seen.extend(ids(&page.body));
        let link = page.headers.get("link").map(|link| link.to_str().unwrap().to_owned());
        assert_eq!(link.is_some(), page.body["next_cursor"].is_string());
        next = link.map(|link| {
            let (path, relation) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
            assert_eq!(relation, "; rel=\"next\"");
            assert!(path.contains(page.body["next_cursor"].as_str().unwrap()));
            path.to_owned()
        });
    }
    seen
}

#[tokio::test]
async fn pages_follow_each_other_across_outbox_and_log() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut sent = Vec::new();
    for _ in 0..23 {
        sent.push(send(&door, &a_message()).await);
    }
    for id in sent.iter().step_by(3) {
        door.post(&format!("{MESSAGES}/{id}/cancel"), &json!({})).await;
    }
    sent.sort();
    sent.reverse();
    for limit in [1, 2, 5, 22, 23, 24, 200] {
        assert_eq!(
            walk(&door, &format!("{MESSAGES}?limit={limit}")).await,
            sent,
            "newest first, {limit} a page"
        );
    }
    assert_eq!(ids(&door.get(MESSAGES).await.body), sent, "50 a page unless told otherwise");
    let none = door.get(&format!("{MESSAGES}?cursor={}", sent[22])).await;
    assert_eq!(none.body, json!({ "messages": [], "next_cursor": null }));
}

#[tokio::test]
async fn each_filter_lets_only_its_own_pass() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let to = a_number();
    let mine = send(&door, &with(&with(&a_message(), "user_id", json!("ann & bob")), "to", json!(to))).await;
    let gone = send(&door, &a_message()).await;
    door.post(&format!("{MESSAGES}/{gone}/cancel"), &json!({})).await;
    let batch = door.post(BATCH, &json!({ "lane": "promo", "messages": [a_message()] })).await.body;
    let promo = batch["results"][0]["message_id"].as_str().unwrap().to_owned();
    door.post(OTP_SEND, &json!({ "phone": a_number() })).await;
    let code = ids(&door.get(&format!("{MESSAGES}?lane=otp")).await.body).remove(0);
    let digits = to.trim_start_matches('+');
    for (query, expected) in [
        ("lane=transactional".to_owned(), vec![&gone, &mine]),
        ("lane=promo".to_owned(), vec![&promo]),
        ("status=queued".to_owned(), vec![&code, &promo, &mine]),
        ("status=cancelled".to_owned(), vec![&gone]),
        ("status=sent".to_owned(), vec![]),
        (format!("to=%2B{digits}"), vec![&mine]),
        (format!("to=+{digits}"), vec![&mine]),
        (format!("to=00{digits}"), vec![&mine]),
        ("user_id=ann%20%26%20bob".to_owned(), vec![&mine]),
        ("user_id=nobody".to_owned(), vec![]),
        (format!("lane=transactional&status=queued&user_id=ann+%26+bob&to=%2B{digits}"), vec![&mine]),
        ("lane=promo&status=cancelled".to_owned(), vec![]),
    ] {
        let found =
            ids(&door.get(&format!("{MESSAGES}?{query}")).await.body).into_iter().collect::<HashSet<_>>();
        assert_eq!(found, expected.into_iter().cloned().collect(), "{query}");
        let walked = walk(&door, &format!("{MESSAGES}?{query}&limit=1")).await;
        assert_eq!(walked.len(), found.len(), "{query}: the link keeps the filter");
    }
}

/// Every message that stands before the walk begins is met once, though all are moving from the
/// outbox to the log meanwhile.
#[tokio::test]
async fn a_walk_loses_and_doubles_nothing_while_messages_move() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    for vendor in [Vendor::Twilio, Vendor::TwoFactor] {
        app.mock.set_pace(vendor, PaceChange { latency_ms: Some(30), ..PaceChange::default() });
    }
    let messages: Vec<Value> = (0..3000).map(|_| a_message()).collect();
    let batch = door.post(BATCH, &json!({ "lane": "transactional", "messages": messages })).await.body;
    let results = batch["results"].as_array().unwrap().iter();
    let sent: HashSet<String> =
        results.map(|result| result["message_id"].as_str().unwrap().to_owned()).collect();
    let mut walks = 0;
    loop {
        let moving = app.unfinished().await > 0;
        for path in ["limit=150", "limit=177&lane=transactional"] {
            let seen = walk(&door, &format!("{MESSAGES}?{path}")).await;
            assert_eq!(seen.len(), 3000, "nothing twice");
            assert_eq!(seen.iter().cloned().collect::<HashSet<_>>(), sent, "nothing lost");
        }
        walks += 1;
        if !moving {
            break;
        }
    }
    assert!(walks > 1, "the messages had all moved before the first walk");
    app.stop().await;
}

#[tokio::test]
async fn a_message_is_shown_with_all_that_was_done_for_it() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let fault = Fault::Status { status: 500, body: FaultBody::Vendor, delivered: false };
    app.mock.fail(Vendor::Twilio, fault).unwrap();
    let message = with(
        &with(&a_message(), "user_id", json!("ann")),
        "text",
        json!("Your table is booked. ".repeat(10)),
    );
    let id = send(&door, &message).await;
    let shown = eventually("the message to be sent", async || {
        let shown = door.get(&format!("{MESSAGES}/{id}")).await.body;
        (shown["status"] == "sent").then_some(shown)
    })
    .await;
    for (field, value) in [
        ("message_id", json!(id)),
        ("lane", json!("transactional")),
        ("to", message["to"].clone()),
        ("text", message["text"].clone()),
        ("user_id", json!("ann")),
        ("provider_name", json!("2factor")),
        ("reason", json!(null)),
        ("segments", json!(2)),
        ("attempt_count", json!(2)),
        ("copies", json!(0)),
        ("batch_id", json!(null)),
        ("due_at", json!(null)),
    ] {
        assert_eq!(shown[field], value, "{field}: {shown}");
    }
    let attempts = shown["attempts"].as_array().unwrap();
    let told: Vec<_> =
        attempts.iter().map(|a| (a["provider_name"].as_str(), a["outcome"].as_str())).collect();
    assert_eq!(told, [(Some("twilio"), Some("not_sent")), (Some("2factor"), Some("accepted"))]);
    assert_eq!((&attempts[0]["reason"], &attempts[0]["status_code"]), (&json!("server_error"), &json!(500)));
    assert!(attempts[1]["provider_message_id"].is_string());
    assert!(shown["finished_at"].as_str() >= shown["created_at"].as_str());
    app.stop().await;
}

#[tokio::test]
async fn a_waiting_message_tells_when_it_is_due() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let at = app.now() + chrono::TimeDelta::hours(1);
    let planned = with(&with(&a_message(), "send_at", json!(at.to_rfc3339())), "expires_in", json!(60));
    let id = send(&door, &planned).await;
    let shown = door.get(&format!("{MESSAGES}/{id}")).await.body;
    assert_eq!((&shown["status"], &shown["attempts"]), (&json!("queued"), &json!([])));
    let time = |field: &str| shown[field].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!((time("due_at") - at).num_milliseconds().abs() <= 1);
    assert_eq!(
        (time("expires_at") - time("due_at")).num_seconds().clamp(59, 60),
        (time("expires_at") - time("due_at")).num_seconds()
    );
    door.post(OTP_SEND, &json!({ "phone": a_number() })).await;
    let code = door.get(&format!("{MESSAGES}?lane=otp")).await.body;
    assert_eq!(code["messages"][0]["text"], json!(null), "a code that waits is shown to nobody");
    assert!(code["messages"][0]["session_id"].is_string());
}
