//! Results that come when their message is no longer the session's newest, or no longer its worker's.

use shared::db::Use;
use shared::ids::{AttemptId, MessageId, WorkerId};
use shared::message::Status;
use shared::provider::Outcome;
use shared::store::acks::{self, Attempt, CODE_MADE, Finished, Rescheduled, Write};
use sqlx::PgConnection;
use tests::builders::a_number;
use tests::{Door, TestApp};

use super::{a_session, knows, session};

/// A session whose code is with a worker that does nothing of itself.
struct Stage {
    app: TestApp,
    door: Door,
    db: PgConnection,
    worker: WorkerId,
    session: String,
    message: MessageId,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::without_worker().await;
        let door = Door::open(&app).await;
        let session = a_session(&door, &a_number()).await;
        let db = app.database.connect(Use::Queue("test")).await.unwrap();
        let worker = app.a_dead_worker().await;
        let message = claim(&app, &session, worker).await;
        let stage = Self { app, door, db, worker, session, message };
        stage.newest_is(message).await;
        stage
    }

    /// Says which message carries the session's newest code.
    async fn newest_is(&self, message: MessageId) {
        sqlx::query("update sms_otp_sessions set message_id = $2 where id = $1::uuid")
            .bind(&self.session)
            .bind(message)
            .execute(&self.app.pool)
            .await
            .unwrap();
    }

    /// Asks for another code, which the same worker gets.
    async fn resend(&self) -> MessageId {
        let cooled = "update sms_otp_sessions set resend_at = clock_timestamp() where id = $1::uuid";
        sqlx::query(cooled).bind(&self.session).execute(&self.app.pool).await.unwrap();
        let body = serde_json::json!({ "session_id": self.session });
        assert_eq!(self.door.post("/otp/resend", &body).await.status, 202);
        let newer = claim(&self.app, &self.session, self.worker).await;
        self.newest_is(newer).await;
        newer
    }

    /// What a worker does with a result: writes it, and settles the doubt if the message was taken away.
    async fn report(&mut self, worker: WorkerId, result: Finished) {
        let ours =
            acks::finish(&mut self.db, Write::Again, worker, std::slice::from_ref(&result)).await.unwrap();
        if result.status == Status::Unknown {
            acks::settle_known(&mut self.db, &[result.id]).await.unwrap();
        }
        if let Some(accepted) = result.attempts.first().filter(|_| ours.is_empty()) {
            acks::settle(&mut self.db, accepted, None).await.unwrap();
        }
    }

    /// Takes the message from its worker, as from a dead one.
    async fn take_over(&mut self) {
        let due_at = self.app.row(self.message).await.unwrap().due_at;
        let taken = Rescheduled {
            id: self.message,
            claimed_due_at: due_at,
            due_at: self.app.now(),
            reason: "worker_died",
            tried: Vec::new(),
            copies: 1,
            taken_over: true,
            to: None,
            attempts: Vec::new(),
        };
        acks::reschedule(&mut self.db, Write::Again, self.worker, &[taken]).await.unwrap();
    }

    fn made(&self, message: MessageId, reference: &str) -> Finished {
        let now = self.app.now();
        let attempt = Attempt {
            id: AttemptId::new(now),
            message_id: message,
            provider: "2factor".to_owned(),
            outcome: Outcome::Accepted,
            reason: Some(CODE_MADE),
            code: None,
            status_code: Some(200),
            provider_message_id: Some(reference.to_owned()),
            possible_duplicate: false,
            started_at: now,
            response_time_ms: 40,
            stops: Vec::new(),
        };
        Finished {
            id: message,
            status: Status::Sent,
            reason: None,
            masked_text: None,
            copies: 0,
            attempts: vec![attempt],
            is_refused: false,
        }
    }

    async fn known(&self) -> super::Session {
        session(&self.app, &self.session).await
    }
}

async fn claim(app: &TestApp, session: &str, worker: WorkerId) -> MessageId {
    let take = "update smsgw.sms_outbox set worker_id = $2
                where session_id = $1::uuid and worker_id is null returning id";
    sqlx::query_scalar(take).bind(session).bind(worker).fetch_one(&app.pool).await.unwrap()
}

fn unknown(message: MessageId) -> Finished {
    Finished { copies: 1, ..Finished::without_call(message, Status::Unknown, "worker_died") }
}

/// The older code is with a worker when the newer is asked for; its vendor's session is not the newer's.
#[tokio::test]
async fn the_older_codes_result_leaves_the_session_to_the_newer_one() {
    let mut stage = Stage::set().await;
    let (worker, older) = (stage.worker, stage.message);
    let newer = stage.resend().await;
    stage.report(worker, stage.made(older, "older")).await;
    assert_eq!(stage.known().await.status, "pending");
    assert_eq!(stage.known().await.provider_session_id, None);
    stage.report(worker, stage.made(newer, "newer")).await;
    assert_eq!(stage.known().await, knows("sent", "2factor", Some("newer")));
}

/// Sessions that an API of the last release started.
#[tokio::test]
async fn a_session_that_does_not_know_its_message_takes_what_it_gets() {
    let mut stage = Stage::set().await;
    sqlx::query("update sms_otp_sessions set message_id = null").execute(&stage.app.pool).await.unwrap();
    stage.report(stage.worker, stage.made(stage.message, "only")).await;
    assert_eq!(stage.known().await, knows("sent", "2factor", Some("only")));
}

#[tokio::test]
async fn a_late_yes_for_a_code_that_waits_to_be_sent_again_brings_the_vendors_session() {
    let mut stage = Stage::set().await;
    stage.take_over().await;
    stage.report(stage.worker, stage.made(stage.message, "late")).await;
    assert_eq!(stage.known().await, knows("sent", "2factor", Some("late")));
    assert_eq!(stage.app.unfinished().await, 0);
}

#[tokio::test]
async fn a_late_yes_for_an_end_in_doubt_brings_the_vendors_session() {
    let mut stage = Stage::set().await;
    stage.report(stage.worker, unknown(stage.message)).await;
    assert_eq!(
        (stage.known().await.status.as_str(), stage.known().await.provider_session_id),
        ("sent", None)
    );
    stage.report(stage.worker, stage.made(stage.message, "late")).await;
    assert_eq!(stage.known().await, knows("sent", "2factor", Some("late")));
}

/// The first worker's yes comes while the second is sending; then the second gets no answer.
#[tokio::test]
async fn a_yes_that_came_in_between_brings_the_vendors_session_to_a_later_doubt() {
    let mut stage = Stage::set().await;
    stage.take_over().await;
    let next = stage.app.a_dead_worker().await;
    assert_eq!(claim(&stage.app, &stage.session, next).await, stage.message);
    stage.report(stage.worker, stage.made(stage.message, "between")).await;
    assert_eq!(stage.known().await.provider_session_id, None, "the second copy is under way");
    stage.report(next, unknown(stage.message)).await;
    assert_eq!(stage.known().await, knows("sent", "2factor", Some("between")));
}

#[tokio::test]
async fn a_late_yes_for_an_older_code_leaves_the_newer_ones_session_alone() {
    let mut stage = Stage::set().await;
    let (worker, older) = (stage.worker, stage.message);
    stage.report(worker, unknown(older)).await;
    let newer = stage.resend().await;
    stage.report(worker, stage.made(older, "older")).await;
    assert_eq!(stage.known().await.provider_session_id, None);
    stage.report(worker, stage.made(newer, "newer")).await;
    assert_eq!(stage.known().await, knows("sent", "2factor", Some("newer")));
}
