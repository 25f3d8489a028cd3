//! Many at once, by two processes.

use futures::future::join_all;

use super::*;

pub(super) async fn sent(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from smsgw.sms_outbox where lane = 'otp'")
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

/// Seen red with a `hold` that reads without keeping the rows.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_starts_at_once_in_one_prefix_get_its_credits_and_no_more() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    set_guard(&doors[0], &json!({ "mode": "enforce", "neighbours": 1000, "credits_prefix": 10 })).await;
    for round in 0..5 {
        // Sockets and connections are there before.
        join_all((0..50).map(|n| doors[n % 2].get("/settings/guard"))).await;
        let before = sent(&app).await;
        let starts = (0..50_u16).map(|n| {
            let phone = number(850 + round, n * 190);
            let door = &doors[usize::from(n % 2)];
            async move { start(door, &phone).await }
        });
        let answers = join_all(starts).await;
        assert_eq!(answers.len(), 50);
        assert_eq!(sent(&app).await - before, 10, "round {round}");
    }
}

/// Seen red likewise.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_starts_at_once_find_six_neighbours() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    enforcing(&doors[0]).await;
    join_all((0..50).map(|n| doors[n % 2].get("/settings/guard"))).await;
    let starts = (0..50_u16).map(|n| {
        let phone = number(900, n * 190);
        let door = &doors[usize::from(n % 2)];
        async move { start(door, &phone).await }
    });
    join_all(starts).await;
    assert_eq!(sent(&app).await, 6);
}

/// Starts, verifications and releases of the same rows, from all sides: none waits for another in turn.
#[tokio::test(flavor = "multi_thread")]
async fn starts_verifications_and_releases_do_not_stand_in_each_others_way() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    let work = (0..40_u16).map(|n| {
        let (app, door) = (&app, &doors[usize::from(n % 2)]);
        async move {
            verify(app, door, &number(950 + n % 3, n * 200)).await;
            let released = door.post("/guard/release", &json!({ "prefix": "+4179" })).await;
            assert!([200, 404].contains(&released.status.as_u16()), "{}", released.body);
        }
    });
    join_all(work).await;
    let deadlocks: i64 =
        sqlx::query_scalar("select deadlocks from pg_stat_database where datname = current_database()")
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert_eq!(deadlocks, 0);
}
