//! Upkeep: what is old goes, however much of it there is and whatever else fails.

use std::time::Duration;

use shared::db;
use shared::store::upkeep;
use tests::TestApp;
use tests::wait::{PATIENCE, within};

mod codes;

/// Keys of `sms_enqueue` that were used two days ago.
async fn old_keys(app: &TestApp, count: i32) {
    let insert = "insert into smsgw.sms_enqueue_keys (caller, key, request_hash, message_id, created_at)
                  select 'shop', n::text, '', gen_random_uuid(), clock_timestamp() - interval '2 days'
                  from generate_series(1, $1) n";
    sqlx::query(insert).bind(count).execute(&app.pool).await.unwrap();
}

async fn keys_are_gone(app: &TestApp) {
    within(Duration::from_secs(12), "the old keys to go", async || {
        let left: i64 = sqlx::query_scalar("select count(*) from smsgw.sms_enqueue_keys")
            .fetch_one(&app.pool)
            .await
            .unwrap();
        (left == 0).then_some(())
    })
    .await;
}

/// A group every five seconds would take half a minute, and less than what a busy day brings.
#[tokio::test]
async fn what_is_old_goes_however_much_it_is() {
    let mut app = TestApp::without_worker().await;
    old_keys(&app, 60_000).await;
    app.start_worker();
    keys_are_gone(&app).await;
    app.stop().await;
}

#[tokio::test]
async fn a_duty_that_fails_keeps_no_other_from_being_done() {
    let mut app = TestApp::without_worker().await;
    old_keys(&app, 1).await;
    let fails = "alter table sms_otp_sessions rename column expires_at to expired_at";
    sqlx::raw_sql(fails).execute(&mut app.owner().await).await.unwrap();
    app.start_worker();
    keys_are_gone(&app).await;
    app.stop().await;
}

#[tokio::test]
async fn workers_do_not_wait_for_each_others_upkeep() {
    let app = TestApp::without_worker().await;
    old_keys(&app, 3).await;
    let mut other = app.pool.begin().await.unwrap();
    sqlx::query("select from smsgw.sms_enqueue_keys where key = '2' for update")
        .execute(&mut *other)
        .await
        .unwrap();
    let purged = db::within(PATIENCE, upkeep::purge_enqueue_keys(&app.pool)).await;
    assert_eq!(purged.expect("no wait for the other"), 2);
    other.rollback().await.unwrap();
    assert_eq!(upkeep::purge_enqueue_keys(&app.pool).await.unwrap(), 1);
}
