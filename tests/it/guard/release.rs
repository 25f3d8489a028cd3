//! Releases of many prefixes: in steps, so that no code waits for all of them.

use std::time::Duration;

use sqlx::PgPool;

use super::*;

/// More than a step takes.
const PREFIXES: u16 = 999;

/// Blocks prefixes `+4179000` to `+4179998` for good.
async fn block_all(app: &TestApp, door: &Door) {
    enforcing(door).await;
    start(door, &number(999, 1)).await;
    run(
        app,
        format!(
            "insert into smsgw.guard_subjects (kind, subject, state)
             select kind, '+4179' || to_char(n, 'FM000'),
                    state || '{{\"credits\": 0, \"hold\": {{\"rule\": \"neighbours\", \"until\": 9999999999}}}}'
             from smsgw.guard_subjects, generate_series(0, {PREFIXES} - 1) n where kind = 'prefix'"
        ),
    )
    .await;
    assert!(!is_sent(app, &start(door, &number(0, 1)).await).await, "it is blocked");
}

/// How many prefixes are blocked.
async fn blocked(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from smsgw.guard_subjects where state ? 'hold'")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn no_code_waits_for_a_release_of_many_and_what_it_is_counted_stays() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    block_all(&app, &door).await;
    let mut other = app.pool.begin().await.unwrap();
    sqlx::query("select from smsgw.guard_subjects where subject = '+4179900' for update")
        .execute(&mut *other)
        .await
        .unwrap();
    let all = json!({ "prefix": "+4179" });
    let meanwhile = async {
        app.waiter().await;
        // The first of them are good again, and are not looked at once more.
        let began = std::time::Instant::now();
        assert!(is_sent(&app, &start(&door, &number(0, 2)).await).await);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert!((1..i64::from(PREFIXES)).contains(&blocked(&app.pool).await));
        other.rollback().await.unwrap();
    };
    let (released, ()) = tokio::join!(door.post("/guard/release", &all), meanwhile);
    assert_eq!(released.status, 200, "{}", released.body);
    let names = released.body["released"].as_array().unwrap();
    assert_eq!((names.len(), &names[0]), (usize::from(PREFIXES) + 1, &json!("+4179000")));
    assert_eq!(blocked(&app.pool).await, 0);
    let credits = async |prefix| state(&app, "prefix", prefix).await["credits"].clone();
    assert_eq!((credits("+4179000").await, credits("+4179900").await), (json!(19.0), json!(20.0)));
}

#[tokio::test]
async fn a_release_that_is_broken_off_is_finished_by_the_next() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    block_all(&app, &door).await;
    let mut other = app.pool.begin().await.unwrap();
    sqlx::query("select from smsgw.guard_subjects where subject = '+4179900' for update")
        .execute(&mut *other)
        .await
        .unwrap();
    let all = json!({ "prefix": "+4179" });
    let broken_off = async {
        let (who, mut owner) = (app.waiter().await, app.owner().await);
        sqlx::query("select pg_terminate_backend($1)").bind(who).execute(&mut owner).await.unwrap();
    };
    let (failed, ()) = tokio::join!(door.post("/guard/release", &all), broken_off);
    assert!(failed.status.is_server_error(), "{}", failed.body);
    other.rollback().await.unwrap();
    let left = blocked(&app.pool).await;
    assert!((1..i64::from(PREFIXES)).contains(&left), "{left}");
    let again = door.post("/guard/release", &all).await;
    assert_eq!(again.body["released"].as_array().unwrap().len(), usize::from(PREFIXES) + 1);
    assert_eq!(blocked(&app.pool).await, 0);
}

#[tokio::test]
async fn a_release_goes_by_what_was_set_elsewhere_a_moment_ago() {
    let app = TestApp::without_worker().await;
    let (door, elsewhere) = (Door::open(&app).await, Door::open(&app).await);
    start(&door, &number(20, 1)).await;
    set_guard(&elsewhere, &json!({ "credits_prefix": 30 })).await;
    let released = door.post("/guard/release", &json!({ "prefix": "+4179020" })).await;
    assert_eq!(released.status, 200, "{}", released.body);
    assert_eq!(state(&app, "prefix", "+4179020").await["credits"], 30.0);
}

/// From one address, to a prefix of its own each.
async fn start_from(door: &Door, n: u16, address: &str) -> Answer {
    let sent = door.post(OTP_SEND, &json!({ "phone": number(n, 1), "client_ip": address })).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    sent
}

#[tokio::test]
async fn an_address_is_explained_and_released_however_it_is_written() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    set_guard(&door, &json!({ "mode": "enforce", "credits_ip": 1 })).await;
    for (n, asking, written, block) in [
        (0, "203.0.113.9", "203.0.113.9", "203.0.113.9/32"),
        (10, "2001:db8:1:2::7", "2001:DB8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        (20, "2001:db8:1:3::7", "2001:db8:1:3::/64", "2001:db8:1:3::/64"),
    ] {
        assert!(is_sent(&app, &start_from(&door, n, asking).await).await);
        assert!(!is_sent(&app, &start_from(&door, n + 1, asking).await).await);
        assert_eq!(decisions(&door, "?limit=1").await[0]["client"], block);
        let explain = format!("/guard/explain?phone=%2B{}&client_ip={written}", &number(n + 2, 1)[1..]);
        let explained = door.get(&explain).await.body;
        assert_eq!((&explained["rule"], &explained["client"]), (&json!("credits_ip"), &json!(block)));
        let released = door.post("/guard/release", &json!({ "prefix": written })).await;
        assert_eq!(released.body["released"], json!([block]), "{}", released.body);
        assert_eq!(door.get(&explain).await.body["rule"], "passed");
        assert!(is_sent(&app, &start_from(&door, n + 2, asking).await).await);
    }
}

#[tokio::test]
async fn what_cannot_be_released_is_told_what_it_must_be() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (wrong, cure) in [
        ("everything", "203.0.113.9 or 2001:db8:1:2::/64"),
        ("203.0.113.0/24", "one client"),
        ("2001:db8::/48", "the /64 of an IPv6 address"),
    ] {
        let refused = door.post("/guard/release", &json!({ "prefix": wrong })).await;
        assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["prefix"]), "{wrong}");
        assert!(refused.body["errors"][0]["message"].as_str().unwrap().contains(cure), "{}", refused.body);
    }
    assert_eq!(door.post("/guard/release", &json!({ "prefix": "198.51.100.1" })).await.status, 404);
    let refused = door.get("/guard/explain?phone=%2B41790000001&client_ip=home").await;
    assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["client_ip"]));
}
