//! Partitions: made ahead, without stopping writers, and dropped only when wholly old.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use shared::ids::MessageId;
use sqlx::{Connection, PgConnection};
use tests::cluster::fresh_database;

use super::{attempt, code, list, owner, run};

/// One of the log's partitions: the first moment in it and the first after it.
type Week = (DateTime<Utc>, DateTime<Utc>);

async fn weeks(db: &mut PgConnection, parent: &str) -> Vec<Week> {
    let bounds = r#"
        select smsgw.uuid_time((bounds[1])::uuid), smsgw.uuid_time((bounds[2])::uuid)
        from pg_inherits
        join pg_class c on c.oid = inhrelid,
        regexp_match(pg_get_expr(relpartbound, c.oid), $$FROM \('([^']*)'\) TO \('([^']*)'\)$$) as bounds
        where inhparent = $1::regclass
        order by bounds[1]"#;
    sqlx::query_as(bounds).bind(parent).fetch_all(db).await.unwrap()
}

async fn create(db: &mut PgConnection, since: &str, ahead: &str) -> sqlx::Result<i32> {
    sqlx::query_scalar(
        "select smsgw.create_partitions(clock_timestamp() - $1::text::interval, $2::text::interval)",
    )
    .bind(since)
    .bind(ahead)
    .fetch_one(db)
    .await
}

async fn drop_older_than(db: &mut PgConnection, keep: &str) -> sqlx::Result<i32> {
    sqlx::query_scalar("select smsgw.drop_partitions($1::text::interval)").bind(keep).fetch_one(db).await
}

/// Writes a message accepted at `at` to the log, with one attempt.
async fn write(db: &mut PgConnection, at: DateTime<Utc>) -> sqlx::Result<()> {
    let id = MessageId::new(at);
    sqlx::query(
        r#"insert into sms_messages_log (id, "to", type, status, segments, attempts, created_at)
           values ($1, '+41790000001', 'promo', 'sent', 1, 1, $2)"#,
    )
    .bind(id)
    .bind(at)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "insert into smsgw.sms_attempts (id, message_id, provider_name, outcome, started_at, response_time_ms)
         values (gen_random_uuid(), $1, 'twilio', 'accepted', $2, 1)",
    )
    .bind(id)
    .bind(at)
    .execute(db)
    .await
    .map(drop)
}

async fn two_connections() -> (PgConnection, PgConnection) {
    let url = fresh_database().await;
    let mut one = PgConnection::connect(&url).await.unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    run(&mut one, "set role smsgw_app; set lock_timeout = '1s'").await;
    run(&mut other, "set role smsgw_app").await;
    (one, other)
}

#[tokio::test]
async fn partitions_reach_from_last_week_to_three_weeks_ahead() {
    let mut db = owner().await;
    run(&mut db, "set role smsgw_app").await;
    let now = Utc::now();
    for hours in (-7 * 24..=21 * 24).step_by(7) {
        write(&mut db, now + TimeDelta::hours(hours)).await.unwrap();
    }
    // There is no default partition that would swallow what is wrong.
    let refused = write(&mut db, now + TimeDelta::days(60)).await;
    assert_eq!(code(refused), "23514");
}

#[tokio::test]
async fn partitions_are_whole_weeks_without_gaps_in_any_time_zone() {
    let mut db = owner().await;
    // A year has both changes to and from summer time.
    run(&mut db, "set time zone 'Europe/Zurich'").await;
    assert!(create(&mut db, "60 days", "365 days").await.unwrap() > 100);
    for parent in ["public.sms_messages_log", "smsgw.sms_attempts"] {
        let weeks = weeks(&mut db, parent).await;
        assert!(weeks.len() > 52);
        for pair in weeks.windows(2) {
            assert_eq!(pair[0].1, pair[1].0, "{parent}");
        }
        for (from, to) in weeks {
            assert_eq!(to - from, TimeDelta::days(7));
            assert_eq!(from.format("%a %T").to_string(), "Mon 00:00:00", "{parent}");
        }
    }
}

#[tokio::test]
async fn making_partitions_again_makes_none() {
    let mut db = owner().await;
    run(&mut db, "set role smsgw_app").await;
    assert_eq!(create(&mut db, "7 days", "28 days").await.unwrap(), 0);
    assert!(create(&mut db, "7 days", "42 days").await.unwrap() > 0);
    assert_eq!(create(&mut db, "7 days", "42 days").await.unwrap(), 0);
}

#[tokio::test]
async fn making_partitions_neither_waits_for_writers_nor_stops_them() {
    let (mut writer, mut upkeep) = two_connections().await;
    let now = Utc::now();
    run(&mut writer, "begin").await;
    write(&mut writer, now).await.unwrap();
    run(&mut upkeep, "begin").await;
    assert!(create(&mut upkeep, "7 days", "60 days").await.unwrap() > 0);
    // Both transactions are open. A writer that had to wait would fail after its second.
    write(&mut writer, now).await.unwrap();
    run(&mut writer, "commit").await;
    write(&mut writer, now).await.unwrap();
    run(&mut upkeep, "commit").await;
    write(&mut writer, now + TimeDelta::days(55)).await.unwrap();
}

