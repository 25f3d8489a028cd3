//! The gateway under test: Postgres, one API and two workers as processes, the vendor in this one.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mock_provider::{Credentials, MockProvider, Options};
use private_postgres::Cluster;
use sqlx::{Connection, PgConnection, PgPool};
use tests::process::{Settings, Smsgw, run};
use tests::wait::{eventually, within};

use crate::client::Client;
use crate::report::Report;

/// Between a delivery and its answer at the vendor: time for a kill to strike.
const LATENCY_MS: u64 = 40;
/// A worker that holds this many messages is worth killing.
const BUSY: i64 = 8;
/// Below every system's range for outgoing connections, so that the port is still free at a restart.
const PORTS: std::ops::Range<u16> = 10_000..15_000;

/// The gateway; whatever runs ends with it.
pub(crate) struct Gateway {
    pub(crate) api: Smsgw,
    pub(crate) workers: Vec<Smsgw>,
    pub(crate) mock: MockProvider,
    /// For looking into the database, past the gateway.
    pub(crate) pool: PgPool,
    pub(crate) postgres: Cluster,
    settings: Settings,
    url: String,
    key: String,
    logs: PathBuf,
}

impl Gateway {
    /// Starts everything on an empty database: stock Postgres settings, so a commit is on the disk.
    pub(crate) async fn start() -> Self {
        let postgres = Cluster::start(private_postgres::Options::temporary()).await.unwrap();
        let mut admin = PgConnection::connect(&postgres.url()).await.unwrap();
        sqlx::raw_sql("create database smsgw").execute(&mut admin).await.unwrap();
        let mock = MockProvider::start(Options {
            twilio_latency_ms: LATENCY_MS,
            two_factor_latency_ms: LATENCY_MS,
            ignore_magic_numbers: true,
            ..Options::default()
        });
        let (mock, logs) = (mock.unwrap(), empty_log_dir());
        let listen = format!("127.0.0.1:{}", free_port());
        let settings = settings(&postgres.url_for("smsgw"), &listen, &mock.url());
        run(&settings, &["migrate"]);
        let key = run(&settings, &["keys", "create", "crash", "--scopes", "send,otp,read"]);
        let pool = PgPool::connect(&postgres.url_for("smsgw")).await.unwrap();
        let api = Smsgw::start("api", &logs, &settings, &["serve"]);
        let workers = ["worker-0", "worker-1"].map(|name| start_worker(name, &logs, &settings)).into();
        let url = format!("http://{listen}");
        let gateway = Self { api, workers, mock, pool, postgres, settings, url, key, logs };
        gateway.until_ready().await;
        for worker in &gateway.workers {
            gateway.until_registered(worker).await;
        }
        gateway.until_deaths_count().await;
        gateway
    }

    /// So soon after a start of the database all locks are free, and nobody is called dead for that.
    async fn until_deaths_count(&self) {
        eventually("the database to have run for 5 s", async || {
            let ripe: bool = sqlx::query_scalar(
                "select pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds'",
            )
            .fetch_one(&self.pool)
            .await
            .unwrap();
            ripe.then_some(())
        })
        .await;
    }

