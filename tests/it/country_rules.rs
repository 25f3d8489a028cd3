//! Rules of countries at the worker: promo waits for its hours, and nothing leaves against a rule.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use mock_provider::{Fault, RetryAfter, Vendor};
use serde_json::json;
use shared::country_rules::SenderType;
use shared::lane::Lane;
use shared::store::country_rules::{self, Change};
use shared::store::templates::{self, Template};
use tests::TestApp;
use tests::builders::{Draft, a_number, a_promo, a_transactional, an_otp};
use tests::wait::eventually;

const QUIET: &str = "quiet_hours";

/// Changes nothing but the switch.
const ON: Change = Change { enabled: true, promo_hours: None, senders: None, dlt: None, source: None };
const OFF: Change = Change { enabled: false, ..ON };

async fn change(app: &TestApp, country: &str, change: &Change) {
    country_rules::change(&mut app.connection().await, country.parse().unwrap(), change).await.unwrap();
}

/// India with these hours and without its registry.
fn hours(text: &str) -> Change {
    Change { promo_hours: Some(Some(text.parse().unwrap())), dlt: Some(false), ..ON }
}

/// An hour of the day that is far from now in India, and its next beginning.
fn a_closed_hour(now: DateTime<Utc>) -> (Change, DateTime<Utc>) {
    let ahead = TimeDelta::minutes(330);
    let shown = now + ahead;
    let hour = if (2..14).contains(&shown.hour()) { 20 } else { 8 };
    let today = shown.with_hour(hour).unwrap().with_minute(0).unwrap().with_second(0).unwrap();
    let opens = today.with_nanosecond(0).unwrap() - ahead;
    let opens = if opens > now { opens } else { opens + TimeDelta::days(1) };
    (hours(&format!("mon-sun {hour:02}:00-{:02}:00", hour + 1)), opens)
}

/// The end of a message that no provider was asked to send.
async fn refused(app: &TestApp, draft: Draft) -> String {
    let id = app.accept(draft).await;
    let (status, reason) = app.end_of(id).await;
    assert_eq!((status.as_str(), app.attempts(id).await.len()), ("failed", 0));
    reason.unwrap()
}

async fn sent(app: &TestApp, draft: Draft) {
    let id = app.accept(draft).await;
    assert_eq!(app.end_of(id).await, ("sent".to_owned(), None));
}

#[tokio::test]
async fn promo_waits_for_its_hours_and_nothing_else_does() {
    let mut app = TestApp::without_worker().await;
    let (closed, opens) = a_closed_hour(app.now());
    change(&app, "IN", &closed).await;
    app.start_worker();
    let number = a_number();
    let promo = app.accept(a_promo(app.now()).to(&number)).await;
    assert_eq!(app.waits_for(promo, QUIET).await.due_at, opens);
    assert_eq!(app.state(promo).await, ("queued".to_owned(), Some(QUIET.to_owned())));
    sent(&app, a_promo(app.now()).to("+41791234567")).await;
    sent(&app, a_transactional(app.now()).to(&number)).await;
    sent(&app, an_otp(app.now(), &app.keyring, "123456").to(&number)).await;
    assert_eq!(app.mock.arrivals_to(&number).len(), 2);
    app.stop().await;
}

#[tokio::test]
async fn promo_whose_time_ends_before_the_hours_open_expires() {
    let mut app = TestApp::without_worker().await;
    change(&app, "IN", &a_closed_hour(app.now()).0).await;
    app.start_worker();
    let promo = a_promo(app.now()).expires_in(app.now(), Duration::from_secs(2));
    let id = app.accept(promo).await;
    assert_eq!(app.end_of(id).await, ("expired".to_owned(), Some("expired".to_owned())));
    assert!(app.mock.arrivals().is_empty());
    app.stop().await;
}

#[tokio::test]
async fn a_second_try_asks_for_the_hours_again() {
    let mut app = TestApp::without_worker().await;
    app.mock.fail(Vendor::Twilio, Fault::Throttle { retry_after: Some(RetryAfter::Seconds(1)) }).unwrap();
    app.start_worker();
    let promo = app.accept(a_promo(app.now())).await;
    app.waits_for(promo, "provider_paused").await;
    change(&app, "IN", &a_closed_hour(app.now()).0).await;
    app.waits_for(promo, QUIET).await;
    app.stop().await;
}

