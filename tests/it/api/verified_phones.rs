//! Verified phones: a right code makes a number its user's, and nobody else's.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::users_tokens::{get, open, post, token_of};
use super::{Challenge, OTP_SEND, assert_names, assert_refused, post_once, stored, stranger, unsent, with};

async fn begin(app: &TestApp, door: &Door, user: &str, phone: &str, purpose: &str) -> Challenge {
    Challenge::ask(app, door, &json!({ "phone": phone, "user_id": user, "purpose": purpose })).await
}

/// `user` gives the right code sent to `phone`.
async fn shows(app: &TestApp, door: &Door, user: &str, phone: &str, purpose: &str) -> Answer {
    let challenge = begin(app, door, user, phone, purpose).await;
    challenge.verify(door, &challenge.code).await
}

async fn phone_of(door: &Door, user: &str) -> Value {
    door.get(&format!("/users/{user}/phone")).await.body["phone"].clone()
}

async fn need_old(door: &Door) {
    let set = door.put("/settings/identity", &json!({ "change_needs_old": true })).await;
    assert_eq!((set.status.as_u16(), &set.body), (200, &json!({ "change_needs_old": true })));
}

#[tokio::test]
async fn a_right_code_makes_the_number_its_users() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let none = json!({ "user_id": "ann", "phone": null, "verified_at": null, "history": [] });
    assert_eq!(door.get("/users/ann/phone").await.body, none);
    let before = app.now();
    assert_eq!(shows(&app, &door, "ann", &phone, "verify_phone").await.status, 200);
    let shown = door.get("/users/ann/phone").await.body;
    assert_eq!((&shown["phone"], &shown["history"]), (&json!(phone), &json!([])));
    let at: chrono::DateTime<chrono::Utc> = shown["verified_at"].as_str().unwrap().parse().unwrap();
    assert!(before <= at && at <= app.now());
    assert_eq!(door.get("/users/ann/contact-settings").await.body["phone"], json!(phone));
    assert_eq!(shows(&app, &door, "ann", &phone, "verify_phone").await.status, 200, "again");
    assert_eq!(door.get("/users/ann/phone").await.body["history"], json!([]));
}

#[tokio::test]
async fn a_code_for_something_else_or_for_nobody_binds_no_number() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for purpose in ["login", "two_factor", "password_reset"] {
        assert_eq!(shows(&app, &door, "ann", &a_number(), purpose).await.status, 200);
    }
    let nobodys =
        Challenge::ask(&app, &door, &json!({ "phone": a_number(), "purpose": "verify_phone" })).await;
    assert_eq!(nobodys.verify(&door, &nobodys.code).await.status, 200);
    let bound: i64 =
        sqlx::query_scalar("select count(*) from verified_phones").fetch_one(&app.pool).await.unwrap();
    assert_eq!((phone_of(&door, "ann").await, bound), (Value::Null, 0));
}

/// Whose it is, is not told; and that it is somebody's only to whoever holds it.
#[tokio::test]
async fn a_number_of_another_user_is_refused_to_whoever_shows_it() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    shows(&app, &door, "ann", &phone, "verify_phone").await;
    for (user, purpose) in [("bob", "verify_phone"), ("carl", "change_phone")] {
        let free =
            door.post(OTP_SEND, &json!({ "phone": a_number(), "user_id": user, "purpose": purpose })).await;
        let taken =
            door.post(OTP_SEND, &json!({ "phone": phone, "user_id": user, "purpose": purpose })).await;
        let fields = |answer: &Answer| answer.body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!((free.status, fields(&free)), (taken.status, fields(&taken)), "a start tells nothing");
        let challenge = begin(&app, &door, user, &phone, purpose).await;
        let wrong = challenge.verify(&door, &challenge.wrong(0)).await;
        assert_refused(&wrong, 400, "otp-wrong");
        let right = challenge.verify(&door, &challenge.code).await;
        assert_refused(&right, 409, "phone-taken");
        assert!(!right.body.to_string().contains("ann"), "{}", right.body);
        assert_refused(&challenge.verify(&door, &challenge.code).await, 410, "otp-used");
    }
    assert_eq!((phone_of(&door, "ann").await, phone_of(&door, "bob").await), (json!(phone), Value::Null));
}

