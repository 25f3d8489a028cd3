//! The one message that tells a person that their stop was heard.

use serde_json::json;
use shared::text::MessageText;
use tests::builders::{a_number, a_promo};
use tests::wait::eventually;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::post;

const REPLY: &str = "You will get no more offers from ACME.";

async fn says_as(door: &Door, sid: &str, number: &str, text: &str) {
    let fields = [("MessageSid", sid), ("From", number), ("To", "+15005550009"), ("Body", text)];
    assert_eq!(post(door, "/webhooks/twilio/inbound", &fields).await.status, 200);
}

async fn says(door: &Door, number: &str, text: &str) {
    says_as(door, &format!("SM{}", Uuid::new_v4().simple()), number, text).await;
}

async fn gateway() -> (TestApp, Door) {
    let app = TestApp::start().await;
    let reply = MessageText::parse(REPLY).unwrap();
    let door = Door::open_with(&app, |config| config.stop_reply = Some(reply)).await;
    (app, door)
}

/// What the person was sent, once the outbox is empty.
async fn texts(app: &TestApp, number: &str) -> Vec<(String, Option<String>)> {
    eventually("the outbox to be empty", async || (app.unfinished().await == 0).then_some(())).await;
    sqlx::query_as(
        r#"select text, sender from sms_messages_log where "to" = $1 and status = 'sent' order by id"#,
    )
    .bind(number)
    .fetch_all(&app.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_stop_is_confirmed_once_from_the_number_it_was_sent_to() {
    let (app, door) = gateway().await;
    let number = a_number();
    let confirmation = (REPLY.to_owned(), Some("+15005550009".to_owned()));
    let sid = format!("SM{}", Uuid::new_v4().simple());
    for _ in 0..3 {
        says_as(&door, &sid, &number, "STOP").await;
    }
    says(&door, &number, "stop!").await;
    let promo = app.accept(a_promo(app.now()).to(&number)).await;
    assert_eq!(app.end_of(promo).await.0, "suppressed");
    assert_eq!(texts(&app, &number).await, std::slice::from_ref(&confirmation));
    says(&door, &number, "START").await;
    says(&door, &number, "HELP").await;
    assert_eq!(texts(&app, &number).await.len(), 1);
    says(&door, &number, "STOP").await;
    assert_eq!(texts(&app, &number).await, [confirmation.clone(), confirmation]);
    app.stop().await;
}

#[tokio::test]
async fn who_has_stopped_everything_gets_no_confirmation_and_nobody_does_unless_it_is_set() {
    let (app, door) = gateway().await;
    let (all, unset) = (a_number(), a_number());
    door.put(&format!("/sms/opt-outs/{all}"), &json!({ "scope": "all" })).await;
    says(&door, &all, "STOP").await;
    says(&Door::open(&app).await, &unset, "STOP").await;
    for number in [all, unset] {
        let logged: i64 = sqlx::query_scalar(r#"select count(*) from sms_messages where "to" = $1"#)
            .bind(&number)
            .fetch_one(&app.pool)
            .await
            .unwrap();
        assert_eq!(logged, 0);
        assert!(
            !door.get(&format!("/sms/opt-outs/{number}")).await.body["opt_outs"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
    app.stop().await;
}
