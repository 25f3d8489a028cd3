//! `POST /sms/send-batch`: a bad batch is refused whole, a bad message in it by its index.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Door, TestApp};

use super::{BATCH, a_message, assert_names, stored, with, without};

#[tokio::test]
async fn every_field_of_a_batch_is_checked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let good = json!({ "lane": "promo", "messages": [a_message()] });
    for field in ["lane", "messages"] {
        assert_names(&door.post(BATCH, &without(&good, field)).await, &[field]);
    }
    let cases = [
        ("lane", json!("fast")),
        ("lane", json!("otp")),
        ("lane", json!("Promo")),
        ("lane", json!("")),
        ("lane", json!("promo\u{0}")),
        ("lane", json!(null)),
        ("lane", json!(1)),
        ("messages", json!(null)),
        ("messages", json!({})),
        ("messages", json!("a")),
        ("messages", json!([])),
        ("text", json!("a text for all")),
        ("messages ", json!([])),
    ];
    for (field, value) in cases {
        assert_names(&door.post(BATCH, &with(&good, field, value)).await, &[field]);
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn of_10_001_messages_none_is_taken() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut batch = json!({ "lane": "promo", "messages": vec![a_message(); 10_001] });
    assert_names(&door.post(BATCH, &batch).await, &["messages"]);
    batch["messages"] = json!(vec![0; 100_000]);
    assert_names(&door.post(BATCH, &batch).await, &["messages"]);
    assert_eq!(stored(&app).await, [0; 10]);
}

/// What may be wrong with one message, and the field that is then named.
fn bad_messages() -> Vec<(Value, &'static str)> {
    let bad = |field, value| with(&a_message(), field, value);
    vec![
        (json!(null), "body"),
        (json!(5), "body"),
        (json!("+919876543210"), "body"),
        (json!([a_message()]), "body"),
        (json!({}), "to"),
        (without(&a_message(), "text"), "text"),
        (bad("to", json!(5)), "to"),
        (bad("to", json!("12")), "to"),
        (bad("to", json!("+41\u{0}790000001")), "to"),
        (bad("text", json!("")), "text"),
        (bad("text", json!("a\u{0}b")), "text"),
        (bad("text", json!("a".repeat(1531))), "text"),
        (bad("text", json!({})), "text"),
        (bad("lane", json!("promo")), "lane"),
        (bad("colour", json!("red")), "colour"),
        (bad("template", json!("both")), "template"),
        (bad("vars", json!({})), "vars"),
        (bad("user_id", json!("")), "user_id"),
        (bad("user_id", json!("a\u{0}b")), "user_id"),
        (bad("provider_hint", json!("No Name")), "provider_hint"),
        (bad("send_at", json!("2020-01-01T00:00:00Z")), "send_at"),
        (bad("send_at", json!("2999-01-01T00:00:00Z")), "send_at"),
        (bad("expires_in", json!(0)), "expires_in"),
        (bad("expires_in", json!("60")), "expires_in"),
        (bad("at_most_once", json!(1)), "at_most_once"),
    ]
}

#[tokio::test]
async fn a_bad_message_is_refused_by_its_index_and_the_others_are_committed() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for lane in ["promo", "transactional"] {
        for (bad, field) in bad_messages() {
            let before = stored(&app).await[0];
            let messages = [a_message(), bad, a_message()];
            let answer = door.post(BATCH, &json!({ "lane": lane, "messages": messages })).await;
            assert_eq!(answer.status, 202, "{}", answer.body);
            assert_eq!((&answer.body["accepted"], &answer.body["refused"]), (&json!(2), &json!(1)));
            let results = answer.body["results"].as_array().unwrap();
            assert_eq!(results.iter().map(|result| &result["index"]).collect::<Vec<_>>(), [0, 1, 2]);
            let error = &results[1]["error"];
            assert_eq!(
                (&error["code"], &error["errors"][0]["field"]),
                (&json!("invalid-request"), &json!(field))
            );
            assert!(results[1].get("message_id").is_none());
            for good in [&results[0], &results[2]] {
                assert!(good["message_id"].is_string() && good.get("error").is_none(), "{good}");
            }
            assert_eq!(stored(&app).await[0], before + 2);
        }
    }
}

#[tokio::test]
async fn a_batch_of_bad_messages_only_stores_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let messages: Vec<Value> = bad_messages().into_iter().map(|(bad, _)| bad).collect();
    let answer = door.post(BATCH, &json!({ "lane": "promo", "messages": messages })).await;
    assert_eq!((answer.status.as_u16(), &answer.body["accepted"]), (202, &json!(0)));
    assert_eq!(answer.body["refused"], messages.len());
    assert_eq!(stored(&app).await, [0; 10]);
}

/// Each message names its own template; looking them up must not take for ever.
#[tokio::test]
async fn many_templates_that_do_not_exist_are_told_in_time() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let message = |n: usize| with(&without(&a_message(), "text"), "template", json!(format!("none-{n}")));
    let messages: Vec<Value> = (0..10_000).map(message).collect();
    let began = Instant::now();
    let answer = door.post(BATCH, &json!({ "lane": "promo", "messages": messages })).await;
    assert_eq!((answer.status.as_u16(), &answer.body["refused"]), (202, &json!(10_000)));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(stored(&app).await, [0; 10]);
}
