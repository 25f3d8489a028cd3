//! The coalescer: many requests share a commit, and a bad one among them stands alone.

use futures::future::join_all;
use serde_json::json;
use shared::ids::MessageId;
use shared::message::NewMessage;
use shared::store::{intake, messages};
use sqlx::{Connection, PgConnection};
use tests::builders::a_transactional;
use tests::{Door, TestApp};

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
    messages::cancel(&mut db, finished.id).await.unwrap();
    intake::insert_again(&mut db, &[waiting, finished, lost]).await.unwrap();
    let queued: Vec<MessageId> =
        sqlx::query_scalar("select id from smsgw.sms_outbox order by seq").fetch_all(&mut *db).await.unwrap();
    assert_eq!(queued, [waiting.id, lost.id]);
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

/// A check that speaks at the commit: whoever answers before it has promised what is not so.
#[tokio::test]
async fn nothing_is_answered_202_before_its_commit() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let plant = "create function smsgw.planted() returns trigger language plpgsql as
                     $$ begin raise exception 'planted' using errcode = '23514'; end $$;
                 create constraint trigger planted after insert on smsgw.sms_outbox
                     deferrable initially deferred for each row execute function smsgw.planted()";
    sqlx::raw_sql(plant).execute(&mut app.owner().await).await.unwrap();
    let message = json!({ "to": "+919876543210", "text": "a" });
    let batch = json!({ "lane": "promo", "messages": [message] });
    let code = json!({ "phone": "+919876543210" });
    let mut wrong = Vec::new();
    for (path, body) in [(SEND, &message), ("/sms/send-batch", &batch), ("/otp/send", &code)] {
        for key in [None, Some(path)] {
            let mut request = door.request(reqwest::Method::POST, path).json(body);
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            let status = door.call(request).await.status.as_u16();
            if status != 500 {
                wrong.push((path, key.is_some(), status));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
