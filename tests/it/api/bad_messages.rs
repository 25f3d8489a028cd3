//! `POST /sms/send-transactional`: each field that cannot be used is named, and nothing is stored.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};
use tests::{Door, TestApp};

use super::{SEND, a_message, assert_names, assert_refused, stored, with, without};

/// Sends a good message with each field in turn set to the value; each must be refused by that name.
async fn refuses(app: &TestApp, door: &Door, cases: impl IntoIterator<Item = (&str, Value)>) {
    assert_eq!(door.post(SEND, &a_message()).await.status, 202, "the message itself is good");
    let before = stored(app).await;
    for (field, value) in cases {
        let answer = door.post(SEND, &with(&a_message(), field, value)).await;
        assert_names(&answer, &[field]);
    }
    assert_eq!(stored(app).await, before);
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for field in ["to", "text"] {
        assert_names(&door.post(SEND, &without(&a_message(), field)).await, &[field]);
    }
    assert_names(&door.post(SEND, &json!({})).await, &["to"]);
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_named() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let wrong = [json!(5), json!(true), json!(["a"]), json!({ "a": 1 })];
    let texts = ["to", "text", "template", "user_id", "provider_hint", "send_at"];
    let of_texts = texts.iter().flat_map(|field| wrong.iter().map(|value| (*field, value.clone())));
    let others = [
        ("to", json!(null)),
        ("vars", json!("a")),
        ("vars", json!(["a"])),
        ("expires_in", json!("60")),
        ("expires_in", json!(60.5)),
        ("expires_in", json!(1e30)),
        ("expires_in", json!(u64::MAX)),
        ("at_most_once", json!("yes")),
        ("at_most_once", json!(1)),
    ];
    refuses(&app, &door, of_texts.chain(others)).await;
}

#[tokio::test]
async fn an_unknown_field_is_named() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let unknown = ["colour", "lane", "To", "text ", "", "phone", "__proto__", "messages"];
    refuses(&app, &door, unknown.map(|field| (field, json!("a")))).await;
}

#[tokio::test]
async fn a_phone_nobody_can_have_is_named() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (long, longer) = ("1".repeat(41), format!("+91{}", "9".repeat(100_000)));
    let impossible = [
        "",
        " ",
        "+",
        "12",
        "+1",
        "+911",
        "+41 79",
        "9876543210",
        "+999123456789",
        "+0123456789",
        "+123456789012345",
        "+9198765432101234567",
        "+49 1511 2345678901",
        "tel:",
        "+1 800 FLOWERS",
        "++41790000001",
        "+41790000001;ext=5",
        "+41790000001,+41790000002",
        "+41*790000001",
        "+41\n790000001",
        "+41790000001\r\nX-Header: a",
        "+41\u{0}790000001",
        "+41\u{1b}790000001",
        "\u{1f600}",
        "null",
        &long,
        &longer,
    ];
    refuses(&app, &door, impossible.map(|phone| ("to", json!(phone)))).await;
}

#[tokio::test]
async fn a_text_that_no_phone_shows_is_named() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let controls = (0..32_u8).chain([0x7f]).map(char::from).filter(|c| !matches!(c, '\n' | '\r' | '\t'));
    let with_controls = controls.chain(['\u{80}', '\u{85}', '\u{9f}']).map(|c| format!("a{c}b"));
    let blank = ["", " ", "\r\n\t", "\u{a0}"].map(str::to_owned);
    refuses(&app, &door, blank.into_iter().chain(with_controls).map(|text| ("text", json!(text)))).await;
}

#[tokio::test]
async fn ten_segments_are_taken_and_eleven_are_named() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for longest in ["a".repeat(1530), "я".repeat(670), "€".repeat(760), "😀".repeat(330)] {
        assert_eq!(door.post(SEND, &with(&a_message(), "text", json!(longest))).await.status, 202);
    }
    let too_long = ["a".repeat(1531), "я".repeat(671), format!("{}’", "a".repeat(670)), "a".repeat(900_000)];
    refuses(&app, &door, too_long.map(|text| ("text", json!(text)))).await;
}

#[tokio::test]
async fn ids_and_hints_have_bounds() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (field, longest) in [("user_id", "u".repeat(128)), ("provider_hint", "p".repeat(40))] {
        assert_eq!(door.post(SEND, &with(&a_message(), field, json!(longest))).await.status, 202);
    }
    let cases = [
        ("user_id", json!("")),
        ("user_id", json!("u".repeat(129))),
        ("user_id", json!("ü".repeat(65))),
        ("user_id", json!("a\u{0}b")),
        ("user_id", json!("a\nb")),
        ("user_id", json!("a\u{9b}b")),
        ("provider_hint", json!("")),
        ("provider_hint", json!("p".repeat(41))),
        ("provider_hint", json!("Twilio")),
        ("provider_hint", json!("two words")),
        ("provider_hint", json!("a\u{0}")),
        ("provider_hint", json!("é")),
    ];
    refuses(&app, &door, cases).await;
}

