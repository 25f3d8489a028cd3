//! What operators set is checked like what callers send: by field, and before anything is stored.

use serde_json::{Value, json};
use tests::{Door, TestApp};

use super::{assert_names, assert_refused, stored, with, without};

/// PUTs with each field in turn set to the value; each must be refused, naming `field` or what the
/// third column says instead.
async fn refuses(door: &Door, path: &str, good: &Value, cases: &[(&str, Value, &str)]) {
    for (field, value, named) in cases {
        let named = if named.is_empty() { field } else { named };
        assert_names(&door.put(path, &with(good, field, value.clone())).await, &[named]);
    }
}

#[tokio::test]
async fn every_field_of_a_template_is_checked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let good = json!({ "body": "Hi {{ name }}" });
    assert_names(&door.put("/sms/templates/booked", &without(&good, "body")).await, &["body"]);
    let long = "a".repeat(4097);
    let cases = [
        ("body", json!(null), ""),
        ("body", json!(5), ""),
        ("body", json!(""), ""),
        ("body", json!(long), ""),
        ("body", json!("{{"), ""),
        ("body", json!("{{ a * 9 }}"), ""),
        ("body", json!("{% for a in b %}{% endfor %}"), ""),
        ("body", json!("{{ a.b }}"), ""),
        ("body", json!("{{ a | nofilter }}"), ""),
        ("body", json!("a\u{0}b"), ""),
        ("body", json!("a\u{1b}b"), ""),
        ("lane", json!("fast"), ""),
        ("lane", json!(1), ""),
        ("locale", json!("en_US"), ""),
        ("locale", json!("a".repeat(36)), ""),
        ("locale", json!("e\u{0}"), ""),
        ("sender", json!("!"), ""),
        ("sender", json!("TWELVELETTER"), ""),
        ("sender", json!("A\u{0}"), ""),
        ("dlt_entity_id", json!(""), ""),
        ("dlt_entity_id", json!("1".repeat(101)), ""),
        ("dlt_template_id", json!("a\u{0}"), ""),
        ("dlt_text", json!(""), ""),
        ("provider_templates", json!([]), ""),
        ("provider_templates", json!({ "2factor": {} }), "provider_templates.2factor.id"),
        ("provider_templates", json!({ "2factor": { "id": "" } }), "provider_templates.2factor.id"),
        ("provider_templates", json!({ "2factor": { "id": "a\u{0}" } }), "provider_templates.2factor.id"),
        ("provider_templates", json!({ "No Name": { "id": "A" } }), "provider_templates.No Name"),
        (
            "provider_templates",
            json!({ "2factor": { "id": "A", "variables": ["other"] } }),
            "provider_templates.2factor.variables",
        ),
        ("colour", json!("red"), ""),
    ];
    refuses(&door, "/sms/templates/booked", &good, &cases).await;
    for name in ["two%20words", "a%00b", &"t".repeat(65), "%C3%A9"] {
        assert_names(&door.put(&format!("/sms/templates/{name}"), &good).await, &["name"]);
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn a_code_template_must_carry_the_code() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (path, codes) = ("/sms/templates/any", json!({ "lane": "otp", "body": "{{ code }}" }));
    refuses(&door, path, &codes, &[("body", json!("a"), ""), ("body", json!("{{ code }} {{ name }}"), "")])
        .await;
    let promo = json!({ "body": "{{ code }}", "lane": "promo" });
    assert_names(&door.put("/sms/templates/otp", &promo).await, &["lane"]);
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn every_field_of_a_stop_is_checked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = "/sms/opt-outs/+919876543210";
    let cases = [
        ("scope", json!("some"), ""),
        ("scope", json!(1), ""),
        ("source", json!(""), ""),
        ("source", json!("s".repeat(101)), ""),
        ("source", json!("a\u{0}b"), ""),
        ("source", json!(5), ""),
        ("phone", json!("+919876543210"), ""),
    ];
    refuses(&door, path, &json!({}), &cases).await;
    for phone in ["12", "abc", "%00", "+41%00790000001", "%F0%9F%98%80", &"1".repeat(41)] {
        let path = format!("/sms/opt-outs/{phone}");
        assert_names(&door.put(&path, &json!({})).await, &["phone"]);
        assert_names(&door.get(&path).await, &["phone"]);
        assert_names(&door.delete(&path).await, &["phone"]);
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn every_field_of_a_users_settings_is_checked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = "/users/ann/contact-settings";
    let cases = [
        ("phone", json!("12"), ""),
        ("phone", json!("+41\u{0}790000001"), ""),
        ("phone", json!(5), ""),
        ("otp_enabled", json!("yes"), ""),
        ("otp_enabled", json!(null), ""),
        ("preferred_provider", json!("No Name"), ""),
        ("preferred_provider", json!("a\u{0}"), ""),
        ("preferred_provider", json!(1), ""),
        ("user_id", json!("bob"), ""),
    ];
    refuses(&door, path, &json!({}), &cases).await;
    for id in ["a%00b", "a%0Ab", &"u".repeat(129)] {
        let path = format!("/users/{id}/contact-settings");
        assert_names(&door.put(&path, &json!({})).await, &["id"]);
        assert_names(&door.get(&path).await, &["id"]);
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn every_field_of_a_provider_is_checked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = "/settings/api/vendor";
    let good = json!({ "kind": "2factor", "credentials": { "api_key": "not-a-real-key" } });
    assert_names(&door.put(path, &without(&good, "kind")).await, &["kind"]);
    assert_names(&door.put(path, &without(&good, "credentials")).await, &["credentials.api_key"]);
    let cases = [
        ("kind", json!("pigeon"), ""),
        ("kind", json!(""), ""),
        ("kind", json!("2factor\u{0}"), ""),
        ("kind", json!(1), ""),
        ("priority", json!("first"), ""),
        ("priority", json!(1e10), ""),
        ("enabled", json!("yes"), ""),
        ("lanes", json!([]), ""),
        ("lanes", json!(["fast"]), ""),
        ("lanes", json!("otp"), ""),
        ("countries", json!([]), ""),
        ("countries", json!(["Switzerland"]), ""),
        ("countries", json!(["\u{0}\u{0}"]), ""),
        ("max_per_second", json!(0), ""),
        ("max_per_second", json!(-5), ""),
        ("max_per_second", json!(1.5), ""),
        ("max_in_flight", json!(0), ""),
        ("max_in_flight", json!("many"), ""),
        ("sender", json!("ACME"), ""),
        ("sender", json!("A\u{0}"), ""),
        ("settings", json!([]), ""),
        ("settings", json!({ "colour": "red" }), ""),
        ("settings", json!({ "base_url": "nowhere" }), "settings.base_url"),
        ("settings", json!({ "base_url": "http://a/\u{0}b" }), ""),
        ("credentials", json!("secret"), ""),
        ("credentials", json!({ "api_key": 5 }), "credentials.api_key"),
        ("credentials", json!({ "api_key": "" }), "credentials.api_key"),
        ("credentials", json!({ "api_key": "a", "password": "b" }), ""),
        ("colour", json!("red"), ""),
    ];
    refuses(&door, path, &good, &cases).await;
    for name in ["No%20Name", "Twilio", "a%00b", "-a", &"p".repeat(41)] {
        assert_names(&door.put(&format!("/settings/api/{name}"), &good).await, &["name"]);
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

/// The database cannot hold a NUL in a text or in JSON.
#[tokio::test]
async fn a_provider_with_a_nul_in_its_settings_is_refused_or_stored_but_never_fails() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let good = json!({ "kind": "2factor", "credentials": { "api_key": "not-a-real-key" } });
    for settings in [json!({ "template": "a\u{0}b" }), json!({ "a\u{0}b": 1 })] {
        let answer = door.put("/settings/api/vendor", &with(&good, "settings", settings)).await;
        assert_refused(&answer, 400, "invalid-request");
    }
    let key = json!({ "kind": "2factor", "credentials": { "api_key": "a\u{0}b" } });
    let answer = door.put("/settings/api/vendor", &key).await;
    assert!(answer.status.as_u16() < 500, "{}", answer.body);
}

#[tokio::test]
async fn every_field_of_a_pause_is_checked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = "/settings/pauses";
    let cases = [
        (json!({}), "scope"),
        (json!({ "scope": "some" }), "scope"),
        (json!({ "scope": 5 }), "scope"),
        (json!({ "scope": "lane" }), "name"),
        (json!({ "scope": "lane", "name": "fast" }), "name"),
        (json!({ "scope": "lane", "name": "promo\u{0}" }), "name"),
        (json!({ "scope": "lane", "name": null }), "name"),
        (json!({ "scope": "provider" }), "name"),
        (json!({ "scope": "provider", "name": "No Name" }), "name"),
        (json!({ "scope": "provider", "name": "twillio" }), "name"),
        (json!({ "scope": "provider", "name": "a".repeat(41) }), "name"),
        (json!({ "scope": "all", "name": "promo" }), "name"),
        (json!({ "scope": "all", "until": "tomorrow" }), "until"),
    ];
    for (pause, field) in cases {
        assert_names(&door.post(path, &pause).await, &[field]);
    }
    for (query, field) in [
        ("", "scope"),
        ("?scope=some", "scope"),
        ("?scope=lane", "name"),
        ("?scope=lane&name=%00", "name"),
        ("?scope=all&name=promo", "name"),
        ("?scope=all&colour=red", "colour"),
        ("?scope=all&scope=all", "scope"),
    ] {
        assert_names(&door.delete(&format!("{path}{query}")).await, &[field]);
    }
    assert_eq!(stored(&app).await, [0; 10]);
}
