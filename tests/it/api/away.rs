//! Postgres away: no request is told a success that is none, and all goes on by itself afterwards.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use private_postgres::{Cluster, Options};
use reqwest::Method;
use serde_json::{Value, json};
use shared::db::Database;
use sqlx::{Connection, PgConnection};
use tests::builders::a_number;
use tests::door::Answer;
use tests::wait::within;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::{BATCH, MESSAGES, OTP_RESEND, OTP_SEND, OTP_VERIFY, SEND, a_message, assert_refused, post_once};

/// A gateway on a cluster of its own, whose commits are on the disk.
async fn app_of_its_own() -> (Cluster, TestApp) {
    let cluster = Cluster::start(Options::temporary()).await.unwrap();
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    sqlx::raw_sql("create database smsgw").execute(&mut admin).await.unwrap();
    let url = cluster.url_for("smsgw");
    Database::new(&url).unwrap().migrate().await.unwrap();
    let mut app = TestApp::on(url).await;
    // As patient as the program's own.
    app.pool = app.database.pool(8);
    (cluster, app)
}

/// One request at every door that needs the database.
async fn knock_everywhere(door: &Door) -> Vec<(&'static str, Answer)> {
    let session = json!({ "session_id": Uuid::new_v4() });
    let verify = json!({ "session_id": Uuid::new_v4(), "otp": "123456" });
    let batch = json!({ "lane": "promo", "messages": [a_message(), a_message()] });
    let code = json!({ "phone": a_number() });
    let message = a_message();
    let posts =
        [(SEND, &message), (BATCH, &batch), (OTP_SEND, &code), (OTP_RESEND, &session), (OTP_VERIFY, &verify)];
    let gets =
        [MESSAGES, "/settings/pauses", "/settings/api", "/sms/templates", "/users/ann/contact-settings"];
    let bare = posts.map(async |(path, body)| (path, door.post(path, body).await));
    let once = posts.map(async |(path, body)| (path, post_once(door, path, path, body).await));
    let reads = gets.map(async |path| (path, door.get(path).await));
    let (bare, once, reads) = tokio::join!(join_all(bare), join_all(once), join_all(reads));
    [bare, once, reads].into_iter().flatten().collect()
}

fn message_id(answer: &Answer) -> Option<String> {
    (answer.status == 202).then(|| answer.body["message_id"].as_str().unwrap().to_owned())
}

async fn stored_ids(app: &TestApp) -> HashSet<String> {
    let ids: Vec<String> =
        sqlx::query_scalar("select id::text from smsgw.sms_outbox").fetch_all(&app.pool).await.unwrap();
    ids.into_iter().collect()
}

#[tokio::test]
async fn without_postgres_every_door_says_so_and_opens_again_by_itself() {
    let (mut cluster, app) = app_of_its_own().await;
    let door = Door::open(&app).await;
    for round in 0..3 {
        assert_eq!(door.get("/readyz").await.status, 200);
        cluster.kill_hard().await.unwrap();
        // The second time the key is no longer remembered.
        for _ in 0..2 {
            let began = Instant::now();
            for (path, answer) in knock_everywhere(&door).await {
                assert_refused(&answer, 503, "unavailable");
                assert!(answer.headers.contains_key("retry-after"), "{path}");
            }
            assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
        }
        let ready = door.get("/readyz").await;
        assert_refused(&ready, 503, "not-ready");
        assert!(ready.headers.contains_key("retry-after"));
        assert_eq!(door.get("/healthz").await.status, 200);
        assert_eq!(door.get("/metrics").await.status, 200);
        cluster.restart().await.unwrap();
        let back = Instant::now();
        for path in [SEND, OTP_SEND, BATCH] {
            let body = match path {
                SEND => a_message(),
                OTP_SEND => json!({ "phone": a_number() }),
                _ => json!({ "lane": "promo", "messages": [a_message()] }),
            };
            within(Duration::from_secs(5), path, async || {
                (door.post(path, &body).await.status == 202).then_some(())
            })
            .await;
        }
        assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
        eprintln!("round {round}: all doors open {:?} after the restart", back.elapsed());
    }
    drop(door);
    cluster.stop().await.unwrap();
}

/// Under load, with a key or without: each 202 is in the database afterwards, and a request that is
/// repeated under its key until it is accepted is there once.
#[tokio::test]
async fn what_was_accepted_around_a_crash_is_there_and_repetitions_are_one() {
    let (mut cluster, app) = app_of_its_own().await;
    let door = Door::open(&app).await;
    let single = async || {
        let mut accepted = Vec::new();
        for _ in 0..60 {
            let answer = door.post(SEND, &a_message()).await;
            match answer.status.as_u16() {
                202 => accepted.extend(message_id(&answer)),
                503 => assert!(answer.headers.contains_key("retry-after")),
                other => panic!("{other}: {}", answer.body),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        accepted
    };
    let stubborn = async |n: usize| {
        let mut accepted = Vec::new();
        for m in 0..20 {
            let (key, body) = (format!("{n}-{m}"), a_message());
            accepted.push(until_accepted(&door, &key, &body).await);
        }
        accepted
    };
    let crash = async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            cluster.kill_hard().await.unwrap();
            cluster.restart().await.unwrap();
        }
    };
    let (singles, repeated, ()) =
        tokio::join!(join_all((0..8).map(|_| single())), join_all((0..8).map(stubborn)), crash);
    let stored = stored_ids(&app).await;
    let accepted: Vec<String> = singles.into_iter().flatten().collect();
    assert!(accepted.iter().all(|id| stored.contains(id)), "an accepted message is lost");
    let repeated: HashSet<String> = repeated.into_iter().flatten().collect();
    assert_eq!(repeated.len(), 160);
    assert!(repeated.iter().all(|id| stored.contains(id)), "an accepted message is lost");
    let answered: i64 =
        sqlx::query_scalar("select count(*) from smsgw.idempotency_keys").fetch_one(&app.pool).await.unwrap();
    assert_eq!(answered, 160);
    // Beyond the accepted ones only those may be there whose answer was lost in a crash: a few of 480.
    let others = stored.len() - accepted.len() - 160;
    assert!(others <= 480 - accepted.len(), "{others} messages are there more than once");
    drop(door);
    cluster.stop().await.unwrap();
}

/// Repeats a request under one key until it is accepted.
async fn until_accepted(door: &Door, key: &str, body: &Value) -> String {
    within(Duration::from_secs(30), "the request to be accepted", async || {
        let request = door.request(Method::POST, SEND).header("idempotency-key", key).json(body);
        let answer = door.call(request).await;
        assert!([202, 409, 503].contains(&answer.status.as_u16()), "{}: {}", answer.status, answer.body);
        message_id(&answer)
    })
    .await
}
