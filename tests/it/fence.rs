//! The fence: a worker that is not known to live sends nothing, since others may be about to take
//! its messages over.

use std::time::{Duration, Instant};

use chrono::{SubsecRound, TimeDelta};
use shared::ids::WorkerId;
use shared::message::NewMessage;
use sqlx::Connection;
use tests::TestApp;
use tests::builders::{a_promo, an_otp};
use tests::wait::eventually;
use tokio::runtime::{Builder, Runtime};
use worker::Worker;

/// Three seconds of promo at a hundred a second.
async fn a_slow_backlog(app: &mut TestApp) -> Vec<NewMessage> {
    app.start_worker_with(|parts| parts.providers[0].max_per_second = Some(100));
    let backlog: Vec<_> = (0..300).map(|_| a_promo(app.now()).build()).collect();
    app.accept_all(&backlog).await;
    app.mock.wait_for_arrivals(20, Duration::from_secs(10)).await;
    backlog
}

fn each_arrived_once(app: &TestApp, messages: &[NewMessage]) {
    let arrivals = app.arrivals_by_number();
    for message in messages {
        assert_eq!(arrivals.get(&message.to).map(Vec::len), Some(1), "{}", message.id);
    }
    assert_eq!(app.mock.arrival_total(), messages.len() as u64);
}

