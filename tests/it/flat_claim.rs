//! The claim's cost is flat. Times say little on a machine that is busy with other tests, so index
//! entries are counted here; `cargo run --release -p bench -- claim` takes the time.

use std::time::Duration;

use bench::queue::{fill, hold_snapshot};
use shared::db::Use;
use shared::lane::Lane;
use shared::store::outbox::{Watermark, claim, end_expired};
use sqlx::AssertSqlSafe;
use tests::TestApp;
use tests::builders::{a_promo, an_otp};
use tests::wait::eventually;

const DEPTH: i64 = 60_000;

/// Entries that were looked at for each of `messages`, in the outbox's indexes whose names are like this, by workers
/// that have stopped.
async fn entries_read(app: &TestApp, indexes: &str, messages: i64) -> Vec<(String, i64)> {
    let gone = "select count(*) = 0 from pg_stat_activity
                where application_name like 'smsgw %' and datname = current_database()";
    eventually("the workers' connections to end", async || {
        let gone: bool = sqlx::query_scalar(gone).fetch_one(&app.pool).await.unwrap();
        gone.then_some(())
    })
    .await;
    sqlx::query_as(
        "select indexrelname::text, idx_tup_read / $2 from pg_stat_user_indexes
         where relname = 'sms_outbox' and indexrelname like $1",
    )
    .bind(indexes)
    .bind(messages)
    .fetch_all(&app.pool)
    .await
    .unwrap()
}

/// Everybody has said stop: so much is not sent in a test, but it is claimed and finished.
async fn fill_with_stopped(app: &TestApp, messages: i64) {
    fill(&mut app.connection().await, messages).await.unwrap();
    let stop = r#"insert into smsgw.sms_opt_outs (phone, source) select distinct "to", 'test' from smsgw.sms_outbox"#;
    sqlx::query(stop).execute(&app.pool).await.unwrap();
}

#[tokio::test]
async fn a_deep_backlog_due_at_one_moment_and_an_old_snapshot_do_not_slow_the_claim() {
    let mut app = TestApp::without_worker().await;
    fill_with_stopped(&app, DEPTH).await;
    let _snapshot = hold_snapshot(&app.database).await.unwrap();
    app.start_worker_with(|parts| parts.config.promo_slots = 32);
    app.drained(Duration::from_secs(90)).await;
    app.stop_workers().await;
    let read = entries_read(&app, "sms_outbox_claim", DEPTH).await;
    // One for its claim. The others are for looks at the lane by the clock (late rows, its depth), of which a drain on a
    // busy machine sees more. Without the watermark it is 946.
    assert!(read.iter().all(|(_, each)| *each <= 20), "entries read for each message: {read:?}");
}

/// A claimer's plans know no hashing; hundreds of results are not found by looking at each for each all the same.
#[tokio::test]
async fn the_expired_of_a_closed_lane_are_not_compared_each_with_each() {
    let app = TestApp::without_worker().await;
    let worker = app.a_dead_worker().await;
    let stale = a_promo(app.now()).expires_in(app.now(), Duration::from_millis(1)).build();
    app.accept_all(std::slice::from_ref(&stale)).await;
    eventually("it to expire", async || {
        // By the database's own clock: the app's is an estimate, which on a busy machine is ahead.
        let is_over: bool = sqlx::query_scalar("select clock_timestamp() > $1")
            .bind(stale.expires_at)
            .fetch_one(&app.pool)
            .await
            .unwrap();
        is_over.then_some(())
    })
    .await;
    let mut claimer = app.database.connect(Use::Queue("smsgw claim")).await.unwrap();
    assert_eq!(end_expired(&mut claimer, worker, Lane::Promo, 500).await.unwrap().len(), 1);
    let (name, parameters): (String, i32) = sqlx::query_as(
        "select name, cardinality(parameter_types) from pg_prepared_statements where statement like $1",
    )
    .bind("%delete from%")
    .fetch_one(&mut claimer)
    .await
    .unwrap();
    let nulls = vec!["null"; usize::try_from(parameters).unwrap()].join(", ");
    let plan: Vec<String> =
        sqlx::query_scalar(AssertSqlSafe(format!("explain execute \"{name}\" ({nulls})")))
            .fetch_all(&mut claimer)
            .await
            .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("Hash Cond: ((o.id)::text = (i.id)::text)"), "{plan}");
}

/// What people had stopped before they were erased costs a claim one look at an empty table, however many messages it
/// takes, and a claim of codes nothing.
#[tokio::test]
async fn a_claim_asks_once_whether_anybody_was_erased_and_for_codes_never() {
    let app = TestApp::without_worker().await;
    let worker = app.a_dead_worker().await;
    let mut claimer = app.database.connect(Use::Queue("smsgw claim")).await.unwrap();
    let people = app.keyring.people();
    assert!(claim(&mut claimer, people, worker, Lane::Promo, Watermark::START, 1).await.unwrap().is_empty());
    let name: String =
        sqlx::query_scalar("select name from pg_prepared_statements where statement like '%claimer as%'")
            .fetch_one(&mut claimer)
            .await
            .unwrap();
    for _ in 0..3 {
        app.accept(a_promo(app.now())).await;
        app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
    }
    for (lane, looks) in [("promo", "loops=1)"), ("otp", "(never executed)")] {
        let execute = format!("execute \"{name}\" ({}, '{lane}', '-infinity', 0, 10)", worker.0);
        let plan: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("explain (analyze, costs off, timing off) {execute}")))
                .fetch_all(&mut claimer)
                .await
                .unwrap();
        let asks: Vec<_> = plan.iter().filter(|line| line.contains("sms_suppressed_hashes")).collect();
        assert!(asks.len() == 1 && asks[0].ends_with(looks), "{lane}: {plan:#?}");
        assert!(plan[0].contains("Update") && plan[0].contains("rows=3"), "{lane}: {plan:#?}");
        assert!(plan.iter().any(|line| line.contains("Tid Scan on sms_outbox")), "{lane}: {plan:#?}");
    }
}

/// A worker keeps its plans. Those it made for an empty table must not walk a full one for each result.
#[tokio::test]
async fn plans_made_while_the_queue_was_empty_serve_a_full_one() {
    const MESSAGES: i64 = 20_000;
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.config.promo_slots = 128);
    for _ in 0..2 {
        let id = app.accept(a_promo(app.now())).await;
        app.end_of(id).await;
        // The statistics say "empty", and whatever was planned is planned anew.
        sqlx::query("vacuum analyze smsgw.sms_outbox").execute(&mut app.owner().await).await.unwrap();
    }
    let id = app.accept(a_promo(app.now())).await;
    app.end_of(id).await;
    fill_with_stopped(&app, MESSAGES).await;
    app.drained(Duration::from_secs(60)).await;
    app.stop_workers().await;
    // What is asked for by id, and what a worker holds; the lane's own index is the other test's.
    let mut read = entries_read(&app, "sms_outbox_pkey", MESSAGES).await;
    read.extend(entries_read(&app, "sms_outbox_claimed", MESSAGES).await);
    assert!(read.iter().all(|(_, each)| *each <= 6), "entries read for each message: {read:?}");
}
