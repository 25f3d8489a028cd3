//! `smsgw pause` and `smsgw resume`: the kill switch.

use anyhow::{Context, Result, bail};
use shared::store::integrations;
use shared::store::pauses::{self, PauseScope};
use sqlx::PgConnection;

use crate::cli::PauseArgs;
use crate::commands::open;

/// Stops sending; when it returns, nothing new of that kind is claimed.
pub(crate) async fn pause(args: PauseArgs) -> Result<()> {
    let (scope, name) = target(&args);
    let pool = open(&args.database)?.pool(1);
    let mut db = pool.acquire().await.context("the database does not answer")?;
    if scope == PauseScope::Provider {
        check_provider(&mut db, &name).await?;
    }
    pauses::pause(&mut db, scope, &name).await?;
    println!("paused: {}", describe(scope, &name));
    if scope == PauseScope::Provider && integrations::find(&mut *db, &name).await?.is_none() {
        println!("it is none of `PUT /settings/api`, so this concerns the one in the workers' environment");
    }
    Ok(())
}

/// Lets sending go on.
pub(crate) async fn resume(args: PauseArgs) -> Result<()> {
    let (scope, name) = target(&args);
    let pool = open(&args.database)?.pool(1);
    match pauses::resume(&pool, scope, &name).await? {
        true => println!("resumed: {}", describe(scope, &name)),
        false => println!("was not paused: {}", describe(scope, &name)),
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

fn describe(scope: PauseScope, name: &str) -> String {
    match scope {
        PauseScope::All => "all sending".to_owned(),
        PauseScope::Lane => format!("lane {name}"),
        PauseScope::Provider => format!("provider {name}"),
    }
}
