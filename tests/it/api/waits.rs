//! `Prefer: wait=N`: the answer waits for what becomes of the message.

use std::time::{Duration, Instant};

use futures::future::join_all;
use mock_provider::{Fault, FaultRule, RecipientMatch, RetryAfter, Vendor};
use private_postgres::{Cluster, Options};
use reqwest::Method;
use serde_json::{Value, json};
use shared::db::Database;
use sqlx::{Connection, PgConnection};
use tests::door::Answer;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{SEND, a_message, assert_names, stored, with};

/// Sends a message with a preference.
async fn send(door: &Door, prefer: &str, body: &Value) -> Answer {
    door.call(door.request(Method::POST, SEND).header("prefer", prefer).json(body)).await
}

/// As [`send`], with a key; the very bytes of the answer.
async fn send_once(door: &Door, prefer: Option<&str>, key: &str, body: &Value) -> String {
    let mut request = door.request(Method::POST, SEND).header("idempotency-key", key);
    if let Some(prefer) = prefer {
        request = request.header("prefer", prefer);
    }
    let answer = request.json(body).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    answer.text().await.unwrap()
}

#[track_caller]
fn assert_waited(answer: &Answer, status: &str, applied: &str) {
    assert_eq!((answer.status.as_u16(), &answer.body["status"]), (202, &json!(status)), "{}", answer.body);
    assert_eq!(answer.headers["preference-applied"], applied);
    assert_eq!(answer.body.as_object().unwrap().len(), 2, "no more than without a wait: {}", answer.body);
}

#[tokio::test]
async fn the_answer_waits_for_the_message_to_be_sent() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    for (prefer, applied) in [("wait=10", "wait=10"), ("respond-async, wait=\"100\"", "wait=30")] {
        let began = Instant::now();
        let answer = send(&door, prefer, &a_message()).await;
        assert_waited(&answer, "sent", applied);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let logged = app.logged(answer.body["message_id"].as_str().unwrap().parse().unwrap()).await;
        assert_eq!(logged.unwrap().status, "sent");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_message_that_fails_is_told_to_have_failed() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    app.mock.fail(Vendor::Twilio, Fault::Reject { code: "21211".to_owned() }).unwrap();
    assert_waited(&send(&door, "wait=10", &a_message()).await, "failed", "wait=10");
    app.stop().await;
}

/// Twilio wants it slower for two seconds, which a text waits for.
#[tokio::test]
async fn a_try_that_is_followed_by_another_is_no_outcome() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let body = a_message();
    let fault = Fault::Throttle { retry_after: Some(RetryAfter::Seconds(2)) };
    let to = RecipientMatch::Recipient(body["to"].as_str().unwrap().to_owned());
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, fault).times(1).to(to)).unwrap();
    let answer = send(&door, "wait=15", &body).await;
    assert_waited(&answer, "sent", "wait=15");
    let id = answer.body["message_id"].as_str().unwrap().parse().unwrap();
    let outcomes: Vec<_> = app.attempts(id).await.into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["throttled", "accepted"]);
    app.stop().await;
}

#[tokio::test]
async fn without_an_outcome_in_time_the_message_is_queued() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let began = Instant::now();
    assert_waited(&send(&door, "wait=1", &a_message()).await, "queued", "wait=1");
    let took = began.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&took), "{took:?}");
    let began = Instant::now();
    assert_waited(&send(&door, "wait=0", &a_message()).await, "queued", "wait=0");
    let planned =
        with(&a_message(), "send_at", json!((app.now() + chrono::TimeDelta::hours(1)).to_rfc3339()));
    assert_waited(&send(&door, "wait=30", &planned).await, "queued", "wait=30");
    assert!(began.elapsed() < Duration::from_secs(1), "nothing can come of these: {:?}", began.elapsed());
    assert_eq!(stored(&app).await[0], 3);
}

