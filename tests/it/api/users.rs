//! What people want: opt-outs, and users' contact settings.

use serde_json::{Value, json};
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::codes::arrived;
use super::{BATCH, OTP_SEND, SEND, a_message, assert_refused, with};

async fn ended(door: &Door, id: &Value) -> Value {
    let path = format!("/sms/messages/{}", id.as_str().unwrap());
    eventually("the message to end", async || {
        let message = door.get(&path).await.body;
        (!matches!(message["status"].as_str(), Some("queued" | "sending"))).then_some(message)
    })
    .await
}

#[tokio::test]
async fn a_stop_is_recorded_with_its_source_and_can_be_lifted() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = "/sms/opt-outs/+919876543210";
    let none = door.get(path).await.body;
    assert_eq!((&none["phone"], &none["opted_out"]), (&json!("+919876543210"), &json!(false)));
    assert_eq!(none["opt_outs"], json!([]));
    let stopped = door.put(path, &json!({ "source": "letter" })).await.body;
    assert_eq!(
        (&stopped["opted_out"], &stopped["opt_outs"][0]["scope"]),
        (&json!(true), &json!("marketing"))
    );
    door.put(path, &json!({ "scope": "marketing", "source": "later" })).await;
    let kept = door.get("/sms/opt-outs/+91%2098765%2043210").await.body;
    assert_eq!(kept, stopped, "the first record is the evidence");
    let both = door.put(path, &json!({ "scope": "all" })).await.body;
    assert_eq!(both["opt_outs"].as_array().unwrap().len(), 2);
    assert_eq!(door.delete(path).await.status, 204);
    assert_refused(&door.delete(path).await, 404, "not-found");
    assert_eq!(door.get(path).await.body["opted_out"], false);
}

#[tokio::test]
async fn who_said_stop_gets_no_promo_and_who_said_stop_all_gets_codes_only() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let (marketing, all) = (a_number(), a_number());
    door.put(&format!("/sms/opt-outs/{marketing}"), &json!({})).await;
    door.put(&format!("/sms/opt-outs/{all}"), &json!({ "scope": "all" })).await;
    for (to, promo, transactional) in [(&marketing, "suppressed", "sent"), (&all, "suppressed", "suppressed")]
    {
        let message = with(&a_message(), "to", json!(to));
        let batch = door.post(BATCH, &json!({ "lane": "promo", "messages": [message] })).await.body;
        assert_eq!(
            batch["accepted"], 1,
            "whether a number said stop is not for the caller of a batch to learn"
        );
        let single = door.post(SEND, &message).await.body;
        let ends = [&batch["results"][0]["message_id"], &single["message_id"]];
        for (id, status) in ends.into_iter().zip([promo, transactional]) {
            let end = ended(&door, id).await;
            assert_eq!(end["status"], status, "{end}");
            if status == "suppressed" {
                assert_eq!((&end["attempts"], &end["reason"]), (&json!([]), &json!("opted_out")));
            }
        }
    }
    assert_eq!(app.mock.arrivals_to(&all).len(), 0);
    assert_eq!(door.post(OTP_SEND, &json!({ "phone": all })).await.status, 202);
    arrived(&app, &all, 1).await;
    assert_eq!(door.delete(&format!("/sms/opt-outs/{marketing}")).await.status, 204);
    let message = with(&a_message(), "to", json!(marketing));
    let batch = door.post(BATCH, &json!({ "lane": "promo", "messages": [message] })).await.body;
    assert_eq!(ended(&door, &batch["results"][0]["message_id"]).await["status"], "sent");
    app.stop().await;
}

#[tokio::test]
async fn a_users_settings_are_replaced_whole() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = "/users/ann%40example.com/contact-settings";
    let unset = json!({ "user_id": "ann@example.com", "phone": null, "otp_enabled": false, "preferred_provider": null, "updated_at": null });
    assert_eq!(door.get(path).await.body, unset);
    let wanted = json!({ "phone": "+91 98765 43210", "otp_enabled": true, "preferred_provider": "2factor" });
    let set = door.put(path, &wanted).await.body;
    assert_eq!((&set["phone"], &set["preferred_provider"]), (&json!("+919876543210"), &json!("2factor")));
    assert_eq!(door.get(path).await.body, set);
    let replaced = door.put(path, &json!({ "otp_enabled": true })).await.body;
    assert_eq!((&replaced["phone"], &replaced["otp_enabled"]), (&json!(null), &json!(true)));
    assert_eq!(door.get("/users/bob/contact-settings").await.body["otp_enabled"], false);
}

/// Hint before preference before priority.
#[tokio::test]
async fn a_users_preferred_provider_is_tried_first() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    door.put("/users/ann/contact-settings", &json!({ "preferred_provider": "2factor" })).await;
    door.put("/users/bob/contact-settings", &json!({ "preferred_provider": "nobody" })).await;
    for (user, hint, provider) in [
        ("ann", None, "2factor"),
        ("ann", Some("twilio"), "twilio"),
        ("bob", None, "twilio"),
        ("eve", None, "twilio"),
    ] {
        let mut message = with(&a_message(), "user_id", json!(user));
        if let Some(hint) = hint {
            message["provider_hint"] = json!(hint);
        }
        let single = door.post(SEND, &message).await.body;
        assert_eq!(ended(&door, &single["message_id"]).await["provider_name"], provider, "{user} {hint:?}");
        let batch = door.post(BATCH, &json!({ "lane": "promo", "messages": [message] })).await.body;
        assert_eq!(ended(&door, &batch["results"][0]["message_id"]).await["provider_name"], provider);
        let code = with(&super::without(&super::without(&message, "text"), "to"), "phone", json!(a_number()));
        assert_eq!(door.post(OTP_SEND, &code).await.status, 202);
        arrived(&app, code["phone"].as_str().unwrap(), 1).await;
        let vendor = app.mock.arrivals_to(code["phone"].as_str().unwrap())[0].vendor;
        assert_eq!(json!(vendor) == json!("twilio"), provider == "twilio", "{user} {hint:?}");
    }
    app.stop().await;
}
