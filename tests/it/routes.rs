//! Routes: which provider gets a message, and what each kind of answer leads to.

use std::time::{Duration, Instant};

use mock_provider::{Fault, FaultBody, FaultRule, Vendor};
use serde_json::json;
use shared::lane::Lane;
use shared::provider::catalogue::{Credentials, ProviderSettings, parse_integration};
use shared::store::integrations::Integration;
use tests::TestApp;
use tests::app::{vendor_env, vendors};
use tests::builders::{Draft, a_promo, a_transactional, an_otp};

/// Attempts as one line: `twilio not_sent, 2factor accepted`.
async fn way_of(app: &TestApp, draft: Draft) -> String {
    let id = app.accept(draft).await;
    app.end_of(id).await;
    app.way(id).await
}

/// A gateway whose one worker has other providers than usual.
async fn with_providers(change: impl FnOnce(&mut Vec<ProviderSettings>)) -> TestApp {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| change(&mut parts.providers));
    app
}

fn broken() -> Fault {
    Fault::Status { status: 503, body: FaultBody::Vendor, delivered: false }
}

fn rejected(code: &str) -> Fault {
    Fault::Reject { code: code.to_owned() }
}

fn state(status: &str, reason: &str) -> (String, Option<String>) {
    (status.to_owned(), Some(reason.to_owned()))
}

#[tokio::test]
async fn a_rejected_message_fails_at_once_and_is_tried_nowhere_else() {
    let app = TestApp::start().await;
    app.mock.fail(Vendor::Twilio, rejected("21211")).unwrap();
    let id = app.accept(a_transactional(app.now())).await;
    assert_eq!(app.end_of(id).await, state("failed", "bad_number"));
    assert_eq!(app.way(id).await, "twilio rejected");
    assert_eq!(app.mock.requests().twofactor.total, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_provider_that_refuses_one_message_is_not_asked_about_it_again() {
    let app = TestApp::start().await;
    app.mock.fail(Vendor::Twilio, rejected("21606")).unwrap();
    app.mock.fail_by(FaultRule::new(Vendor::TwoFactor, broken()).times(2)).unwrap();
    let way = way_of(&app, an_otp(app.now(), &app.keyring, "123456")).await;
    assert_eq!(way, "twilio not_sent, 2factor not_sent, 2factor not_sent, 2factor accepted");
    app.stop().await;
}

#[tokio::test]
async fn a_message_that_nobody_takes_fails_after_three_tries_at_each_provider() {
    let app = TestApp::start().await;
    app.mock.fail(Vendor::Twilio, broken()).unwrap();
    app.mock.fail(Vendor::TwoFactor, broken()).unwrap();
    let id = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
    assert_eq!(app.end_of(id).await, state("failed", "providers_exhausted"));
    assert_eq!(app.way(id).await, ["twilio not_sent, 2factor not_sent"; 3].join(", "));
    assert_eq!(app.logged(id).await.unwrap().attempts, 6);
    app.stop().await;
}

#[tokio::test]
async fn the_hint_comes_before_the_preferred_provider_and_that_before_priority() {
    let app = TestApp::start().await;
    let draft = || a_transactional(app.now());
    assert_eq!(way_of(&app, draft()).await, "twilio accepted");
    assert_eq!(way_of(&app, draft().preferred("2factor")).await, "2factor accepted");
    assert_eq!(way_of(&app, draft().hint("2factor")).await, "2factor accepted");
    assert_eq!(way_of(&app, draft().hint("twilio").preferred("2factor")).await, "twilio accepted");
    assert_eq!(way_of(&app, draft().hint("nobody")).await, "twilio accepted");
    app.stop().await;
}

#[tokio::test]
async fn a_provider_is_used_in_its_countries_and_lanes_only() {
    let app = with_providers(|providers| {
        providers[0].countries = Some(vec!["CH".parse().unwrap()]);
        providers[1].lanes = vec![Lane::Otp, Lane::Transactional];
    })
    .await;
    assert_eq!(way_of(&app, a_transactional(app.now()).to("+41791112233")).await, "twilio accepted");
    assert_eq!(way_of(&app, a_transactional(app.now())).await, "2factor accepted");
    let nowhere = app.accept(a_promo(app.now())).await;
    assert_eq!(app.end_of(nowhere).await, state("failed", "no_route"));
    app.stop().await;
}

#[tokio::test]
async fn a_provider_of_templates_gets_the_template_and_is_left_out_for_plain_text() {
    let mut app = TestApp::without_worker().await;
    sqlx::query("insert into sms_templates (name, body, provider_templates) values ('booking', $1, $2)")
        .bind("Dear {{ name }}, table {{ table }} is yours.")
        .bind(json!({ "2factor": { "id": "Booking", "variables": ["table", "name"] } }))
        .execute(&app.pool)
        .await
        .unwrap();
    let mut env = vendor_env(&app.mock.url());
    env.two_factor_plain_text = false;
    app.start_worker_with(|parts| parts.providers = env.providers().unwrap().split_off(1));
    let plain = app.accept(a_transactional(app.now())).await;
    assert_eq!(app.end_of(plain).await, state("failed", "needs_template"));
    assert_eq!(app.mock.requests().twofactor.total, 0);

    let values = json!({ "name": "Ana", "table": 7 });
    assert_eq!(
        way_of(&app, a_transactional(app.now()).template("booking", values)).await,
        "2factor accepted"
    );
    let arrival = app.mock.arrivals().pop().unwrap();
    assert_eq!(arrival.template.as_deref(), Some("Booking"));
    assert_eq!(arrival.variables, ["7", "Ana"]);
    app.stop().await;
}

#[tokio::test]
async fn after_five_failures_in_a_row_a_provider_is_left_alone() {
    let app = TestApp::start().await;
    app.mock.fail(Vendor::Twilio, broken()).unwrap();
    for _ in 0..5 {
        assert_eq!(way_of(&app, a_transactional(app.now())).await, "twilio not_sent, 2factor accepted");
    }
    for _ in 0..10 {
        assert_eq!(way_of(&app, a_transactional(app.now())).await, "2factor accepted");
    }
    assert_eq!(app.mock.requests().twilio.total, 5);
    app.stop().await;
}

/// A vendor at an address where nobody listens, which takes the text in a header.
fn unreachable() -> ProviderSettings {
    let row = Integration {
        name: "own".to_owned(),
        kind: "http".to_owned(),
        priority: 1,
        enabled: true,
        lanes: vec!["transactional".to_owned()],
        countries: None,
        max_per_second: None,
        max_in_flight: None,
        sender: None,
        settings: json!({ "base_url": "http://127.0.0.1:1", "headers": { "X-Text": "{text}" },
            "form": { "To": "{to}" }, "id": "/id" }),
        sealed_credentials: Vec::new(),
    };
    parse_integration(&row, &Credentials::default()).unwrap()
}

#[tokio::test]
async fn a_text_that_cannot_be_written_down_for_a_provider_says_nothing_of_its_health() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.providers[0] = unreachable());
    for text in ["1", "2", "3", "4", "two\nlines", "5"] {
        let way = way_of(&app, a_transactional(app.now()).text(text)).await;
        assert_eq!(way, "own not_sent, 2factor accepted", "{text}");
    }
    assert_eq!(way_of(&app, a_transactional(app.now())).await, "2factor accepted");
    app.stop().await;
}

