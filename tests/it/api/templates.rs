//! `/sms/templates`: one text of ours, and what each provider calls it.

use mock_provider::{Arrival, Vendor};
use serde_json::{Value, json};
use std::sync::Arc;
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{Challenge, OTP_SEND, SEND, assert_names, assert_refused, code_in, unsent};

const BOOKED: &str = "/sms/templates/booked";

/// Sends by template and gives what the vendor got.
async fn arrival(app: &TestApp, door: &Door, vars: &Value, provider: &str) -> Arc<Arrival> {
    let to = a_number();
    let message = json!({ "to": to, "template": "booked", "vars": vars, "provider_hint": provider });
    let answer = door.post(SEND, &message).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    eventually("the message to arrive", async || app.mock.arrivals_to(&to).first().cloned()).await
}

#[tokio::test]
async fn each_provider_gets_its_own_template_and_its_own_order_of_variables() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let template = json!({ "body": "Hi {{ name }}, table {{ table }} is yours at {{ time }}.",
        "provider_templates": { "2factor": { "id": "BookedTable", "variables": ["time", "name", "table"] } } });
    let set = door.put(BOOKED, &template).await;
    assert_eq!(set.status, 200, "{}", set.body);
    let vars = json!({ "name": "Ann", "table": 7, "time": "20:00" });
    // Workers look at templates once a second.
    let mapped = eventually("the mapping to be used", async || {
        Some(arrival(&app, &door, &vars, "2factor").await).filter(|arrival| arrival.template.is_some())
    })
    .await;
    assert_eq!((mapped.vendor, mapped.template.as_deref()), (Vendor::TwoFactor, Some("BookedTable")));
    assert_eq!(mapped.variables, ["20:00", "Ann", "7"]);
    let plain = arrival(&app, &door, &vars, "twilio").await;
    assert_eq!((plain.vendor, plain.body.as_str()), (Vendor::Twilio, "Hi Ann, table 7 is yours at 20:00."));
    app.stop().await;
}

#[tokio::test]
async fn a_change_of_a_template_is_used_at_once() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let send = async || {
        door.post(SEND, &json!({ "to": a_number(), "template": "booked", "vars": { "name": "Ann" } })).await
    };
    let last = async || {
        let last = r#"select body from smsgw.sms_outbox order by seq desc limit 1"#;
        sqlx::query_scalar::<_, String>(last).fetch_one(&app.pool).await.unwrap()
    };
    assert_names(&send().await, &["template"]);
    for body in
        ["Hi {{ name }}", "Hello {{ name }}", "{% if name == 'Ann' %}Dear {{ name | upper }}{% endif %}"]
    {
        assert_eq!(door.put(BOOKED, &json!({ "body": body })).await.status, 200);
        assert_eq!(send().await.status, 202);
    }
    assert_eq!(last().await, "Dear ANN");
    assert_eq!(door.delete(BOOKED).await.status, 204);
    assert_names(&send().await, &["template"]);
}

#[tokio::test]
async fn a_template_is_shown_as_it_was_set() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let template = json!({ "locale": "de", "lane": "promo", "body": "Hallo {{ name }}", "sender": "ACME",
        "dlt_entity_id": "1101", "dlt_template_id": "1107", "dlt_text": "Hallo {#var#}",
        "provider_templates": { "2factor": { "id": "Hallo", "variables": ["name"] } } });
    let set = door.put(BOOKED, &template).await.body;
    for (field, value) in template.as_object().unwrap() {
        assert_eq!(set[field], *value, "{field}");
    }
    assert_eq!(door.put(BOOKED, &json!({ "body": "Hello {{ name }}", "lane": "promo" })).await.status, 200);
    let shown = door.get(BOOKED).await.body;
    let locales: Vec<_> =
        shown["templates"].as_array().unwrap().iter().map(|variant| &variant["locale"]).collect();
    assert_eq!(locales, ["", "de"]);
    assert_eq!(shown["templates"][1], set);
    assert_eq!(door.get("/sms/templates").await.body, shown);
    assert_eq!(door.delete(&format!("{BOOKED}?locale=de")).await.status, 204);
    assert_refused(&door.delete(&format!("{BOOKED}?locale=de")).await, 404, "not-found");
    assert_eq!(door.get(BOOKED).await.body["templates"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_template_is_for_its_lane_only() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    assert_eq!(door.put(BOOKED, &json!({ "body": "Sale!", "lane": "promo" })).await.status, 200);
    let message = json!({ "to": a_number(), "template": "booked" });
    assert_names(&door.post(SEND, &message).await, &["template"]);
    let batch = async |lane: &str| {
        door.post(super::BATCH, &json!({ "lane": lane, "messages": [message] })).await.body
    };
    assert_eq!(batch("transactional").await["results"][0]["error"]["errors"][0]["field"], "template");
    assert_eq!(batch("promo").await["accepted"], 1);
}

#[tokio::test]
async fn the_text_of_a_code_is_the_templates_in_the_users_language() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let text_for = async |locale: &str, purpose: &str| {
        let start = json!({ "phone": a_number(), "locale": locale, "purpose": purpose });
        let challenge = Challenge::ask(&app, &door, &start).await;
        let text = unsent(&app, &challenge.id).await.remove(0).text;
        text.replace(&challenge.code, "CODE")
    };
    assert_eq!(text_for("de-CH", "login").await, "Your code is CODE. It expires in 10 minutes.");
    for (locale, body) in [("", "{{ code }}, {{ minutes }} minutes"), ("de", "{{ code }} ist Ihr Code")] {
        let set = door.put("/sms/templates/otp", &json!({ "locale": locale, "body": body })).await;
        assert_eq!((set.status.as_u16(), &set.body["lane"]), (200, &json!("otp")));
    }
    assert_eq!(text_for("de-CH", "login").await, "CODE ist Ihr Code");
    assert_eq!(text_for("fr", "two_factor").await, "CODE, 5 minutes");
}

#[tokio::test]
async fn a_code_goes_by_the_providers_own_template() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let mapping = json!({ "2factor": { "id": "LoginCode" } });
    let template = json!({ "body": "{{ code }} is your code.", "provider_templates": mapping });
    assert_eq!(door.put("/sms/templates/otp", &template).await.status, 200);
    eventually("the mapping to be used", async || {
        let phone = a_number();
        let sent = door.post(OTP_SEND, &json!({ "phone": phone, "provider_hint": "2factor" })).await;
        let arrived =
            eventually("the code to arrive", async || app.mock.arrivals_to(&phone).first().cloned()).await;
        assert_eq!(arrived.vendor, Vendor::TwoFactor);
        let verify = json!({ "session_id": sent.body["session_id"], "otp": code_in(&arrived.body) });
        assert_eq!(door.post(super::OTP_VERIFY, &verify).await.status, 200);
        arrived.template.as_deref().map(|template| assert_eq!(template, "LoginCode"))
    })
    .await;
    app.stop().await;
}
