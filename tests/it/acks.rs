//! Acknowledgements: harmless when repeated, kept when they come too late, whole or not at all.

use std::time::Duration;

use mock_provider::{Fault, PaceChange, Vendor};
use shared::ids::{AttemptId, MessageId, WorkerId};
use shared::message::{NewMessage, Status};
use shared::provider::Outcome;
use shared::store::acks::{self, Attempt, Finished, Rescheduled, Write};
use tests::TestApp;
use tests::builders::{a_promo, a_transactional, an_otp};
use tests::wait::{becomes, eventually};

/// A gateway without a living worker, and one whose results are to be written.
async fn a_worker_with(messages: &[NewMessage], app: &TestApp) -> WorkerId {
    let worker = app.a_dead_worker().await;
    app.hold(worker, messages).await;
    worker
}

fn attempt(app: &TestApp, message: MessageId, outcome: Outcome) -> Attempt {
    let now = app.now();
    Attempt {
        id: AttemptId::new(now),
        message_id: message,
        provider: "twilio".to_owned(),
        outcome,
        reason: None,
        code: None,
        status_code: Some(201),
        provider_message_id: Some("SM1".to_owned()),
        possible_duplicate: false,
        started_at: now,
        response_time_ms: 40,
        stops: Vec::new(),
    }
}

fn sent(app: &TestApp, id: MessageId) -> Finished {
    let attempts = vec![attempt(app, id, Outcome::Accepted)];
    Finished {
        id,
        status: Status::Sent,
        reason: None,
        masked_text: None,
        copies: 0,
        attempts,
        is_refused: false,
    }
}

async fn taken_over(app: &TestApp, id: MessageId) -> Rescheduled {
    Rescheduled {
        id,
        claimed_due_at: app.row(id).await.unwrap().due_at,
        due_at: app.now() + Duration::from_secs(60),
        reason: "worker_died",
        tried: Vec::new(),
        copies: 1,
        taken_over: true,
        to: None,
        attempts: Vec::new(),
    }
}

/// What a worker does with a result: writes it, and settles the doubt if the message was taken away; says whether it was.
async fn report(app: &TestApp, worker: WorkerId, result: &Finished) -> bool {
    let ours = acks::finish(&app.pool, Write::Again, worker, std::slice::from_ref(result)).await.unwrap();
    ours.is_empty()
        && acks::settle(&app.pool, &result.attempts[0], result.masked_text.as_deref()).await.unwrap()
}

fn state(status: &str, reason: &str) -> (String, Option<String>) {
    (status.to_owned(), Some(reason.to_owned()))
}

#[tokio::test]
async fn an_end_that_is_reported_again_changes_nothing() {
    let app = TestApp::without_worker().await;
    let message = a_promo(app.now()).build();
    let worker = a_worker_with(std::slice::from_ref(&message), &app).await;
    let result = sent(&app, message.id);
    let group = std::slice::from_ref(&result);
    assert_eq!(acks::finish(&app.pool, Write::First, worker, group).await.unwrap(), [message.id]);
    // Only a result that was surely not written may be told as new.
    assert!(acks::finish(&app.pool, Write::First, worker, group).await.is_err());
    let before = app.logged(message.id).await;
    for _ in 0..3 {
        assert!(!report(&app, worker, &result).await, "there was no doubt");
    }
    assert_eq!(app.logged(message.id).await, before);
    assert_eq!(app.attempts(message.id).await.len(), 1);
}

#[tokio::test]
async fn a_return_that_is_reported_again_changes_nothing() {
    let app = TestApp::without_worker().await;
    let message = a_transactional(app.now()).build();
    let worker = a_worker_with(std::slice::from_ref(&message), &app).await;
    let mut result = taken_over(&app, message.id).await;
    result.attempts.push(attempt(&app, message.id, Outcome::InDoubt));
    assert_eq!(
        acks::reschedule(&app.pool, Write::First, worker, std::slice::from_ref(&result)).await.unwrap(),
        [message.id]
    );
    let due_at = app.row(message.id).await.unwrap().due_at;
    assert!(acks::reschedule(&app.pool, Write::Again, worker, &[result]).await.unwrap().is_empty());
    let row = app.row(message.id).await.unwrap();
    assert_eq!((row.copies, row.takeovers, row.due_at), (1, 1, due_at));
    assert_eq!(app.attempts(message.id).await.len(), 1);
}

