//! Codes that are to be longer than a provider makes them: ours is sent instead.

use mock_provider::{ArrivalKind, Credentials};
use serde_json::json;
use shared::provider::catalogue::ProviderEnv;
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{a_session, attempt, attempts, knows, left, with_makers};

/// Follows a code of eight digits that `provider` was given to the phone and back.
async fn assert_ours(app: &TestApp, door: &Door, provider: &str, phone: &str, id: &str) {
    assert_eq!(left(app, id).await, knows("sent", provider, None));
    assert_eq!(attempts(app, id).await, [attempt(provider, "accepted", None)]);
    let [arrival] = &app.mock.arrivals_to(phone)[..] else { panic!("one code") };
    let code: String = arrival.body.chars().filter(char::is_ascii_digit).take(8).collect();
    assert_eq!(code.len(), 8, "{arrival:?}");
    let right = door.post("/otp/verify", &json!({ "session_id": id, "otp": code })).await;
    assert_eq!(right.status, 200, "{}", right.body);
}

fn by_twilio(env: &mut ProviderEnv) {
    env.twilio_verify_service_sid = Some(Credentials::VERIFY_SERVICE_SID.to_owned());
    env.provider_order = vec!["twilio".to_owned()];
}

/// Seen red with a provider that makes codes whatever length they should have.
#[tokio::test]
async fn while_the_brake_holds_no_provider_makes_a_shorter_code() {
    for (provider, change) in [("2factor", (|_| ()) as fn(&mut ProviderEnv)), ("twilio", by_twilio)] {
        let (app, door) = with_makers(change).await;
        let before = a_session(&door, &a_number()).await;
        let made = left(&app, &before).await;
        assert!(made.provider_session_id.is_some(), "{made:?}");
        sqlx::query("insert into smsgw.otp_check_counts values (clock_timestamp(), 1000, 600)")
            .execute(&app.pool)
            .await
            .unwrap();
        let (phone, id) = eventually("the brake", async || {
            let phone = a_number();
            let sent = door.post("/otp/send", &json!({ "phone": phone })).await;
            (sent.body["challenge_required"] == true)
                .then(|| (phone, sent.body["session_id"].as_str().unwrap().to_owned()))
        })
        .await;
        assert_ours(&app, &door, provider, &phone, &id).await;
        door.close().await;
        app.stop().await;
    }
}

#[tokio::test]
async fn a_purpose_with_longer_codes_gets_ours_and_others_the_providers() {
    let (app, door) = with_makers(by_twilio).await;
    let mut policy = door.get("/settings/otp").await.body["purposes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["purpose"] == "password_reset")
        .unwrap()
        .clone();
    policy.as_object_mut().unwrap().remove("purpose");
    policy["code_length"] = json!(8);
    assert_eq!(door.put("/settings/otp/purposes/password_reset", &policy).await.status, 200);
    let phone = a_number();
    let sent = door.post("/otp/send", &json!({ "phone": phone, "purpose": "password_reset" })).await;
    assert_ours(&app, &door, "twilio", &phone, sent.body["session_id"].as_str().unwrap()).await;
    let other = a_number();
    left(&app, &a_session(&door, &other).await).await;
    assert_eq!(app.mock.arrivals_to(&other)[0].kind, ArrivalKind::Code);
    door.close().await;
    app.stop().await;
}
