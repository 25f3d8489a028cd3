//! What is kept of codes, and for how long.

use shared::store::upkeep;
use tests::TestApp;
use tests::wait::becomes;

/// Sessions by name: what they are, when their time ran out, and when they were verified.
const SESSIONS: &str = "
    insert into sms_otp_sessions (id, user_id, phone, status, resend_at, expires_at, verified_at)
    select gen_random_uuid(), name, '+919812345678', status, clock_timestamp(),
           clock_timestamp() - ended::interval, clock_timestamp() - verified::interval
    from (values
        ('pending, old', 'pending', '25 hours', null),
        ('sent, old', 'sent', '25 hours', null),
        ('expired, old', 'expired', '24 hours 1 minute', null),
        ('locked, old', 'locked', '25 hours', null),
        ('send_failed, old', 'send_failed', '25 hours', null),
        ('superseded, old', 'superseded', '25 hours', null),
        ('verified, very old', 'verified', '2160 hours', '2161 hours'),
        ('pending, over', 'pending', '1 second', null),
        ('sent, over', 'sent', '23 hours 50 minutes', null),
        ('expired, young', 'expired', '23 hours 50 minutes', null),
        ('locked, young', 'locked', '23 hours 50 minutes', null),
        ('send_failed, young', 'send_failed', '23 hours 50 minutes', null),
        ('pending, open', 'pending', '-9 minutes', null),
        ('sent, open', 'sent', '-9 minutes', null),
        ('locked, open', 'locked', '-9 minutes', null),
        ('verified, old', 'verified', '25 hours', '25 hours'),
        ('verified, quite old', 'verified', '2159 hours', '2159 hours')
    ) as s (name, status, ended, verified)";

async fn run(app: &TestApp, statement: &'static str) {
    sqlx::raw_sql(statement).execute(&app.pool).await.unwrap();
}

/// Names and states in `table`, as they come to be.
async fn become_these(app: &TestApp, query: &'static str, wanted: &[&str]) {
    let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    becomes(wanted, async || sqlx::query_scalar::<_, String>(query).fetch_all(&app.pool).await.unwrap())
        .await;
}

#[tokio::test]
async fn sessions_are_ended_at_their_time_and_gone_a_day_later_unless_they_were_verified() {
    let mut app = TestApp::without_worker().await;
    run(&app, SESSIONS).await;
    run(&app, "update sms_otp_sessions set sealed_code = '\\x00' where status in ('pending', 'sent')").await;
    app.start_worker();
    let states = "select user_id || ': ' || status from sms_otp_sessions order by user_id collate \"C\"";
    let kept = [
        "expired, young: expired",
        "locked, open: locked",
        "locked, young: locked",
        "pending, open: pending",
        "pending, over: expired",
        "send_failed, young: send_failed",
        "sent, open: sent",
        "sent, over: expired",
        "verified, old: verified",
        "verified, quite old: verified",
    ];
    become_these(&app, states, &kept).await;
    let sealed = "select user_id from sms_otp_sessions where sealed_code is not null order by 1";
    become_these(&app, sealed, &["pending, open", "sent, open"]).await;
    app.stop().await;
}

#[tokio::test]
async fn what_counts_for_no_limit_and_no_brake_any_more_is_forgotten() {
    let mut app = TestApp::without_worker().await;
    run(
        &app,
        "insert into smsgw.otp_windows (kind, subject, times, until) values
             ('phone', 'over', '{now}', clock_timestamp() - interval '1 second'),
             ('phone', 'held, never counted', '{}', '-infinity'),
             ('ip', 'counts', '{now}', clock_timestamp() + interval '1 hour');
         insert into smsgw.otp_counts (name, subject, bucket, until, sends) values
             ('key-day', 'over', clock_timestamp(), clock_timestamp() - interval '1 second', 1),
             ('key-day', 'counts', clock_timestamp(), clock_timestamp() + interval '1 hour', 1);
         insert into smsgw.otp_check_counts (bucket, checks, failures) values
             (clock_timestamp() - interval '8 days 1 minute', 8, 1),
             (clock_timestamp() - interval '7 days 1 hour', 7, 1),
             (clock_timestamp(), 1, 1);
         insert into smsgw.otp_phone_failures (phone, failures, locked_until, updated_at) values
             ('+919812345678', 100, 'infinity', clock_timestamp() - interval '1 year');
         insert into sms_otp_checks (id, session_id, user_id, phone, outcome, response_time_ms, created_at)
         select gen_random_uuid(), gen_random_uuid(), days || ' days', '+919812345678', 'wrong', 1,
                clock_timestamp() - make_interval(days => days) - interval '1 minute'
         from unnest('{0,89,90,400}'::integer[]) days",
    )
    .await;
    app.start_worker();
    become_these(&app, "select subject from smsgw.otp_windows", &["counts"]).await;
    become_these(&app, "select subject from smsgw.otp_counts", &["counts"]).await;
    become_these(&app, "select checks::text from smsgw.otp_check_counts order by checks", &["1", "7"]).await;
    become_these(&app, "select user_id from sms_otp_checks order by 1", &["0 days", "89 days"]).await;
    // A phone stays locked for as long as an operator leaves it.
    become_these(&app, "select failures::text from smsgw.otp_phone_failures", &["100"]).await;
    app.stop().await;
}

/// A duty that lacks a right is a warning in the log and nothing else, for ever.
#[tokio::test]
async fn whatever_is_forgotten_may_be_forgotten() {
    let app = TestApp::without_worker().await;
    let db = &app.pool;
    let done = [
        ("expire_sessions", upkeep::expire_sessions(db).await),
        ("purge_ended_sessions", upkeep::purge_ended_sessions(db).await),
        ("purge_verified_sessions", upkeep::purge_verified_sessions(db).await),
        ("purge_otp_windows", upkeep::purge_otp_windows(db).await),
        ("purge_otp_counts", upkeep::purge_otp_counts(db).await),
        ("purge_check_counts", upkeep::purge_check_counts(db).await),
        ("purge_otp_checks", upkeep::purge_otp_checks(db).await),
        ("purge_idempotency", upkeep::purge_idempotency(db).await),
        ("purge_enqueue_keys", upkeep::purge_enqueue_keys(db).await),
        ("purge_receipts", upkeep::purge_receipts(db).await),
        ("purge_inbound", upkeep::purge_inbound(db).await),
    ];
    for (duty, done) in done {
        assert!(matches!(done, Ok(0)), "{duty}: {done:?}");
    }
}
