//! Remembered devices: a token that works once and is exchanged, for thirty days, on one user's device alone.

use futures::future::join;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::{
    APP, Challenge, DEVICES, FACTOR, OTP_VERIFY, REQUIREMENT, SETTINGS, VERIFY, assert_names, assert_refused,
    backup, count, enable, enrolled, later, new_codes, present, reason, remembered, run, token_in, with,
};

/// A right code by SMS, on a device that is to be remembered.
async fn by_sms(app: &TestApp, door: &Door, request: &Value) -> Answer {
    let challenge = Challenge::ask(app, door, request).await;
    let typed =
        json!({ "session_id": challenge.id, "otp": challenge.code, "remember_device": "Ann's laptop" });
    let answer = door.post(OTP_VERIFY, &typed).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

/// Ann with a device, 16 minutes later; gives its token.
async fn ann_with_a_device(app: &TestApp, door: &Door) -> String {
    enable(door).await;
    let codes = new_codes(door).await;
    let token = remembered(door, &codes[0], "laptop").await;
    later(app).await;
    token
}

#[tokio::test]
async fn on_a_remembered_device_a_user_need_not_verify() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = enable(&door).await;
    let checked = by_sms(&app, &door, &json!({ "phone": phone, "user_id": "ann" })).await;
    let expires_at = checked.body["device_expires_at"].clone();
    let mut token = token_in(&checked);
    // Not needed yet, so not used up.
    let recent = present(&door, &token).await;
    assert_eq!((reason(&recent), recent.body.get("device_token")), ("verified_recently", None));
    later(&app).await;
    assert_eq!(door.get(REQUIREMENT).await.body["reason"], "due");
    for _ in 0..3 {
        let answer = present(&door, &token).await;
        assert_eq!((reason(&answer), &answer.body["required"]), ("remembered_device", &json!(false)));
        // To use a device does not make it last longer.
        assert_eq!(answer.body["device_expires_at"], expires_at);
        let used = std::mem::replace(&mut token, token_in(&answer));
        assert_eq!(reason(&present(&door, &used).await), "due", "a token works once");
    }
    let listed = door.get(DEVICES).await.body["devices"].clone();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["name"]), (1, &json!("Ann's laptop")));
    assert!(listed[0]["last_used_at"].is_string() && listed[0]["expires_at"] == expires_at, "{listed}");
    let days = "select (extract(epoch from max(expires_at) - now()) / 3600)::bigint from remembered_devices";
    assert!((719..=720).contains(&count(&app, days).await));
}

#[tokio::test]
async fn a_token_that_is_not_good_changes_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let token = ann_with_a_device(&app, &door).await;
    let ben = json!({ "phone": a_number(), "otp_enabled": true });
    assert_eq!(door.put(&SETTINGS.replace("ann", "ben"), &ben).await.status, 200);
    let as_ben = door.post(&REQUIREMENT.replace("ann", "ben"), &json!({ "device_token": token })).await;
    assert_eq!(reason(&as_ben), "due", "another user's");
    for at in [0, 21, 24, 30, 40, 85] {
        let mut tampered: Vec<char> = token.chars().collect();
        tampered[at] = if tampered[at] == 'A' { 'B' } else { 'A' };
        assert_eq!(reason(&present(&door, &tampered.iter().collect::<String>()).await), "due", "{at}");
    }
    for text in ["", "AAAA", &"A".repeat(86), &"é".repeat(40), &token.repeat(100)] {
        assert_eq!(reason(&present(&door, text).await), "due");
    }
    assert_eq!(reason(&present(&door, &token).await), "remembered_device", "it is as good as before");
}

#[tokio::test]
async fn an_expired_device_is_forgotten() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let token = ann_with_a_device(&app, &door).await;
    run(&app, "update remembered_devices set expires_at = clock_timestamp()").await;
    assert_eq!(reason(&present(&door, &token).await), "due");
    assert_eq!(door.get(DEVICES).await.body, json!({ "devices": [] }));
    assert_eq!(door.get(FACTOR).await.body["devices"], 0);
}

