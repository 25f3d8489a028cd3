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

#[tokio::test]
async fn checks_are_logged_and_counted_while_the_guard_cannot_be_told_and_it_is_told_later() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let sent = start(&door, &number(320, 1)).await;
    let code = code_in(&unsent(&app, id(&sent)).await[0].text);
    let mut owner = app.owner().await;
    sqlx::raw_sql("revoke update on smsgw.guard_decisions from smsgw_app").execute(&mut owner).await.unwrap();
    let verified = door.post(OTP_VERIFY, &json!({ "session_id": id(&sent), "otp": code })).await;
    assert_eq!(verified.status, 200, "{}", verified.body);
    eventually("the check in the log and in the counts of the brake", async || {
        let (logged, counted): (i64, i64) = sqlx::query_as(
            "select (select count(*) from sms_otp_checks where outcome = 'right'),
                    (select coalesce(sum(checks), 0)::bigint from smsgw.otp_check_counts)",
        )
        .fetch_one(&app.pool)
        .await
        .unwrap();
        ((logged, counted) == (1, 1)).then_some(())
    })
    .await;
    assert_eq!(state(&app, "prefix", "+4179320").await["credits"], 19.0);
    sqlx::raw_sql("grant update on smsgw.guard_decisions to smsgw_app").execute(&mut owner).await.unwrap();
    eventually("the guard to be told", async || {
        (state(&app, "prefix", "+4179320").await["credits"] == 20.0).then_some(())
    })
    .await;
}