#[tokio::test]
async fn a_return_that_is_reported_again_does_not_undo_a_later_claim() {
    let app = TestApp::without_worker().await;
    let message = a_transactional(app.now()).build();
    let worker = a_worker_with(std::slice::from_ref(&message), &app).await;
    let result = taken_over(&app, message.id).await;
    acks::reschedule(&app.pool, Write::Again, worker, std::slice::from_ref(&result)).await.unwrap();
    sqlx::query("update smsgw.sms_outbox set worker_id = $1").bind(worker).execute(&app.pool).await.unwrap();
    assert!(acks::reschedule(&app.pool, Write::Again, worker, &[result]).await.unwrap().is_empty());
    assert_eq!(app.row(message.id).await.unwrap().worker_id, Some(worker));
}

#[tokio::test]
async fn a_yes_that_comes_after_the_takeover_makes_the_second_copy_unneeded() {
    let app = TestApp::without_worker().await;
    let message = an_otp(app.now(), &app.keyring, "123456").build();
    let worker = a_worker_with(std::slice::from_ref(&message), &app).await;
    acks::reschedule(&app.pool, Write::Again, worker, &[taken_over(&app, message.id).await]).await.unwrap();
    let result = Finished { masked_text: Some("Your code is ******.".to_owned()), ..sent(&app, message.id) };
    for was_in_doubt in [true, false] {
        assert_eq!(report(&app, worker, &result).await, was_in_doubt);
    }
    assert_eq!(app.state(message.id).await, state("sent", "settled_late"));
    let logged = app.logged(message.id).await.unwrap();
    assert_eq!((logged.copies, logged.attempts), (0, 1));
    assert_eq!(app.attempts(message.id).await, [("twilio".to_owned(), "accepted".to_owned())]);
    assert_eq!(app.unfinished().await, 0);
}

#[tokio::test]
async fn a_yes_that_comes_after_the_takeover_settles_an_end_in_doubt() {
    let app = TestApp::without_worker().await;
    let message = a_promo(app.now()).build();
    let worker = a_worker_with(std::slice::from_ref(&message), &app).await;
    let unknown =
        Finished { copies: 1, ..Finished::without_call(message.id, Status::Unknown, "worker_died") };
    acks::finish(&app.pool, Write::Again, worker, &[unknown]).await.unwrap();
    assert_eq!(app.state(message.id).await, state("unknown", "worker_died"));
    for was_in_doubt in [true, false] {
        assert_eq!(report(&app, worker, &sent(&app, message.id)).await, was_in_doubt);
    }
    assert_eq!(app.state(message.id).await, state("sent", "settled_late"));
    let logged = app.logged(message.id).await.unwrap();
    assert_eq!((logged.copies, logged.attempts, logged.provider_name.as_deref()), (0, 1, Some("twilio")));
}

#[tokio::test]
async fn a_late_yes_leaves_alone_what_another_worker_is_sending() {
    let app = TestApp::without_worker().await;
    let message = an_otp(app.now(), &app.keyring, "123456").build();
    let worker = a_worker_with(std::slice::from_ref(&message), &app).await;
    acks::reschedule(&app.pool, Write::Again, worker, &[taken_over(&app, message.id).await]).await.unwrap();
    let next = app.a_dead_worker().await;
    sqlx::query("update smsgw.sms_outbox set worker_id = $1").bind(next).execute(&app.pool).await.unwrap();
    assert!(!report(&app, worker, &sent(&app, message.id)).await, "it goes on");
    let row = app.row(message.id).await.unwrap();
    assert_eq!((row.worker_id, row.copies), (Some(next), 1));
    assert_eq!(app.attempts(message.id).await.len(), 1, "the call is on record");
}

