//! The claim's cost is flat. Times say little on a machine that is busy with other tests, so index
//! entries are counted here; `cargo run --release -p bench -- claim` takes the time.

use std::time::Duration;

use bench::queue::{fill, hold_snapshot};
use tests::TestApp;
use tests::wait::eventually;

const DEPTH: i64 = 60_000;

/// Entries of the claim's index that were looked at, by workers that have stopped.
async fn entries_read(app: &TestApp) -> i64 {
    let gone = "select count(*) = 0 from pg_stat_activity
                where application_name like 'smsgw %' and datname = current_database()";
    eventually("the workers' connections to end", async || {
        let gone: bool = sqlx::query_scalar(gone).fetch_one(&app.pool).await.unwrap();
        gone.then_some(())
    })
    .await;
    sqlx::query_scalar(
        "select idx_tup_read from pg_stat_user_indexes where indexrelname = 'sms_outbox_claim'",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_deep_backlog_due_at_one_moment_and_an_old_snapshot_do_not_slow_the_claim() {
    let mut app = TestApp::without_worker().await;
    fill(&mut app.connection().await, DEPTH).await.unwrap();
    // Everybody has said stop: so much is not sent in a test, but it is claimed and finished.
    let stop = r#"insert into smsgw.sms_opt_outs (phone, source) select distinct "to", 'test' from smsgw.sms_outbox"#;
    sqlx::query(stop).execute(&app.pool).await.unwrap();
    let _snapshot = hold_snapshot(&app.database).await.unwrap();
    app.start_worker_with(|parts| parts.config.promo_slots = 32);
    app.drained(Duration::from_secs(90)).await;
    app.stop_workers().await;
    let each = entries_read(&app).await / DEPTH;
    // One for its claim; a few for looks at the head of the lane.
    assert!(each <= 4, "{each} entries were read for each message");
}
