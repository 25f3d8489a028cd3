//! Caps of what codes may cost: reserved before anything is sent.

use futures::future::join_all;

use super::races::sent;
use super::*;

/// Codes to Switzerland cost a dime by the vendor that is tried first.
async fn price(app: &TestApp) {
    run(app, "insert into smsgw.sms_prices (provider, country, price, currency) values ('twilio', 'CH', 0.10, 'USD')".to_owned())
        .await;
}

async fn cap(door: &Door, name: &str, wanted: Value) {
    let set = door.put(&format!("/settings/spend-caps/{name}"), &wanted).await;
    assert_eq!(set.status, 200, "{}", set.body);
}

#[tokio::test]
async fn a_code_beyond_a_cap_is_withheld_also_while_the_guard_only_observes() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    price(&app).await;
    cap(&door, "codes", json!({ "scope": "codes_day", "amount": "0.30", "currency": "USD" })).await;
    let known = number(20, 7000);
    verify(&app, &door, &known).await;
    for n in 0..2 {
        start(&door, &number(20, n * 100)).await;
    }
    let before = sent(&app).await;
    for phone in [&number(20, 5000), &known] {
        let held = start(&door, phone).await;
        assert_eq!(held.body.get("challenge_required"), None);
        let session = door.get(&format!("/otp/sessions/{}", id(&held))).await.body;
        assert_eq!(session["reason"], "guard");
    }
    assert_eq!(sent(&app).await, before);
    let decided = decisions(&door, "?outcome=block").await;
    assert_eq!((decided.len(), &decided[0]["rule"]), (2, &json!("spend_cap")));
    let shown = door.get("/settings/spend-caps/codes").await.body;
    assert_eq!((&shown["spent"], &shown["scope"]), (&json!("0.30"), &json!("codes_day")));
    let told: Vec<i16> =
        sqlx::query_scalar("select threshold from smsgw.sms_spend_alerts where cap = 'codes' order by 1")
            .fetch_all(&app.pool)
            .await
            .unwrap();
    assert_eq!(told, [50, 80, 100]);
    // Another country has no price, so it costs nothing that is known.
    let elsewhere = start(&door, "+4915112345678").await;
    assert!(is_sent(&app, &elsewhere).await);
    // With more money codes go on.
    cap(&door, "codes", json!({ "scope": "codes_day", "amount": "0.40", "currency": "USD" })).await;
    assert!(is_sent(&app, &start(&door, &number(20, 6000)).await).await);
}

#[tokio::test]
async fn an_hour_and_a_country_have_caps_of_their_own_that_campaigns_do_not_meet() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    price(&app).await;
    cap(&door, "hour", json!({ "scope": "codes_hour", "amount": "0.20", "currency": "USD" })).await;
    cap(
        &door,
        "swiss",
        json!({ "scope": "codes_country", "country": "CH", "amount": "0.30", "currency": "USD" }),
    )
    .await;
    for n in 0..3 {
        start(&door, &number(30 + n, 1)).await;
    }
    assert_eq!(sent(&app).await, 2);
    run(&app, "update smsgw.codes_spend set hour = hour - interval '1 hour' where hour >= date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' + interval '1 hour'".to_owned()).await;
    for n in 0..3 {
        start(&door, &number(40 + n, 1)).await;
    }
    assert!(sent(&app).await <= 3, "the country's cap holds over the hours");
    let wrong = json!({ "scope": "codes_country", "amount": "0.30", "currency": "USD" });
    assert_eq!(door.put("/settings/spend-caps/nowhere", &wrong).await.fields(), ["country"]);
}

/// Seen red with a purse that is opened without keeping the caps.
#[tokio::test(flavor = "multi_thread")]
async fn forty_starts_at_once_do_not_spend_more_than_the_cap() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    price(&app).await;
    cap(&doors[0], "codes", json!({ "scope": "codes_day", "amount": "1.00", "currency": "USD" })).await;
    join_all((0..40).map(|n| doors[n % 2].get("/settings/guard"))).await;
    let starts = (0..40_u16).map(|n| {
        let phone = number(100 + n, 1);
        let door = &doors[usize::from(n % 2)];
        async move { start(door, &phone).await }
    });
    join_all(starts).await;
    assert_eq!(sent(&app).await, 10);
}

#[tokio::test]
async fn each_hour_is_told_of_by_itself() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    price(&app).await;
    cap(&door, "hour", json!({ "scope": "codes_hour", "amount": "0.20", "currency": "USD" })).await;
    let told = async || -> Vec<(String, i16)> {
        sqlx::query_as("select subject, threshold from smsgw.sms_spend_alerts order by subject, threshold")
            .fetch_all(&app.pool)
            .await
            .unwrap()
    };
    for n in 0..3 {
        start(&door, &number(50 + n, 1)).await;
    }
    let first = told().await;
    let (hour, thresholds): (Vec<_>, Vec<_>) =
        first.iter().map(|(hour, threshold)| (&hour[10..], *threshold)).unzip();
    assert_eq!(thresholds, [50, 80, 100]);
    assert!(hour.iter().all(|hour| hour.starts_with('T') && hour.ends_with(":00:00Z")), "{first:?}");
    // As if an hour had passed.
    run(
        &app,
        "update smsgw.codes_spend set hour = hour - interval '1 hour';
         update smsgw.sms_spend_alerts
         set subject = to_char(subject::timestamptz at time zone 'UTC' - interval '1 hour', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            .to_owned(),
    )
    .await;
    start(&door, &number(53, 1)).await;
    let second = told().await;
    assert_eq!((second.len(), &second[3]), (4, &(first[0].0.clone(), 50)), "{second:?}");
}

#[tokio::test]
async fn explain_says_that_a_cap_leaves_nothing_and_waits_for_nobody() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    price(&app).await;
    cap(&door, "codes", json!({ "scope": "codes_day", "amount": "0.15", "currency": "USD" })).await;
    let explain = async || door.get("/guard/explain?phone=%2B41790600009").await.body;
    assert_eq!(explain().await["rule"], "passed");
    start(&door, &number(60, 1)).await;
    let written = async || -> (i64, i64) {
        sqlx::query_as(
            "select (select count(*) from smsgw.sms_spend_alerts), (select sum(micros)::bigint from smsgw.codes_spend)",
        )
        .fetch_one(&app.pool)
        .await
        .unwrap()
    };
    let before = written().await;
    let mut other = app.pool.begin().await.unwrap();
    sqlx::query("select from smsgw.sms_spend_caps for update").execute(&mut *other).await.unwrap();
    let held = explain().await;
    assert_eq!((&held["outcome"], &held["rule"]), (&json!("block"), &json!("spend_cap")), "{held}");
    assert_eq!((&held["mode"], &held["would_be_sent"]), (&json!("observe"), &json!(false)));
    other.rollback().await.unwrap();
    assert_eq!((written().await, decisions(&door, "").await.len()), (before, 1));
}