/// The first worker's "yes" came while the second was sending; then the second got no answer.
#[tokio::test]
async fn a_yes_that_came_in_between_settles_a_later_doubt() {
    let app = TestApp::start().await;
    let message = an_otp(app.now(), &app.keyring, "123456").build();
    let earlier = a_worker_with(std::slice::from_ref(&message), &app).await;
    app.mock.set_pace(Vendor::Twilio, PaceChange { latency_ms: Some(1500), ..PaceChange::default() });
    app.mock.fail(Vendor::Twilio, Fault::Reset).unwrap();
    acks::reschedule(
        &app.pool,
        Write::Again,
        earlier,
        &[Rescheduled { due_at: app.now(), ..taken_over(&app, message.id).await }],
    )
    .await
    .unwrap();
    eventually("the second copy to be under way", async || {
        app.row(message.id).await.filter(|row| row.worker_id.is_some())
    })
    .await;
    report(&app, earlier, &sent(&app, message.id)).await;
    becomes(state("sent", "settled_late"), async || app.state(message.id).await).await;
    assert_eq!(app.attempts(message.id).await.len(), 2);
    app.stop().await;
}

#[tokio::test]
async fn a_late_no_is_on_record_and_decides_nothing() {
    let app = TestApp::without_worker().await;
    let message = a_transactional(app.now()).build();
    let worker = a_worker_with(std::slice::from_ref(&message), &app).await;
    acks::reschedule(&app.pool, Write::Again, worker, &[taken_over(&app, message.id).await]).await.unwrap();
    let attempts = vec![attempt(&app, message.id, Outcome::Rejected)];
    let late = Finished { status: Status::Failed, attempts, ..sent(&app, message.id) };
    assert!(acks::finish(&app.pool, Write::Again, worker, &[late]).await.unwrap().is_empty());
    assert_eq!(app.state(message.id).await, state("queued", "worker_died"));
    assert_eq!(app.attempts(message.id).await, [("twilio".to_owned(), "rejected".to_owned())]);
}

#[tokio::test]
async fn a_group_with_one_bad_row_is_refused_whole() {
    let app = TestApp::without_worker().await;
    let messages = [a_promo(app.now()).build(), a_promo(app.now()).build()];
    let worker = a_worker_with(&messages, &app).await;
    let mut group = messages.each_ref().map(|message| sent(&app, message.id));
    group[1].attempts[0].code = Some("30\u{0}08".to_owned());
    assert!(acks::finish(&app.pool, Write::Again, worker, &group).await.is_err());
    for message in &messages {
        assert_eq!(app.row(message.id).await.unwrap().worker_id, Some(worker));
        assert!(app.attempts(message.id).await.is_empty());
    }
    acks::finish(&app.pool, Write::Again, worker, &group[..1]).await.unwrap();
    assert_eq!(app.state(messages[0].id).await.0, "sent");
}

#[tokio::test]
async fn a_worker_settles_what_was_taken_from_it_while_its_call_was_under_way() {
    let app = TestApp::start().await;
    app.mock.set_pace(Vendor::Twilio, PaceChange { latency_ms: Some(1000), ..PaceChange::default() });
    let worker = app.the_worker().await;
    let id = app.accept(a_promo(app.now())).await;
    app.mock.wait_for_arrivals(1, Duration::from_secs(10)).await;
    let unknown = Finished { copies: 1, ..Finished::without_call(id, Status::Unknown, "worker_died") };
    assert_eq!(acks::finish(&app.pool, Write::Again, worker, &[unknown]).await.unwrap(), [id]);
    becomes(state("sent", "settled_late"), async || app.state(id).await).await;
    assert_eq!(app.logged(id).await.unwrap().copies, 0);
    app.stop().await;
}

/// The answer to a return was lost, and the worker has claimed the message anew: repeating the
/// return must not free it while it is being sent.
#[tokio::test]
async fn a_return_that_is_repeated_leaves_a_later_claim_alone() {
    let app = TestApp::without_worker().await;
    let message = a_promo(app.now()).build();
    let worker = a_worker_with(std::slice::from_ref(&message), &app).await;
    let result = taken_over(&app, message.id).await;
    assert_eq!(
        acks::reschedule(&app.pool, Write::Again, worker, std::slice::from_ref(&result)).await.unwrap(),
        [message.id]
    );
    sqlx::query("update smsgw.sms_outbox set worker_id = $1 where id = $2")
        .bind(worker)
        .bind(message.id)
        .execute(&app.pool)
        .await
        .unwrap();
    assert!(acks::reschedule(&app.pool, Write::Again, worker, &[result]).await.unwrap().is_empty());
    let (holder, copies): (Option<WorkerId>, i16) =
        sqlx::query_as("select worker_id, copies from smsgw.sms_outbox where id = $1")
            .bind(message.id)
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert_eq!((holder, copies), (Some(worker), 1));
}