#[tokio::test]
async fn what_is_no_preference_is_ignored_and_a_refusal_does_not_wait() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let began = Instant::now();
    for prefer in ["", "wait", "wait=-1", "wait=1.5", "wait=soon", "wait=x, wait=20", "respond-async"] {
        let answer = send(&door, prefer, &a_message()).await;
        assert_eq!((answer.status.as_u16(), &answer.body["status"]), (202, &json!("queued")), "{prefer}");
        assert!(!answer.headers.contains_key("preference-applied"), "{prefer}");
    }
    assert_names(&send(&door, "wait=20", &with(&a_message(), "to", json!("12"))).await, &["to"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// The wait is outside of what is stored under a key.
#[tokio::test]
async fn a_repeated_request_waits_too_and_gets_what_has_become_known() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = a_message();
    let plain = send_once(&door, None, "order-7", &body).await;
    assert!(plain.contains("queued"), "{plain}");
    assert_eq!(send_once(&door, Some("wait=1"), "order-7", &body).await, plain);
    app.start_worker();
    let sent = send_once(&door, Some("wait=10"), "order-7", &body).await;
    assert_eq!(sent, plain.replace("queued", "sent"));
    assert_eq!(send_once(&door, None, "order-7", &body).await, plain, "what is stored stays as it was");
    let first = send_once(&door, Some("wait=10"), "order-8", &a_message()).await;
    assert!(first.contains("sent"), "{first}");
    assert_eq!(app.mock.arrival_total(), 2);
    app.stop().await;
}

/// Each on its own would ask fifty times a second.
#[tokio::test]
async fn many_who_wait_are_looked_for_together() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    send(&door, "wait=0", &a_message()).await;
    let before = transactions(&app).await;
    let waits = join_all((0..200).map(async |_| send(&door, "wait=3", &a_message()).await));
    let (answers, queries) = tokio::join!(waits, async {
        eventually("all to wait", async || (stored(&app).await[0] == 201).then_some(())).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        transactions(&app).await - before
    });
    assert!(answers.iter().all(|answer| answer.body["status"] == "queued"));
    assert!(queries < 1000, "{queries} transactions");
    let waits = join_all((0..200).map(async |_| send(&door, "wait=20", &a_message()).await));
    let (answers, ()) = tokio::join!(waits, async {
        eventually("all to wait", async || (stored(&app).await[0] == 401).then_some(())).await;
        app.start_worker();
    });
    assert!(answers.iter().all(|answer| answer.body["status"] == "sent"), "each learns of its own");
    app.stop().await;
}

/// Transactions in the test's database so far.
async fn transactions(app: &TestApp) -> i64 {
    let count = "select xact_commit from pg_stat_database where datname = current_database()";
    sqlx::query_scalar(count).fetch_one(&app.pool).await.unwrap()
}

#[tokio::test]
async fn a_stop_answers_those_who_wait() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let request = door.request(Method::POST, SEND).header("prefer", "wait=30").json(&a_message());
    let waiting = tokio::spawn(async move { request.send().await.unwrap().text().await.unwrap() });
    eventually("the message to be stored", async || (stored(&app).await[0] == 1).then_some(())).await;
    let began = Instant::now();
    door.close().await;
    let answer: Value = serde_json::from_str(&waiting.await.unwrap()).unwrap();
    assert_eq!(answer["status"], "queued");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// What was accepted stays accepted, whatever becomes of the wait.
#[tokio::test]
async fn a_database_that_goes_away_during_the_wait_means_no_outcome_in_time() {
    let mut cluster = Cluster::start(Options::temporary()).await.unwrap();
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    sqlx::raw_sql("create database smsgw").execute(&mut admin).await.unwrap();
    let url = cluster.url_for("smsgw");
    Database::new(&url).unwrap().migrate().await.unwrap();
    let app = TestApp::on(url).await;
    let door = Door::open(&app).await;
    let request = door.request(Method::POST, SEND).header("prefer", "wait=3").json(&a_message());
    let waiting = tokio::spawn(request.send());
    eventually("the message to be stored", async || (stored(&app).await[0] == 1).then_some(())).await;
    cluster.kill_hard().await.unwrap();
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["preference-applied"]),
        (202, &"wait=3".parse().unwrap())
    );
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(answer["status"], "queued");
    cluster.restart().await.unwrap();
    drop(door);
    cluster.stop().await.unwrap();
}
