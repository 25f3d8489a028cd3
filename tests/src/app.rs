//! The gateway under test: real Postgres, real worker, a mock vendor over HTTP.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mock_provider::{Credentials, MockProvider, Options};
use secrecy::SecretString;
use shared::clock::DbClock;
use shared::config::{Environment, ReachConfig};
use shared::db::Database;
use shared::handoff::Handoff;
use shared::ids::MessageId;
use shared::lane::Lane;
use shared::message::NewMessage;
use shared::provider::catalogue::{ProviderEnv, ProviderSettings};
use shared::seal::{Keyring, MasterKey};
use shared::store::intake;
use shared::telemetry::{self, LogFormat};
use shared::wake::Wake;
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};
use worker::{Parts, Worker, WorkerConfig};

use crate::builders::Draft;
use crate::cluster::{copy_of, fresh_database};
use crate::wait::eventually;

/// A gateway with a database of its own, and `twilio` before `2factor` at a mock vendor.
pub struct TestApp {
    /// The `postgres://` URL of its database.
    pub url: String,
    /// Where it keeps its messages.
    pub database: Database,
    /// For looking into it.
    pub pool: PgPool,
    /// The database's time.
    pub clock: DbClock,
    /// Its keys.
    pub keyring: Arc<Keyring>,
    /// The vendors.
    pub mock: MockProvider,
    wake: Wake,
    handoff: Handoff,
    workers: Vec<Worker>,
}

impl TestApp {
    /// With one worker.
    pub async fn start() -> Self {
        let mut app = Self::without_worker().await;
        app.start_worker();
        app
    }

    /// Only the database and the vendors.
    pub async fn without_worker() -> Self {
        Self::on(fresh_database().await).await
    }

    /// As [`TestApp::without_worker`], on a database that is migrated and the test's own.
    pub async fn on(url: String) -> Self {
        Self::on_with(url, Options::default()).await
    }

    /// As [`TestApp::without_worker`], with vendors that post receipts.
    pub async fn with_receipts() -> Self {
        Self::on_with(fresh_database().await, Options { receipts: true, ..Options::default() }).await
    }

    async fn on_with(url: String, vendors: Options) -> Self {
        telemetry::start(LogFormat::Text, "off", None);
        api::install_metrics();
        let database = Database::new(&url).unwrap();
        let pool = patient_pool(&database);
        let clock = DbClock::start(&pool).await.unwrap();
        let keyring = Arc::new(Keyring::new(&MasterKey::generate(), &[]));
        let mock = MockProvider::start(vendors).unwrap();
        Self {
            url,
            database,
            pool,
            clock,
            keyring,
            mock,
            wake: Wake::default(),
            handoff: Handoff::default(),
            workers: Vec::new(),
        }
    }

    /// The URL of a copy of its database. Nothing must be under way in it.
    pub async fn backup(&self) -> String {
        copy_of(self.database.options().get_database().unwrap()).await
    }

    /// Starts another worker of the same gateway.
    pub fn start_worker(&mut self) {
        let parts = self.parts();
        self.workers.push(Worker::start(parts).unwrap());
    }

    /// Starts another worker, made a little differently.
    pub fn start_worker_with(&mut self, change: impl FnOnce(&mut Parts)) {
        let mut parts = self.parts();
        change(&mut parts);
        self.workers.push(Worker::start(parts).unwrap());
    }

    /// What a worker of this gateway is made of.
    pub fn parts(&self) -> Parts {
        Parts {
            database: self.database.clone(),
            pool: self.pool.clone(),
            clock: self.clock.clone(),
            keyring: self.keyring.clone(),
            wake: self.wake.clone(),
            handoff: self.handoff.clone(),
            config: WorkerConfig::default(),
            reach: ReachConfig::default(),
            providers: vendors(&self.mock.url()),
            environment: Environment::Development,
            public_url: None,
            alerts: None,
        }
    }

    /// The gateway's wake-ups.
    pub fn wake(&self) -> Wake {
        self.wake.clone()
    }

    /// Its workers' way to take over what its doors store.
    pub fn handoff(&self) -> Handoff {
        self.handoff.clone()
    }

    /// The database's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Commits a message to the outbox and wakes the worker.
    pub async fn accept(&self, draft: Draft) -> MessageId {
        let message = draft.build();
        self.accept_all(std::slice::from_ref(&message)).await;
        message.id
    }

    /// Commits messages of one lane together.
    pub async fn accept_all(&self, messages: &[NewMessage]) {
        let mut tx = self.pool.begin().await.unwrap();
        self.insert(&mut tx, messages).await;
        tx.commit().await.unwrap();
        if let Some(first) = messages.first() {
            self.wake.notify(first.lane);
        }
    }

    /// Writes messages into the outbox; the caller commits.
    pub async fn insert(&self, tx: &mut PgConnection, messages: &[NewMessage]) {
        let (codes, texts): (Vec<_>, Vec<_>) = messages.iter().partition(|message| message.lane == Lane::Otp);
        intake::insert(&mut *tx, &texts).await.unwrap();
        for code in codes {
            intake::insert_code(&mut *tx, code).await.unwrap();
        }
    }

    /// Where a message stands, with the reason.
    pub async fn state(&self, id: MessageId) -> (String, Option<String>) {
        sqlx::query_as("select status, reason from sms_messages where id = $1")
            .bind(id)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Waits until a message has left the outbox; gives its status and reason.
    pub async fn end_of(&self, id: MessageId) -> (String, Option<String>) {
        eventually("the message to leave the outbox", async || {
            let state = self.state(id).await;
            (!matches!(state.0.as_str(), "queued" | "sending")).then_some(state)
        })
        .await
    }

    /// Provider and outcome of each attempt, in order.
    pub async fn attempts(&self, id: MessageId) -> Vec<(String, String)> {
        sqlx::query_as(
            "select provider_name, outcome from smsgw.sms_attempts where message_id = $1 order by started_at",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Stops the workers in good order.
    pub async fn stop_workers(&mut self) {
        for worker in self.workers.drain(..) {
            tokio::time::timeout(Duration::from_secs(30), worker.stop()).await.unwrap().unwrap();
        }
    }

    /// Ends the gateway in good order.
    pub async fn stop(mut self) {
        self.stop_workers().await;
    }
}

/// As the gateway's own pools, but a machine that is busy with other tests may take its time.
fn patient_pool(database: &Database) -> PgPool {
    let options = PgPoolOptions::new().max_connections(6).acquire_timeout(Duration::from_secs(30));
    let options = options.after_connect(|connection, _| {
        Box::pin(async move { sqlx::raw_sql("set role smsgw_app").execute(connection).await.map(|_| ()) })
    });
    options.connect_lazy_with(database.options().clone())
}

/// Twilio first, then 2Factor, both at the mock's address.
pub fn vendors(url: &str) -> Vec<ProviderSettings> {
    vendor_env(url).providers().unwrap()
}

/// The environment of a gateway that uses the mock vendor.
pub fn vendor_env(url: &str) -> ProviderEnv {
    ProviderEnv {
        twilio_account_sid: Some(Credentials::ACCOUNT_SID.to_owned()),
        twilio_auth_token: Some(SecretString::from(Credentials::AUTH_TOKEN)),
        twilio_phone_number: Some("+15005550006".to_owned()),
        twilio_base_url: Some(url.to_owned()),
        two_factor_api_key: Some(SecretString::from(Credentials::TWO_FACTOR_KEY)),
        two_factor_base_url: Some(url.to_owned()),
        two_factor_plain_text: true,
        sms_sender_id: Some("TFCTOR".to_owned()),
        ..ProviderEnv::default()
    }
}
