//! What the pumping guard adds to a start: the time its statements take within the transaction that starts a session, with
//! a million numbers of ten thousand prefixes and as many addresses.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use bench::latency::Latencies;
use bench::report::Figure;
use clap::Args;
use private_postgres::Cluster;
use shared::db::{Database, Use};
use shared::ids::{MessageId, SessionId};
use shared::phone::PhoneNumber;
use shared::store::guard::{self, Outlook, Send};
use sqlx::{Connection as _, PgConnection};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Starts that are measured
    #[arg(long, default_value_t = 20_000)]
    starts: u64,
    /// Starts that fill the tables before
    #[arg(long, default_value_t = 50_000)]
    before: u64,
}

/// The `n`-th start.
fn send(n: u64) -> Send {
    // Anywhere, as people are, and every time the same.
    let at = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let session = SessionId::random();
    Send {
        session,
        message: MessageId(session.0),
        phone: PhoneNumber::stored(format!("+4179{:07}", at % 10_000_000)),
        client: Some(format!("10.{}.{}.{}/32", at % 4, at / 4 % 50, at / 200 % 50)),
        is_challenged: false,
        is_resend: false,
        segments: 1,
        is_unmeasured: false,
    }
}

/// Measures and prints.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let cluster = Cluster::start(private_postgres::Options::temporary()).await.context("no Postgres")?;
    let database = Database::new(&cluster.url())?;
    database.migrate().await?;
    let mut db = database.connect(Use::Intake("bench guard")).await?;
    let pool = database.pool(1);
    let mut outlook = Arc::new(guard::outlook(&pool).await?);
    let (mut asked, mut commits) = (Vec::new(), Vec::new());
    for n in 0..options.before + options.starts {
        // As an API does, every second or so.
        if n % 1000 == 0 {
            outlook = Arc::new(guard::outlook(&pool).await?);
        }
        let (ask, commit) = start(&mut db, &outlook, n).await?;
        if n >= options.before {
            asked.push(ask);
            commits.push(commit);
        }
    }
    let (asked, commits) = (Latencies::of(asked), Latencies::of(commits));
    println!("the guard of a start: {asked}; the commit after it: {commits}");
    cluster.stop().await?;
    Ok(vec![Figure {
        name: "what the pumping guard adds to the start of a code, p99",
        bar: "< 1 ms",
        seen: format!("{:.2} ms (p50 {:.2})", asked.p99(), asked.p50()),
        reached: asked.p99() < 1.0,
        program: "guard",
    }])
}

/// One start: milliseconds that the guard takes, and the commit.
async fn start(db: &mut PgConnection, outlook: &Outlook, n: u64) -> anyhow::Result<(f64, f64)> {
    let millis = |since: Instant| since.elapsed().as_secs_f64() * 1000.0;
    let mut tx = db.begin().await?;
    let began = Instant::now();
    guard::judge(&mut tx, outlook, &[(&send(n), false)]).await?;
    let asked = millis(began);
    let began = Instant::now();
    tx.commit().await?;
    Ok((asked, millis(began)))
}
