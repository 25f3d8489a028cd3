//! The flat claim: a backlog in which everything is due at the same moment, and a transaction that
//! keeps vacuum from removing what was sent, against a small backlog without either. Both are measured in turns, each
//! in a cluster of its own: what else the machine does at the time slows both.

use std::time::Duration;

use anyhow::Context;
use bench::queue::{Begin, Drain, Times, fill, hold_snapshot};
use bench::report::{Figure, median};
use clap::Args;
use private_postgres::Cluster;
use shared::db::{Database, Use};
use sqlx::PgConnection;
use tokio::time::interval;

/// Rows a claim takes.
const CLAIM: i64 = 500;
/// The deep backlog drains in so many parts, evenly while the snapshot is held.
const PARTS: usize = 10;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Messages of the deep backlog
    #[arg(long, default_value_t = 1_000_000)]
    depth: usize,
    /// Messages of the small backlog
    #[arg(long, default_value_t = 10_000)]
    small: usize,
    /// Seconds for which the old snapshot is held while the backlog drains
    #[arg(long, default_value_t = 300)]
    held: u64,
    /// How often, each time in a new cluster
    #[arg(long, default_value_t = 1)]
    repeats: usize,
    /// Claims from the front of the lane, for comparison
    #[arg(long)]
    without_watermark: bool,
}

/// One repeat's figures: the whole backlog, and its last tenth, behind most of the dead rows.
struct Round {
    whole: Pair,
    end: Pair,
}

/// What was measured in turns.
#[derive(Default)]
struct Pair {
    small: Times,
    deep: Times,
}

impl Pair {
    /// How the claim rate of the deep backlog compares with that of the small one.
    fn ratio(&self) -> f64 {
        self.deep.claimed_per_second() / self.small.claimed_per_second()
    }

    fn print(&self, name: &str) {
        for (backlog, times) in [("small", &self.small), ("deep", &self.deep)] {
            println!(
                "{name}, {backlog:5} quiet claim {:5.2} ms, claims {:6.0}/s, claim and finish {:6.0}/s",
                times.quiet_claim().as_secs_f64() * 1000.0,
                times.claimed_per_second(),
                times.drained_per_second(),
            );
        }
    }
}

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    println!("claims of {CLAIM}; deep: {} messages due at one moment, old snapshot held", options.depth);
    let (mut whole, mut end) = (Vec::new(), Vec::new());
    for _ in 0..options.repeats {
        let round = round(options).await?;
        round.whole.print("all of it ");
        round.end.print("last tenth");
        whole.push(round.whole.ratio());
        end.push(round.end.ratio());
    }
    let (whole, end) = (median(whole), median(end));
    Ok(vec![Figure {
        name: "claims/s of 1,000,000 rows due at one moment, snapshot held for 5 min, beside 10,000 rows without",
        bar: "≥ 0.9",
        seen: format!("{whole:.2}, of the last tenth {end:.2}"),
        reached: whole >= 0.9 && end >= 0.9,
        program: "claim",
    }])
}

/// A cluster with a worker.
struct Side {
    cluster: Cluster,
    database: Database,
    filling: PgConnection,
    drain: Drain,
}

impl Side {
    async fn set(begin: Begin) -> anyhow::Result<Self> {
        let cluster = Cluster::start(private_postgres::Options::temporary()).await.context("no Postgres")?;
        let database = Database::new(&cluster.url())?;
        database.migrate().await?;
        let filling = database.connect(Use::Service("bench fill")).await?;
        let drain = Drain::start(&database, begin).await?;
        Ok(Self { cluster, database, filling, drain })
    }

    /// A backlog of this size, filled and drained.
    async fn cycle(&mut self, messages: usize) -> anyhow::Result<Times> {
        fill(&mut self.filling, i64::try_from(messages)?).await?;
        Ok(self.drain.run(messages, CLAIM).await?)
    }
}

async fn round(options: &Options) -> anyhow::Result<Round> {
    let begin = if options.without_watermark { Begin::AtFront } else { Begin::AtWatermark };
    let (mut small, mut deep) = (Side::set(Begin::AtWatermark).await?, Side::set(begin).await?);
    // Caches and plans are warm in a running gateway.
    small.cycle(options.small).await?;
    deep.cycle(options.small).await?;

    fill(&mut deep.filling, i64::try_from(options.depth)?).await?;
    let (snapshot, mut turns) = (hold_snapshot(&deep.database).await?, interval(pause(options)));
    let (mut whole, mut end) = (Pair::default(), Pair::default());
    for _ in 0..PARTS {
        turns.tick().await;
        let mut part = Pair { small: small.cycle(options.small).await?, ..Pair::default() };
        part.deep = deep.drain.run(options.depth / PARTS, CLAIM).await?;
        part.small.add(small.cycle(options.small).await?);
        whole.small.add(part.small.clone());
        whole.deep.add(part.deep.clone());
        end = part;
    }
    drop(snapshot);
    for Side { cluster, drain, .. } in [small, deep] {
        drop(drain);
        cluster.stop().await?;
    }
    Ok(Round { whole, end })
}

/// From part to part.
fn pause(options: &Options) -> Duration {
    Duration::from_secs(options.held).max(Duration::from_millis(1)) / (PARTS as u32 - 1)
}
