//! `GET /users/{id}/otp-requirement`: who must verify now, and who need not.

use serde_json::{Value, json};
use tests::builders::a_number;
use tests::{Door, TestApp};

use super::{Challenge, OTP_SEND, assert_names, assert_refused};

const PATH: &str = "/users/ann/otp-requirement";

/// Ann, who signs in with codes to this number.
async fn enable(door: &Door, phone: &str) {
    let wanted = json!({ "phone": phone, "otp_enabled": true });
    assert_eq!(door.put("/users/ann/contact-settings", &wanted).await.status, 200);
}

/// Ann gives the right code sent to `phone`.
async fn verified(app: &TestApp, door: &Door, phone: &str, purpose: &str) -> Challenge {
    let request = json!({ "phone": phone, "user_id": "ann", "purpose": purpose });
    let challenge = Challenge::ask(app, door, &request).await;
    assert_eq!(challenge.verify(door, &challenge.code).await.status, 200);
    challenge
}

async fn reason(door: &Door) -> (Value, Value) {
    let told = door.get(PATH).await.body;
    (told["required"].clone(), told["reason"].clone())
}

#[tokio::test]
async fn who_uses_no_codes_need_not_verify() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let expected = json!({ "user_id": "ann", "otp_enabled": false, "required": false, "reason": "disabled",
        "phone": null, "verified_at": null, "within": 15, "method": "none", "methods": [],
        "backup_codes_remaining": 0 });
    assert_eq!(door.get(PATH).await.body, expected);
    let phone = a_number();
    door.put("/users/ann/contact-settings", &json!({ "phone": phone })).await;
    let told = door.get(PATH).await.body;
    assert_eq!((&told["required"], &told["reason"]), (&json!(false), &json!("disabled")));
}

#[tokio::test]
async fn who_uses_codes_must_verify_unless_they_have_done_so_of_late() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    enable(&door, &phone).await;
    let due = door.get(PATH).await.body;
    assert_eq!(
        (&due["required"], &due["reason"], &due["verified_at"]),
        (&json!(true), &json!("due"), &Value::Null)
    );
    assert_eq!(due["phone"], format!("+91********{}", &phone[11..]));
    for purpose in ["login", "two_factor", "verify_phone"] {
        let challenge = verified(&app, &door, &phone, purpose).await;
        let told = door.get(PATH).await.body;
        assert_eq!(
            (&told["required"], &told["reason"]),
            (&json!(false), &json!("verified_recently")),
            "{purpose}"
        );
        assert_eq!(told["verified_at"], challenge.look(&door).await["verified_at"]);
        // As it is an hour later.
        let past =
            "verified_at = verified_at - interval '1 hour', expires_at = expires_at - interval '1 hour'";
        challenge.set(&app, past).await;
        assert_eq!(reason(&door).await, (json!(true), json!("due")), "{purpose}");
        let longer = door.get(&format!("{PATH}?within=61")).await.body;
        assert_eq!((&longer["required"], &longer["within"]), (&json!(false), &json!(61)), "{purpose}");
        challenge.set(&app, "verified_at = verified_at - interval '30 days', expires_at = expires_at - interval '30 days'").await;
        assert_eq!(door.get(&format!("{PATH}?within=43200")).await.body["required"], true, "{purpose}");
    }
}

/// A code that resets a password shows that somebody holds the phone, not that they have just signed in.
#[tokio::test]
async fn codes_for_something_else_do_not_count_nor_do_those_that_were_not_right() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    enable(&door, &phone).await;
    for purpose in ["password_reset", "change_phone"] {
        verified(&app, &door, &phone, purpose).await;
    }
    let request = json!({ "phone": phone, "user_id": "ann" });
    let challenge = Challenge::ask(&app, &door, &request).await;
    assert_refused(&challenge.verify(&door, &challenge.wrong(0)).await, 400, "otp-wrong");
    assert_eq!(reason(&door).await, (json!(true), json!("due")));
}

/// Whoever signs in as Ann without her phone may ask for a code to their own.
#[tokio::test]
async fn a_code_sent_to_another_number_does_not_let_the_user_in() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    enable(&door, &phone).await;
    verified(&app, &door, &a_number(), "login").await;
    assert_eq!(reason(&door).await, (json!(true), json!("due")));
    let others = json!({ "phone": phone, "user_id": "bob" });
    let others = Challenge::ask(&app, &door, &others).await;
    assert_eq!(others.verify(&door, &others.code).await.status, 200);
    assert_eq!(reason(&door).await, (json!(true), json!("due")), "nor does what another user verified");
    verified(&app, &door, &phone, "login").await;
    assert_eq!(reason(&door).await, (json!(false), json!("verified_recently")));
    enable(&door, &a_number()).await;
    assert_eq!(reason(&door).await, (json!(true), json!("due")), "a new number is to be shown, too");
}

#[tokio::test]
async fn who_uses_codes_but_has_no_number_is_not_let_in_without_one() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    door.put("/users/ann/contact-settings", &json!({ "otp_enabled": true })).await;
    assert_eq!(door.post(OTP_SEND, &json!({ "phone": a_number(), "user_id": "ann" })).await.status, 202);
    assert_eq!(reason(&door).await, (json!(true), json!("no_phone")));
}

#[tokio::test]
async fn what_is_no_user_or_no_time_is_refused() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for within in ["0", "43201", "-1", "1.5", "soon", "", "99999999999"] {
        assert_names(&door.get(&format!("{PATH}?within={within}")).await, &["within"]);
    }
    assert_names(&door.get(&format!("{PATH}?since=1")).await, &["since"]);
    let long = "a".repeat(129);
    assert_names(&door.get(&format!("/users/{long}/otp-requirement?within=0")).await, &["id", "within"]);
    for within in ["1", "43200"] {
        assert_eq!(door.get(&format!("{PATH}?within={within}")).await.status, 200);
    }
}