#[tokio::test]
async fn another_number_takes_the_place_of_the_one_before_which_is_free_then() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (old, new) = (a_number(), a_number());
    shows(&app, &door, "ann", &old, "verify_phone").await;
    assert_eq!(shows(&app, &door, "ann", &new, "change_phone").await.status, 200);
    let shown = door.get("/users/ann/phone").await.body;
    assert_eq!((&shown["phone"], &shown["history"][0]["ended_by"]), (&json!(new), &json!("changed")));
    assert_eq!(shown["history"][0]["phone"], format!("+91********{}", &old[11..]));
    assert_eq!(door.get("/users/ann/contact-settings").await.body["phone"], json!(new));
    assert_eq!(shows(&app, &door, "bob", &old, "verify_phone").await.status, 200, "it is free");
}

/// Seen red without the locks.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_numbers_that_a_user_shows_at_once_one_is_theirs_and_one_was() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    for round in 0..12 {
        let (user, phones) = (format!("user-{round}"), [a_number(), a_number()]);
        let [one, other] = [0, 1].map(|n| begin(&app, &doors[n], &user, &phones[n], "verify_phone"));
        let (one, other) = (one.await, other.await);
        let (first, second) =
            tokio::join!(one.verify(&doors[0], &one.code), other.verify(&doors[1], &other.code));
        assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
        let shown = doors[0].get(&format!("/users/{user}/phone")).await.body;
        let former: Vec<String> =
            sqlx::query_scalar("select phone from verified_phone_changes where user_id = $1")
                .bind(&user)
                .fetch_all(&app.pool)
                .await
                .unwrap();
        let mut all = former;
        all.push(shown["phone"].as_str().unwrap().to_owned());
        all.sort_unstable();
        let mut expected = phones.to_vec();
        expected.sort_unstable();
        assert_eq!(all, expected, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_users_who_show_one_number_at_once_one_has_it() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    let free = json!({ "kind": "phone", "per_seconds": 60, "most": 1000 });
    for limit in ["phone-hour", "phone-day"] {
        assert_eq!(doors[0].put(&format!("/settings/otp/limits/{limit}"), &free).await.status, 200);
    }
    let policy = json!({ "code_length": 6, "lifetime_seconds": 600, "max_attempts": 5, "cool_down_seconds": 30,
        "max_sends": 20, "send_window_seconds": 60, "resend": "new", "template": "otp", "origin": null });
    assert_eq!(doors[0].put("/settings/otp/purposes/verify_phone", &policy).await.status, 200);
    for round in 0..5 {
        let phone = a_number();
        let mut challenges = Vec::new();
        // One more, and so many checks under way would lock the phone.
        for n in 0..9 {
            let user = format!("user-{round}-{n}");
            challenges.push(begin(&app, &doors[0], &user, &phone, "verify_phone").await);
        }
        let verify = |(n, challenge): (usize, &Challenge)| {
            let (door, code) = (&doors[n % 2], challenge.code.clone());
            let id = challenge.id.clone();
            async move { Challenge { id, code: code.clone() }.verify(door, &code).await }
        };
        let answers = join_all(challenges.iter().enumerate().map(verify)).await;
        let right = answers.iter().filter(|answer| answer.status == 200).count();
        let taken = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((right, taken), (1, 8), "{:?}", answers.iter().map(|a| &a.body).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn where_the_present_number_must_be_shown_no_other_is_taken_before() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (old, new) = (a_number(), a_number());
    need_old(&door).await;
    assert_eq!(shows(&app, &door, "ann", &old, "verify_phone").await.status, 200, "the first needs no other");
    for purpose in ["verify_phone", "change_phone"] {
        let request = json!({ "phone": new, "user_id": "ann", "purpose": purpose });
        assert_refused(&door.post(OTP_SEND, &request).await, 409, "old-phone-unverified");
    }
    let confirmed = begin(&app, &door, "ann", &old, "change_phone").await;
    assert_eq!(confirmed.verify(&door, &confirmed.code).await.status, 200);
    let challenge = begin(&app, &door, "ann", &new, "change_phone").await;
    // The quarter of an hour is over before the code is typed.
    confirmed.set(&app, "verified_at = verified_at - interval '15 minutes'").await;
    assert_refused(&challenge.verify(&door, &challenge.code).await, 409, "old-phone-unverified");
    assert_eq!(phone_of(&door, "ann").await, json!(old));
    confirmed.set(&app, "verified_at = clock_timestamp()").await;
    assert_eq!(shows(&app, &door, "ann", &new, "change_phone").await.status, 200);
    assert_eq!(phone_of(&door, "ann").await, json!(new));
}

/// A code for signing in says nothing of a change, nor does one of somebody else.
#[tokio::test]
async fn only_a_code_for_the_change_shows_the_present_number() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (old, new) = (a_number(), a_number());
    need_old(&door).await;
    shows(&app, &door, "ann", &old, "verify_phone").await;
    assert_eq!(shows(&app, &door, "ann", &old, "login").await.status, 200);
    assert_refused(&shows(&app, &door, "bob", &old, "change_phone").await, 409, "phone-taken");
    let request = json!({ "phone": new, "user_id": "ann", "purpose": "change_phone" });
    assert_refused(&door.post(OTP_SEND, &request).await, 409, "old-phone-unverified");
}

#[tokio::test]
async fn a_verified_number_outlives_the_settings_until_it_is_taken_away() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let settings = "/users/ann/contact-settings";
    shows(&app, &door, "ann", &phone, "verify_phone").await;
    assert_names(&door.put(settings, &json!({ "phone": a_number() })).await, &["phone"]);
    let kept = door.put(settings, &json!({ "otp_enabled": true })).await;
    assert_eq!((&kept.body["phone"], &kept.body["otp_enabled"]), (&json!(phone), &json!(true)));
    assert_eq!(door.delete("/users/ann/phone").await.status, 204);
    assert_refused(&door.delete("/users/ann/phone").await, 404, "not-found");
    let shown = door.get("/users/ann/phone").await.body;
    assert_eq!((&shown["phone"], &shown["history"][0]["ended_by"]), (&Value::Null, &json!("removed")));
    assert_eq!(door.get(settings).await.body["phone"], Value::Null, "no code goes there any more");
    assert_eq!(shows(&app, &door, "bob", &phone, "verify_phone").await.status, 200, "it is free");
}