async fn another_worker(app: &TestApp, than: WorkerId) {
    eventually("a new identity", async || {
        let workers = app.workers().await;
        (workers.len() == 1 && workers[0] != than).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_was_struck_off_goes_on_under_a_new_identity() {
    let mut app = TestApp::without_worker().await;
    let backlog = a_slow_backlog(&mut app).await;
    let before = app.the_worker().await;
    // What waits is old by then: a claim that is refused must not be taken for an empty lane.
    app.mock.wait_for_arrivals(130, Duration::from_secs(10)).await;
    sqlx::query("delete from smsgw.sms_workers").execute(&app.pool).await.unwrap();
    another_worker(&app, before).await;
    app.drained(Duration::from_secs(12)).await;
    each_arrived_once(&app, &backlog);
    assert_eq!(app.ends().await, [("sent".to_owned(), 300)].into());
    app.stop().await;
}

/// The server process of the worker's connection of standing.
async fn backend(app: &TestApp) -> Option<i32> {
    sqlx::query_scalar("select backend_pid from smsgw.sms_workers").fetch_optional(&app.pool).await.unwrap()
}

#[tokio::test]
async fn a_worker_whose_connection_of_standing_breaks_comes_back_before_it_is_called_dead() {
    let mut app = TestApp::without_worker().await;
    app.takeovers_are_allowed().await;
    let backlog = a_slow_backlog(&mut app).await;
    let (worker, mut owner) = (app.the_worker().await, app.owner().await);
    for round in 0..6 {
        let (before, began) = (backend(&app).await.unwrap(), Instant::now());
        sqlx::query("select pg_terminate_backend($1)").bind(before).execute(&mut owner).await.unwrap();
        eventually("the worker to be back", async || backend(&app).await.filter(|&now| now != before)).await;
        // A machine too busy to reconnect within the grace has a worker that is rightly called dead.
        if began.elapsed() > Duration::from_millis(900) {
            assert!(round > 0, "the machine is too slow to tell");
            return app.stop().await;
        }
        assert_eq!(app.workers().await, [worker]);
    }
    app.drained(Duration::from_secs(30)).await;
    each_arrived_once(&app, &backlog);
    assert_eq!(app.ends().await, [("sent".to_owned(), 300)].into());
    app.stop().await;
}

/// Sees that the worker sends, and forgets it.
async fn it_works(app: &TestApp) {
    for draft in [a_promo(app.now()), an_otp(app.now(), &app.keyring, "123456")] {
        let id = app.accept(draft).await;
        assert_eq!(app.end_of(id).await.0, "sent");
    }
    app.mock.clear_arrivals();
}

/// Accepts messages of a worker that has not beaten for longer than its standing lasts, and sees that
/// none of them leaves.
async fn nothing_leaves(app: &TestApp) -> Vec<NewMessage> {
    silent_for(app, 4.1).await;
    let waiting = vec![a_promo(app.now()).build(), an_otp(app.now(), &app.keyring, "123456").build()];
    for message in &waiting {
        app.accept_all(std::slice::from_ref(message)).await;
    }
    silent_for(app, 6.0).await;
    assert_eq!(app.mock.arrival_total(), 0);
    for message in &waiting {
        assert_eq!(app.row(message.id).await.unwrap().worker_id, None);
    }
    waiting
}

#[tokio::test]
async fn a_worker_that_cannot_say_that_it_lives_sends_nothing() {
    let app = TestApp::start().await;
    it_works(&app).await;
    // Beats and registrations wait for this lock, claims do not.
    let mut owner = app.owner().await;
    let mut mute = owner.begin().await.unwrap();
    sqlx::query("lock table smsgw.sms_workers in share row exclusive mode")
        .execute(&mut *mute)
        .await
        .unwrap();
    let waiting = nothing_leaves(&app).await;
    mute.rollback().await.unwrap();
    app.drained(Duration::from_secs(15)).await;
    each_arrived_once(&app, &waiting);
    app.stop().await;
}

/// A provider that takes one a second keeps the next waiting at its gate; there its time runs out.
#[tokio::test]
async fn what_expires_while_it_waits_for_its_turn_is_not_begun() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| {
        parts.providers.truncate(1);
        parts.providers[0].max_per_second = Some(1);
    });
    for round in 1..=3 {
        let first = app.accept(a_promo(app.now())).await;
        assert_eq!(app.end_of(first).await.0, "sent");
        // Turns come with the full seconds of the database's clock.
        let turn = eventually("a turn that is not too near", async || {
            let (now, turn) = (app.now(), app.now().trunc_subsecs(0) + Duration::from_secs(1));
            (turn - now > TimeDelta::milliseconds(200)).then_some(turn)
        })
        .await;
        let life = (turn - app.now()).to_std().unwrap().saturating_sub(Duration::from_millis(20));
        let late = a_promo(app.now()).expires_in(app.now(), life);
        let late = app.accept(late).await;
        assert_eq!(
            app.end_of(late).await,
            ("expired".to_owned(), Some("expired".to_owned())),
            "round {round}"
        );
        assert_eq!(app.attempts(late).await, []);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_worker_that_gets_no_time_to_say_that_it_lives_sends_nothing() {
    let app = TestApp::without_worker().await;
    // Its beat runs here, its lanes on threads of their own.
    let elsewhere = Elsewhere::start();
    let worker = {
        let _inside = elsewhere.runtime().enter();
        let mut parts = app.parts();
        parts.pool = parts.database.pool(4);
        Worker::start(parts).unwrap()
    };
    it_works(&app).await;
    let (busy, wait) = std::sync::mpsc::channel::<()>();
    elsewhere.runtime().spawn(async move { wait.recv() });
    let waiting = nothing_leaves(&app).await;
    drop(busy);
    app.drained(Duration::from_secs(15)).await;
    each_arrived_once(&app, &waiting);
    elsewhere.runtime().spawn(worker.stop()).await.unwrap().unwrap();
}

/// A runtime with one thread, which a test can occupy.
struct Elsewhere(Option<Runtime>);

impl Elsewhere {
    fn start() -> Self {
        Self(Some(Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()))
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().unwrap()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // The plain drop waits for its threads, which a test's own runtime does not allow.
        self.0.take().unwrap().shutdown_background();
    }
}

/// Waits until the last beat is this many seconds old.
async fn silent_for(app: &TestApp, seconds: f64) {
    eventually("silence", async || {
        let silent: bool = sqlx::query_scalar(
            "select beat_at < clock_timestamp() - make_interval(secs => $1) from smsgw.sms_workers",
        )
        .bind(seconds)
        .fetch_one(&app.pool)
        .await
        .unwrap();
        silent.then_some(())
    })
    .await;
}
