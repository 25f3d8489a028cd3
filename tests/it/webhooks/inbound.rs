//! Texts that people send to our numbers: what they stop is stopped at once.

use std::time::Duration;

use serde_json::{Value, json};
use shared::store::upkeep;
use tests::builders::{a_number, a_promo};
use tests::door::Answer;
use tests::{Door, TestApp, http};
use uuid::Uuid;

use super::{SID, post, signed};

const PATH: &str = "/webhooks/twilio/inbound";

async fn says_as(door: &Door, sid: &str, number: &str, text: &str) -> Answer {
    post(door, PATH, &[("MessageSid", sid), ("From", number), ("To", "+15005550006"), ("Body", text)]).await
}

/// A text of its own.
async fn says(door: &Door, number: &str, text: &str) -> Answer {
    says_as(door, &format!("SM{}", Uuid::new_v4().simple()), number, text).await
}

async fn opt_outs(door: &Door, number: &str) -> Vec<Value> {
    let shown = door.get(&format!("/sms/opt-outs/{number}")).await.body;
    shown["opt_outs"].as_array().unwrap().clone()
}

async fn is_stopped(door: &Door, number: &str) -> bool {
    !opt_outs(door, number).await.is_empty()
}

#[tokio::test]
async fn a_stop_is_recorded_and_a_start_lifts_it() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    for (text, stopped) in [
        ("Help", false),
        ("Stop!", true),
        ("HELP", true),
        ("info", true),
        ("hello there", true),
        ("un stop", false),
        ("Yes", false),
        ("stop all", true),
        ("START", false),
        ("quit.", true),
        ("start", false),
        ("Opt out", true),
    ] {
        assert_eq!(says(&door, &number, text).await.status, 200);
        assert_eq!(is_stopped(&door, &number).await, stopped, "after {text:?}");
    }
    let [stop] = &opt_outs(&door, &number).await[..] else { panic!("one stop") };
    assert_eq!((&stop["scope"], &stop["source"]), (&json!("marketing"), &json!("inbound:twilio")));
}

#[tokio::test]
async fn a_word_that_only_the_messaging_service_knows_is_a_stop_or_a_start() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    for (text, kind, stopped) in
        [("BASTA", "STOP", true), ("STOP", "HELP", true), ("OUI", "START", false), ("STOP", "HELP", false)]
    {
        let sid = format!("SM{}", Uuid::new_v4().simple());
        let fields = [("MessageSid", sid.as_str()), ("From", &number), ("Body", text), ("OptOutType", kind)];
        assert_eq!(post(&door, PATH, &fields).await.status, 200);
        assert_eq!(is_stopped(&door, &number).await, stopped, "after {text:?}, {kind}");
    }
}

#[tokio::test]
async fn the_answer_is_an_empty_twiml_document() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for text in ["STOP", "anything else"] {
        let fields = [("MessageSid", SID), ("From", "+41791234567"), ("Body", text)];
        let request = signed(&door, mock_provider::Credentials::AUTH_TOKEN, PATH, &fields);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/xml"));
        assert!(answer.text().await.unwrap().ends_with("<Response/>"));
    }
}

#[tokio::test]
async fn a_replayed_start_does_not_undo_a_later_stop() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let start = format!("SM{}", Uuid::new_v4().simple());
    says(&door, &number, "STOP").await;
    says_as(&door, &start, &number, "START").await;
    says(&door, &number, "STOP").await;
    for _ in 0..3 {
        assert_eq!(says_as(&door, &start, &number, "START").await.status, 200);
        assert!(is_stopped(&door, &number).await);
    }
    sqlx::query("update smsgw.sms_inbound set received_at = received_at - interval '91 days'")
        .execute(&app.pool)
        .await
        .unwrap();
    assert_eq!(upkeep::purge_inbound(&app.pool).await.unwrap(), 3);
}

#[tokio::test]
async fn a_text_does_not_lift_what_an_operator_stopped_altogether() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    door.put(&format!("/sms/opt-outs/{number}"), &json!({ "scope": "all" })).await;
    says(&door, &number, "START").await;
    assert!(is_stopped(&door, &number).await);
}

#[tokio::test]
async fn a_forged_stop_or_start_changes_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let fields = [("MessageSid", SID), ("From", number.as_str()), ("Body", "STOP")];
    let unsigned = http::client().post(format!("{}{PATH}", door.url)).form(&fields);
    for request in [unsigned, signed(&door, "wrong", PATH, &fields)] {
        assert_eq!(door.call(request).await.refusal(), (403, "invalid-signature"));
    }
    assert!(!is_stopped(&door, &number).await);
}

#[tokio::test]
async fn no_promo_is_claimed_after_the_answer_to_a_stop() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    app.start_worker_with(|parts| parts.config.promo_slots = 16);
    for round in 1..=4 {
        let number = a_number();
        let campaign: Vec<_> = (0..500).map(|_| a_promo(app.now()).to(&number).build()).collect();
        app.mock.clear_arrivals();
        app.accept_all(&campaign).await;
        app.mock.wait_for_arrivals(50, Duration::from_secs(10)).await;
        assert_eq!(says(&door, &number, "Stop").await.status, 200);
        let queued: Vec<(Uuid,)> =
            sqlx::query_as(r#"select id from smsgw.sms_outbox where "to" = $1 and worker_id is null"#)
                .bind(&number)
                .fetch_all(&app.pool)
                .await
                .unwrap();
        assert!(!queued.is_empty(), "the campaign was too short");
        app.drained(Duration::from_secs(30)).await;
        let ids: Vec<Uuid> = queued.into_iter().map(|(id,)| id).collect();
        let sent: i64 = sqlx::query_scalar(
            "select count(*) from sms_messages_log where id = any($1) and status <> 'suppressed'",
        )
        .bind(ids)
        .fetch_one(&app.pool)
        .await
        .unwrap();
        assert_eq!(sent, 0, "claimed after the answer in round {round}");
    }
    app.stop().await;
}
