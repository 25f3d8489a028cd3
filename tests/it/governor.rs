//! The governor: a provider gets no more at once, and no more a second, than it can take, whoever
//! sends; and codes always find room.

use std::time::{Duration, Instant};

use mock_provider::{Fault, FaultRule, PaceChange, RetryAfter, Vendor};
use shared::lane::Lane;
use tests::TestApp;
use tests::builders::{a_promo, a_transactional, an_otp};
use tests::wait::nearly_all_below;
use worker::Parts;

/// Leaves Twilio as the only provider, with this many calls a second or at once.
fn only_twilio(max_per_second: Option<u32>, max_in_flight: Option<u32>) -> impl Fn(&mut Parts) {
    move |parts| {
        parts.providers.truncate(1);
        parts.providers[0].max_per_second = max_per_second;
        parts.providers[0].max_in_flight = max_in_flight;
    }
}

fn latency(app: &TestApp, milliseconds: u64) {
    app.mock.set_pace(Vendor::Twilio, PaceChange { latency_ms: Some(milliseconds), ..PaceChange::default() });
}

/// When messages arrived, in order, in milliseconds.
fn times(app: &TestApp) -> Vec<i64> {
    app.mock.arrivals().iter().map(|arrival| arrival.at_micros / 1000).collect()
}

/// The most arrivals within any `window` of milliseconds.
fn most_within(times: &[i64], window: i64) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, time) in times.iter().enumerate() {
        while time - times[first] >= window {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

#[tokio::test]
async fn two_workers_together_keep_a_providers_rate_and_promo_nine_tenths_of_it() {
    let mut app = TestApp::without_worker().await;
    let backlog: Vec<_> = (0..100).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&backlog).await;
    app.start_worker_with(only_twilio(Some(20), None));
    app.start_worker_with(only_twilio(Some(20), None));
    app.drained(Duration::from_secs(20)).await;
    let times = times(&app);
    let most = most_within(&times, 1000);
    assert!(most <= 20 + 2, "{most} in a second");
    let per_second = 99_000.0 / (times[99] - times[0]) as f64;
    assert!((14.0..=18.5).contains(&per_second), "{per_second} a second");
    app.stop().await;
}

#[tokio::test]
async fn codes_find_room_while_promo_uses_up_a_providers_rate() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(only_twilio(Some(20), None));
    let backlog: Vec<_> = (0..400).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&backlog).await;
    app.mock.wait_for_arrivals(20, Duration::from_secs(10)).await;
    let mut times = Vec::new();
    for _ in 0..20 {
        let accepted = Instant::now();
        let id = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
        assert_eq!(app.end_of(id).await.0, "sent");
        times.push(accepted.elapsed());
    }
    nearly_all_below(Duration::from_secs(1), times);
    app.stop().await;
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_a_provider_allows() {
    let mut app = TestApp::without_worker().await;
    latency(&app, 200);
    app.start_worker_with(only_twilio(None, Some(10)));
    let promo: Vec<_> = (0..60).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&promo).await;
    app.drained(Duration::from_secs(20)).await;
    let alone = most_within(&times(&app), 195);
    assert!((8..=9).contains(&alone), "promo had {alone} calls under way");

    app.mock.clear_arrivals();
    let both: Vec<_> = (0..60).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&both).await;
    let texts: Vec<_> = (0..60).map(|_| a_transactional(app.now()).build()).collect();
    app.accept_all(&texts).await;
    app.drained(Duration::from_secs(20)).await;
    let together = most_within(&times(&app), 195);
    assert!((9..=10).contains(&together), "{together} calls under way");
    app.stop().await;
}

#[tokio::test]
async fn after_a_pause_one_message_goes_ahead_of_the_others() {
    let mut app = TestApp::without_worker().await;
    app.mock.fail(Vendor::Twilio, Fault::Throttle { retry_after: Some(RetryAfter::Seconds(2)) }).unwrap();
    app.start_worker_with(only_twilio(Some(100), None));
    let backlog: Vec<_> = (0..50).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&backlog).await;
    app.waits_for(backlog[49].id, "provider_paused").await;
    app.mock.clear_faults();
    latency(&app, 400);
    app.drained(Duration::from_secs(60)).await;
    let times = times(&app);
    assert!(times[1] - times[0] >= 400, "the second left {} ms after the first", times[1] - times[0]);
    app.stop().await;
}

#[tokio::test]
async fn calls_that_were_under_way_when_a_pause_began_are_not_taken_for_its_probe() {
    let mut app = TestApp::without_worker().await;
    latency(&app, 400);
    let fault = Fault::Throttle { retry_after: Some(RetryAfter::Seconds(4)) };
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, fault).times(1)).unwrap();
    app.start_worker_with(|parts| {
        only_twilio(Some(100), None)(parts);
        parts.config.transactional_slots = 40;
    });
    let backlog: Vec<_> = (0..80).map(|_| a_transactional(app.now()).build()).collect();
    app.accept_all(&backlog).await;
    app.drained(Duration::from_secs(60)).await;
    let times = times(&app);
    let pause = times.windows(2).position(|pair| pair[1] - pair[0] > 2000).expect("a pause");
    let after = &times[pause + 1..];
    assert!(pause > 5 && after.len() > 5, "{} before the pause, {} after it", pause + 1, after.len());
    assert!(after[1] - after[0] >= 400, "the second left {} ms after the first", after[1] - after[0]);
    app.stop().await;
}

#[tokio::test]
async fn a_lane_that_a_provider_does_not_carry_does_not_use_its_rate() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| {
        parts.providers[0].max_per_second = Some(1);
        parts.providers[0].lanes = vec![Lane::Otp];
    });
    let backlog: Vec<_> = (0..100).map(|_| a_promo(app.now()).build()).collect();
    let began = Instant::now();
    app.accept_all(&backlog).await;
    app.drained(Duration::from_secs(20)).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(app.mock.requests().twilio.total, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_slow_vendor_is_called_by_all_of_promos_slots() {
    let mut app = TestApp::without_worker().await;
    latency(&app, 4000);
    app.start_worker_with(|parts| {
        only_twilio(None, None)(parts);
        parts.config.promo_slots = 300;
    });
    let promo: Vec<_> = (0..300).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&promo).await;
    app.drained(Duration::from_secs(20)).await;
    assert_eq!(most_within(&times(&app), 3995), 300);
    app.stop().await;
}
