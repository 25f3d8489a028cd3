//! What the tests read in the gateway's tables, and what they put there behind its back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mock_provider::Arrival;
use shared::db::Use;
use shared::ids::{MessageId, WorkerId};
use shared::lane::Lane;
use shared::message::NewMessage;
use sqlx::{Connection, PgConnection};

use crate::TestApp;
use crate::wait::{eventually, within};

/// A message that waits or is being sent.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Row {
    /// Who may be sending it.
    pub worker_id: Option<WorkerId>,
    /// Not before this time.
    pub due_at: DateTime<Utc>,
    /// Why it waits.
    pub reason: Option<String>,
    /// Calls that may have sent it.
    pub copies: i16,
    /// Workers that died holding it.
    pub takeovers: i16,
}

/// A message that has ended.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Logged {
    /// How.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
    /// The provider of the last call.
    pub provider_name: Option<String>,
    /// Calls made.
    pub attempts: i16,
    /// Calls that may have sent it without an answer.
    pub copies: i16,
}

impl TestApp {
    /// A connection of its own with the gateway's rights.
    pub async fn connection(&self) -> PgConnection {
        self.database.connect(Use::Service("test")).await.unwrap()
    }

    /// A connection of its own with the owner's rights.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect_with(self.database.options()).await.unwrap()
    }

    /// The backends that wait for what another transaction holds. Only the owner sees that.
    pub async fn lock_waiters(&self) -> Vec<i32> {
        let waits = "select pid from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock'";
        sqlx::query_scalar(waits).fetch_all(&mut self.owner().await).await.unwrap()
    }

    /// Until somebody waits for what another transaction holds; says who.
    pub async fn waiter(&self) -> i32 {
        eventually("somebody to wait for a row", async || self.lock_waiters().await.first().copied()).await
    }

    /// The message in the outbox, if it is there.
    pub async fn row(&self, id: MessageId) -> Option<Row> {
        sqlx::query_as(
            "select worker_id, due_at, reason, copies, takeovers from smsgw.sms_outbox where id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await
        .unwrap()
    }

    /// The message in the log, if it is there.
    pub async fn logged(&self, id: MessageId) -> Option<Logged> {
        sqlx::query_as(
            "select status, reason, provider_name, attempts, copies from sms_messages_log where id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await
        .unwrap()
    }

    /// Waits until the message waits in the outbox for `reason`.
    pub async fn waits_for(&self, id: MessageId, reason: &str) -> Row {
        eventually(reason, async || {
            self.row(id).await.filter(|row| row.worker_id.is_none() && row.reason.as_deref() == Some(reason))
        })
        .await
    }

    /// How many messages are in the outbox.
    pub async fn unfinished(&self) -> i64 {
        sqlx::query_scalar("select count(*) from smsgw.sms_outbox").fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until the outbox is empty.
    pub async fn drained(&self, patience: Duration) {
        within(patience, "the outbox to be empty", async || (self.unfinished().await == 0).then_some(()))
            .await;
    }

    /// How many messages of the log ended in each status.
    pub async fn ends(&self) -> HashMap<String, i64> {
        let ends: Vec<(String, i64)> =
            sqlx::query_as("select status, count(*) from sms_messages_log group by status")
                .fetch_all(&self.pool)
                .await
                .unwrap();
        ends.into_iter().collect()
    }

    /// The workers that are registered.
    pub async fn workers(&self) -> Vec<WorkerId> {
        sqlx::query_scalar("select id from smsgw.sms_workers order by id")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Waits for the only worker to register.
    pub async fn the_worker(&self) -> WorkerId {
        eventually("a worker to register", async || self.workers().await.first().copied()).await
    }

    /// Registers a worker that never lived: nobody holds its lock.
    pub async fn a_dead_worker(&self) -> WorkerId {
        sqlx::query_scalar(
            "insert into smsgw.sms_workers (host, pid, backend_pid) values ('gone', 1, 1) returning id",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Commits messages that `worker` has claimed already.
    pub async fn hold(&self, worker: WorkerId, messages: &[NewMessage]) {
        let mut tx = self.pool.begin().await.unwrap();
        self.insert(&mut tx, messages).await;
        let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
        sqlx::query("update smsgw.sms_outbox set worker_id = $1 where id = any($2)")
            .bind(worker)
            .bind(ids)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Makes every claim fail: only what is handed over can leave.
    pub async fn refuse_claims(&self) {
        sqlx::raw_sql(
            "create function smsgw.refuse() returns trigger language plpgsql as
                 $$ begin raise exception 'nothing is claimed here'; end $$;
             create trigger refuse before update of worker_id on smsgw.sms_outbox for each row
                 when (old.worker_id is null and new.worker_id is not null) execute function smsgw.refuse()",
        )
        .execute(&mut self.owner().await)
        .await
        .unwrap();
    }

    /// Waits until a worker takes texts and codes over.
    pub async fn takes_over(&self) {
        for lane in [Lane::Otp, Lane::Transactional] {
            let never_stored = [MessageId::new(self.now())];
            let ask = async || self.handoff().reserve(lane, &never_stored).map(drop);
            eventually("the worker to take messages over", ask).await;
        }
    }

    /// Lets claims succeed again.
    pub async fn allow_claims(&self) {
        let drop = "drop trigger refuse on smsgw.sms_outbox";
        sqlx::raw_sql(drop).execute(&mut self.owner().await).await.unwrap();
    }

    /// Waits until the database has run for 5 s: before that nobody is taken over.
    pub async fn takeovers_are_allowed(&self) {
        eventually("the database to be 5 s old", async || {
            let old: bool = sqlx::query_scalar(
                "select pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds'",
            )
            .fetch_one(&self.pool)
            .await
            .unwrap();
            old.then_some(())
        })
        .await;
    }

    /// Makes a message that waits due now.
    pub async fn make_due(&self, id: MessageId) {
        sqlx::query(
            "update smsgw.sms_outbox set due_at = clock_timestamp() where id = $1 and worker_id is null",
        )
        .bind(id)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// Waits until a message is in nobody's hands, as after a claim that found nobody to send it; no
    /// provider has been asked.
    pub async fn waits_unsent(&self, id: MessageId) {
        eventually("the message to wait", async || (self.state(id).await.0 == "queued").then_some(())).await;
        assert_eq!(self.way(id).await, "");
    }

    /// The attempts as one line: `twilio not_sent, 2factor accepted`.
    pub async fn way(&self, id: MessageId) -> String {
        let attempts = self.attempts(id).await.into_iter();
        attempts.map(|(provider, outcome)| format!("{provider} {outcome}")).collect::<Vec<_>>().join(", ")
    }

    /// Whether each attempt was flagged as a possible duplicate, in order.
    pub async fn possible_duplicates(&self, id: MessageId) -> Vec<bool> {
        sqlx::query_scalar(
            "select possible_duplicate from smsgw.sms_attempts where message_id = $1 order by started_at",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// `Some` while a transaction of this gateway waits for another's lock.
    pub async fn waiting_for_locks(&self) -> Option<()> {
        let waits: bool = sqlx::query_scalar(
            "select exists (select from pg_locks w join pg_locks h on h.pid = w.pid
                            where not w.granted and h.locktype in ('relation', 'advisory')
                              and h.database = (select oid from pg_database where datname = current_database()))",
        )
        .fetch_one(&self.pool)
        .await
        .unwrap();
        waits.then_some(())
    }

    /// What arrived, by recipient.
    pub fn arrivals_by_number(&self) -> HashMap<String, Vec<Arc<Arrival>>> {
        let mut numbers: HashMap<_, Vec<_>> = HashMap::new();
        for arrival in self.mock.arrivals() {
            numbers.entry(arrival.to.clone()).or_default().push(arrival);
        }
        numbers
    }
}
