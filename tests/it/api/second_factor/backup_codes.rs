//! Backup codes: ten, each good for once, all worth nothing when others are made.

use serde_json::json;
use tests::{Door, TestApp};

use super::{
    CODES, FACTOR, REQUIREMENT, VERIFY, assert_refused, backup, count, enable, later, new_codes, run,
};

#[tokio::test]
async fn each_of_ten_codes_lets_a_user_in_once() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enable(&door).await;
    let codes = new_codes(&door).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(codes.iter().collect::<std::collections::HashSet<_>>().len(), 10);
    for (n, code) in codes.iter().enumerate() {
        assert_eq!(door.get(REQUIREMENT).await.body["reason"], "due");
        // As it is copied from a sheet of paper.
        let typed = match n % 3 {
            0 => code.clone(),
            1 => code.to_uppercase().replace('-', " "),
            _ => code.replace('-', "").replace('0', "O").replace('1', "l"),
        };
        let answer = door.post(VERIFY, &backup(&typed)).await;
        let expected = json!({ "verified": true, "method": "backup_code", "backup_codes_remaining": 9 - n });
        assert_eq!((answer.status.as_u16(), answer.body), (200, expected));
        let told = door.get(REQUIREMENT).await.body;
        assert_eq!((&told["reason"], &told["required"]), (&json!("verified_recently"), &json!(false)));
        assert_refused(&door.post(VERIFY, &backup(code)).await, 410, "otp-used");
        later(&app).await;
    }
    let told = door.get(REQUIREMENT).await.body;
    assert_eq!((&told["methods"], &told["backup_codes_remaining"]), (&json!(["sms"]), &json!(0)));
    assert!(told["verified_at"].is_null());
    let within = door.get(&format!("{REQUIREMENT}?within=17")).await.body;
    assert_eq!(within["reason"], "verified_recently");
    assert_eq!(count(&app, "select coalesce(sum(failures), 0) from smsgw.two_factor_failures").await, 0);
}

/// Seen red with codes that are added to those before.
#[tokio::test]
async fn new_codes_make_all_earlier_ones_worth_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enable(&door).await;
    let old = new_codes(&door).await;
    assert_eq!(door.post(VERIFY, &backup(&old[0])).await.status, 200);
    let new = new_codes(&door).await;
    assert_eq!(door.get(FACTOR).await.body["backup_codes_remaining"], 10);
    for code in &old {
        assert_refused(&door.post(VERIFY, &backup(code)).await, 400, "otp-wrong");
        run(&app, "update smsgw.two_factor_failures set failures = 1, locked_until = null").await;
    }
    for code in &new {
        assert_eq!(door.post(VERIFY, &backup(code)).await.status, 200);
    }
}

#[tokio::test]
async fn codes_are_their_users_alone() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let anns = new_codes(&door).await;
    assert_eq!(door.post(&CODES.replace("ann", "ben"), &json!({})).await.status, 201);
    let as_ben = door.post(&VERIFY.replace("ann", "ben"), &backup(&anns[0])).await;
    assert_refused(&as_ben, 400, "otp-wrong");
    assert_eq!(door.post(VERIFY, &backup(&anns[0])).await.status, 200);
}
