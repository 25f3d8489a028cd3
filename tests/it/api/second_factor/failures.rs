//! Wrong codes in a row lock a user, over app and backup codes, and a right one forgets them.

use serde_json::{Value, json};
use tests::door::Answer;
use tests::{Door, TestApp};

use super::{VERIFY, assert_refused, backup, by_app, count, enrolled, new_codes, run, step, totp};

const WRONG: &str = "zzzzz-zzzzz";

fn wait(answer: &Answer) -> i64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

async fn over(app: &TestApp) {
    assert_eq!(run(app, "update smsgw.two_factor_failures set locked_until = clock_timestamp()").await, 1);
}

#[tokio::test]
async fn ten_wrong_codes_lock_a_user_and_each_further_one_for_twice_as_long() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (secret, confirmed) = enrolled(&app, &door).await;
    let codes = new_codes(&door).await;
    for n in 0..10 {
        // A code of the app of ten minutes ago, or a backup code: they are counted together.
        let typed = if n % 2 == 0 { by_app(&totp(&secret, step(&app) - 20)) } else { backup(WRONG) };
        let answer = door.post(VERIFY, &typed).await;
        assert_refused(&answer, 400, "otp-wrong");
        assert_eq!(answer.body["attempts_remaining"], json!(9 - n));
    }
    for hours in [(1750..=1800), (3550..=3600), (7150..=7200)] {
        for typed in [backup(&codes[0]), by_app(&totp(&secret, confirmed + 1)), backup(WRONG)] {
            let locked = door.post(VERIFY, &typed).await;
            assert_refused(&locked, 429, "otp-locked");
            assert!(hours.contains(&wait(&locked)), "{} {hours:?}", wait(&locked));
            assert_eq!(locked.body["attempts_remaining"], json!(0));
        }
        over(&app).await;
        let answer = door.post(VERIFY, &backup(WRONG)).await;
        assert_refused(&answer, 400, "otp-wrong");
        assert_eq!(answer.body["attempts_remaining"], json!(0));
    }
    run(&app, "update smsgw.two_factor_failures set failures = 1000, locked_until = clock_timestamp()").await;
    assert_refused(&door.post(VERIFY, &backup(WRONG)).await, 400, "otp-wrong");
    let longest = wait(&door.post(VERIFY, &backup(WRONG)).await);
    assert!((86_350..=86_400).contains(&longest), "{longest}");
    over(&app).await;
    assert_eq!(door.post(VERIFY, &backup(&codes[0])).await.status, 200);
    assert_eq!(count(&app, "select count(*) from smsgw.two_factor_failures").await, 0);
    let again = door.post(VERIFY, &backup(WRONG)).await;
    assert_eq!(again.body["attempts_remaining"], json!(9), "a right one forgets them");
}

/// A code that was good is no guess: who clicks twice is not locked out.
#[tokio::test]
async fn a_used_code_is_no_failure_and_another_user_is_not_locked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let codes = new_codes(&door).await;
    assert_eq!(door.post(VERIFY, &backup(&codes[0])).await.status, 200);
    for _ in 0..12 {
        assert_refused(&door.post(VERIFY, &backup(&codes[0])).await, 410, "otp-used");
    }
    assert_eq!(count(&app, "select coalesce(sum(failures), 0) from smsgw.two_factor_failures").await, 0);
    let of_ben: Value = door.post("/users/ben/two-factor/backup-codes", &json!({})).await.body;
    for _ in 0..11 {
        door.post(VERIFY, &backup(WRONG)).await;
    }
    assert_refused(&door.post(VERIFY, &backup(&codes[1])).await, 429, "otp-locked");
    let ben = door.post("/users/ben/two-factor/verify", &backup(of_ben["codes"][0].as_str().unwrap())).await;
    assert_eq!(ben.status, 200);
}

#[tokio::test]
async fn wrong_first_codes_of_an_app_are_counted_too() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let begun = door.post(super::APP, &json!({})).await;
    let secret = begun.body["secret"].as_str().unwrap();
    for n in 0..10 {
        let answer = door.post(super::CONFIRM, &json!({ "code": totp(secret, step(&app) - 20) })).await;
        assert_refused(&answer, 400, "otp-wrong");
        assert_eq!(answer.body["attempts_remaining"], json!(9 - n));
    }
    let right = json!({ "code": totp(secret, step(&app)) });
    assert_refused(&door.post(super::CONFIRM, &right).await, 429, "otp-locked");
    over(&app).await;
    assert_eq!(door.post(super::CONFIRM, &json!({ "code": totp(secret, step(&app)) })).await.status, 200);
}