#[tokio::test]
async fn a_provider_whose_credentials_are_wrong_is_asked_once() {
    let mut app = TestApp::without_worker().await;
    let mut env = vendor_env(&app.mock.url());
    env.twilio_auth_token = Some("wrong".into());
    app.start_worker_with(|parts| parts.providers = env.providers().unwrap());
    assert_eq!(way_of(&app, a_transactional(app.now())).await, "twilio not_sent, 2factor accepted");
    for _ in 0..10 {
        assert_eq!(way_of(&app, a_transactional(app.now())).await, "2factor accepted");
    }
    assert_eq!(app.mock.requests().twilio.by_status, [(401, 1)].into());
    app.stop().await;
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_has_not_sent() {
    let mut app = TestApp::without_worker().await;
    let nowhere = vendors("http://127.0.0.1:1").swap_remove(0);
    app.start_worker_with(|parts| parts.providers[0] = nowhere);
    assert_eq!(way_of(&app, a_promo(app.now())).await, "twilio not_sent, 2factor accepted");
    app.stop().await;
}

#[tokio::test]
async fn a_transactional_text_in_doubt_waits_a_minute_before_its_second_copy() {
    let app = TestApp::start().await;
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::DeliverThenReset).times(1)).unwrap();
    let before = app.now();
    let id = app.accept(a_transactional(app.now())).await;
    let row = app.waits_for(id, "reset").await;
    let wait = (row.due_at - before).num_seconds();
    assert!((60..63).contains(&wait), "{wait} s");
    assert_eq!((row.copies, app.mock.arrival_total()), (1, 1));

    app.make_due(id).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(app.way(id).await, "twilio in_doubt, 2factor accepted");
    assert_eq!(app.possible_duplicates(id).await, [false, true]);
    app.stop().await;
}

