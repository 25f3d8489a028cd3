//! Codes that are on their way when their session moves on.

use mock_provider::{Fault, FaultRule, RecipientMatch, Vendor};
use serde_json::{Value, json};
use shared::ids::MessageId;
use shared::message::SealedText;
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

/// An older code's failure arrives after a newer code was asked for; the newer one counts.
#[tokio::test]
async fn an_older_codes_failure_does_not_spoil_the_newer_code() {
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
