//! `smsgw providers prices`: what providers charge, read from lists.

use anyhow::{Context, Result, bail};
use shared::price_list::{self, BadLine};
use shared::store::{integrations, prices};
use sqlx::PgPool;

use crate::cli::PricesAction;
use crate::input;
use crate::print::Printer;

/// Of a list that is wrong throughout, the first lines tell as much as all.
const TOLD_LINES: usize = 20;

/// Imports or lists prices.
pub(super) async fn run(pool: &PgPool, action: PricesAction, printer: Printer) -> Result<()> {
    match action {
        PricesAction::Import { file } => import(pool, &file, printer).await,
        PricesAction::List => list(pool, printer).await,
    }
}

async fn import(pool: &PgPool, file: &str, printer: Printer) -> Result<()> {
    let text = input::read(file)?;
    let mut db = pool.acquire().await.context("the database does not answer")?;
    let known = integrations::list_known_names(&mut *db).await.context("the providers cannot be read")?;
    let list = match price_list::parse(&text, &known) {
        Ok(list) => list,
        Err(wrong) => bail!("nothing is imported:{}", told(&wrong)),
    };
    let done = prices::import(&mut db, &list).await.context("the prices could not be stored")?;
    printer.show(&done, || {
        format!(
            "imported {} prices: {} new, {} changed, {} as before; {} removed that the list has no more",
            list.len(),
            done.added,
            done.changed,
            done.unchanged,
            done.removed
        )
    })
}

/// What is wrong, a line each.
fn told(wrong: &[BadLine]) -> String {
    let mut told: String = wrong.iter().take(TOLD_LINES).map(|bad| format!("\n  {bad}")).collect();
    if let Some(more) = wrong.len().checked_sub(TOLD_LINES).filter(|&more| more > 0) {
        told.push_str(&format!("\n  and {more} lines more"));
    }
    told
}

async fn list(pool: &PgPool, printer: Printer) -> Result<()> {
    let all = prices::list(pool).await.context("the prices cannot be read")?;
    if all.is_empty() {
        printer.tell("no price is known; import a list with `smsgw providers prices import`")?;
    }
    for one in &all {
        let since = one.updated_at.format("%Y-%m-%d");
        printer.show(one, || {
            format!("{:16} {}  {:>12} {}  since {since}", one.provider, one.country, one.price, one.currency)
        })?;
    }
    Ok(())
}
