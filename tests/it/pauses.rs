//! Pauses: what an operator stops stands still at once, and a provider that says "slow down" is left
//! alone by everybody.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use mock_provider::{Fault, FaultRule, RetryAfter, Vendor};
use shared::ids::MessageId;
use shared::store::opt_outs::CONSENT_LOCK;
use shared::store::pauses::{self, PauseScope};
use tests::TestApp;
use tests::builders::{Draft, a_promo, a_transactional, an_otp};
use tests::wait::{becomes, eventually, nearly_all_below};

async fn pause(app: &TestApp, scope: PauseScope, name: &str) {
    pauses::pause(&mut app.connection().await, scope, name).await.unwrap();
}

async fn resume(app: &TestApp, scope: PauseScope, name: &str) {
    assert!(pauses::resume(&app.pool, scope, name).await.unwrap());
}

async fn ids(app: &TestApp, sql: &'static str) -> HashSet<MessageId> {
    let ids: Vec<MessageId> = sqlx::query_scalar(sql).fetch_all(&app.pool).await.unwrap();
    ids.into_iter().collect()
}

const QUEUED: &str = "select id from smsgw.sms_outbox where worker_id is null";
const CLAIMED: &str = "select id from smsgw.sms_outbox where worker_id is not null";

#[tokio::test]
async fn of_a_paused_lane_nothing_is_claimed_once_the_pause_has_answered() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.config.promo_slots = 16);
    let backlog: Vec<_> = (0..2000).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&backlog).await;
    for round in 1..=8 {
        app.mock.wait_for_arrivals(app.mock.arrival_total() + 40, Duration::from_secs(10)).await;
        pause(&app, PauseScope::Lane, "promo").await;
        let queued = ids(&app, QUEUED).await;
        becomes(HashSet::new(), async || ids(&app, CLAIMED).await).await;
        assert!(!queued.is_empty(), "the backlog was too short");
        assert!(queued.is_subset(&ids(&app, QUEUED).await), "claimed after the answer in round {round}");
        resume(&app, PauseScope::Lane, "promo").await;
    }
    // What grew old in the pauses is due at once, not when somebody looks for lost rows.
    app.drained(Duration::from_secs(20)).await;
    assert_eq!(app.mock.arrival_total(), 2000);
    app.stop().await;
}

#[tokio::test]
async fn a_pause_is_not_answered_before_claims_under_way_are_committed() {
    let app = TestApp::without_worker().await;
    let mut claim = app.pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock_shared($1)")
        .bind(CONSENT_LOCK)
        .execute(&mut *claim)
        .await
        .unwrap();
    let pause = pause(&app, PauseScope::Lane, "promo");
    let release = async {
        eventually("the pause to wait for the claim", async || app.waiting_for_locks().await).await;
        assert!(pauses::list(&app.pool).await.unwrap().is_empty());
        claim.commit().await.unwrap();
    };
    tokio::join!(pause, release);
    assert_eq!(pauses::list(&app.pool).await.unwrap().len(), 1);
}

#[tokio::test]
async fn other_lanes_go_on_while_one_is_paused() {
    let app = TestApp::start().await;
    pause(&app, PauseScope::Lane, "promo").await;
    let promo = app.accept(a_promo(app.now())).await;
    for draft in [a_transactional(app.now()), an_otp(app.now(), &app.keyring, "123456")] {
        let id = app.accept(draft).await;
        assert_eq!(app.end_of(id).await.0, "sent");
    }
    assert_eq!(app.state(promo).await.0, "queued");
    resume(&app, PauseScope::Lane, "promo").await;
    assert_eq!(app.end_of(promo).await.0, "sent");
    app.stop().await;
}

#[tokio::test]
async fn while_everything_is_paused_messages_expire_unsent() {
    let app = TestApp::start().await;
    pause(&app, PauseScope::All, "").await;
    let second = Duration::from_secs(1);
    let code = app.accept(an_otp(app.now(), &app.keyring, "123456").expires_in(app.now(), second)).await;
    let promo = app.accept(a_promo(app.now()).expires_in(app.now(), second)).await;
    for id in [code, promo] {
        assert_eq!(app.end_of(id).await.0, "expired");
    }
    assert_eq!(app.mock.arrival_total(), 0);
    app.stop().await;
}

#[tokio::test]
async fn a_worker_that_starts_does_not_touch_a_stopped_provider() {
    let mut app = TestApp::without_worker().await;
    pause(&app, PauseScope::Provider, "twilio").await;
    let backlog: Vec<_> = (0..300).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&backlog).await;
    app.start_worker();
    app.drained(Duration::from_secs(20)).await;
    assert_eq!(app.mock.requests().twilio.total, 0);
    assert_eq!(app.mock.requests().twofactor.total, 300);
    app.stop().await;
}

