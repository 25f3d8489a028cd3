//! The queue: whatever is committed is claimed, once, and ends in a state that says why.

use std::time::{Duration, Instant};

use mock_provider::{PaceChange, RequestCounts, Vendor};
use shared::ids::MessageId;
use shared::message::NewMessage;
use shared::store::pauses::{self, PauseScope};
use tests::TestApp;
use tests::builders::{Draft, a_promo, a_transactional, an_otp};
use tests::wait::eventually;

/// Commits a message only after others, accepted later, have been claimed for at least `held`; says
/// how long it then takes to end.
async fn time_to_find(app: &TestApp, held: Duration, draft: impl Fn() -> Draft) -> Duration {
    let late = draft().build();
    let mut tx = app.pool.begin().await.unwrap();
    app.insert(&mut tx, std::slice::from_ref(&late)).await;
    let stamped = app.now();
    loop {
        let accepted = app.now();
        let passing = app.accept(draft()).await;
        app.end_of(passing).await;
        if accepted > stamped + held {
            break;
        }
    }
    tx.commit().await.unwrap();
    let committed = Instant::now();
    assert_eq!(app.end_of(late.id).await.0, "sent");
    committed.elapsed()
}

#[tokio::test]
async fn a_code_that_was_committed_late_leaves_within_a_second() {
    let app = TestApp::start().await;
    let code = || an_otp(app.now(), &app.keyring, "123456");
    let taken = time_to_find(&app, Duration::from_millis(300), code).await;
    assert!(taken < Duration::from_secs(1), "{taken:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_text_that_was_committed_late_leaves_within_five_seconds() {
    let app = TestApp::start().await;
    for draft in [a_transactional, a_promo] {
        let taken = time_to_find(&app, Duration::from_millis(300), || draft(app.now())).await;
        assert!(taken < Duration::from_secs(5), "{taken:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_row_of_a_long_transaction_is_found_as_soon() {
    let app = TestApp::start().await;
    let taken = time_to_find(&app, Duration::from_secs(5), || a_promo(app.now())).await;
    assert!(taken < Duration::from_secs(5), "{taken:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_late_row_is_found_while_an_older_transaction_stays_open() {
    let app = TestApp::start().await;
    let mut oldest = app.pool.begin().await.unwrap();
    let last = a_promo(app.now()).build();
    app.insert(&mut oldest, std::slice::from_ref(&last)).await;
    let taken = time_to_find(&app, Duration::from_secs(3), || a_promo(app.now())).await;
    assert!(taken < Duration::from_secs(5), "{taken:?}");
    oldest.commit().await.unwrap();
    assert_eq!(app.end_of(last.id).await.0, "sent");
    app.stop().await;
}

#[tokio::test]
async fn two_workers_send_each_message_of_a_backlog_once() {
    let mut app = TestApp::without_worker().await;
    let backlog: Vec<_> = (0..5000).map(|_| a_promo(app.now()).build()).collect();
    for part in backlog.chunks(500) {
        app.accept_all(part).await;
    }
    app.start_worker();
    app.start_worker();
    app.drained(Duration::from_secs(90)).await;
    let arrivals = app.arrivals_by_number();
    assert!(backlog.iter().all(|message| arrivals[&message.to].len() == 1));
    assert_eq!(app.mock.arrival_total(), 5000);
    assert_eq!(app.ends().await, [("sent".to_owned(), 5000)].into());
    app.stop().await;
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_handed_back_and_sent() {
    let app = TestApp::start().await;
    let worker = app.the_worker().await;
    let lost = [
        a_promo(app.now()).build(),
        a_transactional(app.now()).build(),
        an_otp(app.now(), &app.keyring, "4711").build(),
    ];
    app.hold(worker, &lost).await;
    for message in &lost {
        assert_eq!(app.end_of(message.id).await, ("sent".to_owned(), None));
        assert_eq!(app.logged(message.id).await.unwrap().copies, 0);
        assert_eq!(app.mock.arrivals_to(&message.to).len(), 1);
    }
    assert_eq!(app.workers().await, [worker]);
    app.stop().await;
}

/// One message of each lane, expiring `after` this time.
fn one_of_each(app: &TestApp, after: Duration) -> Vec<NewMessage> {
    [a_promo(app.now()), a_transactional(app.now()), an_otp(app.now(), &app.keyring, "123456")]
        .map(|draft| draft.expires_in(app.now(), after).build())
        .into()
}

async fn all_expire(app: &TestApp, messages: &[NewMessage]) {
    for message in messages {
        assert_eq!(app.end_of(message.id).await, ("expired".to_owned(), Some("expired".to_owned())));
    }
    assert_eq!(app.mock.requests(), RequestCounts::default());
}

#[tokio::test]
async fn a_message_whose_time_has_run_out_is_not_sent() {
    let mut app = TestApp::without_worker().await;
    let stale = one_of_each(&app, Duration::from_millis(50));
    app.accept_all(&stale).await;
    eventually("the messages to expire", async || (app.now() > stale[0].expires_at).then_some(())).await;
    app.start_worker();
    all_expire(&app, &stale).await;
    app.stop().await;
}

#[tokio::test]
async fn messages_expire_while_an_operator_has_stopped_every_provider() {
    let mut app = TestApp::without_worker().await;
    for provider in ["twilio", "2factor"] {
        pauses::pause(&mut app.connection().await, PauseScope::Provider, provider).await.unwrap();
    }
    let waiting = one_of_each(&app, Duration::from_secs(1));
    app.accept_all(&waiting).await;
    app.start_worker();
    all_expire(&app, &waiting).await;
    app.stop().await;
}

#[tokio::test]
async fn messages_expire_while_every_provider_is_paused() {
    let mut app = TestApp::without_worker().await;
    sqlx::query(
        "insert into smsgw.sms_provider_state (provider_name, paused_until)
         select name, clock_timestamp() + interval '1 hour' from unnest('{twilio,2factor}'::text[]) name",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let waiting = one_of_each(&app, Duration::from_secs(1));
    app.accept_all(&waiting).await;
    app.start_worker();
    all_expire(&app, &waiting).await;
    app.stop().await;
}

/// Everything that arrived has ended as sent, everything else waits unclaimed, and nobody is registered.
async fn nothing_is_left_open(app: &TestApp, accepted: &[NewMessage]) {
    let arrivals = app.arrivals_by_number();
    for message in accepted {
        let arrived = arrivals.get(&message.to).map_or(0, Vec::len);
        match app.row(message.id).await {
            Some(row) => assert_eq!((row.worker_id, row.copies, arrived), (None, 0, 0)),
            None => assert_eq!((app.end_of(message.id).await.0.as_str(), arrived), ("sent", 1)),
        }
    }
    assert!(app.workers().await.is_empty());
}

#[tokio::test]
async fn a_worker_that_stops_ends_what_is_in_flight() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.config.promo_slots = 300);
    app.mock.set_pace(Vendor::Twilio, PaceChange { latency_ms: Some(500), ..PaceChange::default() });
    let accepted: Vec<_> = (0..600).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&accepted).await;
    app.mock.wait_for_arrivals(100, Duration::from_secs(10)).await;
    app.stop_workers().await;
    assert!(app.unfinished().await > 0, "it was stopped amid its work");
    nothing_is_left_open(&app, &accepted).await;
}

#[tokio::test]
async fn a_worker_that_stops_hands_back_what_it_has_not_begun() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.providers[0].max_per_second = Some(20));
    let accepted: Vec<_> = (0..100).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&accepted).await;
    app.mock.wait_for_arrivals(5, Duration::from_secs(10)).await;
    app.stop_workers().await;
    assert!(app.unfinished().await > 50, "it was stopped amid its work");
    nothing_is_left_open(&app, &accepted).await;
}

