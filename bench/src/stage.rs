//! The programs that are measured, each a process of its own: Postgres with stock settings, the mock
//! vendor, and the `smsgw` beside this program.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use private_postgres::{Cluster, Options};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use shared::db::Database;
use shared::seal::{Keyring, MasterKey};
use shared::store::api_keys::{self, Scope};
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::cpu::{Cpu, peak_resident_mb};

/// Counts finished messages.
pub const LOGGED: &str = "select count(*) from public.sms_messages_log";
/// The mock vendor's account at Twilio, and its auth token.
pub const ACCOUNT: &str = "AC00000000000000000000000000000000";
/// See [`ACCOUNT`].
pub const TOKEN: &str = "mock-token";
/// What its texts come from.
pub const SENDER: &str = "+15005550006";
/// How long a program may take to come up or to end.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// A database and a vendor. Everything ends when it is dropped.
pub struct Stage {
    /// The vendor's address, `http://…`.
    pub vendor: String,
    /// An API key for everything.
    pub key: SecretString,
    /// Where the messages are.
    pub database: Database,
    /// For looking into it.
    pub pool: PgPool,
    master_key: MasterKey,
    mock: Program,
    cluster: Cluster,
    logs: TempDir,
}

/// One process; killed when dropped.
pub struct Program {
    child: Child,
    name: String,
}

impl Program {
    fn start(logs: &Path, name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let path = beside(name)?;
        let log = File::options().create(true).append(true).open(logs.join(format!("{name}.log")))?;
        let mut command = Command::new(&path);
        command.args(arguments).env_clear().envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().with_context(|| format!("{} does not start", path.display()))?;
        Ok(Self { child, name: format!("{name} {}", arguments.first().unwrap_or(&"")) })
    }

    /// Its processor time so far.
    pub fn cpu(&self) -> Cpu {
        Cpu::of(self.child.id())
    }

    /// The most memory it has had, in MB.
    pub fn peak_resident_mb(&self) -> f64 {
        peak_resident_mb(self.child.id())
    }

    /// Asks it to stop in good order, and waits until it has.
    ///
    /// # Errors
    /// When it does not.
    pub fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(began.elapsed() < PATIENCE, "{} does not stop", self.name);
            std::thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Stage {
    /// Starts Postgres and the vendor, the latter with `flags`, and migrates.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn set(flags: &[&str]) -> anyhow::Result<Self> {
        let cluster = Cluster::start(Options::temporary()).await.context("no Postgres")?;
        let database = Database::new(&cluster.url())?;
        database.migrate().await?;
        let pool = database.pool(4);
        let master_key = MasterKey::generate();
        let keyring = Keyring::new(&master_key, &[]);
        let key = api_keys::create(&pool, keyring.api_keys(), "bench", &[Scope::Admin]).await?;
        let (logs, mock, vendor) = vendor(flags).await?;
        Ok(Self { vendor, key, database, pool, master_key, mock, cluster, logs })
    }

    /// Starts `smsgw serve`, `api` or `worker`, with more settings; gives its API's address too.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn gateway(
        &self,
        command: &str,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<(Program, String)> {
        let (address, url) = (free_address()?, self.cluster.url());
        let master_key = self.master_key.to_base64();
        let usual = [
            ("DATABASE_URL", url.as_str()),
            ("SMSGW_MASTER_KEY", master_key.expose_secret()),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TWILIO_AUTH_TOKEN", TOKEN),
            ("TWILIO_PHONE_NUMBER", SENDER),
            ("TWILIO_BASE_URL", &self.vendor),
            ("RUST_LOG", "warn"),
        ];
        let listen = [("SMSGW_LISTEN", address.as_str())];
        let listen = if command == "worker" { &[][..] } else { &listen[..] };
        let program =
            Program::start(self.logs.path(), "smsgw", &[command], &[&usual, listen, settings].concat())?;
        if command != "worker" {
            listens(&address).await?;
        }
        if command != "api" {
            self.worker_registers().await?;
        }
        Ok((program, format!("http://{address}")))
    }

    /// Starts the bare program on this stage's database and vendor.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn bare(&self) -> anyhow::Result<(Program, String)> {
        let (address, url) = (free_address()?, self.cluster.url());
        let program = Program::start(self.logs.path(), "bare", &[&address, &url, &self.vendor], &[])?;
        listens(&address).await?;
        Ok((program, format!("http://{address}")))
    }

    /// The gateway's keys.
    pub fn keyring(&self) -> Keyring {
        Keyring::new(&self.master_key, &[])
    }

    /// What Postgres with all its processes has used of the processor.
    pub fn postgres_cpu(&self) -> Cpu {
        Cpu::of_family(self.cluster.pid().unsigned_abs())
    }

    /// What the vendor has used.
    pub fn vendor_cpu(&self) -> Cpu {
        self.mock.cpu()
    }

    /// Messages that are not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn queued(&self) -> anyhow::Result<i64> {
        Ok(sqlx::query_scalar("select count(*) from smsgw.sms_outbox").fetch_one(&self.pool).await?)
    }

    /// Requests for Twilio's messages that the vendor has answered.
    ///
    /// # Errors
    /// When the vendor does not tell.
    pub async fn vendor_requests(&self) -> anyhow::Result<u64> {
        let mut client = Client::connect(&self.vendor, "none").await?;
        let answer = client.request("GET", "/_mock/requests/counts", "").await?;
        let counts: serde_json::Value = serde_json::from_slice(answer.body)?;
        counts["twilio"]["total"].as_u64().context("a count")
    }

    /// Waits until the vendor has had `requests` and `logged` rows are written. Looking at the tables all the while
    /// would cost as much as the work itself.
    ///
    /// # Errors
    /// When it takes longer than `patience`.
    pub async fn sent_and_logged(
        &self,
        requests: u64,
        logged: i64,
        count: &'static str,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.vendor_requests().await? < requests {
            ensure!(
                began.elapsed() < patience,
                "the vendor has had {} of {requests}",
                self.vendor_requests().await?
            );
            tokio::time::sleep(LOOK).await;
        }
        while sqlx::query_scalar::<_, i64>(count).fetch_one(&self.pool).await? < logged {
            ensure!(began.elapsed() < patience, "results are missing");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Ends everything.
    ///
    /// # Errors
    /// When Postgres or the vendor does not stop.
    pub async fn clear(self) -> anyhow::Result<()> {
        self.pool.close().await;
        self.mock.stop()?;
        Ok(self.cluster.stop().await?)
    }

    async fn worker_registers(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let registered = "select exists (select from smsgw.sms_workers)";
        while !sqlx::query_scalar::<_, bool>(registered).fetch_one(&self.pool).await? {
            ensure!(began.elapsed() < PATIENCE, "no worker registers");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

/// Starts the mock vendor; gives the folder of its log, the program and its address.
///
/// # Errors
/// When it does not come up.
pub async fn vendor(flags: &[&str]) -> anyhow::Result<(TempDir, Program, String)> {
    let (logs, address) = (tempfile::tempdir()?, free_address()?);
    let arguments = ["mock-provider", "--ignore-magic-numbers", "--listen", &address];
    let mock = Program::start(logs.path(), "smsgw", &[&arguments, flags].concat(), &[])?;
    listens(&address).await?;
    Ok((logs, mock, format!("http://{address}")))
}

/// A program in this one's folder, where `bench/run` and `bench/train` put it.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name(name);
    ensure!(path.is_file(), "{} is missing: bench/run builds it", path.display());
    Ok(path)
}

fn free_address() -> anyhow::Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

async fn listens(address: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        ensure!(began.elapsed() < PATIENCE, "nothing listens on {address}");
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
