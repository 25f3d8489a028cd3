//! `POST /sms/send-batch`: many messages in one transaction, nobody twice.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::builders::a_number;
use tests::{Door, TestApp};

use super::{BATCH, a_message, assert_refused, stored, with};

/// For each result the problem's code, or `ok`.
fn codes(answer: &Value) -> Vec<&str> {
    let results = answer["results"].as_array().unwrap();
    results.iter().map(|result| result["error"]["code"].as_str().unwrap_or("ok")).collect()
}

fn counts(answer: &Value) -> (i64, i64) {
    (answer["accepted"].as_i64().unwrap(), answer["refused"].as_i64().unwrap())
}

#[tokio::test]
async fn promo_reaches_a_number_once_however_it_is_spelt() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let spellings = [
        "+919876543210",
        "+91 98765 43210",
        "0091-98765-43210",
        "tel:+91(98765)43210",
        "+91 098765 43210",
        "+٩١٩٨٧٦٥٤٣٢١٠",
        "＋91 98765\u{a0}43210",
    ];
    let mut messages: Vec<Value> =
        spellings.iter().map(|to| json!({ "to": to, "text": format!("for {to}") })).collect();
    messages.insert(3, a_message());
    let answer = door.post(BATCH, &json!({ "lane": "promo", "messages": messages })).await.body;
    let twice = "duplicate";
    assert_eq!(codes(&answer), ["ok", twice, twice, "ok", twice, twice, twice, twice]);
    assert_eq!(counts(&answer), (2, 6));
    assert!(answer["results"][4]["error"]["detail"].as_str().unwrap().contains("messages[0]"));
    assert_eq!(stored(&app).await[0], 2);
}

#[tokio::test]
async fn transactional_reaches_a_number_once_with_the_same_text() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let template = json!({ "body": "Hi {{ name }}" });
    assert_eq!(door.put("/sms/templates/hello", &template).await.status, 200);
    let to = a_number();
    let messages = json!([
        { "to": to, "text": "Hi Ann" },
        { "to": to, "text": "Hi Bob" },
        { "to": to, "text": "Hi Ann" },
        { "to": to, "template": "hello", "vars": { "name": "Bob" } },
        { "to": a_number(), "text": "Hi Ann" },
        { "to": to, "text": "Hi Ann " },
    ]);
    let answer = door.post(BATCH, &json!({ "lane": "transactional", "messages": messages })).await.body;
    assert_eq!(codes(&answer), ["ok", "ok", "duplicate", "duplicate", "ok", "ok"]);
    assert_eq!((counts(&answer), stored(&app).await[0]), ((4, 2), 4));
}

/// A bad message takes nobody's place.
#[tokio::test]
async fn a_refused_message_is_nobodys_duplicate() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let good = a_message();
    let messages = [with(&good, "text", json!("")), good.clone(), good];
    let answer = door.post(BATCH, &json!({ "lane": "promo", "messages": messages })).await.body;
    assert_eq!(codes(&answer), ["invalid-request", "ok", "duplicate"]);
    assert!(answer["results"][2]["error"]["detail"].as_str().unwrap().contains("messages[1]"));
}

#[tokio::test]
async fn ten_thousand_messages_go_in_one_go_and_in_order() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for lane in ["promo", "transactional"] {
        let numbers: Vec<String> = (0..10_000).map(|_| a_number()).collect();
        let messages: Vec<Value> = numbers.iter().map(|to| json!({ "to": to, "text": "Sale!" })).collect();
        let began = Instant::now();
        let answer = door.post(BATCH, &json!({ "lane": lane, "messages": messages })).await;
        let took = began.elapsed();
        assert_eq!((answer.status.as_u16(), counts(&answer.body)), (202, (10_000, 0)));
        assert!(took < Duration::from_secs(20), "{took:?}");
        eprintln!("a batch of 10,000 {lane} messages took {took:?} in this build");
        let answered: Vec<&str> = answer.body["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["message_id"].as_str().unwrap())
            .collect();
        let queued: Vec<(String, String)> =
            sqlx::query_as(r#"select id::text, "to" from smsgw.sms_outbox where lane = $1 order by seq"#)
                .bind(lane)
                .fetch_all(&app.pool)
                .await
                .unwrap();
        assert!(queued.iter().map(|(id, _)| id).eq(answered.iter()), "results are by index");
        assert!(queued.iter().map(|(_, to)| to).eq(numbers.iter()), "and sent in that order");
    }
}

#[tokio::test]
async fn all_messages_of_a_batch_know_it() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let messages = [a_message(), a_message(), a_message()];
    let answer = door.post(BATCH, &json!({ "lane": "promo", "messages": messages })).await.body;
    app.drained(Duration::from_secs(20)).await;
    for (message, result) in messages.iter().zip(answer["results"].as_array().unwrap()) {
        let path = format!("/sms/messages/{}", result["message_id"].as_str().unwrap());
        let seen = door.get(&path).await.body;
        assert_eq!((&seen["batch_id"], &seen["to"]), (&answer["batch_id"], &message["to"]));
        assert_eq!((&seen["lane"], &seen["status"]), (&json!("promo"), &json!("sent")));
        assert_eq!(app.mock.arrivals_to(message["to"].as_str().unwrap()).len(), 1);
    }
    app.stop().await;
}

/// One transaction: the database refuses one row, and none is stored.
#[tokio::test]
async fn a_batch_that_cannot_be_stored_leaves_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let plant = "alter table smsgw.sms_outbox add constraint planted check (body not like 'poison%')";
    sqlx::raw_sql(plant).execute(&mut app.owner().await).await.unwrap();
    let mut messages: Vec<Value> = (0..2500).map(|_| a_message()).collect();
    messages[2400]["text"] = json!("poison");
    let answer = door.post(BATCH, &json!({ "lane": "promo", "messages": messages })).await;
    assert_refused(&answer, 500, "internal");
    assert!(!answer.body.to_string().contains("planted"), "our schema is nobody's business: {}", answer.body);
    assert_eq!(stored(&app).await, [0; 10]);
}