/// Makes the database refuse a result: of `message` alone, as long as it holds the vendor's words.
async fn refuse_vendors_words(app: &TestApp, message: MessageId) {
    let sql = format!(
        "create function refuse() returns trigger language plpgsql as $$
         begin
             if new.message_id = '{message}' and new.provider_message_id is not null then
                 raise exception using errcode = '22021', message = 'invalid byte sequence';
             end if;
             return new;
         end $$;
         create trigger refuse before insert on smsgw.sms_attempts for each row execute function refuse();"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut app.owner().await).await.unwrap();
}

#[tokio::test]
async fn one_result_that_the_database_refuses_holds_up_no_other() {
    let mut app = TestApp::without_worker().await;
    let accepted: Vec<_> = (0..200).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&accepted).await;
    refuse_vendors_words(&app, accepted[100].id).await;
    app.start_worker();
    app.drained(Duration::from_secs(15)).await;
    assert_eq!(app.ends().await, [("sent".to_owned(), 200)].into());
    assert_eq!(app.mock.arrival_total(), 200);
    assert_eq!(app.attempts(accepted[100].id).await, [("twilio".to_owned(), "accepted".to_owned())]);
    app.stop().await;
}

#[tokio::test]
async fn results_wait_until_a_full_disk_has_room_again() {
    let app = TestApp::start().await;
    let mut owner = app.owner().await;
    let full = "create sequence refused;
        grant select on sequence refused to smsgw_app;
        create sequence room;
        grant select, usage on sequence room to smsgw_app;
        create function refuse() returns trigger language plpgsql security definer as $$
        begin
            if (select is_called from public.room) then return new; end if;
            perform nextval('public.refused');
            raise exception using errcode = 'disk_full', message = 'could not extend file';
        end $$;
        create trigger refuse before insert on sms_messages_log for each row execute function refuse();";
    sqlx::raw_sql(full).execute(&mut owner).await.unwrap();
    let ids =
        [app.accept(a_promo(app.now())).await, app.accept(an_otp(app.now(), &app.keyring, "4711")).await];
    eventually("the results to be refused again and again", async || {
        let times: i64 =
            sqlx::query_scalar("select last_value from refused").fetch_one(&app.pool).await.unwrap();
        (times >= 8).then_some(())
    })
    .await;
    assert_eq!(app.unfinished().await, 2);
    // Not by dropping the trigger: that would wait for those who write, and they for it.
    sqlx::raw_sql("select nextval('room')").execute(&mut owner).await.unwrap();
    for id in ids {
        assert_eq!(app.end_of(id).await, ("sent".to_owned(), None));
    }
    assert_eq!(app.mock.arrival_total(), 2);
    app.stop().await;
}