#[tokio::test]
async fn a_running_worker_takes_rules_up_and_lays_them_down() {
    let mut app = TestApp::without_worker().await;
    app.start_worker();
    sent(&app, a_promo(app.now())).await;
    change(&app, "IN", &a_closed_hour(app.now()).0).await;
    let waiting = eventually("the rules to be taken up", async || {
        let promo = app.accept(a_promo(app.now())).await;
        eventually("the promo to end or wait", async || match app.state(promo).await {
            (_, Some(reason)) if reason == QUIET => Some(Some(promo)),
            (status, _) if status == "sent" => Some(None),
            _ => None,
        })
        .await
    })
    .await;
    change(&app, "IN", &OFF).await;
    eventually("the rules to be laid down", async || {
        sqlx::query("update smsgw.sms_outbox set due_at = clock_timestamp() where worker_id is null")
            .execute(&app.pool)
            .await
            .unwrap();
        app.wake().notify(Lane::Promo);
        (app.state(waiting).await.0 == "sent").then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn hours_that_no_zone_of_the_number_shares_end_a_promo() {
    let mut app = TestApp::without_worker().await;
    change(&app, "RU", &hours("mon-sun 08:00-09:00")).await;
    app.start_worker();
    assert_eq!(refused(&app, a_promo(app.now()).to("+79161234567")).await, "rule:RU.promo_hours.v1");
    app.stop().await;
}

#[tokio::test]
async fn a_sender_that_is_not_carried_ends_a_message_and_the_reason_names_rule_and_version() {
    let mut app = TestApp::without_worker().await;
    let always = Change { promo_hours: Some(None), ..ON };
    change(&app, "US", &always).await;
    app.start_worker();
    let number = "+12125550123";
    for draft in [a_promo(app.now()), a_transactional(app.now()), an_otp(app.now(), &app.keyring, "123456")] {
        let draft = draft.to(number).sender("MyBrand");
        assert_eq!(refused(&app, draft).await, "rule:US.sender_type.v2");
    }
    sent(&app, a_promo(app.now()).to(number).sender("+15005550006")).await;
    sent(&app, a_promo(app.now()).to(number)).await;
    assert_eq!(app.mock.arrivals_to(number).len(), 2);
    app.stop().await;
}

#[tokio::test]
async fn a_provider_whose_own_sender_is_not_carried_is_passed_over() {
    let mut app = TestApp::without_worker().await;
    let only_names =
        Change { senders: Some(Some(vec![SenderType::Alphanumeric])), ..hours("mon-sun 00:00-24:00") };
    change(&app, "IN", &only_names).await;
    app.start_worker();
    let id = app.accept(a_transactional(app.now())).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(app.attempts(id).await, [("2factor".to_owned(), "accepted".to_owned())]);
    app.stop().await;
}

fn a_template(lane: Lane, app: &TestApp) -> Template {
    Template {
        name: format!("booked-{lane}"),
        locale: String::new(),
        lane,
        body: "Dear {{ name }}, your table is booked.".to_owned(),
        sender: None,
        dlt_entity_id: Some("1201000000000000001".to_owned()),
        dlt_template_id: Some("1207000000000000001".to_owned()),
        dlt_text: Some("Dear {#var#}, your table is booked.".to_owned()),
        provider_templates: json!({}),
        updated_at: app.now(),
    }
}

#[tokio::test]
async fn india_gets_registered_texts_only() {
    let mut app = TestApp::without_worker().await;
    change(&app, "IN", &Change { promo_hours: Some(None), ..ON }).await;
    let vendors = json!({ "twilio": { "id": "HX1", "variables": ["name"] } });
    for template in [
        a_template(Lane::Transactional, &app),
        a_template(Lane::Promo, &app),
        Template { name: "bare".into(), dlt_template_id: None, ..a_template(Lane::Transactional, &app) },
        Template {
            name: "vendors".into(),
            dlt_template_id: None,
            provider_templates: vendors,
            ..a_template(Lane::Transactional, &app)
        },
    ] {
        templates::replace(&app.pool, &template).await.unwrap();
    }
    app.start_worker();
    let right = "Dear Ada, your table is booked.";
    let from = |name: &str, sender: &str| {
        let draft = if name == "booked-promo" { a_promo(app.now()) } else { a_transactional(app.now()) };
        draft.template(name, json!({ "name": "Ada" })).sender(sender).text(right)
    };
    sent(&app, from("booked-transactional", "SMSGWX")).await;
    sent(&app, from("booked-promo", "654321")).await;
    sent(&app, from("vendors", "SMSGWX")).await;
    for (draft, rule) in [
        (a_transactional(app.now()), "dlt_template"),
        (from("bare", "SMSGWX"), "dlt_template"),
        (from("booked-transactional", "654321"), "dlt_header"),
        (from("booked-promo", "SMSGWX"), "dlt_header"),
        (from("booked-transactional", "SMSGWX").text("Dear Ada, your table is gone."), "dlt_text"),
        (from("booked-transactional", "SMSGWX").text(&right.replace("Ada", &"A".repeat(31))), "dlt_text"),
    ] {
        assert_eq!(refused(&app, draft).await, format!("rule:IN.{rule}.v2"));
    }
    assert_eq!(app.mock.arrivals().len(), 3);
    app.stop().await;
}

/// 2Factor.in sends a text of its own around a code; Twilio would send ours, which is not registered.
#[tokio::test]
async fn a_code_goes_by_the_provider_that_has_its_text_registered() {
    let mut app = TestApp::without_worker().await;
    change(&app, "IN", &Change { promo_hours: Some(None), ..ON }).await;
    app.start_worker();
    let id = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(app.attempts(id).await, [("2factor".to_owned(), "accepted".to_owned())]);
    app.stop().await;
}
