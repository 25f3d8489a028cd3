//! Codes that a provider makes: who is asked for one, and what the session learns of it.

use std::time::Duration;

use mock_provider::{Arrival, ArrivalKind, Credentials, Fault, FaultBody, FaultRule, Vendor};
use serde_json::json;
use shared::provider::catalogue::{ProviderEnv, ProviderSettings};
use tests::app::vendor_env;
use tests::builders::{a_number, an_otp};
use tests::wait::eventually;
use tests::{Door, TestApp};

mod checks;
mod late;
mod lengths;
mod verified;

/// What a session knows of its newest code.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
struct Session {
    status: String,
    provider_name: Option<String>,
    provider_session_id: Option<String>,
}

fn knows(status: &str, provider: &str, session: Option<&str>) -> Session {
    Session {
        status: status.to_owned(),
        provider_name: Some(provider.to_owned()),
        provider_session_id: session.map(str::to_owned),
    }
}

async fn session(app: &TestApp, id: &str) -> Session {
    sqlx::query_as(
        "select status, provider_name, provider_session_id from sms_otp_sessions where id = $1::uuid",
    )
    .bind(id)
    .fetch_one(&app.pool)
    .await
    .unwrap()
}

/// Waits until a session's code has left.
async fn left(app: &TestApp, id: &str) -> Session {
    eventually("the code to leave", async || {
        let session = session(app, id).await;
        (session.status != "pending").then_some(session)
    })
    .await
}

/// Both accounts of the environment, told to have codes made.
fn makers(url: &str, change: impl FnOnce(&mut ProviderEnv)) -> Vec<ProviderSettings> {
    let mut env = ProviderEnv {
        sms_mode: Some("autogen".to_owned()),
        provider_order: vec!["2factor".to_owned(), "twilio".to_owned()],
        ..vendor_env(url)
    };
    change(&mut env);
    env.providers().unwrap()
}

/// A gateway whose worker uses these, and its door.
pub(super) async fn with_makers(change: impl FnOnce(&mut ProviderEnv)) -> (TestApp, Door) {
    let mut app = TestApp::without_worker().await;
    let providers = makers(&app.mock.url(), change);
    app.start_worker_with(|parts| parts.providers = providers);
    let door = Door::open(&app).await;
    (app, door)
}

async fn a_session(door: &Door, phone: &str) -> String {
    let started = door.post("/otp/send", &json!({ "phone": phone })).await;
    assert_eq!(started.status, 202, "{:?}", started.body);
    started.body["session_id"].as_str().unwrap().to_owned()
}

fn arrived(app: &TestApp, phone: &str) -> Vec<(Vendor, ArrivalKind)> {
    app.mock.arrivals_to(phone).iter().map(|arrival| (arrival.vendor, arrival.kind)).collect()
}

pub(super) fn code_in(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).take(6).collect()
}

pub(super) fn unavailable() -> Fault {
    Fault::Status { status: 503, body: FaultBody::Vendor, delivered: false }
}

/// Provider, outcome and reason of each attempt at a session's messages.
async fn attempts(app: &TestApp, session: &str) -> Vec<(String, String, Option<String>)> {
    sqlx::query_as(
        "select a.provider_name, a.outcome, a.reason from smsgw.sms_attempts a
         join sms_messages m on m.id = a.message_id where m.session_id = $1::uuid order by a.started_at",
    )
    .bind(session)
    .fetch_all(&app.pool)
    .await
    .unwrap()
}

fn attempt(provider: &str, outcome: &str, reason: Option<&str>) -> (String, String, Option<String>) {
    (provider.to_owned(), outcome.to_owned(), reason.map(str::to_owned))
}

#[tokio::test]
async fn a_code_that_2factor_makes_is_known_by_its_session() {
    let (app, door) = with_makers(|_| ()).await;
    let phone = a_number();
    let id = a_session(&door, &phone).await;
    let known = left(&app, &id).await;
    let [arrival] = &app.mock.arrivals_to(&phone)[..] else { panic!("one code") };
    assert_eq!((arrival.vendor, arrival.kind, arrival.body.len()), (Vendor::TwoFactor, ArrivalKind::Code, 6));
    assert_eq!(known, knows("sent", "2factor", Some(&arrival.provider_id)));
    assert_eq!(attempts(&app, &id).await, [attempt("2factor", "accepted", Some("code_made"))]);
    door.close().await;
    app.stop().await;
}

#[tokio::test]
async fn a_code_that_twilio_verify_makes_is_known_by_its_verification() {
    let (app, door) = with_makers(|env| {
        env.twilio_verify_service_sid = Some(Credentials::VERIFY_SERVICE_SID.to_owned());
        env.provider_order = vec!["twilio".to_owned()];
    })
    .await;
    let phone = a_number();
    let id = a_session(&door, &phone).await;
    let known = left(&app, &id).await;
    let [arrival] = &app.mock.arrivals_to(&phone)[..] else { panic!("one code") };
    assert_eq!((arrival.vendor, arrival.kind), (Vendor::Twilio, ArrivalKind::Code));
    assert!(arrival.provider_id.starts_with("VE"), "{arrival:?}");
    assert_eq!(known, knows("sent", "twilio", Some(&arrival.provider_id)));
    door.close().await;
    app.stop().await;
}