#[tokio::test]
async fn a_revoked_device_is_one_no_more() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enable(&door).await;
    let codes = new_codes(&door).await;
    let mut tokens = Vec::new();
    for (code, name) in codes.iter().zip(["laptop", "phone", "tablet"]) {
        tokens.push(remembered(&door, code, name).await);
    }
    later(&app).await;
    let listed = door.get(DEVICES).await.body["devices"].clone();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["tablet", "phone", "laptop"]);
    let phone = format!("{DEVICES}/{}", listed[1]["id"].as_str().unwrap());
    assert_refused(&door.delete(&phone.replace("ann", "ben")).await, 404, "not-found");
    assert_eq!(door.delete(&phone).await.status, 204);
    assert_refused(&door.delete(&phone).await, 404, "not-found");
    assert_refused(&door.delete(&format!("{DEVICES}/none")).await, 404, "not-found");
    assert_eq!(reason(&present(&door, &tokens[1]).await), "due");
    assert_eq!(reason(&present(&door, &tokens[0]).await), "remembered_device");
    assert_eq!(door.delete(DEVICES).await.status, 204);
    assert_eq!(door.delete(DEVICES).await.status, 204, "there is nothing to be told apart");
    assert_eq!(reason(&present(&door, &tokens[2]).await), "due");
}

/// Seen red without the look at what an old token means.
#[tokio::test]
async fn a_used_token_that_comes_again_later_revokes_the_device() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let first = ann_with_a_device(&app, &door).await;
    let second = token_in(&present(&door, &first).await);
    let third = token_in(&present(&door, &second).await);
    let passed = async |seconds: u32| {
        let sql = format!(
            "update remembered_devices set last_used_at = clock_timestamp() - interval '{seconds} s'"
        );
        run(&app, &sql).await;
    };
    // Two tabs.
    passed(50).await;
    assert_eq!(reason(&present(&door, &second).await), "due");
    assert_eq!(door.get(FACTOR).await.body["devices"], 1);
    // A thief, or the owner after one: whoever it is, neither is let in any more.
    passed(61).await;
    assert_eq!(reason(&present(&door, &first).await), "due");
    assert_eq!(door.get(FACTOR).await.body["devices"], 0);
    assert_eq!(reason(&present(&door, &third).await), "due");
}

/// Seen red without the triggers of the settings, and without the removal that goes with an app.
#[tokio::test]
async fn devices_go_with_what_they_were_remembered_for() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = enable(&door).await;
    let again = async || {
        let codes = new_codes(&door).await;
        remembered(&door, &codes[0], "laptop").await;
        assert_eq!(door.get(FACTOR).await.body["devices"], 1);
    };
    again().await;
    let same = json!({ "phone": phone, "otp_enabled": true, "preferred_provider": "twilio" });
    assert_eq!(door.put(SETTINGS, &same).await.status, 200);
    assert_eq!(door.get(FACTOR).await.body["devices"], 1, "nothing of it has changed");
    let other = json!({ "phone": a_number(), "otp_enabled": true });
    assert_eq!(door.put(SETTINGS, &other).await.status, 200);
    assert_eq!(door.get(FACTOR).await.body["devices"], 0, "another number");
    again().await;
    assert_eq!(door.put(FACTOR, &json!({ "method": "none" })).await.status, 200);
    assert_eq!(door.get(FACTOR).await.body["devices"], 0, "no second factor");
    assert_eq!(door.put(FACTOR, &json!({ "method": "sms" })).await.status, 200);
    again().await;
    enrolled(&app, &door).await;
    assert_eq!(door.get(FACTOR).await.body["devices"], 0, "an app, whose codes are asked for now");
    again().await;
    assert_eq!(door.put(FACTOR, &json!({ "method": "sms" })).await.status, 200);
    assert_eq!(door.get(FACTOR).await.body["devices"], 1, "an app shows no less than an SMS");
    assert_eq!(door.put(FACTOR, &json!({ "method": "app" })).await.status, 200);
    assert_eq!(door.get(FACTOR).await.body["devices"], 0, "the app once more");
    again().await;
    assert_eq!(door.delete(APP).await.status, 204);
    let shown = door.get(FACTOR).await.body;
    assert_eq!((&shown["devices"], &shown["method"]), (&json!(0), &json!("sms")), "the app removed");
    enrolled(&app, &door).await;
    again().await;
    enrolled(&app, &door).await;
    assert_eq!(door.get(FACTOR).await.body["devices"], 0, "another app in its place");
}

/// Somebody who has got hold of a user's number, a SIM card swapped, gets no further once the app is asked for. Seen red
/// without the method in the trigger.
#[tokio::test]
async fn a_device_remembered_by_sms_is_none_once_the_app_is_asked_for() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = enable(&door).await;
    let token = token_in(&by_sms(&app, &door, &json!({ "phone": phone, "user_id": "ann" })).await);
    enrolled(&app, &door).await;
    later(&app).await;
    assert_eq!(reason(&present(&door, &token).await), "due");
    assert_eq!(door.get(DEVICES).await.body, json!({ "devices": [] }));
}

