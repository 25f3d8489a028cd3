//! `smsgw logs`: finished messages, as they finish.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use shared::clock::DbClock;
use shared::ids::MessageId;
use shared::store::log::{self, LogLine};
use sqlx::PgPool;

use crate::cli::LogsArgs;
use crate::commands::open;
use crate::print::Printer;

const POLL: Duration = Duration::from_millis(300);
/// A row may be committed a little after its time: so far back is looked again.
const OVERLAP: Duration = Duration::from_secs(3);
const PAGE: i64 = 500;

/// Prints the newest and, with `--follow`, all that come.
pub(crate) async fn run(args: LogsArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    let mut follower = match args.follow {
        // Before the newest are read: what finishes in between is printed with them or after them.
        true => Some(Follower::start(&pool).await.context("the log cannot be read")?),
        false => None,
    };
    let newest = log::list_newest(&pool, i64::from(args.limit)).await.context("the log cannot be read")?;
    newest.iter().try_for_each(|line| print(line, printer))?;
    let Some(follower) = &mut follower else { return Ok(()) };
    follower.seen.extend(newest.iter().map(|line| line.id));
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLL) => (),
            interrupted = tokio::signal::ctrl_c() => return interrupted.map_err(Into::into),
        }
        follower.look(&pool, |line| print(line, printer)).await?;
    }
}

/// What of the log is known.
struct Follower {
    /// The time of the last line.
    latest: DateTime<Utc>,
    /// Those within the overlap, at least.
    seen: HashSet<MessageId>,
}

impl Follower {
    /// Knows all that is there.
    async fn start(pool: &PgPool) -> Result<Self> {
        let latest = DbClock::start(pool).await?.now();
        let mut follower = Self { latest, seen: HashSet::new() };
        follower.look(pool, |_| Ok(())).await?;
        Ok(follower)
    }

    /// Shows what was not seen before.
    async fn look(&mut self, pool: &PgPool, mut show: impl FnMut(&LogLine) -> Result<()>) -> Result<()> {
        let mut from = (self.latest - OVERLAP, MessageId(uuid::Uuid::nil()));
        let mut recent = HashSet::new();
        loop {
            let lines = log::list_finished_after(pool, from, PAGE).await?;
            for line in &lines {
                recent.insert(line.id);
                if !self.seen.contains(&line.id) {
                    show(line)?;
                }
            }
            let Some(last) = lines.last() else { break };
            from = (last.finished_at, last.id);
        }
        self.seen = recent;
        self.latest = from.0.max(self.latest);
        Ok(())
    }
}

fn print(line: &LogLine, printer: Printer) -> Result<()> {
    printer.show(line, || text(line))
}

fn text(line: &LogLine) -> String {
    let time = line.finished_at.format("%H:%M:%S%.3f");
    let reason = line.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let provider = line.provider_name.as_deref().unwrap_or("-");
    let took = line.response_time_ms.map(|time| format!(" {time} ms")).unwrap_or_default();
    let text = line.text.as_deref().unwrap_or_default().replace(['\n', '\r'], " ");
    format!("{time} {:13} {} {}{reason} by {provider}{took}  {text}", line.lane, line.to, line.status)
}
