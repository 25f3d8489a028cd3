//! Many at one code or one token at once, at two processes: exactly one success.

use std::collections::HashMap;

use futures::StreamExt as _;
use futures::future::{join, join_all};
use futures::stream::iter;
use serde_json::{Value, json};
use tests::door::Answer;
use tests::{Door, TestApp};

use super::{
    APP, CONFIRM, DEVICES, FACTOR, REQUIREMENT, VERIFY, backup, by_app, count, enable, enrolled, later,
    new_codes, reason, remembered, texts, totp, with,
};
use crate::api::code_races::counts;

/// Under way at a time, as many as keep every connection to the database busy.
const AT_ONCE: usize = 300;

/// Posts the same so many times, at both in turn. The sockets are there before.
async fn storm(doors: &[Door; 2], times: usize, path: &str, body: &Value) -> Vec<Answer> {
    join_all((0..AT_ONCE).map(|n| doors[n % 2].get(FACTOR))).await;
    let tries = (0..times).map(async |n| doors[n % 2].post(path, body).await);
    iter(tries).buffer_unordered(AT_ONCE).collect().await
}

/// Seen red with a redemption that first reads whether the code is used and then writes it.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_uses_of_a_backup_code_exactly_one_is_accepted() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    enable(&doors[0]).await;
    let codes = new_codes(&doors[0]).await;
    for (n, code) in codes[..3].iter().enumerate() {
        let answers = storm(&doors, 1_000, VERIFY, &backup(code)).await;
        let mut counts = counts(&answers);
        assert_eq!(counts.remove(&(200, "")), Some(1), "{counts:?}");
        // So many at once are for a moment as many wrong ones.
        let (used, locked) = (counts.remove(&(410, "otp-used")), counts.remove(&(429, "otp-locked")));
        assert_eq!((used.unwrap_or_default() + locked.unwrap_or_default(), counts), (999, HashMap::new()));
        let shown = doors[1].get(FACTOR).await.body;
        assert_eq!(shown["backup_codes_remaining"], json!(9 - n));
    }
    // Nobody is locked out by them.
    assert_eq!(count(&app, "select coalesce(sum(failures), 0) from smsgw.two_factor_failures").await, 0);
    assert_eq!(doors[0].post(VERIFY, &backup(&codes[9])).await.status, 200);
}

/// Seen red with a use that does not ask for the generation, and with one that first reads it.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_uses_of_a_device_token_exactly_one_is_accepted() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    enable(&doors[0]).await;
    let codes = new_codes(&doors[0]).await;
    let mut token = remembered(&doors[0], &codes[0], "laptop").await;
    later(&app).await;
    for _ in 0..3 {
        let answers = storm(&doors, 1_000, REQUIREMENT, &json!({ "device_token": token })).await;
        let (good, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| reason(answer) == "remembered_device");
        assert_eq!((good.len(), refused.len()), (1, 999));
        assert!(refused.iter().all(|answer| reason(answer) == "due" && answer.body["required"] == true));
        assert!(refused.iter().all(|answer| answer.body.get("device_token").is_none()));
        token = super::token_in(good[0]);
    }
    assert_eq!(texts_of(&doors[0].get(DEVICES).await.body), ["laptop"]);
}

fn texts_of(devices: &Value) -> Vec<String> {
    devices["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Seen red with a step that is first read and then written.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_uses_of_an_apps_code_exactly_one_is_accepted() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    let (secret, step) = enrolled(&app, &doors[0]).await;
    let answers = storm(&doors, 500, VERIFY, &by_app(&totp(&secret, step + 1))).await;
    let mut counts = counts(&answers);
    assert_eq!(counts.remove(&(200, "")), Some(1), "{counts:?}");
    counts.retain(|answer, _| !matches!(answer, (410, "otp-used") | (429, "otp-locked")));
    assert_eq!(counts, HashMap::new());
}

/// Seen red with a try that is counted after the code was compared.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_wrong_guesses_at_once_ten_are_compared() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    new_codes(&doors[0]).await;
    let answers = storm(&doors, 500, VERIFY, &backup("zzzzz-zzzzz")).await;
    assert_eq!(counts(&answers), [((400, "otp-wrong"), 10), ((429, "otp-locked"), 490)].into());
}

/// Seen red with codes that are deleted and inserted.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_makings_at_once_one_is_good_and_wholly_so() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    enable(&doors[0]).await;
    // Those that overlap at the end decide, so there are more rounds than one.
    let mut made = Vec::new();
    for _ in 0..50 {
        let none = json!({});
        made = join_all((0..6).map(|n| doors[n % 2].post(super::CODES, &none))).await;
        assert_eq!(count(&app, "select count(*) from two_factor_backup_codes").await, 10);
    }
    let mut good = Vec::new();
    for answer in &made {
        let codes = texts(&answer.body["codes"]);
        let mut right = 0;
        for code in &codes {
            let answer = doors[0].post(VERIFY, &backup(code)).await;
            right += u32::from(answer.status == 200);
            super::run(&app, "delete from smsgw.two_factor_failures").await;
        }
        good.push(right);
    }
    good.sort_unstable();
    assert_eq!((good.pop(), good.iter().sum::<u32>()), (Some(10), 0));
}

/// Seen red with a check that takes the app's row before the settings', as a removal does not.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_remembered_while_their_app_goes_waits_in_no_circle() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    enable(&doors[0]).await;
    for round in 0..60 {
        let (secret, step) = enrolled(&app, &doors[0]).await;
        let begun = doors[0].post(APP, &json!({})).await;
        let first = json!({ "code": totp(begun.body["secret"].as_str().unwrap(), step) });
        let check = with(&by_app(&totp(&secret, step + 1)), "remember_device", json!("laptop"));
        let change = async {
            if round % 2 == 0 { doors[1].delete(APP).await } else { doors[1].post(CONFIRM, &first).await }
        };
        let (checked, changed) = join(doors[0].post(VERIFY, &check), change).await;
        assert!([200, 400, 404, 410].contains(&checked.status.as_u16()), "{round}: {}", checked.body);
        assert!(changed.status.is_success(), "{round}: {}", changed.body);
        assert_eq!(
            count(&app, "select count(*) from remembered_devices").await,
            0,
            "{round}: its app is gone"
        );
    }
}
