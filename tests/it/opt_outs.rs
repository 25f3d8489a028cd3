//! Opt-outs: nobody is texted who said stop, from the moment on in which they were told so.

use std::collections::HashSet;
use std::time::Duration;

use mock_provider::{Fault, FaultRule, Vendor};
use shared::consent::{Evidence, Statement, Stop};
use shared::ids::MessageId;
use shared::phone::PhoneNumber;
use shared::store::consents;
use shared::store::opt_outs::{self, CONSENT_LOCK};
use tests::TestApp;
use tests::builders::{Draft, a_number, a_promo, a_transactional, an_otp};
use tests::wait::eventually;

async fn stop_texts(app: &TestApp, number: &str, stop: Stop) {
    let phone = PhoneNumber::parse(number, None).unwrap();
    let said = Statement::opt_out(phone, stop, Evidence::of("test"));
    consents::record(&mut app.connection().await, &[said]).await.unwrap();
}

async fn end_after_stop(app: &TestApp, stop: Stop, draft: Draft) -> (String, Option<String>) {
    let number = a_number();
    stop_texts(app, &number, stop).await;
    let id = app.accept(draft.to(&number)).await;
    let end = app.end_of(id).await;
    assert_eq!(app.mock.arrivals_to(&number).len(), usize::from(end.0 == "sent"));
    end
}

#[tokio::test]
async fn a_stop_to_marketing_suppresses_promo_only() {
    let app = TestApp::start().await;
    let stop = || Stop::Marketing;
    let promo = end_after_stop(&app, stop(), a_promo(app.now())).await;
    assert_eq!(promo, ("suppressed".to_owned(), Some("opted_out".to_owned())));
    assert_eq!(end_after_stop(&app, stop(), a_transactional(app.now())).await.0, "sent");
    assert_eq!(end_after_stop(&app, stop(), an_otp(app.now(), &app.keyring, "123456")).await.0, "sent");
    app.stop().await;
}

#[tokio::test]
async fn a_stop_to_everything_suppresses_all_but_codes() {
    let app = TestApp::start().await;
    let stop = || Stop::All;
    for draft in [a_promo(app.now()), a_transactional(app.now())] {
        let end = end_after_stop(&app, stop(), draft).await;
        assert_eq!(end, ("suppressed".to_owned(), Some("opted_out".to_owned())));
    }
    assert_eq!(end_after_stop(&app, stop(), an_otp(app.now(), &app.keyring, "123456")).await.0, "sent");
    app.stop().await;
}

fn a_stop_of(sender: &str) -> Stop {
    Stop::of_sender(sender).unwrap()
}

#[tokio::test]
async fn a_stop_to_one_sender_suppresses_what_that_one_sends_but_codes() {
    let app = TestApp::start().await;
    let suppressed = ("suppressed".to_owned(), Some("opted_out".to_owned()));
    for draft in [a_promo, a_transactional] {
        let own = || draft(app.now()).sender("ACME");
        assert_eq!(end_after_stop(&app, a_stop_of("ACME"), own()).await, suppressed);
        assert_eq!(end_after_stop(&app, a_stop_of("ACMA"), own()).await.0, "sent");
        assert_eq!(end_after_stop(&app, a_stop_of("ACME"), draft(app.now())).await.0, "sent");
    }
    let code = an_otp(app.now(), &app.keyring, "123456").sender("ACME");
    assert_eq!(end_after_stop(&app, a_stop_of("ACME"), code).await.0, "sent");
    app.stop().await;
}

/// Which provider sends it decides whom it comes from.
#[tokio::test]
async fn a_text_goes_by_a_provider_whose_own_sender_was_not_stopped() {
    let app = TestApp::start().await;
    let number = a_number();
    stop_texts(&app, &number, a_stop_of("+15005550006")).await;
    let id = app.accept(a_promo(app.now()).to(&number)).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(app.attempts(id).await, [("2factor".to_owned(), "accepted".to_owned())]);
    stop_texts(&app, &number, a_stop_of("TFCTOR")).await;
    for draft in [a_promo(app.now()), a_transactional(app.now())] {
        let id = app.accept(draft.to(&number)).await;
        assert_eq!(app.end_of(id).await, ("suppressed".to_owned(), Some("opted_out".to_owned())));
        assert_eq!(app.attempts(id).await, []);
    }
    let code = app.accept(an_otp(app.now(), &app.keyring, "123456").to(&number)).await;
    assert_eq!(app.end_of(code).await.0, "sent");
    app.stop().await;
}

