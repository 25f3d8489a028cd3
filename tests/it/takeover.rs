//! Death: the messages of a worker that is gone are in doubt, and each lane does about it what its
//! people can bear.

use std::time::{Duration, Instant};

use private_postgres::{Cluster, Options};
use shared::db::{Database, Use};
use shared::ids::{MessageId, WorkerId};
use shared::lane::Lane;
use shared::message::NewMessage;
use shared::store::outbox::{self, Watermark};
use shared::store::workers;
use tests::TestApp;
use tests::builders::{a_promo, a_transactional, an_otp};
use tests::wait::eventually;

/// A gateway with one worker, on a database that is old enough for takeovers.
async fn a_gateway() -> TestApp {
    let app = TestApp::start().await;
    app.takeovers_are_allowed().await;
    app.the_worker().await;
    app
}

/// Leaves a message behind as the only one of a dead worker; returns when that is taken over.
async fn dies_with(app: &TestApp, message: NewMessage) -> MessageId {
    let dead = app.a_dead_worker().await;
    app.hold(dead, std::slice::from_ref(&message)).await;
    taken_over(app, dead).await;
    message.id
}

async fn taken_over(app: &TestApp, worker: WorkerId) {
    eventually("a takeover", async || (!app.workers().await.contains(&worker)).then_some(())).await;
}

#[tokio::test]
async fn a_dead_worker_is_taken_over_within_two_seconds() {
    let app = a_gateway().await;
    let died = Instant::now();
    dies_with(&app, a_promo(app.now()).build()).await;
    assert!(died.elapsed() < Duration::from_secs(2), "{:?}", died.elapsed());
    app.stop().await;
}

#[tokio::test]
async fn a_worker_that_starts_takes_over_who_died_before() {
    let mut app = TestApp::without_worker().await;
    app.takeovers_are_allowed().await;
    let dead = app.a_dead_worker().await;
    let code = an_otp(app.now(), &app.keyring, "123456").build();
    app.hold(dead, std::slice::from_ref(&code)).await;
    app.start_worker();
    assert_eq!(app.end_of(code.id).await.0, "sent");
    app.stop().await;
}