/// Seen red with settings that are locked by the statement that looks for an app: it does not see one confirmed meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_remembered_by_sms_while_an_app_is_confirmed_is_none() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = enable(&door).await;
    enrolled(&app, &door).await;
    assert_eq!(door.put(FACTOR, &json!({ "method": "sms" })).await.status, 200);
    run(
        &app,
        "update two_factor_apps set confirmed_at = null, expires_at = clock_timestamp() + interval '1 h'",
    )
    .await;
    let challenge = Challenge::ask(&app, &door, &json!({ "phone": phone, "user_id": "ann" })).await;
    let typed = json!({ "session_id": challenge.id, "otp": challenge.code, "remember_device": "laptop" });
    // As the confirmation does.
    let mut confirming = app.pool.begin().await.unwrap();
    for sql in [
        "update two_factor_apps set confirmed_at = clock_timestamp(), expires_at = null",
        "update user_contact_settings set two_factor_method = 'app'",
    ] {
        sqlx::query(sql).execute(&mut *confirming).await.unwrap();
    }
    let commit = async {
        app.waiter().await;
        confirming.commit().await.unwrap();
    };
    let (answer, ()) = join(door.post(OTP_VERIFY, &typed), commit).await;
    assert_eq!((answer.status.as_u16(), answer.body.get("device_token")), (200, None), "{}", answer.body);
    assert_eq!(door.get(DEVICES).await.body, json!({ "devices": [] }));
}

/// Whoever calls from a browser may say who they are, and have a code sent to a number of their own.
#[tokio::test]
async fn a_code_that_says_nothing_of_the_user_remembers_no_device() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = enable(&door).await;
    for (request, why) in [
        (json!({ "phone": a_number(), "user_id": "ann" }), "another number"),
        (json!({ "phone": phone, "user_id": "ann", "purpose": "password_reset" }), "another purpose"),
        (json!({ "phone": phone, "user_id": "ben" }), "another user"),
    ] {
        let answer = by_sms(&app, &door, &request).await;
        assert!(answer.body.get("device_token").is_none(), "{why}: {}", answer.body);
    }
    assert_eq!(door.put(SETTINGS, &json!({ "phone": phone })).await.status, 200);
    let answer = by_sms(&app, &door, &json!({ "phone": phone, "user_id": "ann" })).await;
    assert!(answer.body.get("device_token").is_none(), "no second factor: {}", answer.body);
    let codes = new_codes(&door).await;
    let answer = door.post(VERIFY, &with(&backup(&codes[0]), "remember_device", json!("laptop"))).await;
    assert!(answer.status == 200 && answer.body.get("device_token").is_none(), "{}", answer.body);
    enrolled(&app, &door).await;
    let answer =
        by_sms(&app, &door, &json!({ "phone": phone, "user_id": "ann", "purpose": "two_factor" })).await;
    assert!(answer.body.get("device_token").is_none(), "an app is asked for: {}", answer.body);
    assert_eq!(count(&app, "select count(*) from remembered_devices").await, 0);
}

#[tokio::test]
async fn who_would_be_remembered_says_who_they_are_first() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    let typed = json!({ "session_id": challenge.id, "otp": challenge.code, "remember_device": "laptop" });
    assert_names(&door.post(OTP_VERIFY, &typed).await, &["remember_device"]);
    assert_names(
        &door.post(OTP_VERIFY, &with(&typed, "remember_device", json!(" "))).await,
        &["remember_device"],
    );
    let unknown = with(&typed, "session_id", json!("01a1f8b9-6b18-75d6-970a-180dfb85db55"));
    assert_refused(&door.post(OTP_VERIFY, &unknown).await, 410, "otp-expired");
    assert_eq!(challenge.attempts(&app).await, 0, "no check was taken");
    assert_eq!(challenge.verify(&door, &challenge.code).await.status, 200);
}

#[tokio::test]
async fn a_user_has_twenty_devices_and_another_one_puts_the_oldest_out() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enable(&door).await;
    let mut tokens = Vec::new();
    for n in 0..21 {
        let codes = new_codes(&door).await;
        tokens.push(remembered(&door, &codes[0], &format!("device {n}")).await);
    }
    later(&app).await;
    assert_eq!(door.get(FACTOR).await.body["devices"], 20);
    assert_eq!(reason(&present(&door, &tokens[0]).await), "due");
    for token in [&tokens[1], &tokens[20]] {
        assert_eq!(reason(&present(&door, token).await), "remembered_device");
    }
}