/// It may have arrived before they said stop.
#[tokio::test]
async fn a_text_in_doubt_that_is_stopped_ends_unknown() {
    let app = TestApp::start().await;
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::Reset).times(1)).unwrap();
    let number = a_number();
    let id = app.accept(a_transactional(app.now()).to(&number)).await;
    eventually("the text to wait for its second copy", async || {
        app.row(id).await.filter(|row| row.copies == 1 && row.worker_id.is_none())
    })
    .await;
    stop_texts(&app, &number, Stop::All).await;
    sqlx::query("update smsgw.sms_outbox set due_at = clock_timestamp()").execute(&app.pool).await.unwrap();
    assert_eq!(app.end_of(id).await, ("unknown".to_owned(), Some("opted_out".to_owned())));
    app.stop().await;
}

#[tokio::test]
async fn a_stop_is_not_answered_before_claims_under_way_are_committed() {
    let app = TestApp::without_worker().await;
    let mut claim = app.pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock_shared($1)")
        .bind(CONSENT_LOCK)
        .execute(&mut *claim)
        .await
        .unwrap();
    let number = a_number();
    let stop = stop_texts(&app, &number, Stop::Marketing);
    let release = async {
        eventually("the stop to wait for the claim", async || app.waiting_for_locks().await).await;
        assert!(!is_recorded(&app, &number).await);
        claim.commit().await.unwrap();
    };
    tokio::join!(stop, release);
    assert!(is_recorded(&app, &number).await);
}

async fn is_recorded(app: &TestApp, number: &str) -> bool {
    let phone = PhoneNumber::parse(number, None).unwrap();
    !opt_outs::list(&app.pool, &phone).await.unwrap().is_empty()
}

#[tokio::test]
async fn texts_are_not_claimed_while_a_stop_is_being_recorded_but_codes_are() {
    let app = TestApp::start().await;
    let mut stop = app.pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock($1)").bind(CONSENT_LOCK).execute(&mut *stop).await.unwrap();
    let texts = [app.accept(a_promo(app.now())).await, app.accept(a_transactional(app.now())).await];
    let code = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
    assert_eq!(app.end_of(code).await.0, "sent");
    for text in texts {
        assert_eq!(app.row(text).await.unwrap().worker_id, None);
    }
    stop.rollback().await.unwrap();
    for text in texts {
        assert_eq!(app.end_of(text).await.0, "sent");
    }
    app.stop().await;
}

/// Queued messages to `number`.
async fn queued_to(app: &TestApp, number: &str) -> HashSet<MessageId> {
    let ids: Vec<MessageId> =
        sqlx::query_scalar(r#"select id from smsgw.sms_outbox where "to" = $1 and worker_id is null"#)
            .bind(number)
            .fetch_all(&app.pool)
            .await
            .unwrap();
    ids.into_iter().collect()
}

async fn suppressed_to(app: &TestApp, number: &str) -> HashSet<MessageId> {
    let ids: Vec<MessageId> =
        sqlx::query_scalar(r#"select id from sms_messages_log where "to" = $1 and status = 'suppressed'"#)
            .bind(number)
            .fetch_all(&app.pool)
            .await
            .unwrap();
    ids.into_iter().collect()
}

#[tokio::test]
async fn nothing_is_claimed_for_a_person_whose_stop_has_been_answered() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.config.promo_slots = 16);
    for round in 1..=8 {
        let number = a_number();
        let campaign: Vec<_> = (0..500).map(|_| a_promo(app.now()).to(&number).build()).collect();
        app.mock.clear_arrivals();
        app.accept_all(&campaign).await;
        app.mock.wait_for_arrivals(50, Duration::from_secs(10)).await;
        stop_texts(&app, &number, Stop::Marketing).await;
        let (answered, queued) = (app.now(), queued_to(&app, &number).await);
        assert!(!queued.is_empty(), "the campaign was too short");
        app.drained(Duration::from_secs(20)).await;
        let suppressed = suppressed_to(&app, &number).await;
        assert!(queued.is_subset(&suppressed), "sent after the answer in round {round}");
        assert_eq!(app.mock.arrivals().len(), 500 - suppressed.len());
        // What was claimed before has a second to leave.
        let last = app.mock.arrivals().iter().map(|arrival| arrival.at_micros).max().unwrap();
        assert!(last < (answered + Duration::from_millis(1100)).timestamp_micros(), "round {round}");
    }
    app.stop().await;
}
