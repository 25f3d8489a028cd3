//! `smsgw logs`: finished messages, as they finish.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
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
    let newest = log::list_newest(&pool, i64::from(args.limit)).await.context("the log cannot be read")?;
    let mut latest = newest.last().map_or(DateTime::UNIX_EPOCH, |line| line.finished_at);
    let mut seen = HashSet::new();
    for line in &newest {
        print(line, printer)?;
        seen.insert(line.id);
    }
    if !args.follow {
        return Ok(());
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLL) => (),
            interrupted = tokio::signal::ctrl_c() => return interrupted.map_err(Into::into),
        }
        latest = follow(&pool, latest, &mut seen, printer).await?;
    }
}

/// Prints what was not printed before; gives the time of the last line.
async fn follow(
    pool: &PgPool,
    latest: DateTime<Utc>,
    seen: &mut HashSet<MessageId>,
    printer: Printer,
) -> Result<DateTime<Utc>> {
    let mut from = (latest - OVERLAP, MessageId(uuid::Uuid::nil()));
    let mut recent = HashSet::new();
    loop {
        let lines = log::list_finished_after(pool, from, PAGE).await?;
        for line in &lines {
            recent.insert(line.id);
            if !seen.contains(&line.id) {
                print(line, printer)?;
            }
        }
        let Some(last) = lines.last() else { break };
        from = (last.finished_at, last.id);
    }
    *seen = recent;
    Ok(from.0.max(latest))
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