#[tokio::test]
async fn a_time_that_is_past_too_far_or_none_is_named() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let at = |delta: TimeDelta| (app.now() + delta).to_rfc3339_opts(SecondsFormat::Millis, true);
    for good in [TimeDelta::seconds(-30), TimeDelta::seconds(5), TimeDelta::days(30) - TimeDelta::minutes(1)]
    {
        assert_eq!(door.post(SEND, &with(&a_message(), "send_at", json!(at(good)))).await.status, 202);
    }
    let shifted = (app.now() + TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%S").to_string();
    let cases = [
        at(TimeDelta::seconds(-120)),
        at(TimeDelta::days(-1)),
        at(TimeDelta::days(30) + TimeDelta::minutes(1)),
        at(TimeDelta::days(36_500)),
        "1970-01-01T00:00:00Z".to_owned(),
        "+262142-12-31T23:59:59Z".to_owned(),
        "tomorrow".to_owned(),
        String::new(),
        "1790000000".to_owned(),
        "2030-02-30T00:00:00Z".to_owned(),
        shifted.clone(),
        format!("{shifted}+99:99"),
        format!("{shifted}Z\u{0}"),
        "0".repeat(100_000),
    ];
    refuses(&app, &door, cases.map(|text| ("send_at", json!(text)))).await;
}

#[tokio::test]
async fn a_lifetime_has_bounds() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for good in [5, 259_200] {
        assert_eq!(door.post(SEND, &with(&a_message(), "expires_in", json!(good))).await.status, 202);
    }
    let cases = [4, 0, -1, 259_201, i64::MIN, i64::MAX];
    refuses(&app, &door, cases.map(|seconds| ("expires_in", json!(seconds)))).await;
}

#[tokio::test]
async fn text_and_template_exclude_each_other() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let both = with(&a_message(), "template", json!("booked"));
    assert_names(&door.post(SEND, &both).await, &["template"]);
    assert_names(&door.post(SEND, &with(&a_message(), "vars", json!({}))).await, &["vars"]);
    for unknown in ["nobody", "", "two words", "a\u{0}b", "../etc", &"t".repeat(65), &"t".repeat(100_000)] {
        let message = with(&without(&a_message(), "text"), "template", json!(unknown));
        let answer = door.post(SEND, &message).await;
        assert_names(&answer, &["template"]);
        assert!(answer.body.to_string().len() < 1000, "an answer does not repeat all it was told");
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn the_values_of_a_template_are_checked_one_by_one() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let template = json!({ "body": "Hi {{ name }}, see you at {{ time }}." });
    assert_eq!(door.put("/sms/templates/booked", &template).await.status, 200);
    let before = stored(&app).await;
    let cases = [
        (json!({ "time": "8" }), "vars.name"),
        (json!({ "name": "Ann" }), "vars.time"),
        (json!({ "name": "Ann", "time": "8", "place": "x" }), "vars.place"),
        (json!({ "name": null, "time": "8" }), "vars.name"),
        (json!({ "name": ["Ann"], "time": "8" }), "vars.name"),
        (json!({ "name": { "first": "Ann" }, "time": "8" }), "vars.name"),
        (json!({ "name": "a".repeat(501), "time": "8" }), "vars.name"),
        (json!({ "name": "a\u{0}b", "time": "8" }), "vars"),
        (json!({ "name": "a\u{1b}b", "time": "8" }), "vars"),
        (json!({ "name": "Ann", "time": "8", "a\u{0}b": "x" }), "vars"),
        (json!({ "name": "я".repeat(500), "time": "я".repeat(500) }), "vars"),
    ];
    for (vars, field) in cases {
        let message = with(&without(&a_message(), "text"), "template", json!("booked"));
        assert_names(&door.post(SEND, &with(&message, "vars", vars)).await, &[field]);
    }
    let message = with(&without(&a_message(), "text"), "template", json!("booked"));
    assert_names(&door.post(SEND, &message).await, &["vars.name"]);
    assert_eq!(stored(&app).await, before);
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let message = json!({ "to": "12", "text": "a\u{0}b", "user_id": "", "provider_hint": "No Such",
        "send_at": "tomorrow", "expires_in": 0 });
    let answer = door.post(SEND, &message).await;
    assert_names(&answer, &["to", "send_at", "expires_in", "user_id", "provider_hint", "text"]);
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn numbers_of_other_countries_are_refused_when_countries_are_listed() {
    let app = TestApp::without_worker().await;
    let door = Door::open_with(&app, |config| {
        config.reach.countries = Some(vec!["IN".parse().unwrap()]);
        config.default_region = Some("IN".parse().unwrap());
    })
    .await;
    for other in ["+41791234567", "+12025550123", "+80012345678", "+88216123456789"] {
        let answer = door.post(SEND, &with(&a_message(), "to", json!(other))).await;
        assert_refused(&answer, 403, "country-blocked");
        assert_eq!(answer.fields(), ["to"]);
        let answer = door.post(super::OTP_SEND, &json!({ "phone": other })).await;
        assert_refused(&answer, 403, "country-blocked");
        assert_eq!(answer.fields(), ["phone"]);
        let batch = json!({ "lane": "promo", "messages": [with(&a_message(), "to", json!(other))] });
        let answer = door.post(super::BATCH, &batch).await;
        assert_eq!(answer.body["results"][0]["error"]["code"], "country-blocked");
    }
    assert_eq!(stored(&app).await, [0; 10]);
    let at_home = with(&a_message(), "to", json!("098765 43210"));
    assert_eq!(door.post(SEND, &at_home).await.status, 202);
}
