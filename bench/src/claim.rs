//! The flat claim: a backlog in which everything is due at the same moment, and a transaction that
//! keeps vacuum from removing what was sent, against the start with a small backlog and neither.

use std::time::Duration;

use anyhow::Context;
use bench::queue::{Begin, Drain, Times, fill, hold_snapshot};
use bench::report::{Figure, median};
use clap::Args;
use private_postgres::Cluster;
use shared::db::{Database, Use};
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
    /// Messages of the small backlog at the start
    #[arg(long, default_value_t = 10_000)]
    start: usize,
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

/// One repeat's figures.
struct Round {
    start: Times,
    deep: Times,
    /// The last tenth of the deep backlog, behind most of the dead rows.
    end: Times,
}

impl Round {
    /// How the claim at the end of the deep backlog compares with that at the start.
    fn ratio(&self) -> f64 {
        self.start.quiet_claim().as_secs_f64() / self.end.quiet_claim().as_secs_f64()
    }
}

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    println!("claims of {CLAIM}; deep: {} messages due at one moment, old snapshot held", options.depth);
    let mut ratios = Vec::new();
    for repeat in 1..=options.repeats {
        let round = round(options).await?;
        for (name, times) in [("start", &round.start), ("deep", &round.deep), ("last tenth", &round.end)] {
            println!(
                "{repeat}. {name:10} quiet claim {:6.2} ms, claims {:7.0}/s, claim and finish {:6.0}/s",
                times.quiet_claim().as_secs_f64() * 1000.0,
                times.claimed_per_second(),
                times.drained_per_second(),
            );
        }
        println!(
            "{repeat}. ratio to the start: quiet claim {:.2}, claims/s {:.2}, claim and finish {:.2}",
            round.ratio(),
            round.end.claimed_per_second() / round.start.claimed_per_second(),
            round.end.drained_per_second() / round.start.drained_per_second(),
        );
        ratios.push(round.ratio());
    }
    let ratio = median(ratios);
    Ok(vec![Figure {
        name: "claims at the end of 1,000,000 rows due at one moment, snapshot held for 5 min, beside 10,000 rows",
        bar: "≥ 0.9",
        seen: format!("{ratio:.2}"),
        reached: ratio >= 0.9,
        program: "claim",
    }])
}

async fn round(options: &Options) -> anyhow::Result<Round> {
    let cluster = Cluster::start(private_postgres::Options::temporary()).await.context("no Postgres")?;
    let database = Database::new(&cluster.url())?;
    database.migrate().await?;
    let mut filling = database.connect(Use::Service("bench fill")).await?;
    let begin = if options.without_watermark { Begin::AtFront } else { Begin::AtWatermark };
    let mut drain = Drain::start(&database, begin).await?;

    // Caches and plans are warm in a running gateway.
    fill(&mut filling, i64::try_from(options.start)?).await?;
    drain.run(options.start, CLAIM).await?;
    fill(&mut filling, i64::try_from(options.start)?).await?;
    let start = drain.run(options.start, CLAIM).await?;

    fill(&mut filling, i64::try_from(options.depth)?).await?;
    let (snapshot, mut turns) = (hold_snapshot(&database).await?, interval(pause(options)));
    let part = options.depth / PARTS;
    let mut deep = Times::default();
    for _ in 1..PARTS {
        turns.tick().await;
        deep.add(drain.run(part, CLAIM).await?);
    }
    turns.tick().await;
    let end = drain.run(part, CLAIM).await?;
    drop((snapshot, drain));
    cluster.stop().await?;
    Ok(Round { start, deep, end })
}

/// From part to part.
fn pause(options: &Options) -> Duration {
    Duration::from_secs(options.held).max(Duration::from_millis(1)) / (PARTS as u32 - 1)
}