#[tokio::test]
async fn a_dead_workers_code_is_sent_once_more_as_a_possible_duplicate() {
    let app = a_gateway().await;
    let id = dies_with(&app, an_otp(app.now(), &app.keyring, "123456").build()).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(app.logged(id).await.unwrap().copies, 1);
    assert_eq!(app.possible_duplicates(id).await, [true]);
    assert_eq!(app.mock.arrival_total(), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_dead_workers_transactional_text_waits_a_minute_for_a_receipt() {
    let app = a_gateway().await;
    let before = app.now();
    let id = dies_with(&app, a_transactional(app.now()).build()).await;
    let row = app.waits_for(id, "worker_died").await;
    assert_eq!((row.copies, row.takeovers), (1, 1));
    let wait = (row.due_at - before).num_seconds();
    assert!((60..63).contains(&wait), "{wait} s");
    assert_eq!(app.mock.arrival_total(), 0);

    app.make_due(id).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(app.possible_duplicates(id).await, [true]);
    app.stop().await;
}

#[tokio::test]
async fn what_may_not_be_doubled_ends_unknown_with_its_worker() {
    let app = a_gateway().await;
    for message in [a_promo(app.now()).build(), a_transactional(app.now()).at_most_once().build()] {
        let id = dies_with(&app, message).await;
        assert_eq!(app.end_of(id).await, ("unknown".to_owned(), Some("worker_died".to_owned())));
        assert_eq!(app.logged(id).await.unwrap().copies, 1);
    }
    assert_eq!(app.mock.arrival_total(), 0);
    app.stop().await;
}

#[tokio::test]
async fn a_message_whose_second_worker_dies_is_called_poison() {
    let app = a_gateway().await;
    for message in [an_otp(app.now(), &app.keyring, "123456").build(), a_transactional(app.now()).build()] {
        let dead = app.a_dead_worker().await;
        app.hold(dead, std::slice::from_ref(&message)).await;
        sqlx::query("update smsgw.sms_outbox set copies = 1, takeovers = 1 where id = $1")
            .bind(message.id)
            .execute(&app.pool)
            .await
            .unwrap();
        assert_eq!(app.end_of(message.id).await, ("unknown".to_owned(), Some("poison".to_owned())));
        assert_eq!(app.logged(message.id).await.unwrap().copies, 2);
    }
    assert_eq!(app.mock.arrival_total(), 0);
    app.stop().await;
}

#[tokio::test]
async fn a_silent_worker_is_cut_off_and_taken_over_within_eight_seconds() {
    let app = a_gateway().await;
    let mut frozen = app.connection().await;
    let worker = workers::register(&mut frozen, "frozen", 1).await.unwrap();
    let silent = Instant::now();
    let code = an_otp(app.now(), &app.keyring, "123456").build();
    app.hold(worker, std::slice::from_ref(&code)).await;
    taken_over(&app, worker).await;
    let taken = silent.elapsed();
    assert!((5..8).contains(&taken.as_secs()), "{taken:?}");
    assert!(workers::beat(&mut frozen, worker).await.is_err(), "its connection was cut");
    assert_eq!(app.end_of(code.id).await.0, "sent");
    app.stop().await;
}

#[tokio::test]
async fn a_worker_that_beats_keeps_its_messages() {
    let app = a_gateway().await;
    let mut living = app.connection().await;
    let worker = workers::register(&mut living, "slow", 1).await.unwrap();
    let message = a_promo(app.now()).build();
    app.hold(worker, std::slice::from_ref(&message)).await;
    let registered = Instant::now();
    while registered.elapsed() < Duration::from_secs(6) {
        workers::beat(&mut living, worker).await.unwrap().unwrap();
        dies_with(&app, a_promo(app.now()).build()).await;
    }
    assert_eq!(app.row(message.id).await.unwrap().worker_id, Some(worker));
    app.stop().await;
}

#[tokio::test]
async fn a_worker_that_is_struck_off_can_claim_nothing() {
    let app = TestApp::without_worker().await;
    app.accept(a_promo(app.now())).await;
    app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
    let mut db = app.connection().await;
    for lane in [Lane::Promo, Lane::Otp] {
        let people = app.keyring.people();
        let claimed =
            outbox::claim(&mut db, people, WorkerId(4711), lane, Watermark::START, 10).await.unwrap();
        assert!(claimed.is_empty());
    }
    app.stop().await;
}

#[tokio::test]
async fn a_claim_that_outlives_its_worker_is_taken_over_too() {
    let mut app = TestApp::without_worker().await;
    app.takeovers_are_allowed().await;
    let dead = app.a_dead_worker().await;
    let id = app.accept(an_otp(app.now(), &app.keyring, "123456")).await;
    let mut claim = app.pool.begin().await.unwrap();
    let people = app.keyring.people();
    let claimed = outbox::claim(&mut claim, people, dead, Lane::Otp, Watermark::START, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    app.start_worker();
    eventually("the takeover to wait for the claim", async || app.waiting_for_locks().await).await;
    claim.commit().await.unwrap();
    assert_eq!(app.end_of(id).await.0, "sent");
    assert_eq!(app.logged(id).await.unwrap().copies, 1, "the dead worker may have sent it");
    app.stop().await;
}

#[tokio::test]
async fn nobody_is_called_dead_in_the_first_seconds_of_a_database() {
    let mut cluster = Cluster::start(Options::temporary()).await.unwrap();
    let database = Database::new(&cluster.url()).unwrap();
    database.migrate().await.unwrap();
    let owner = database.pool(1);
    sqlx::query("insert into smsgw.sms_workers (host, pid, backend_pid) values ('gone', 1, 1)")
        .execute(&owner)
        .await
        .unwrap();
    owner.close().await;
    cluster.kill_hard().await.unwrap();
    cluster.restart().await.unwrap();
    let mut db = database.connect(Use::Service("test")).await.unwrap();
    assert!(workers::list_suspects(&mut db).await.unwrap().is_empty());
    let suspects = eventually("the dead to be found", async || {
        let mut db = database.connect(Use::Service("test")).await.unwrap();
        Some(workers::list_suspects(&mut db).await.unwrap()).filter(|suspects| !suspects.is_empty())
    })
    .await;
    assert_eq!(suspects.len(), 1);
    let old = "select pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds'";
    assert!(sqlx::query_scalar::<_, bool>(old).fetch_one(&mut db).await.unwrap());
    cluster.stop().await.unwrap();
}