#[tokio::test]
async fn a_transactional_text_in_doubt_twice_is_not_sent_a_third_time() {
    let app = TestApp::start().await;
    for vendor in [Vendor::Twilio, Vendor::TwoFactor] {
        app.mock.fail(vendor, Fault::DeliverThenReset).unwrap();
    }
    let id = app.accept(a_transactional(app.now())).await;
    app.waits_for(id, "reset").await;
    app.make_due(id).await;
    assert_eq!(app.end_of(id).await, state("unknown", "reset"));
    assert_eq!((app.logged(id).await.unwrap().copies, app.mock.arrival_total()), (2, 2));
    app.stop().await;
}

/// How a message ends when Twilio answers with `fault`, and how often it arrived.
async fn end_in_doubt(app: &TestApp, fault: Fault, draft: Draft) -> (String, Option<String>, usize) {
    app.mock.clear_faults();
    app.mock.clear_arrivals();
    app.mock.fail(Vendor::Twilio, fault).unwrap();
    let id = app.accept(draft).await;
    let (status, reason) = app.end_of(id).await;
    assert_eq!(app.way(id).await, "twilio in_doubt");
    (status, reason, app.mock.arrivals().len())
}

#[tokio::test]
async fn what_may_have_been_sent_is_not_repeated_where_a_copy_is_worse_than_a_loss() {
    let app = TestApp::start().await;
    let unknown = |reason: &str, arrived| ("unknown".to_owned(), Some(reason.to_owned()), arrived);
    let garbage = Fault::Garbage { status: 200, body: "<html></html>".to_owned(), delivered: true };
    let gateway = Fault::Status { status: 502, body: FaultBody::Empty, delivered: true };
    assert_eq!(end_in_doubt(&app, garbage, a_promo(app.now())).await, unknown("garbage_answer", 1));
    assert_eq!(end_in_doubt(&app, gateway, a_promo(app.now())).await, unknown("server_error", 1));
    assert_eq!(end_in_doubt(&app, Fault::Reset, a_promo(app.now())).await, unknown("reset", 0));
    let once = a_transactional(app.now()).at_most_once();
    assert_eq!(end_in_doubt(&app, Fault::DeliverThenReset, once).await, unknown("reset", 1));
    app.stop().await;
}

#[tokio::test]
async fn a_code_whose_provider_hangs_leaves_by_the_next_after_five_seconds() {
    let app = TestApp::start().await;
    app.mock.fail(Vendor::Twilio, Fault::DeliverThenHang).unwrap();
    let accepted = Instant::now();
    let code = an_otp(app.now(), &app.keyring, "123456").build();
    app.accept_all(std::slice::from_ref(&code)).await;
    assert_eq!(app.end_of(code.id).await.0, "sent");
    let taken = accepted.elapsed();
    assert!((5.0..7.0).contains(&taken.as_secs_f64()), "{taken:?}");
    assert_eq!(app.way(code.id).await, "twilio in_doubt, 2factor accepted");
    let arrivals = app.mock.arrivals_to(&code.to);
    assert!(arrivals.len() == 2 && arrivals.iter().all(|arrival| arrival.body.contains("123456")));
    app.stop().await;
}

#[tokio::test]
async fn a_slow_but_complete_answer_is_an_answer() {
    let app = TestApp::start().await;
    app.mock.fail(Vendor::Twilio, Fault::SlowBytes { interval_ms: 1 }).unwrap();
    assert_eq!(way_of(&app, a_promo(app.now())).await, "twilio accepted");
    app.mock.clear_faults();
    let slow = Duration::from_secs(2).as_millis().try_into().unwrap();
    app.mock.fail(Vendor::Twilio, Fault::Delay { delay_ms: slow }).unwrap();
    assert_eq!(way_of(&app, an_otp(app.now(), &app.keyring, "123456")).await, "twilio accepted");
    assert_eq!(app.mock.arrival_total(), 2);
    app.stop().await;
}
