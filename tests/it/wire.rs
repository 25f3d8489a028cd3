//! The coalescer on a wire that misbehaves: an answer that gets lost, a database that goes silent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use shared::db::Database;
use sqlx::ConnectOptions;
use tests::{Door, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SEND: &str = "/sms/send-transactional";

/// A wire to Postgres that can lose an answer: what the server did is done, but nobody hears of it.
struct Wire {
    url: String,
    lose_next: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
}

impl Wire {
    async fn to(database: &Database) -> Self {
        let options = database.options();
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = options.clone().host("127.0.0.1").port(port).to_url_lossy().to_string();
        let lose_next = Arc::new(AtomicBool::new(false));
        let lose = Arc::clone(&lose_next);
        let silent = Arc::new(AtomicBool::new(false));
        let hush = Arc::clone(&silent);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), Arc::clone(&lose), Arc::clone(&hush)));
            }
        });
        Self { url, lose_next, silent }
    }
}

async fn carry(
    client: TcpStream,
    server: String,
    lose: Arc<AtomicBool>,
    hush: Arc<AtomicBool>,
) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(server).await?.into_split();
    let questions = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut answer = vec![0; 65_536];
    loop {
        let length = from_server.read(&mut answer).await?;
        if length == 0 || lose.swap(false, Ordering::SeqCst) {
            questions.abort();
            return Ok(());
        }
        if !hush.load(Ordering::SeqCst) {
            to_client.write_all(&answer[..length]).await?;
        }
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_made_sure_of() {
    let mut app = TestApp::without_worker().await;
    let wire = Wire::to(&app.database).await;
    app.database = Database::new(&wire.url).unwrap();
    let door = Door::open(&app).await;
    let mut accepted: Vec<String> = Vec::new();
    for n in 0..24 {
        // The others prepare the statement on fresh connections, so that what is lost here is the
        // answer to the insert itself.
        let is_lost = n % 4 == 3;
        wire.lose_next.store(is_lost, Ordering::SeqCst);
        let answer = door.post(SEND, &json!({ "to": "+919876543210", "text": format!("number {n}") })).await;
        assert_eq!(answer.status, 202, "{:?}", answer.body);
        assert!(!wire.lose_next.load(Ordering::SeqCst), "an answer was lost");
        accepted.push(answer.body["message_id"].as_str().unwrap().to_owned());
    }
    let stored: Vec<String> = sqlx::query_scalar("select id::text from smsgw.sms_outbox order by seq")
        .fetch_all(&app.pool)
        .await
        .unwrap();
    assert_eq!(accepted, stored);
}

#[tokio::test]
async fn while_the_wire_is_silent_requests_are_told_that_the_outcome_is_unknown() {
    let mut app = TestApp::without_worker().await;
    let wire = Wire::to(&app.database).await;
    app.database = Database::new(&wire.url).unwrap();
    app.pool = app.database.pool(8);
    let door = Door::open(&app).await;
    let message = json!({ "to": "+919876543210", "text": "a" });
    assert_eq!(door.post(SEND, &message).await.status, 202);
    wire.silent.store(true, Ordering::SeqCst);
    let keyed = door.request(reqwest::Method::POST, SEND).header("idempotency-key", "a").json(&message);
    let limit = Duration::from_secs(11);
    let (bare, keyed) = tokio::join!(
        tokio::time::timeout(limit, door.post(SEND, &message)),
        tokio::time::timeout(limit, door.call(keyed))
    );
    for (which, answer) in [("without a key", bare), ("with one", keyed)] {
        let answer = answer.unwrap_or_else(|_| panic!("{which}: no answer within {limit:?}"));
        assert_eq!(answer.refusal(), (503, "unavailable"), "{which}: {}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(which == "with one" || detail.starts_with("outcome unknown"), "{which}: {detail}");
    }
}
