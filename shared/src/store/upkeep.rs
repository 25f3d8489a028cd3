//! Standing duties of the database: partitions ahead, old rows out.

use sqlx::PgExecutor;

/// At most this many rows a call: whoever had as many asks again.
pub const GROUP: u64 = 10_000;

/// Deletes rows of `$table` whose `$time` is `$age` ago, by the places where they were just locked. Those that another
/// worker is deleting are passed over. The bound is a value of its own, by which an index can be entered.
macro_rules! purge {
    ($db:expr, $table:tt, $time:tt, $age:tt) => {
        sqlx::query!(
            "delete from "
                + $table
                + " where ctid = any(array(
                 select ctid from "
                + $table
                + "
                 where "
                + $time
                + " < (select clock_timestamp() - interval '"
                + $age
                + "') limit 10000
                 for update skip locked))"
        )
        .execute($db)
        .await
        .map(|done| done.rows_affected())
    };
}

/// Makes the partitions of the next four weeks; says how many were missing.
///
/// # Errors
/// Also when a lock was not free for a second: the duty simply comes again.
pub async fn create_partitions(db: impl PgExecutor<'_>) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"select smsgw.create_partitions(clock_timestamp() - interval '7 days', interval '28 days') as "created!""#
    )
    .fetch_one(db)
    .await
}

/// Lists the partitions of this week and the next that are not there: without them nothing can be logged.
pub async fn list_missing_partitions(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"with wanted as (
               select parent, c.relname || to_char(week, '"_"IYYY"w"IW') as name
               from unnest('{public.sms_messages_log,smsgw.sms_attempts}'::regclass[]) parent
               join pg_class c on c.oid = parent,
               generate_series(date_trunc('week', clock_timestamp() at time zone 'UTC'),
                               clock_timestamp() at time zone 'UTC' + interval '7 days', interval '7 days') week
           )
           select name as "name!" from wanted
           where not exists (
               select from pg_inherits i join pg_class c on c.oid = i.inhrelid
               where i.inhparent = wanted.parent and c.relname = wanted.name
           )
           order by name"#
    )
    .fetch_all(db)
    .await
}

/// Drops the partitions whose messages are all older than `days`; says how many.
///
/// # Errors
/// As [`create_partitions`]; and when `days` is below 35, since a message may be planned 30 days ahead.
pub async fn drop_partitions(db: impl PgExecutor<'_>, days: i32) -> sqlx::Result<i32> {
    sqlx::query_scalar!(r#"select smsgw.drop_partitions(make_interval(days => $1)) as "dropped!""#, days)
        .fetch_one(db)
        .await
}

/// Forgets answers to idempotent requests after 24 hours; at most [`GROUP`] a call.
pub async fn purge_idempotency(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.idempotency_keys", "created_at", "24 hours")
}

/// Forgets the keys of `sms_enqueue` after 24 hours; at most [`GROUP`] a call.
pub async fn purge_enqueue_keys(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.sms_enqueue_keys", "created_at", "24 hours")
}

/// Forgets receipts whose message has not left the outbox for a day; at most [`GROUP`] a call.
pub async fn purge_receipts(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.sms_receipts", "received_at", "1 day")
}

/// Forgets inbound texts of 90 days ago; at most [`GROUP`] a call.
pub async fn purge_inbound(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.sms_inbound", "received_at", "90 days")
}

/// Forgets when campaigns texted people once that counts for no frequency cap; at most [`GROUP`] a call.
pub async fn purge_promo_contacts(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.sms_promo_contacts", "until", "0 seconds")
}

/// Forgets alerts of 90 days ago; at most [`GROUP`] a call.
pub async fn purge_spend_alerts(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.sms_spend_alerts", "reached_at", "90 days")
}

/// Forgets OTP sessions that ended unverified 24 hours ago; at most [`GROUP`] a call.
pub async fn purge_ended_sessions(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"delete from public.sms_otp_sessions where ctid = any(array(
               select ctid from public.sms_otp_sessions
               where status not in ('pending', 'sent', 'verified')
                 and expires_at < clock_timestamp() - interval '24 hours' limit 10000
               for update skip locked))"#
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets OTP sessions that were verified 90 days ago; at most [`GROUP`] a call.
pub async fn purge_verified_sessions(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"delete from public.sms_otp_sessions where ctid = any(array(
               select ctid from public.sms_otp_sessions
               where status = 'verified' and verified_at < clock_timestamp() - interval '90 days' limit 10000
               for update skip locked))"#
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets what could be exchanged for a new password until a day ago; at most [`GROUP`] a call.
pub async fn purge_reset_tokens(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.reset_tokens", "expires_at", "1 day")
}

