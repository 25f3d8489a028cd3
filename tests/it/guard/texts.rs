//! Texts with codes that an application checks itself.

use super::*;

const SEND: &str = "/sms/send-transactional";

async fn send(door: &Door, phone: &str) -> Answer {
    let text = json!({ "to": phone, "text": "Your code is 123456", "guarded": true });
    let sent = door.post(SEND, &text).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    sent
}

async fn report(door: &Door, sent: &Answer) {
    let reported = door.post(&format!("/sms/messages/{}/converted", message(sent)), &json!({})).await;
    assert_eq!(
        (reported.status.as_u16(), &reported.body["converted"]),
        (200, &json!(true)),
        "{}",
        reported.body
    );
}

fn message(sent: &Answer) -> &str {
    sent.body["message_id"].as_str().unwrap()
}

#[tokio::test]
async fn a_guarded_text_that_does_not_pass_is_suppressed() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enforcing(&door).await;
    for n in 0..5 {
        let sent = send(&door, &number(10, n * 100)).await;
        assert_eq!(sent.body["status"], "queued");
    }
    let held = send(&door, &number(10, 9000)).await;
    assert_eq!(held.body["status"], "suppressed");
    let shown = door.get(&format!("/sms/messages/{}", message(&held))).await.body;
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("suppressed"), &json!("guard")));
    assert_eq!(decisions(&door, "").await[0]["rule"], "unmeasured");
    assert_eq!(app.unfinished().await, 5);
    // Other texts are not looked at.
    let plain = door.post(SEND, &json!({ "to": number(10, 9100), "text": "Your table is booked." })).await;
    assert_eq!(plain.body["status"], "queued");
    assert_eq!(decisions(&door, "").await.len(), 6);
}

#[tokio::test]
async fn who_reports_what_came_back_is_measured_like_codes() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enforcing(&door).await;
    let first = send(&door, &number(11, 0)).await;
    assert_eq!(state(&app, "prefix", "+4179011").await["credits"], 19.0);
    // Told twice, it counts once.
    send(&door, &number(11, 4000)).await;
    for _ in 0..2 {
        report(&door, &first).await;
        assert_eq!(state(&app, "prefix", "+4179011").await["credits"], 19.0);
    }
    for n in 1..6 {
        assert_eq!(
            send(&door, &number(11, n * 100)).await.body["status"],
            "queued",
            "no longer five of a prefix"
        );
    }
    assert_eq!(send(&door, &number(11, 9000)).await.body["status"], "suppressed");
    assert_eq!(decisions(&door, "").await[0]["rule"], "neighbours");
}

#[tokio::test]
async fn who_reports_what_was_not_sent_or_is_old_news_is_not_measured() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enforcing(&door).await;
    let first = send(&door, &number(13, 0)).await;
    for n in 1..5 {
        send(&door, &number(13, n * 100)).await;
    }
    let held = send(&door, &number(13, 9000)).await;
    assert_eq!(held.body["status"], "suppressed");
    report(&door, &held).await;
    assert_eq!(reported_lately(&app).await, None, "it never left");
    report(&door, &first).await;
    assert_eq!(reported_lately(&app).await, Some(true));
    // A week later the same again.
    run(&app, "update smsgw.guard_reporters set reported_at = reported_at - interval '8 days'".to_owned())
        .await;
    report(&door, &first).await;
    assert_eq!(reported_lately(&app).await, Some(false));
    let unknown = format!("/sms/messages/{}/converted", uuid::Uuid::now_v7());
    assert_eq!(door.post(&unknown, &json!({})).await.status, 404);
}

/// Whether the key that reported something did so within a week.
async fn reported_lately(app: &TestApp) -> Option<bool> {
    sqlx::query_scalar("select reported_at > now() - interval '7 days' from smsgw.guard_reporters")
        .fetch_optional(&app.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_application_that_reports_nothing_sends_fifty_an_hour() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enforcing(&door).await;
    for n in 0..50 {
        assert_eq!(send(&door, &number(100 + n, 1)).await.body["status"], "queued", "{n}");
    }
    assert_eq!(send(&door, &number(200, 1)).await.body["status"], "suppressed");
}

#[tokio::test]
async fn guarded_is_for_single_texts_and_only_they_are_reported() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let one = json!({ "to": number(12, 1), "text": "Your code is 123456", "guarded": true });
    let batch = door.post("/sms/send-batch", &json!({ "lane": "transactional", "messages": [one] })).await;
    assert_eq!(batch.body["refused"], 1, "{}", batch.body);
    let plain = door.post(SEND, &json!({ "to": number(12, 2), "text": "Hello" })).await;
    let reported = door.post(&format!("/sms/messages/{}/converted", message(&plain)), &json!({})).await;
    assert_eq!(reported.status, 404);
    let ask = || door.request(reqwest::Method::POST, SEND).header("idempotency-key", "once");
    let (first, second) = (door.call(ask().json(&one)).await, door.call(ask().json(&one)).await);
    assert_eq!((first.status.as_u16(), &first.body), (202, &second.body));
    assert_eq!(decisions(&door, "").await.len(), 1);
}
