//! `smsgw outbox review`: what waits, and withdrawing what must not go out.

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde_json::json;
use shared::clock::DbClock;
use shared::message::Status;
use shared::store::outbox::review::{self, Group, Selection, Waiting, Withdrawn};
use sqlx::PgConnection;

use crate::cli::{OutboxAction, OutboxArgs, ReviewArgs, check_review};
use crate::commands::open;
use crate::print::Printer;

/// Messages that are cancelled in one transaction.
const GROUP: i64 = 1000;

/// Shows what waits; with `--cancel --yes` withdraws it.
pub(crate) async fn run(args: OutboxArgs, printer: Printer) -> Result<()> {
    let OutboxAction::Review(wanted) = args.action;
    let pool = open(&args.database)?.pool(1);
    let mut db = pool.acquire().await.context("the database does not answer")?;
    let now = DbClock::start(&mut *db).await.context("the database does not answer")?.now();
    let selection = selection(&wanted, now);
    let groups = review::list_groups(&mut *db, &selection).await.context("the outbox cannot be read")?;
    let messages = review::list(&mut *db, &selection, i64::from(wanted.limit)).await?;
    let withdrawn = match check_review(&wanted) {
        Ok(()) if wanted.cancel => Some(cancel(&mut db, &selection).await?),
        Ok(()) | Err(_) => None,
    };
    let document = json!({ "groups": groups, "messages": messages, "withdrawn": withdrawn });
    printer.show(&document, || text(&groups, &messages, now))?;
    if let Some(withdrawn) = withdrawn {
        printer.tell(&told(withdrawn, &groups))?;
    }
    Ok(check_review(&wanted)?)
}

/// What was accepted after this moment was not counted, and is not cancelled.
fn selection(wanted: &ReviewArgs, now: DateTime<Utc>) -> Selection {
    let before = now - wanted.older_than.unwrap_or(Duration::ZERO);
    Selection { before, lane: wanted.lane, reason: wanted.reason.clone() }
}

async fn cancel(db: &mut PgConnection, selection: &Selection) -> Result<Withdrawn> {
    let mut all = Withdrawn::default();
    loop {
        let some = review::cancel(&mut *db, selection, GROUP).await.context("not all could be cancelled")?;
        if some == Withdrawn::default() {
            return Ok(all);
        }
        all.cancelled += some.cancelled;
        all.unknown += some.unknown;
    }
}

fn told(withdrawn: Withdrawn, groups: &[Group]) -> String {
    let Withdrawn { cancelled, unknown } = withdrawn;
    let held: i64 =
        groups.iter().filter(|group| group.status == Status::Sending).map(|group| group.messages).sum();
    let mut told = format!("cancelled {cancelled}");
    if unknown > 0 {
        told.push_str(&format!("; {unknown} in doubt ended unknown: a call may have sent them before"));
    }
    if held > 0 {
        told.push_str(&format!("; {held} were held by a worker and are left to it"));
    }
    told
}

fn text(groups: &[Group], messages: &[Waiting], now: DateTime<Utc>) -> String {
    if groups.is_empty() {
        return "nothing waits".to_owned();
    }
    let all: i64 = groups.iter().map(|group| group.messages).sum();
    let mut lines =
        vec![format!("{:>9}  {:13}  {:8}  {:8}  {:>8}  reason", "messages", "lane", "status", "", "oldest")];
    lines.extend(groups.iter().map(|group| {
        let (doubt, age) = (doubt(group.in_doubt), age(now - group.oldest_accepted_at));
        let reason = group.reason.as_deref().unwrap_or("-");
        let (lane, status) = (group.lane.as_str(), group.status.as_str());
        format!("{:>9}  {lane:13}  {status:8}  {doubt:8}  {age:>8}  {reason}", group.messages)
    }));
    lines.push(format!("{all:>9}  in all\n"));
    lines.push(format!("the oldest {}:", messages.len()));
    lines.extend(messages.iter().map(|one| {
        let (doubt, age) = (doubt(one.in_doubt), age(now - one.accepted_at));
        let (lane, status, to) = (one.lane.as_str(), one.status.as_str(), &one.to);
        let reason = one.reason.as_deref().unwrap_or("-");
        format!("{}  {lane:13}  {status:8}  {doubt:8}  {age:>8}  {to}  {reason}", one.id)
    }));
    lines.join("\n")
}

fn doubt(in_doubt: bool) -> &'static str {
    if in_doubt { "in doubt" } else { "" }
}

fn age(time: chrono::TimeDelta) -> String {
    match time.num_seconds().max(0) {
        seconds @ ..120 => format!("{seconds}s"),
        seconds @ ..7200 => format!("{}m", seconds / 60),
        seconds @ ..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}