/// Forgets when codes were sent to subjects once that counts for no limit; at most [`GROUP`] a call.
pub async fn purge_otp_windows(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.otp_windows", "until", "0 seconds")
}

/// Forgets how many codes were sent once that counts for no limit; at most [`GROUP`] a call.
pub async fn purge_otp_counts(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.otp_counts", "until", "0 seconds")
}

/// Forgets what the pumping guard said 30 days ago; at most [`GROUP`] a call.
pub async fn purge_guard_decisions(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    // By the time in their ids, which are their key.
    let done = sqlx::query!(
        "delete from smsgw.guard_decisions where id = any(array(
             select id from smsgw.guard_decisions
             where id < (select smsgw.uuid_floor(clock_timestamp() - interval '30 days'))
             limit 10000 for update skip locked))"
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets what the pumping guard has not looked at for ten days: by then every block is over, and what was a week's
/// share; at most [`GROUP`] a call.
pub async fn purge_guard_subjects(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.guard_subjects", "touched", "10 days")
}

/// Forgets how many guarded texts were sent in hours that are over; at most [`GROUP`] a call.
pub async fn purge_guard_unmeasured(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.guard_unmeasured", "hour", "2 hours")
}

/// Forgets what codes cost 40 days ago; at most [`GROUP`] a call.
pub async fn purge_codes_spend(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.codes_spend", "hour", "40 days")
}

/// Forgets how many checks failed once the brake no longer looks at it; at most [`GROUP`] a call.
pub async fn purge_check_counts(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.otp_check_counts", "bucket", "8 days")
}

/// Forgets checks of 90 days ago; at most [`GROUP`] a call. What was checked stands as it is, so the gateway may delete
/// such a row but not lock it (that takes the right to update): of two workers at the same rows one waits for the other.
pub async fn purge_otp_checks(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"delete from public.sms_otp_checks where ctid = any(array(
               select ctid from public.sms_otp_checks
               where created_at < clock_timestamp() - interval '90 days' limit 10000))"#
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets devices whose time has run out; at most [`GROUP`] a call.
pub async fn purge_devices(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "public.remembered_devices", "expires_at", "0 seconds")
}

/// Forgets authenticator apps that were not confirmed in time; at most [`GROUP`] a call.
pub async fn purge_pending_apps(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "public.two_factor_apps", "expires_at", "0 seconds")
}

/// Forgets wrong codes of a second factor 90 days after the last; at most [`GROUP`] a call.
pub async fn purge_two_factor_failures(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.two_factor_failures", "updated_at", "90 days")
}

/// Forgets verifications of a second factor when nobody can ask for them any more; at most [`GROUP`] a call.
pub async fn purge_two_factor_verifications(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    purge!(db, "smsgw.two_factor_verifications", "verified_at", "31 days")
}

/// Ends OTP sessions whose time has run out; at most [`GROUP`] a call.
pub async fn expire_sessions(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"update public.sms_otp_sessions set status = 'expired', sealed_code = null where id in (
               select id from public.sms_otp_sessions
               where status in ('pending', 'sent') and expires_at < clock_timestamp() limit 10000
               for update skip locked
           )"#
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Wipes the codes that were kept for a resend in sessions that could not send them and are over; at most [`GROUP`] a
/// call.
pub async fn wipe_kept_codes(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"update public.sms_otp_sessions set sealed_code = null where ctid = any(array(
               select ctid from public.sms_otp_sessions
               where status not in ('pending', 'sent', 'verified') and expires_at < clock_timestamp()
                 and sealed_code is not null limit 10000
               for update skip locked))"#
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