/// 2Factor.in does not take it, so the next provider sends the code that was made here, in the same session.
#[tokio::test]
async fn a_fallback_away_from_a_maker_sends_our_own_code_and_the_session_forgets_the_vendors() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    app.mock.fail(Vendor::TwoFactor, unavailable()).unwrap();
    let id = a_session(&door, &phone).await;
    // As an older code of this session would have left it.
    sqlx::query("update sms_otp_sessions set provider_name = '2factor', provider_session_id = 'old' where id = $1::uuid")
        .bind(&id)
        .execute(&app.pool)
        .await
        .unwrap();
    let providers = makers(&app.mock.url(), |_| ());
    app.start_worker_with(|parts| parts.providers = providers);
    assert_eq!(left(&app, &id).await, knows("sent", "twilio", None));
    assert_eq!(
        attempts(&app, &id).await,
        [attempt("2factor", "not_sent", Some("server_error")), attempt("twilio", "accepted", None)]
    );
    let [arrival] = &app.mock.arrivals_to(&phone)[..] else { panic!("one code") };
    assert_eq!((arrival.vendor, arrival.kind), (Vendor::Twilio, ArrivalKind::Text));
    let verify = json!({ "session_id": id, "otp": code_in(&arrival.body) });
    assert_eq!(door.post("/otp/verify", &verify).await.status, 200);
    door.close().await;
    app.stop().await;
}

/// The vendor's answer is lost, so nobody knows the session of the code that arrived: another one leaves at once.
#[tokio::test]
async fn a_start_in_doubt_is_repeated_once_elsewhere_with_our_own_code() {
    let (app, door) = with_makers(|_| ()).await;
    let phone = a_number();
    app.mock.fail_by(FaultRule::new(Vendor::TwoFactor, Fault::DeliverThenReset).times(1)).unwrap();
    let id = a_session(&door, &phone).await;
    assert_eq!(left(&app, &id).await, knows("sent", "twilio", None));
    let expected = [(Vendor::TwoFactor, ArrivalKind::Code), (Vendor::Twilio, ArrivalKind::Text)];
    assert_eq!(arrived(&app, &phone), expected);
    door.close().await;
    app.stop().await;
}

#[tokio::test]
async fn a_start_in_doubt_is_started_again_where_there_is_no_other_provider() {
    let (app, door) = with_makers(|env| {
        env.twilio_account_sid = None;
        env.twilio_auth_token = None;
        env.twilio_phone_number = None;
    })
    .await;
    let phone = a_number();
    app.mock.fail_by(FaultRule::new(Vendor::TwoFactor, Fault::DeliverThenReset).times(1)).unwrap();
    let id = a_session(&door, &phone).await;
    let known = left(&app, &id).await;
    let arrivals = app.mock.arrivals_to(&phone);
    let [_, second] = &arrivals[..] else { panic!("two codes: {arrivals:?}") };
    assert_eq!(known, knows("sent", "2factor", Some(&second.provider_id)));
    let expected =
        [attempt("2factor", "in_doubt", Some("reset")), attempt("2factor", "accepted", Some("code_made"))];
    assert_eq!(attempts(&app, &id).await, expected);
    door.close().await;
    app.stop().await;
}

/// An otp keeps to two copies over all causes, made by whomever.
#[tokio::test]
async fn starts_in_doubt_are_two_at_most_and_leave_the_session_to_our_own_code() {
    let (app, door) = with_makers(|env| {
        env.twilio_verify_service_sid = Some(Credentials::VERIFY_SERVICE_SID.to_owned());
    })
    .await;
    let phone = a_number();
    for vendor in [Vendor::TwoFactor, Vendor::Twilio] {
        app.mock.fail(vendor, Fault::DeliverThenReset).unwrap();
    }
    let id = a_session(&door, &phone).await;
    assert_eq!(left(&app, &id).await, knows("sent", "twilio", None));
    let expected = [(Vendor::TwoFactor, ArrivalKind::Code), (Vendor::Twilio, ArrivalKind::Code)];
    assert_eq!(arrived(&app, &phone), expected);
    door.close().await;
    app.stop().await;
}

/// Nobody could check what a provider made for it.
#[tokio::test]
async fn a_code_without_a_session_is_sent_as_it_is() {
    let (app, door) = with_makers(|_| ()).await;
    let id = app.accept(an_otp(app.now(), &app.keyring, "482913")).await;
    app.end_of(id).await;
    let arrivals: Vec<_> = app.mock.wait_for_arrivals(1, Duration::from_secs(10)).await;
    let bodies: Vec<&str> =
        arrivals.iter().map(|arrival: &std::sync::Arc<Arrival>| arrival.body.as_str()).collect();
    assert_eq!(bodies, ["482913"]);
    door.close().await;
    app.stop().await;
}
