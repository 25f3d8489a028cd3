//! `smsgw rules`: what countries ask of texts.

use anyhow::{Context, Result, bail};
use shared::phone::Region;
use shared::store::country_rules::{self, Change, RulesRow};
use sqlx::PgConnection;

use crate::cli::{RulesAction, RulesArgs};
use crate::commands::open;
use crate::print::Printer;

/// Lists, shows, enables or disables rules.
pub(crate) async fn run(args: RulesArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    let mut db = pool.acquire().await.context("the database does not answer")?;
    let unchanged = Change { enabled: true, promo_hours: None, senders: None, dlt: None, source: None };
    match args.action {
        RulesAction::List => list(&mut db, printer).await,
        RulesAction::Show { country } => show(&mut db, country, printer).await,
        RulesAction::Enable { country, dlt: Some(true), .. } if country.as_str() != "IN" => {
            bail!("--dlt: the registry is India's; {country} has none")
        }
        RulesAction::Enable { country, hours, any_hour, senders, any_sender, dlt } => {
            let promo_hours = if any_hour { Some(None) } else { hours.map(Some) };
            let senders = if any_sender { Some(None) } else { senders.map(Some) };
            let change = Change { promo_hours, senders, dlt, ..unchanged };
            set(&mut db, country, &change, printer).await
        }
        RulesAction::Disable { country } => {
            set(&mut db, country, &Change { enabled: false, ..unchanged }, printer).await
        }
    }
}

async fn list(db: &mut PgConnection, printer: Printer) -> Result<()> {
    for row in country_rules::list(db).await.context("the rules cannot be read")? {
        printer.show(&row, || line(&row))?;
    }
    Ok(())
}

async fn show(db: &mut PgConnection, country: Region, printer: Printer) -> Result<()> {
    let versions = country_rules::list_versions(db, country).await.context("the rules cannot be read")?;
    if versions.is_empty() {
        bail!("{country} has no rules; `smsgw rules enable {country} --hours …` makes some");
    }
    for row in &versions {
        printer.show(row, || {
            let source = row.source.as_deref().map(|source| format!("\n    {source}")).unwrap_or_default();
            format!("{}  since {} UTC{source}", line(row), row.created_at.format("%Y-%m-%d %H:%M:%S"))
        })?;
    }
    Ok(())
}

async fn set(db: &mut PgConnection, country: Region, change: &Change, printer: Printer) -> Result<()> {
    let row = country_rules::change(db, country, change).await.context("the rules could not be changed")?;
    printer.show(&row, || line(&row))
}

/// A country's rules in one line.
fn line(row: &RulesRow) -> String {
    let state = if row.enabled { "enabled " } else { "disabled" };
    let hours = row.promo_hours.as_deref().unwrap_or("at any hour");
    let senders = row.senders.as_ref().map(|kinds| kinds.join(", "));
    let senders = senders.map(|kinds| format!("; from {kinds} only")).unwrap_or_default();
    let dlt = if row.dlt { "; registered texts only (DLT)" } else { "" };
    format!("{} {state} v{:<3} promo {hours}{senders}{dlt}", row.country, row.version)
}