#[tokio::test]
async fn users_see_their_own_number_and_take_none_away() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let phone = a_number();
    shows(&app, &door, "ann", &phone, "verify_phone").await;
    assert_eq!(get(&door, "/users/ann/phone", &token_of("ann")).await.body["phone"], json!(phone));
    assert_refused(&get(&door, "/users/ann/phone", &token_of("bob")).await, 404, "not-found");
    let request = stranger().request(Method::DELETE, format!("{}/users/ann/phone", door.url));
    assert_refused(&door.call(request.bearer_auth(token_of("ann"))).await, 403, "insufficient-scope");
    assert_eq!(phone_of(&door, "ann").await, json!(phone));
}

/// Whoever has Ann's token may be anybody: her number is where her codes go, and her password is reset by it.
#[tokio::test]
async fn a_users_token_takes_another_number_only_after_the_one_before() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let ann = token_of("ann");
    let (old, new) = (a_number(), a_number());
    let take = |phone: &str, purpose: &str| json!({ "phone": phone, "purpose": purpose });
    let first = post(&door, OTP_SEND, &ann, "first", &take(&old, "verify_phone")).await;
    assert_eq!(first.status, 202, "the first number needs no other: {}", first.body);
    for enabled in [false, true] {
        let settings = json!({ "phone": old, "otp_enabled": enabled });
        assert_eq!(door.put("/users/ann/contact-settings", &settings).await.status, 200);
        for purpose in ["verify_phone", "change_phone"] {
            let key = format!("{purpose}-{enabled}");
            let refused = post(&door, OTP_SEND, &ann, &key, &take(&new, purpose)).await;
            assert_refused(&refused, 409, "old-phone-unverified");
        }
    }
    assert_eq!(shows(&app, &door, "ann", &old, "login").await.status, 200);
    let started = post(&door, OTP_SEND, &ann, "then", &take(&new, "change_phone")).await;
    assert_eq!(started.status, 202, "{}", started.body);
    let id = started.body["session_id"].as_str().unwrap().to_owned();
    let code = unsent(&app, &id).await.remove(0).code;
    assert_eq!(Challenge { id, code: code.clone() }.verify(&door, &code).await.status, 200);
    assert_eq!(phone_of(&door, "ann").await, json!(new));
}

