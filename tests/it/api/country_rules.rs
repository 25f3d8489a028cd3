//! `/settings/country-rules`, and what the doors refuse by them.

use futures::future::join_all;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::{Door, TestApp};

use super::{BATCH, SEND, assert_names, assert_refused, stored};

const RULES: &str = "/settings/country-rules";
const INDIA: &str = "/settings/country-rules/IN";
const AMERICA: &str = "/settings/country-rules/US";

async fn set(door: &Door, path: &str, wanted: Value) -> Value {
    let answer = door.put(path, &wanted).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[tokio::test]
async fn rules_are_known_of_some_countries_and_off() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let listed = door.get(RULES).await.body;
    let brief =
        |rules: &Value| (rules["country"].clone(), rules["promo_hours"].clone(), rules["dlt"].clone());
    let rules = listed["rules"].as_array().unwrap();
    assert_eq!(
        rules.iter().map(brief).collect::<Vec<_>>(),
        [
            (json!("CA"), json!("mon-sun 09:00-21:00"), json!(false)),
            (json!("FR"), json!("mon-sat 08:00-22:00"), json!(false)),
            (json!("GB"), json!("mon-sun 08:00-20:00"), json!(false)),
            (json!("IN"), json!("mon-sun 10:00-21:00"), json!(true)),
            (json!("US"), json!("mon-sun 08:00-21:00"), json!(false)),
        ]
    );
    for rules in rules {
        assert_eq!((&rules["enabled"], &rules["version"]), (&json!(false), &json!(1)), "{rules}");
        assert!(rules["source"].is_string(), "{rules}");
    }
    let text = json!({ "to": a_number(), "text": "Not registered." });
    assert_eq!(door.post(SEND, &text).await.status, 202);
}

#[tokio::test]
async fn a_change_is_a_new_version_and_leaves_what_it_does_not_name() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let on = set(&door, INDIA, json!({ "enabled": true })).await;
    assert_eq!((&on["version"], &on["enabled"], &on["dlt"]), (&json!(2), &json!(true), &json!(true)));
    assert_eq!(on["promo_hours"], "mon-sun 10:00-21:00");
    assert_eq!(set(&door, INDIA, json!({ "enabled": true })).await, on, "nothing changed");
    let always = set(&door, INDIA, json!({ "enabled": true, "promo_hours": null, "dlt": false })).await;
    assert_eq!(
        (&always["version"], &always["promo_hours"], &always["dlt"]),
        (&json!(3), &json!(null), &json!(false))
    );
    let mut shown = door.get(INDIA).await.body;
    let versions = shown.as_object_mut().unwrap().remove("versions").unwrap();
    assert_eq!(shown, always);
    let versions: Vec<_> = versions.as_array().unwrap().iter().map(|one| one["version"].clone()).collect();
    assert_eq!(versions, [3, 2, 1]);
    let new = json!({ "enabled": true, "promo_hours": "MON-FRI 9:00-18:00" });
    assert_names(&door.put("/settings/country-rules/DE", &new).await, &["promo_hours"]);
    let new = json!({ "enabled": true, "promo_hours": "MON-FRI 09:00-18:00", "senders": ["number"] });
    let germany = set(&door, "/settings/country-rules/de", new).await;
    assert_eq!((&germany["country"], &germany["version"]), (&json!("DE"), &json!(1)));
    assert_eq!(germany["promo_hours"], "mon-fri 09:00-18:00");
}

#[tokio::test]
async fn changes_at_the_same_moment_are_versions_one_after_the_other() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let source = |n: usize| json!({ "enabled": true, "source": format!("operator {n}") });
    let made = join_all((0..8).map(|n| set(&door, INDIA, source(n)))).await;
    let mut versions: Vec<_> = made.iter().map(|made| made["version"].as_i64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[tokio::test]
async fn what_cannot_be_a_rule_is_refused_by_field() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (field, value) in [
        ("promo_hours", json!("always")),
        ("senders", json!([])),
        ("senders", json!(["pigeon"])),
        ("dlt", json!(true)),
        ("source", json!("")),
        ("source", json!("x".repeat(201))),
        ("version", json!(7)),
        ("enabled", json!("yes")),
    ] {
        let mut wanted = json!({ "enabled": true });
        wanted[field] = value;
        let answer = door.put(AMERICA, &wanted).await;
        assert_eq!(answer.status, 400, "{field}");
        assert!(answer.fields()[0].starts_with(field), "{}", answer.body);
    }
    for path in ["/settings/country-rules/XX", "/settings/country-rules/india"] {
        assert_refused(&door.put(path, &json!({ "enabled": true })).await, 404, "not-found");
    }
    assert_refused(&door.get("/settings/country-rules/DE").await, 404, "not-found");
    assert_eq!(door.get(AMERICA).await.body["version"], 1);
}

#[tokio::test]
async fn a_text_against_a_rule_is_refused_by_its_name_and_version() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    set(&door, INDIA, json!({ "enabled": true })).await;
    let before = stored(&app).await;
    let number = a_number();
    let plain = door.post(SEND, &json!({ "to": number, "text": "Not registered." })).await;
    assert_refused(&plain, 403, "country-rule");
    let detail = plain.body["detail"].as_str().unwrap();
    assert!(detail.contains("rule dlt_template of IN, version 2"), "{detail}");
    assert_eq!(plain.fields(), ["template"]);
    let batch = json!({ "lane": "promo", "messages": [
        { "to": number, "text": "Sale!" }, { "to": "+41791234567", "text": "Sale!" } ] });
    let results = door.post(BATCH, &batch).await.body["results"].clone();
    assert_eq!(results[0]["error"]["code"], "country-rule");
    assert!(results[1]["message_id"].is_string(), "{results}");
    assert_ne!(stored(&app).await, before);

    let template = json!({ "body": "Dear {{ name }}, welcome.", "sender": "SMSGWX", "dlt_entity_id": "1201",
        "dlt_template_id": "1207", "dlt_text": "Dear {#var#}, welcome." });
    assert_eq!(door.put("/sms/templates/welcome", &template).await.status, 200);
    let fill = |name: &str| json!({ "to": number, "template": "welcome", "vars": { "name": name } });
    assert_eq!(door.post(SEND, &fill("Ada")).await.status, 202);
    let long = door.post(SEND, &fill(&"A".repeat(31))).await;
    assert_refused(&long, 403, "country-rule");
    assert!(long.body["detail"].as_str().unwrap().contains("rule dlt_text"), "{}", long.body);
    set(&door, INDIA, json!({ "enabled": false })).await;
    assert_eq!(door.post(SEND, &fill(&"A".repeat(31))).await.status, 202);
}

#[tokio::test]
async fn a_sender_that_is_not_carried_is_refused_at_the_door() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    set(&door, AMERICA, json!({ "enabled": true })).await;
    let template = json!({ "body": "Welcome.", "sender": "MyBrand" });
    assert_eq!(door.put("/sms/templates/welcome", &template).await.status, 200);
    let message = json!({ "to": "+12125550123", "template": "welcome" });
    let refused = door.post(SEND, &message).await;
    assert_refused(&refused, 403, "country-rule");
    assert_eq!(refused.fields(), ["sender"]);
    assert_eq!(door.post(SEND, &json!({ "to": "+12125550123", "text": "Welcome." })).await.status, 202);
}