#[tokio::test]
async fn a_stopped_provider_is_left_out_and_comes_back() {
    let app = TestApp::start().await;
    let provider = async || {
        let id = app.accept(a_transactional(app.now())).await;
        app.end_of(id).await;
        app.logged(id).await.unwrap().provider_name.unwrap()
    };
    assert_eq!(provider().await, "twilio");
    pause(&app, PauseScope::Provider, "twilio").await;
    becomes("2factor".to_owned(), provider).await;
    resume(&app, PauseScope::Provider, "twilio").await;
    becomes("twilio".to_owned(), provider).await;
    app.stop().await;
}

fn throttle(seconds: u64) -> Fault {
    Fault::Throttle { retry_after: Some(RetryAfter::Seconds(seconds)) }
}

async fn way_after_throttling(seconds: u64, draft: fn(DateTime<Utc>) -> Draft) -> String {
    let app = TestApp::start().await;
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, throttle(seconds)).times(1)).unwrap();
    let id = app.accept(draft(app.now())).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    let way = app.way(id).await;
    app.stop().await;
    way
}

#[tokio::test]
async fn a_transactional_text_waits_out_a_short_pause() {
    assert_eq!(way_after_throttling(2, a_transactional).await, "twilio throttled, twilio accepted");
}

#[tokio::test]
async fn a_transactional_text_does_not_wait_out_a_long_pause() {
    assert_eq!(way_after_throttling(20, a_transactional).await, "twilio throttled, 2factor accepted");
}

#[tokio::test]
async fn a_promo_waits_out_a_pause() {
    assert_eq!(way_after_throttling(6, a_promo).await, "twilio throttled, twilio accepted");
}

#[tokio::test]
async fn a_promo_that_would_not_live_to_see_the_end_of_a_pause_moves_on() {
    let soon = |now| a_promo(now).expires_in(now, Duration::from_secs(60));
    assert_eq!(way_after_throttling(20, soon).await, "twilio throttled, 2factor accepted");
}

#[tokio::test]
async fn a_pause_is_on_record_and_binds_a_worker_that_starts_later() {
    let mut app = TestApp::start().await;
    app.mock.fail(Vendor::Twilio, throttle(30)).unwrap();
    let first = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
    app.end_of(first).await;
    let seconds: f64 = sqlx::query_scalar(
        "select extract(epoch from paused_until - clock_timestamp())::float8
         from smsgw.sms_provider_state where provider_name = 'twilio'",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert!((25.0..=30.0).contains(&seconds), "{seconds}");

    app.stop_workers().await;
    app.start_worker();
    let second = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
    assert_eq!(app.end_of(second).await.0, "sent");
    assert_eq!(app.attempts(second).await, [("2factor".to_owned(), "accepted".to_owned())]);
    assert_eq!(app.mock.requests().twilio.total, 1);
    app.stop().await;
}

#[tokio::test]
async fn a_provider_that_throttles_is_left_alone_by_all_workers() {
    let mut app = TestApp::start().await;
    app.start_worker();
    app.mock.fail(Vendor::Twilio, throttle(4)).unwrap();
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < Duration::from_secs(3) {
        let sent = Instant::now();
        let id = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
        assert_eq!(app.end_of(id).await.0, "sent");
        times.push(sent.elapsed());
    }
    nearly_all_below(Duration::from_secs(1), times);
    let calls = app.mock.requests().twilio.total;
    assert!((1..=2).contains(&calls), "{calls} calls by two workers");
    app.mock.clear_faults();
    eventually("the provider to be used again", async || {
        let id = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
        app.end_of(id).await;
        (app.logged(id).await?.provider_name? == "twilio").then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn messages_that_wait_for_a_providers_rate_do_not_enter_it_while_it_is_paused() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.providers[0].max_per_second = Some(20));
    app.mock.fail(Vendor::Twilio, throttle(5)).unwrap();
    let waiting: Vec<_> = (0..10).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&waiting).await;
    for message in &waiting {
        app.waits_for(message.id, "provider_paused").await;
    }
    // The first few may have left before the first was answered.
    let calls = app.mock.requests().twilio.total;
    assert!(calls <= 5, "{calls} calls");
    app.stop().await;
}

#[tokio::test]
async fn codes_do_not_wait_for_a_probe_that_hangs() {
    let app = TestApp::start().await;
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, throttle(1)).times(1)).unwrap();
    app.mock.fail(Vendor::Twilio, Fault::Hang).unwrap();
    let probe = app.accept(a_transactional(app.now())).await;
    eventually("the probe to hang", async || (app.mock.requests().twilio.unanswered > 0).then_some(())).await;
    let mut times = Vec::new();
    for _ in 0..20 {
        let accepted = Instant::now();
        let id = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
        assert_eq!(app.end_of(id).await.0, "sent");
        times.push(accepted.elapsed());
        assert_eq!(app.attempts(id).await, [("2factor".to_owned(), "accepted".to_owned())]);
    }
    nearly_all_below(Duration::from_secs(1), times);
    assert_eq!(app.state(probe).await.0, "sending");
    app.mock.clear_faults();
    app.stop().await;
}
