//! Without a database: nobody learns anything, and nobody waits longer than they would.

use axum::http::Request;
use axum::response::IntoResponse as _;
use futures::future::join_all;
use sqlx::postgres::PgPoolOptions;

use super::*;
use crate::prefer::Prefer;

/// Nobody listens there.
fn nowhere() -> Outcomes {
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(50));
    Outcomes::new(pool.connect_lazy("postgres://nobody@127.0.0.1:9/nothing").expect("a URL"))
}

fn some_id() -> MessageId {
    MessageId::new(chrono::Utc::now())
}

const A_WHILE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn with_the_database_away_the_patience_ends_and_nothing_is_left() {
    let outcomes = nowhere();
    let began = Instant::now();
    let found = join_all((0..100).map(|_| outcomes.first(some_id(), A_WHILE))).await;
    assert!(found.iter().all(Option::is_none));
    assert!(began.elapsed() >= A_WHILE && began.elapsed() < A_WHILE * 5, "{:?}", began.elapsed());
    assert!(outcomes.0.waiting().tickets.is_empty());
    while outcomes.0.waiting().looking {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_task_looks_and_another_begins_after_it_has_ended() {
    let outcomes = nowhere();
    let shared = Arc::downgrade(&outcomes.0);
    for _ in 0..2 {
        assert_eq!(outcomes.first(some_id(), SOON * 2).await, None);
        while outcomes.0.waiting().looking {
            tokio::task::yield_now().await;
        }
    }
    drop(outcomes);
    // The task's hold on it goes a moment after it said so.
    while shared.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn beyond_the_places_nobody_waits() {
    let outcomes = nowhere();
    let taken = outcomes.0.places.try_acquire_many(PLACES as u32).expect("all are free");
    let began = Instant::now();
    assert_eq!(outcomes.first(some_id(), A_WHILE * 100).await, None);
    assert_eq!(outcomes.first_of_code(None, A_WHILE * 100).await, None);
    assert!(began.elapsed() < A_WHILE * 10);
    drop(taken);
    assert!(outcomes.first_of_code(None, A_WHILE * 10).await.is_some(), "a place is free again");
}

#[tokio::test]
async fn a_stop_ends_all_waits() {
    let outcomes = nowhere();
    let began = Instant::now();
    let waits = join_all([Some(some_id()), None].map(|id| outcomes.first_of_code(id, A_WHILE * 100)));
    let close = async {
        tokio::task::yield_now().await;
        outcomes.close();
    };
    let (found, ()) = tokio::join!(waits, close);
    assert_eq!(found, [None, None]);
    assert_eq!(outcomes.first(some_id(), A_WHILE * 100).await, None);
    assert!(began.elapsed() < A_WHILE * 10);
}

#[tokio::test]
async fn everybody_who_waits_for_a_message_is_told() {
    let outcomes = nowhere();
    let (id, other) = (some_id(), some_id());
    let outcome = Outcome {
        status: shared::message::Status::Sent,
        reason: None,
        provider_name: Some("twilio".into()),
        provider_message_id: None,
        status_code: Some(201),
        response_time_ms: Some(7),
    };
    let tell = async {
        tokio::task::yield_now().await;
        outcomes.0.tell(&HashMap::from([(id, outcome.clone())]));
    };
    let waits = join_all([id, id, other].map(|id| outcomes.first(id, A_WHILE)));
    let (found, ()) = tokio::join!(waits, tell);
    assert_eq!(found, [Some(outcome.clone()), Some(outcome), None]);
}

#[test]
fn looks_grow_rarer_the_longer_all_have_waited() {
    let after = |millis| pause_after(Duration::from_millis(millis)).as_millis();
    assert_eq!([0, 100, 500, 1000, 30_000].map(after), [20, 20, 50, 100, 100]);
}

#[tokio::test]
async fn a_wait_is_told_as_granted_and_does_not_make_the_gateway_slow() {
    let request = Request::builder().header("prefer", "wait=1").body(()).expect("a request");
    let (mut parts, ()) = request.into_parts();
    let Ok(prefer) =
        <Prefer as axum::extract::FromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
    let waited = Waited::for_message(&nowhere(), prefer, some_id()).await;
    let response = (waited, "answer").into_response();
    assert_eq!(response.headers()["preference-applied"], "wait=1");
    assert!(time_waited(&response) >= Duration::from_secs(1));
    let response = (Waited::default(), "answer").into_response();
    assert!(!response.headers().contains_key("preference-applied"));
    assert_eq!(time_waited(&response), Duration::ZERO);
}
