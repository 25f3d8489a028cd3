//! The queue alone: a whole worker, with log, attempts and consent check, whose provider says yes at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_trait::async_trait;
use bench::cpu::Cpu;
use bench::queue::fill;
use bench::report::{Figure, median};
use clap::Args;
use private_postgres::Cluster;
use shared::clock::DbClock;
use shared::config::{Environment, ReachConfig};
use shared::db::{Database, Use};
use shared::handoff::Handoff;
use shared::lane::Lane;
use shared::provider::catalogue::{GivenProvider, ProviderSettings, VendorConfig};
use shared::provider::{OutgoingSms, Provider, ProviderReference, SendError};
use shared::seal::{Keyring, MasterKey};
use shared::store::pauses::{self, PauseScope};
use shared::wake::Wake;
use tokio::time::sleep;
use worker::{Parts, Worker, WorkerConfig};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Messages that wait
    #[arg(long, default_value_t = 200_000)]
    messages: i64,
    /// How often, each time in a new cluster
    #[arg(long, default_value_t = 3)]
    repeats: usize,
}

/// A provider that takes everything at once.
#[derive(Default)]
struct Yes(AtomicU64);

#[async_trait]
impl Provider for Yes {
    fn takes_plain_text(&self, _: Lane) -> bool {
        true
    }

    async fn send(&self, _: &OutgoingSms) -> Result<ProviderReference, SendError> {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(ProviderReference { id: format!("SM{n:032x}"), status_code: Some(201) })
    }
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let mut rates = Vec::new();
    for _ in 0..options.repeats {
        rates.push(drain(options.messages).await?);
    }
    let rate = median(rates);
    Ok(vec![Figure {
        name: "the queue alone, drained: log, attempts and consent check, a provider that says yes at once",
        bar: "≥ 45,000/s",
        seen: format!("{rate:.0}/s"),
        reached: rate >= 45_000.0,
        program: "alone",
    }])
}

async fn drain(messages: i64) -> anyhow::Result<f64> {
    let cluster = Cluster::start(private_postgres::Options::temporary()).await.context("no Postgres")?;
    let database = Database::new(&cluster.url())?;
    database.migrate().await?;
    let pool = database.pool(4);
    let mut db = database.connect(Use::Service("bench fill")).await?;
    pauses::pause(&mut db, PauseScope::Lane, "promo").await?;
    fill(&mut db, messages).await?;
    let yes = Arc::new(Yes::default());
    let vendor = VendorConfig::Given(GivenProvider(yes.clone()));
    let worker = Worker::start(Parts {
        database: database.clone(),
        pool: pool.clone(),
        clock: DbClock::start(&pool).await?,
        keyring: Arc::new(Keyring::new(&MasterKey::generate(), &[])),
        wake: Wake::default(),
        handoff: Handoff::default(),
        config: WorkerConfig::default(),
        reach: ReachConfig::default(),
        providers: vec![ProviderSettings::unlimited("yes", vendor)],
        environment: Environment::Production,
        public_url: None,
        alerts: None,
    })?;
    sleep(Duration::from_secs(2)).await;
    ensure!(yes.0.load(Ordering::Relaxed) == 0, "the pause is not kept");
    pauses::resume(&mut db, PauseScope::Lane, "promo").await?;
    let wanted = u64::try_from(messages)?;
    while yes.0.load(Ordering::Relaxed) == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    let (began, own, postgres) = (Instant::now(), Cpu::own(), Cpu::of_family(cluster.pid().unsigned_abs()));
    while yes.0.load(Ordering::Relaxed) < wanted {
        ensure!(began.elapsed() < Duration::from_secs(120), "the drain stands still");
        sleep(Duration::from_millis(5)).await;
    }
    while sqlx::query_scalar("select exists (select from smsgw.sms_outbox)").fetch_one(&pool).await? {
        sleep(Duration::from_millis(5)).await;
    }
    let (rate, each) = (messages as f64 / began.elapsed().as_secs_f64(), usize::try_from(messages)?);
    println!(
        "{messages} promo, provider says yes at once: {rate:6.0}/s; ms of processor a message: worker {:.4}, Postgres {:.4}",
        Cpu::own().each_since(own, each),
        Cpu::of_family(cluster.pid().unsigned_abs()).each_since(postgres, each),
    );
    worker.stop().await?;
    pool.close().await;
    drop(db);
    cluster.stop().await?;
    Ok(rate)
}