/// Seen red where whether the user may take the number was asked before the stored answer was looked up.
#[tokio::test]
async fn a_start_that_is_repeated_gets_its_answer_though_another_would_be_refused_by_now() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let (ann, old, new) = (token_of("ann"), a_number(), a_number());
    let settings = json!({ "phone": old, "otp_enabled": true });
    assert_eq!(door.put("/users/ann/contact-settings", &settings).await.status, 200);
    assert_eq!(shows(&app, &door, "ann", &old, "login").await.status, 200);
    let ask = async |key: &str| {
        let mut answers = Vec::new();
        for purpose in ["verify_phone", "change_phone"] {
            let (key, own) = (format!("{key}-{purpose}"), json!({ "phone": new, "purpose": purpose }));
            answers.push(post(&door, OTP_SEND, &ann, &key, &own).await);
            answers.push(post_once(&door, OTP_SEND, &key, &with(&own, "user_id", json!("ann"))).await);
        }
        answers
    };
    let first = ask("first").await;
    assert!(first.iter().all(|answer| answer.status == 202), "{first:?}");
    let late = "update sms_otp_sessions set verified_at = verified_at - interval '16 minutes',
                    expires_at = expires_at - interval '16 minutes' where status = 'verified'";
    assert_eq!(sqlx::query(late).execute(&app.pool).await.unwrap().rows_affected(), 1);
    need_old(&door).await;
    let before = stored(&app).await;
    for (first, again) in first.iter().zip(ask("first").await) {
        assert_eq!((again.status.as_u16(), &again.body), (202, &first.body));
        assert_eq!(again.headers["idempotency-replayed"], "true");
    }
    for refused in ask("another").await {
        assert_refused(&refused, 409, "old-phone-unverified");
    }
    assert_eq!(stored(&app).await, before, "of what is refused nothing is stored");
}

#[tokio::test]
async fn a_number_that_a_server_has_set_must_be_shown_as_well() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    need_old(&door).await;
    let (old, new) = (a_number(), a_number());
    assert_eq!(door.put("/users/ann/contact-settings", &json!({ "phone": old })).await.status, 200);
    let request = json!({ "phone": new, "user_id": "ann", "purpose": "verify_phone" });
    assert_refused(&door.post(OTP_SEND, &request).await, 409, "old-phone-unverified");
    assert_eq!(shows(&app, &door, "ann", &old, "change_phone").await.status, 200);
    assert_eq!(shows(&app, &door, "ann", &new, "change_phone").await.status, 200);
    assert_eq!(phone_of(&door, "ann").await, json!(new));
}

/// Seen red with settings that are written without the lock.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_are_written_meanwhile_bring_no_former_number_back() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for round in 0..25 {
        let (user, old, new) = (format!("user-{round}"), a_number(), a_number());
        assert_eq!(shows(&app, &door, &user, &old, "verify_phone").await.status, 200);
        let challenge = begin(&app, &door, &user, &new, "change_phone").await;
        let (settings, enabled) = (format!("/users/{user}/contact-settings"), json!({ "otp_enabled": true }));
        let writes = (0..6).map(|_| door.put(&settings, &enabled));
        let (changed, _) = tokio::join!(challenge.verify(&door, &challenge.code), join_all(writes));
        assert_eq!(changed.status, 200);
        assert_eq!(door.get(&settings).await.body["phone"], json!(new), "round {round}");
    }
}