    /// A caller of the API.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.url.clone(), self.key.clone())
    }

    /// Starts the API anew, on the same port.
    pub(crate) async fn restart_api(&mut self) {
        self.api = Smsgw::start("api", &self.logs, &self.settings, &["serve"]);
        self.until_ready().await;
    }

    /// Starts a worker in the place of one that was killed.
    pub(crate) async fn replace_worker(&mut self, place: usize) {
        let name = format!("worker-{place}");
        self.workers[place] = start_worker(&name, &self.logs, &self.settings);
        self.until_registered(&self.workers[place]).await;
    }

    async fn until_ready(&self) {
        let client = self.client();
        eventually("the API to be ready", async || {
            (client.get("/readyz").await.code() == Some(200)).then_some(())
        })
        .await;
    }

    /// Waits until a worker stands in the table of workers, and gives its id there.
    pub(crate) async fn until_registered(&self, worker: &Smsgw) -> i32 {
        eventually("the worker to register", async || {
            sqlx::query_scalar("select id from smsgw.sms_workers where pid = $1 order by id desc limit 1")
                .bind(worker.pid())
                .fetch_optional(&self.pool)
                .await
                .unwrap()
        })
        .await
    }

    /// Waits until a worker holds so many messages that its death matters.
    pub(crate) async fn until_busy(&self, worker: i32) {
        within(Duration::from_secs(20), "the worker to be busy", async || {
            let held: i64 = sqlx::query_scalar("select count(*) from smsgw.sms_outbox where worker_id = $1")
                .bind(worker)
                .fetch_one(&self.pool)
                .await
                .unwrap();
            (held >= BUSY).then_some(())
        })
        .await;
    }

    /// Lane and recipient of all messages that carry a worker's name.
    pub(crate) async fn held_by(&self, worker: i32) -> Vec<(String, String)> {
        sqlx::query_as(r#"select lane, "to" from smsgw.sms_outbox where worker_id = $1"#)
            .bind(worker)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Waits until a worker was struck off and every message it held was decided upon.
    pub(crate) async fn until_taken_over(&self, worker: i32) {
        within(Duration::from_secs(20), "the worker to be taken over", async || {
            let left: bool = sqlx::query_scalar(
                "select exists (select from smsgw.sms_workers where id = $1)
                     or exists (select from smsgw.sms_outbox where worker_id = $1)",
            )
            .bind(worker)
            .fetch_one(&self.pool)
            .await
            .unwrap();
            (!left).then_some(())
        })
        .await;
    }

    /// Waits until the outbox is empty; what is left after `patience` is stuck.
    pub(crate) async fn settle(&self, patience: Duration, report: &mut Report) {
        let began = std::time::Instant::now();
        loop {
            let left: Vec<(String, i64, Option<String>)> =
                sqlx::query_as("select lane, count(*), max(reason) from smsgw.sms_outbox group by lane")
                    .fetch_all(&self.pool)
                    .await
                    .unwrap();
            if left.is_empty() {
                report.say("the outbox is empty");
                return;
            }
            if began.elapsed() > patience {
                report.expect(false, "nothing is stuck in the outbox", || format!("{left:?}"));
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// All programs of the gateway.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Smsgw> {
        self.workers.iter().chain([&self.api])
    }

    /// Nothing ended that was not killed, and nothing panicked.
    pub(crate) fn check_processes(&mut self, report: &mut Report) {
        for process in self.workers.iter_mut().chain([&mut self.api]) {
            let ended = process.ended();
            report.expect(ended.is_none(), "a program ends only when it is told to", || {
                format!("{}: {ended:?}", process.name())
            });
            let log = process.log();
            let panic = log.lines().find(|line| line.contains("panicked"));
            report.expect(panic.is_none(), "nothing panics", || format!("{}: {panic:?}", process.name()));
        }
    }
}

/// Logs stay until the next run, for a look at what happened.
fn empty_log_dir() -> PathBuf {
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crash-logs");
    // An error means that there are none yet.
    drop(std::fs::remove_dir_all(&logs));
    std::fs::create_dir_all(&logs).unwrap();
    logs
}

fn start_worker(name: &str, logs: &Path, settings: &Settings) -> Smsgw {
    Smsgw::start(name, logs, settings, &["worker"])
}

fn settings(database: &str, listen: &str, vendor: &str) -> Settings {
    let own = |text: &str| text.to_owned();
    vec![
        ("DATABASE_URL", own(database)),
        // Of 32 zero bytes.
        ("SMSGW_MASTER_KEY", format!("{}=", "A".repeat(43))),
        ("SMSGW_LISTEN", own(listen)),
        ("SMSGW_ENV", own("production")),
        // Fewer than usual: a list should outlast many deaths.
        ("SMSGW_PROMO_SLOTS", own("512")),
        ("SMSGW_LOG_FORMAT", own("text")),
        ("NO_COLOR", own("1")),
        // Makes Twilio's callback carry the message's id. Nobody listens there.
        ("SMSGW_PUBLIC_URL", own("http://127.0.0.1:9")),
        ("TWILIO_ACCOUNT_SID", own(Credentials::ACCOUNT_SID)),
        ("TWILIO_AUTH_TOKEN", own(Credentials::AUTH_TOKEN)),
        ("TWILIO_PHONE_NUMBER", own("+15005550006")),
        ("TWILIO_BASE_URL", own(vendor)),
        ("TWO_FACTOR_API_KEY", own(Credentials::TWO_FACTOR_KEY)),
        ("TWO_FACTOR_BASE_URL", own(vendor)),
        ("TWO_FACTOR_PLAIN_TEXT", own("true")),
        ("SMS_SENDER_ID", own("TFCTOR")),
    ]
}

fn free_port() -> u16 {
    let skipped = usize::try_from(std::process::id()).unwrap() % PORTS.len();
    let mut ports = PORTS.cycle().skip(skipped).take(PORTS.len());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}
