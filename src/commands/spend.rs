//! `smsgw spend`: what campaigns spend and may spend.

use anyhow::{Context, Result, bail};
use chrono::{Days, NaiveDate};
use shared::clock::DbClock;
use shared::spend::{CapScope, thresholds};
use shared::store::spend::{self, DaySpend};
use shared::store::spend_caps::{self, NewCap, StoredCap};
use sqlx::PgConnection;

use crate::cli::{CapAction, SpendAction, SpendArgs};
use crate::commands::open;
use crate::print::{Printer, WrongUse};

/// Shows what is spent, or sets or removes a cap.
pub(crate) async fn run(args: SpendArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    let mut db = pool.acquire().await.context("the database does not answer")?;
    match args.action {
        SpendAction::Show { days } => show(&mut db, days, printer).await,
        SpendAction::Cap { action: CapAction::Remove { name } } => {
            if !spend_caps::delete(&mut *db, &name).await.context("the cap could not be removed")? {
                bail!("there is no cap {name:?}; `smsgw spend show` lists them");
            }
            printer.show(&serde_json::json!({ "removed": name }), || format!("{name} is removed"))
        }
        SpendAction::Cap {
            action:
                CapAction::Set { name, amount, currency, country, each_campaign, codes, codes_an_hour, tell_at },
        } => {
            let scope = match (country, codes) {
                (Some(_), true) => CapScope::CodesCountry,
                (Some(_), false) => CapScope::Country,
                (None, true) => CapScope::CodesDay,
                (None, false) if codes_an_hour => CapScope::CodesHour,
                (None, false) if each_campaign => CapScope::Campaign,
                (None, false) => CapScope::Day,
            };
            let thresholds = thresholds(Some(tell_at));
            let thresholds = thresholds.map_err(|error| WrongUse::new(format!("--tell-at: {error}")))?;
            let new = NewCap { name, scope, country, amount, currency, thresholds };
            set(&mut db, &new, printer).await
        }
    }
}

async fn show(db: &mut PgConnection, days: u16, printer: Printer) -> Result<()> {
    let today = today(db).await?;
    let since = today.checked_sub_days(Days::new(u64::from(days.saturating_sub(1)))).unwrap_or(today);
    let spent = spend::list_since(&mut *db, since).await.context("what is spent cannot be read")?;
    let caps = spend_caps::list(&mut *db, today).await.context("the caps cannot be read")?;
    if spent.is_empty() {
        printer.tell("campaigns have spent nothing")?;
    }
    for one in &spent {
        printer.show(one, || spend_line(one))?;
    }
    for cap in &caps {
        printer.show(cap, || cap_line(cap))?;
    }
    Ok(())
}

async fn set(db: &mut PgConnection, new: &NewCap, printer: Printer) -> Result<()> {
    spend_caps::replace(&mut *db, new).await.context("the cap could not be set")?;
    let today = today(db).await?;
    let set = spend_caps::find(&mut *db, &new.name, today).await.context("the cap cannot be read")?;
    let set = set.context("the cap was removed by somebody else at once")?;
    printer.show(&set, || cap_line(&set))
}

/// The day by the database's clock, as everything is counted.
async fn today(db: &mut PgConnection) -> Result<NaiveDate> {
    let clock = DbClock::start(&mut *db).await.context("the database does not answer")?;
    Ok(spend::day_of(clock.now()))
}

fn spend_line(one: &DaySpend) -> String {
    let country = one.country.as_deref().unwrap_or("--");
    let DaySpend { day, amount, segments, .. } = one;
    match &one.currency {
        Some(currency) => format!("{day}  {country}  {amount:>12} {currency}  {segments} segments"),
        None => format!("{day}  {country}  {:>12}      {segments} segments", "no price"),
    }
}

fn cap_line(cap: &StoredCap) -> String {
    let counts = match (cap.scope, cap.country.as_deref()) {
        (CapScope::Day | CapScope::Country, None) => "a day".to_owned(),
        (CapScope::Day | CapScope::Country, Some(country)) => format!("a day to {country}"),
        (CapScope::Campaign, _) => "each campaign".to_owned(),
        (CapScope::CodesHour, _) => "an hour for codes".to_owned(),
        (CapScope::CodesDay | CapScope::CodesCountry, None) => "a day for codes".to_owned(),
        (CapScope::CodesDay | CapScope::CodesCountry, Some(country)) => {
            format!("a day for codes to {country}")
        }
    };
    let when = if cap.scope == CapScope::CodesHour { "in this hour" } else { "today" };
    let spent = cap.spent.map(|spent| format!(", {spent} of it {when}")).unwrap_or_default();
    format!("cap {}: {} {} {counts}{spent}", cap.name, cap.amount, cap.currency)
}
