//! The coalescer: many requests share a commit, and a bad one among them stands alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use serde_json::json;
use shared::db::Database;
use shared::message::NewMessage;
use shared::store::intake;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tests::builders::a_transactional;
use tests::{Door, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SEND: &str = "/sms/send-transactional";

async fn as_owner(app: &TestApp, statement: &'static str) {
    let mut owner = PgConnection::connect_with(app.database.options()).await.unwrap();
    sqlx::query(statement).execute(&mut owner).await.unwrap();
}

#[tokio::test]
async fn whatever_is_answered_202_is_stored_once() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let bodies: Vec<_> =
        (0..200).map(|n| json!({ "to": "+919876543210", "text": format!("number {n}") })).collect();
    let answers = join_all(bodies.iter().map(|body| door.post(SEND, body))).await;
    let mut accepted: Vec<String> =
        answers.iter().map(|answer| answer.body["message_id"].as_str().unwrap().to_owned()).collect();
    let mut stored: Vec<String> =
        sqlx::query_scalar("select id::text from smsgw.sms_outbox").fetch_all(&app.pool).await.unwrap();
    accepted.sort();
    stored.sort();
    assert_eq!(accepted, stored);
}

#[tokio::test]
async fn a_row_the_database_refuses_disturbs_none_of_its_group() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    as_owner(&app, "alter table smsgw.sms_outbox add constraint planted check (body not like 'poison%')")
        .await;
    let text = |n: usize| if n % 20 == 7 { format!("poison {n}") } else { format!("good {n}") };
    let bodies: Vec<_> = (0..100).map(|n| json!({ "to": "+919876543210", "text": text(n) })).collect();
    let answers = join_all(bodies.iter().map(|body| door.post(SEND, body))).await;
    for (n, answer) in answers.iter().enumerate() {
        let expected = if n % 20 == 7 { 500 } else { 202 };
        assert_eq!(answer.status, expected, "{}: {:?}", text(n), answer.body);
        assert!(!answer.body.to_string().contains("planted"), "our schema is nobody's business");
    }
}

/// An insert whose answer was lost is repeated with the same ids. By then a worker may have finished
/// some of its messages: those must not come back and be sent again.
#[tokio::test]
async fn a_repeated_insert_brings_no_finished_message_back() {
    let app = TestApp::without_worker().await;
    let messages: Vec<NewMessage> = (0..3).map(|_| a_transactional(app.now()).build()).collect();
    let [waiting, finished, lost] = messages.as_slice() else { unreachable!("three were made") };
    let mut db = app.pool.acquire().await.unwrap();
    intake::insert(&mut *db, &[waiting, finished]).await.unwrap();
    shared::store::messages::cancel(&mut db, finished.id).await.unwrap();
    intake::insert_again(&mut db, &[waiting, finished, lost]).await.unwrap();
    let queued: Vec<shared::ids::MessageId> =
        sqlx::query_scalar("select id from smsgw.sms_outbox order by seq").fetch_all(&mut *db).await.unwrap();
    assert_eq!(queued, [waiting.id, lost.id]);
}

/// A wire to Postgres that can lose an answer: what the server did is done, but nobody hears of it.
struct Wire {
    url: String,
    lose_next: Arc<AtomicBool>,
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
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), Arc::clone(&lose)));
            }
        });
        Self { url, lose_next }
    }
}

async fn carry(client: TcpStream, server: String, lose: Arc<AtomicBool>) -> std::io::Result<()> {
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
        to_client.write_all(&answer[..length]).await?;
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
async fn connections_that_break_lose_no_message_and_double_none() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let break_them = async {
        for _ in 0..20 {
            as_owner(
                &app,
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and application_name = 'smsgw intake'",
            )
            .await;
        }
    };
    let send = async |n: usize| {
        let text = format!("number {n}");
        let mut answers = Vec::new();
        for _ in 0..10 {
            answers.push(door.post(SEND, &json!({ "to": "+919876543210", "text": text })).await);
        }
        answers
    };
    let (answers, ()) = tokio::join!(join_all((0..20).map(send)), break_them);
    let mut accepted: Vec<String> = Vec::new();
    for answer in answers.iter().flatten() {
        assert_eq!(
            answer.status, 202,
            "the intake comes back within a request's patience: {:?}",
            answer.body
        );
        accepted.push(answer.body["message_id"].as_str().unwrap().to_owned());
    }
    let mut stored: Vec<String> =
        sqlx::query_scalar("select id::text from smsgw.sms_outbox").fetch_all(&app.pool).await.unwrap();
    accepted.sort();
    stored.sort();
    assert_eq!(accepted, stored);
}

#[tokio::test]
async fn a_message_carries_what_its_request_said() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let settings = json!({ "preferred_provider": "2factor" });
    assert_eq!(door.put("/users/ann/contact-settings", &settings).await.status, 200);
    let at = app.now() + chrono::TimeDelta::hours(1);
    let body = json!({ "to": "+91 98765-43210", "text": "a", "user_id": "ann", "provider_hint": "twilio",
        "send_at": at.to_rfc3339(), "expires_in": 60, "at_most_once": true });
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = door.request(reqwest::Method::POST, SEND).header("traceparent", trace).json(&body);
    assert_eq!(door.call(request).await.status, 202);
    let row: (String, String, String, String, bool, String, bool) = sqlx::query_as(
        r#"select "to", user_id, hint, preferred, at_most_once, trace,
                  due_at = $1 and expires_at - due_at between interval '59 s' and interval '61 s'
           from smsgw.sms_outbox"#,
    )
    .bind(at)
    .fetch_one(&app.pool)
    .await
    .unwrap();
    let text = str::to_owned;
    assert_eq!(
        row,
        (text("+919876543210"), text("ann"), text("twilio"), text("2factor"), true, text(trace), true)
    );
}
