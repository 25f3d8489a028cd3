//! `smsgw pause` and `smsgw resume`: the kill switch.

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::store::integrations;
use shared::store::pauses::{self, PauseScope};
use sqlx::PgConnection;

use crate::cli::PauseArgs;
use crate::commands::open;
use crate::print::Printer;

/// Stops sending; when it returns, nothing new of that kind is claimed.
pub(crate) async fn pause(args: PauseArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    let mut db = pool.acquire().await.context("the database does not answer")?;
    if args.list {
        return list(&mut db, printer).await;
    }
    let (scope, name) = target(&args);
    if scope == PauseScope::Provider {
        check_provider(&mut db, &name).await?;
    }
    pauses::pause(&mut db, scope, &name).await?;
    done(&mut db, printer, &format!("paused: {}", describe(scope, &name))).await?;
    if scope == PauseScope::Provider && integrations::find(&mut *db, &name).await?.is_none() {
        printer
            .tell("it is none of `providers add`, so this concerns the one in the workers' environment")?;
    }
    Ok(())
}

/// Lets sending go on.
pub(crate) async fn resume(args: PauseArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    let mut db = pool.acquire().await.context("the database does not answer")?;
    if args.list {
        return list(&mut db, printer).await;
    }
    let (scope, name) = target(&args);
    let what = match pauses::resume(&mut *db, scope, &name).await? {
        true => "resumed",
        false => "was not paused",
    };
    done(&mut db, printer, &format!("{what}: {}", describe(scope, &name))).await
}

/// What was done, and what is paused now.
async fn done(db: &mut PgConnection, printer: Printer, done: &str) -> Result<()> {
    let paused = pauses::list(db).await?;
    printer.show(&json!({ "done": done, "paused": paused }), || {
        let others = paused.iter().map(|one| describe(one.scope, &one.name)).collect::<Vec<_>>().join(", ");
        let now = if others.is_empty() {
            "nothing is paused now".to_owned()
        } else {
            format!("paused now: {others}")
        };
        format!("{done}\n{now}")
    })
}

async fn list(db: &mut PgConnection, printer: Printer) -> Result<()> {
    let paused = pauses::list(db).await.context("the pauses cannot be read")?;
    if paused.is_empty() {
        printer.tell("nothing is paused")?;
    }
    for one in &paused {
        let since = one.paused_at.format("%Y-%m-%d %H:%M:%S");
        printer.show(one, || format!("{} since {since} UTC", describe(one.scope, &one.name)))?;
    }
    Ok(())
}

/// A typing error in a kill switch must not look like success.
async fn check_provider(db: &mut PgConnection, name: &str) -> Result<()> {
    let known = integrations::list_known_names(db).await.context("the providers cannot be read")?;
    if !known.iter().any(|one| one == name) {
        bail!("there is no provider called {name:?}; known are {}", known.join(", "));
    }
    Ok(())
}

fn target(args: &PauseArgs) -> (PauseScope, String) {
    match (args.lane, &args.provider) {
        (Some(lane), _) => (PauseScope::Lane, lane.as_str().to_owned()),
        (None, Some(provider)) => (PauseScope::Provider, provider.clone()),
        (None, None) => (PauseScope::All, String::new()),
    }
}

pub(crate) fn describe(scope: PauseScope, name: &str) -> String {
    match scope {
        PauseScope::All => "all sending".to_owned(),
        PauseScope::Lane => format!("lane {name}"),
        PauseScope::Provider => format!("provider {name}"),
    }
}