#[tokio::test]
async fn making_partitions_gives_up_after_a_second_and_leaves_nothing_behind() {
    let url = fresh_database().await;
    let mut vacuum = PgConnection::connect(&url).await.unwrap();
    let mut upkeep = PgConnection::connect(&url).await.unwrap();
    let count = "select count(*)::text from pg_class where relnamespace = 'smsgw'::regnamespace";
    let before = list(&mut upkeep, count).await.unwrap();
    run(&mut vacuum, "begin; lock table smsgw.sms_attempts in share update exclusive mode").await;
    let began = Instant::now();
    assert_eq!(code(create(&mut upkeep, "7 days", "60 days").await), "55P03");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(list(&mut upkeep, count).await.unwrap(), before);
    run(&mut vacuum, "rollback").await;
    assert!(create(&mut upkeep, "7 days", "60 days").await.unwrap() > 0);
}

#[tokio::test]
async fn two_processes_may_make_partitions_at_once() {
    let (mut one, mut other) = two_connections().await;
    let (one, other) =
        tokio::join!(create(&mut one, "7 days", "90 days"), create(&mut other, "7 days", "90 days"));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one.min(other) == 0 && one.max(other) > 0, "{one} and {other}");
}

#[tokio::test]
async fn only_weeks_that_are_wholly_old_are_dropped() {
    let mut db = owner().await;
    run(&mut db, "set role smsgw_app").await;
    create(&mut db, "120 days", "28 days").await.unwrap();
    let now = Utc::now();
    for days in 0..119 {
        write(&mut db, now - TimeDelta::days(days)).await.unwrap();
    }
    let before = weeks(&mut db, "public.sms_messages_log").await;
    let dropped = drop_older_than(&mut db, "40 days").await.unwrap();
    let left = weeks(&mut db, "public.sms_messages_log").await;
    assert_eq!(left, weeks(&mut db, "smsgw.sms_attempts").await);
    assert_eq!(usize::try_from(dropped).unwrap(), 2 * (before.len() - left.len()));
    let (mut dropped, mut kept) = (0, 0);
    for week in before {
        match left.contains(&week) {
            true => kept += 1,
            false => dropped += 1,
        }
        let is_old = week.1 <= now - TimeDelta::days(40);
        assert!(is_old || left.contains(&week), "{week:?} was dropped too early");
        // Old for another week, it must be gone.
        let is_long_old = week.1 <= now - TimeDelta::days(48);
        assert!(!is_long_old || !left.contains(&week), "{week:?} was kept");
    }
    assert!(dropped > 8 && kept > 8);
    let young = "select count(*)::text from sms_messages_log join smsgw.sms_attempts a on a.message_id = sms_messages_log.id
                 where created_at > clock_timestamp() - interval '40 days'";
    assert_eq!(list(&mut db, young).await.unwrap(), ["40"]);
    assert_eq!(drop_older_than(&mut db, "40 days").await.unwrap(), 0);
}

#[tokio::test]
async fn a_retention_below_35_days_is_refused() {
    let mut db = owner().await;
    run(&mut db, "set role smsgw_app").await;
    create(&mut db, "120 days", "28 days").await.unwrap();
    let before = weeks(&mut db, "public.sms_messages_log").await;
    for keep in ["34 days", "1 month", "0", "-90 days"] {
        let refused = drop_older_than(&mut db, keep).await.unwrap_err();
        assert!(refused.to_string().contains("35 days"), "{refused}");
    }
    assert_eq!(weeks(&mut db, "public.sms_messages_log").await, before);
    drop_older_than(&mut db, "35 days").await.unwrap();
}

#[tokio::test]
async fn dropping_gives_up_after_a_second_when_a_reader_holds_the_log() {
    let url = fresh_database().await;
    let mut reader = PgConnection::connect(&url).await.unwrap();
    let mut upkeep = PgConnection::connect(&url).await.unwrap();
    create(&mut upkeep, "120 days", "28 days").await.unwrap();
    run(&mut reader, "begin; select from sms_messages_log").await;
    let began = Instant::now();
    assert_eq!(code(drop_older_than(&mut upkeep, "40 days").await), "55P03");
    assert!(began.elapsed() < Duration::from_secs(5));
    run(&mut reader, "commit").await;
    assert!(drop_older_than(&mut upkeep, "40 days").await.unwrap() > 0);
}

#[tokio::test]
async fn the_time_in_an_id_and_the_smallest_id_of_a_time_agree() {
    let mut db = owner().await;
    for micros in
        [0, 1, 1_790_000_000_123_000, 1_790_000_000_123_499, 1_790_000_000_123_500, 1_790_000_000_999_999]
    {
        let at = DateTime::from_timestamp_micros(micros).unwrap();
        let id = MessageId::new(at);
        let (floor, time, is_floor): (MessageId, DateTime<Utc>, bool) =
            sqlx::query_as("select smsgw.uuid_floor($1), smsgw.uuid_time($2), smsgw.uuid_floor($1) <= $2")
                .bind(at)
                .bind(id)
                .fetch_one(&mut db)
                .await
                .unwrap();
        assert!(is_floor, "{floor} is above {id}, made at the same time");
        assert_eq!(time, id.created_at());
        assert_eq!(floor.created_at(), time);
        assert_eq!(floor.0.as_u128() << 48, 0);
    }
    attempt(&mut db, "select smsgw.uuid_time(null), smsgw.uuid_floor(null)").await.unwrap();
}
