//! `smsgw guard`: what the pumping guard says and would say, and what it is told.

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::guard::{Key, Mode, View};
use shared::lane::Lane;
use shared::phone::PhoneNumber;
use shared::provider::catalogue::{Catalogue, ProviderEnv, prices_of_first};
use shared::store::guard::{self, Decided, Explanation, Outlook, Wanted};
use shared::store::integrations;
use sqlx::PgPool;

use crate::cli::{GatewayArgs, GuardAction, GuardArgs};
use crate::commands::open;
use crate::home;
use crate::print::Printer;

/// Explains, lists, releases, or sets the mode.
pub(crate) async fn run(args: GuardArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.gateway.database)?.pool(1);
    match args.action {
        GuardAction::Explain { phone, client_ip, environment } => {
            let outlook = outlook(&pool, &args.gateway, &environment).await?;
            explain(&pool, &outlook, &phone, client_ip, printer).await
        }
        GuardAction::Decisions { outcome, prefix, limit } => {
            list(&pool, &Wanted { outcome, prefix, before: None, limit }, printer).await
        }
        GuardAction::Release { prefix } => release(&pool, &prefix, printer).await,
        GuardAction::Mode { mode } => set_mode(&pool, mode, printer).await,
    }
}

/// What the guard goes by. Prices are of the provider that is tried first, so that a cap needs the master key.
async fn outlook(pool: &PgPool, gateway: &GatewayArgs, given: &ProviderEnv) -> Result<Outlook> {
    let mut outlook = guard::outlook(pool).await.context("the guard's settings cannot be read")?;
    if outlook.is_capped {
        let keyring = home::keyring(&gateway.secrets)?;
        let environment = home::environment(&gateway.site, &gateway.database);
        let rows = integrations::list(pool).await.context("the providers cannot be read")?;
        let catalogue = Catalogue::load(&given.providers()?, &rows, keyring.credentials(), environment);
        outlook.prices = prices_of_first(pool, &catalogue.providers, Lane::Otp)
            .await
            .context("the prices cannot be read")?;
    }
    Ok(outlook)
}

async fn explain(
    pool: &PgPool,
    outlook: &Outlook,
    phone: &PhoneNumber,
    client: Option<String>,
    printer: Printer,
) -> Result<()> {
    let mut db = pool.acquire().await.context("the database does not answer")?;
    let explanation =
        guard::explain(&mut db, outlook, phone, client).await.context("the guard cannot be asked")?;
    printer.show(&explanation, || told(&explanation))
}

/// An explanation in a few lines.
fn told(explanation: &Explanation) -> String {
    let Explanation { phone, prefix, country, mode, outcome, rule, would_be_sent, inputs, .. } = explanation;
    let sent = if *would_be_sent { "it would be sent" } else { "it would be withheld" };
    let address = match (&explanation.client, &inputs.ip) {
        (Some(client), Some(ip)) => format!("\n  address {client}: {}", seen(ip)),
        (_, _) => String::new(),
    };
    format!(
        "{phone}: {} ({}); mode {}: {sent}\n  \
         prefix {prefix}: {}{address}\n  \
         neighbours within ten minutes: {} of {} allowed, {} next to it\n  \
         country {country}: {} credits; {:.0} % of codes usually come back, {:.0} % must",
        outcome.as_str(),
        rule.as_str(),
        mode.as_str(),
        seen(&inputs.prefix),
        inputs.neighbours,
        inputs.neighbours_allowed,
        inputs.near,
        inputs.country.credits,
        inputs.rate * 100.0,
        inputs.least * 100.0,
    )
}

/// What is remembered of a prefix or an address.
fn seen(subject: &View) -> String {
    let View { credits, day, .. } = subject;
    let held = match (subject.held_by, subject.held_for_seconds) {
        (Some(_), Some(seconds)) => format!(", blocked for {seconds} s"),
        (_, _) => String::new(),
    };
    format!("{credits} credits, {} of {} codes of the last day came back{held}", day.verified, day.sent)
}

async fn list(pool: &PgPool, wanted: &Wanted, printer: Printer) -> Result<()> {
    for decided in guard::list_decisions(pool, wanted).await.context("the decisions cannot be read")? {
        printer.show(&decided, || line(&decided))?;
    }
    Ok(())
}

/// A decision in one line.
fn line(decided: &Decided) -> String {
    let at = decided.at.format("%Y-%m-%d %H:%M:%S");
    let Decided { prefix, phone, country, outcome, rule, .. } = decided;
    let fate = decided.fate();
    format!("{at}  {outcome:<9} {rule:<15} {phone} of {prefix}* ({country})  {fate}")
}

async fn release(pool: &PgPool, subject: &Key, printer: Printer) -> Result<()> {
    let released = guard::release(pool, subject).await.context("not all could be released")?;
    if released.is_empty() {
        bail!("the guard remembers nothing of {}", subject.name);
    }
    printer.show(&json!({ "released": released }), || released.join("\n"))
}

async fn set_mode(pool: &PgPool, mode: Option<Mode>, printer: Printer) -> Result<()> {
    if let Some(mode) = mode {
        guard::set_mode(pool, mode).await.context("the mode could not be set")?;
    }
    let settings = guard::find_settings(pool).await.context("the guard's settings cannot be read")?;
    printer.show(&settings, || settings.mode.as_str().to_owned())
}
