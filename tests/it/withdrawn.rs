//! Codes that are on their way when their session moves on.

use std::time::Duration;

use mock_provider::{Fault, FaultRule, RecipientMatch, Vendor};
use serde_json::{Value, json};
use shared::db::Use;
use shared::ids::{MessageId, WorkerId};
use shared::message::{SealedText, Status};
use shared::store::acks::{self, Finished, Write};
use sqlx::Connection;
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

/// The code of a message that has not left the outbox.
async fn code_of(app: &TestApp, session: &str) -> String {
    let (id, sealed): (MessageId, Vec<u8>) = sqlx::query_as(
        "select id, sealed_body from smsgw.sms_outbox where session_id = $1::uuid order by seq desc limit 1",
    )
    .bind(session)
    .fetch_one(&app.pool)
    .await
    .unwrap();
    SealedText::open(app.keyring.bodies(), id, &sealed).unwrap().code
}

async fn verify(door: &Door, session: &str, code: &str) -> u16 {
    let body: Value = json!({ "session_id": session, "otp": code });
    door.post("/otp/verify", &body).await.status.as_u16()
}

/// The first call hangs after delivering; meanwhile the person types the code in. A used code must
/// not be sent again, though an otp in doubt otherwise is.
#[tokio::test]
async fn a_code_that_was_verified_while_under_way_is_not_sent_again() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let recipients = Some(RecipientMatch::Recipient(phone.clone()));
    let rule = FaultRule { recipients, ..FaultRule::new(Vendor::Twilio, Fault::DeliverThenHang) };
    app.mock.fail_by(rule).unwrap();
    let started = door.post("/otp/send", &json!({ "phone": phone })).await;
    let session = started.body["session_id"].as_str().unwrap().to_owned();
    let code = code_of(&app, &session).await;
    app.start_worker();
    eventually("the first copy", async || (app.mock.arrivals_to(&phone).len() == 1).then_some(())).await;
    assert_eq!(verify(&door, &session, &code).await, 200);
    eventually("the message to end", async || {
        let left: i64 =
            sqlx::query_scalar("select count(*) from smsgw.sms_outbox").fetch_one(&app.pool).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
    assert_eq!(app.mock.arrivals_to(&phone).len(), 1);
    door.close().await;
    app.stop().await;
}

/// What arrived after all is good.
#[tokio::test]
async fn a_session_whose_code_could_not_be_sent_still_takes_it() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let started = door.post("/otp/send", &json!({ "phone": a_number() })).await;
    let session = started.body["session_id"].as_str().unwrap().to_owned();
    let code = code_of(&app, &session).await;
    sqlx::query("update sms_otp_sessions set status = 'send_failed' where id = $1::uuid")
        .bind(&session)
        .execute(&app.pool)
        .await
        .unwrap();
    assert_eq!(verify(&door, &session, &code).await, 200);
    door.close().await;
    app.stop().await;
}

/// Gives the waiting code of a session to a worker that does nothing of itself.
async fn claimed(app: &TestApp, session: &str) -> (WorkerId, MessageId) {
    let worker = app.a_dead_worker().await;
    let take = "update smsgw.sms_outbox set worker_id = $2 where session_id = $1::uuid and worker_id is null returning id";
    (worker, sqlx::query_scalar(take).bind(session).bind(worker).fetch_one(&app.pool).await.unwrap())
}

async fn a_session(door: &Door) -> String {
    let started = door.post("/otp/send", &json!({ "phone": a_number() })).await;
    started.body["session_id"].as_str().unwrap().to_owned()
}

async fn status_of(door: &Door, session: &str) -> Value {
    door.get(&format!("/otp/sessions/{session}")).await.body["status"].clone()
}

/// The older code is with a worker when the newer is asked for, and fails then.
#[tokio::test]
async fn an_older_codes_failure_says_nothing_while_a_newer_one_waits() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let session = a_session(&door).await;
    let (worker, older) = claimed(&app, &session).await;
    let cooled = "update sms_otp_sessions set resend_at = clock_timestamp() where id = $1::uuid";
    sqlx::query(cooled).bind(&session).execute(&app.pool).await.unwrap();
    assert_eq!(door.post("/otp/resend", &json!({ "session_id": session })).await.status, 202);
    let mut db = app.database.connect(Use::Queue("test")).await.unwrap();
    let failed = Finished::without_call(older, Status::Failed, "providers_exhausted");
    assert_eq!(acks::finish(&mut db, Write::Again, worker, &[failed]).await.unwrap(), [older]);
    assert_eq!(status_of(&door, &session).await, "pending");
    let (worker, newer) = claimed(&app, &session).await;
    let failed = Finished::without_call(newer, Status::Failed, "providers_exhausted");
    assert_eq!(acks::finish(&mut db, Write::Again, worker, &[failed]).await.unwrap(), [newer]);
    assert_eq!(status_of(&door, &session).await, "send_failed", "the last one's failure counts");
}

/// A first copy may have arrived: nobody can say that the code was not sent.
#[tokio::test]
async fn a_code_in_doubt_that_is_withdrawn_ends_unknown() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let session = a_session(&door).await;
    let code = code_of(&app, &session).await;
    sqlx::query("update smsgw.sms_outbox set copies = 1").execute(&app.pool).await.unwrap();
    assert_eq!(verify(&door, &session, &code).await, 200);
    let end: (String, Option<String>) =
        sqlx::query_as("select status, reason from sms_messages_log").fetch_one(&app.pool).await.unwrap();
    assert_eq!(end, ("unknown".to_owned(), Some("verified".to_owned())));
}

/// The acker locks the message, then its session; a check locks the session first.
#[tokio::test]
async fn a_check_does_not_wait_for_a_code_whose_end_is_being_written() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let session = a_session(&door).await;
    let code = code_of(&app, &session).await;
    claimed(&app, &session).await;
    let mut owner = app.owner().await;
    let mut acker = owner.begin().await.unwrap();
    sqlx::query("delete from smsgw.sms_outbox").execute(&mut *acker).await.unwrap();
    let checked = tokio::time::timeout(Duration::from_secs(5), verify(&door, &session, &code)).await;
    assert_eq!(checked, Ok(200));
    acker.commit().await.unwrap();
}
