//! Codes that come back.

use super::*;

#[tokio::test]
async fn a_verified_code_gives_its_credit_back_once_and_is_nobodys_neighbour() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    verify(&app, &door, &number(300, 1)).await;
    let prefix = state(&app, "prefix", "+4179300").await;
    assert_eq!(prefix["credits"], 20.0);
    assert_eq!(prefix.get("recent"), None, "{prefix}");
    let country = state(&app, "country", "CH").await;
    assert_eq!(country["credits"], 200.0);
    assert_eq!(country["traffic"][0][3], 1, "{country}");
    assert!(decisions(&door, "").await[0]["converted_at"].is_string());
    // Whoever is known is not counted any more, neither sent nor verified.
    verify(&app, &door, &number(300, 1)).await;
    assert_eq!(state(&app, "prefix", "+4179300").await, prefix);
}

#[tokio::test]
async fn five_of_six_earn_credits_that_wrong_codes_do_not() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for n in 0..5 {
        verify(&app, &door, &number(301, n * 100)).await;
    }
    let earned = state(&app, "prefix", "+4179301").await["credits"].as_f64().unwrap();
    assert!(earned > 20.0, "{earned}");
    let sent = start(&door, &number(301, 9000)).await;
    let wrong = door.post(OTP_VERIFY, &json!({ "session_id": id(&sent), "otp": "000000" })).await;
    assert_eq!(wrong.status, 400);
    let left = state(&app, "prefix", "+4179301").await["credits"].as_f64().unwrap();
    assert!((earned - 1.0 - left).abs() < 1e-9, "{earned} {left}");
}

#[tokio::test]
async fn a_country_with_plenty_of_credits_is_counted_a_moment_later() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    start(&door, &number(310, 0)).await;
    run(&app, "update smsgw.guard_subjects set state = jsonb_set(state, '{credits}', '5000') where kind = 'country'".to_owned())
        .await;
    // By another process, which has not looked before.
    let other = Door::open(&app).await;
    for n in 1..4 {
        start(&other, &number(310, n * 100)).await;
    }
    eventually("the country to be counted", async || {
        let country = state(&app, "country", "CH").await;
        (country["credits"] == json!(4997.0)).then_some(())
    })
    .await;
}
