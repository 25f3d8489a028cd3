//! `smsgw opt-outs`: who said stop, recorded with its evidence, and lists of it.

use std::io::Read;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::clock::DbClock;
use shared::config::SecretsConfig;
use shared::consent::{Evidence, Statement, Stop};
use shared::consent_list::{Rejected, Usual};
use shared::csv;
use shared::phone::PhoneNumber;
use shared::recipients::Options;
use shared::seal::Keyring;
use shared::store::consents::{self, Consent, Import};
use shared::store::opt_outs::{self, ListedOptOut, OptOut};
use shared::store::suppressions;
use sqlx::PgPool;

use crate::cli::{EvidenceArgs, OptOutsAction, OptOutsArgs, StopArgs};
use crate::commands::open;
use crate::home;
use crate::input;
use crate::print::{Printer, WrongUse, write};

/// Stops asked for at a time.
const PAGE: i64 = 2_000;
/// A list is read in pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;

/// Records, lifts, shows, reads or prints opt-outs.
pub(crate) async fn run(args: OptOutsArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    let keyring = match args.action {
        OptOutsAction::Lift { .. } | OptOutsAction::Import { .. } => {
            recognising(&pool, &args.secrets).await?
        }
        OptOutsAction::Add { .. } | OptOutsAction::Show { .. } | OptOutsAction::Export => None,
    };
    match args.action {
        OptOutsAction::Add { phone, what, evidence } => add(&pool, phone, what, evidence, printer).await,
        OptOutsAction::Lift { phone, scope, sender, evidence } => {
            let stop = match (scope, sender.as_deref()) {
                (None, None) => None,
                (None, Some(_)) => return Err(WrongUse::new("--sender belongs to --scope sender").into()),
                (Some(scope), sender) => Some(Stop::parse(scope, sender).map_err(wrong_sender)?),
            };
            lift(&pool, keyring.as_ref(), &phone, stop.as_ref(), evidence, printer).await
        }
        OptOutsAction::Show { phone } => show(&pool, &phone, printer).await,
        OptOutsAction::Import { file, default_region, phone_column, what, source } => {
            let options = Options { default_region, phone_column, ..Options::default() };
            let import = Import::new(options, Usual { stop: what.stop()?, source });
            let import = match keyring {
                Some(keyring) => import.recognising_erased(Arc::new(keyring)),
                None => import,
            };
            read(&pool, &file, import, printer).await
        }
        OptOutsAction::Export => export(&pool, printer).await,
    }
}

/// The keys that erased people are recognised by, if there are such who had stopped something.
async fn recognising(pool: &PgPool, secrets: &SecretsConfig) -> Result<Option<Keyring>> {
    if !suppressions::exist(pool).await.context("the database does not answer")? {
        return Ok(None);
    }
    home::keyring(secrets).map(Some)
}

impl StopArgs {
    fn stop(&self) -> Result<Stop, WrongUse> {
        Stop::parse(self.scope, self.sender.as_deref()).map_err(wrong_sender)
    }
}

fn wrong_sender(error: impl std::fmt::Display) -> WrongUse {
    WrongUse::new(format!("--sender {error}"))
}

async fn add(
    pool: &PgPool,
    phone: PhoneNumber,
    what: StopArgs,
    evidence: EvidenceArgs,
    printer: Printer,
) -> Result<()> {
    let EvidenceArgs { source, proof } = evidence;
    let said = Statement::opt_out(phone, what.stop()?, Evidence { source, proof });
    let mut db = pool.acquire().await.context("the database does not answer")?;
    let new =
        consents::record(&mut db, std::slice::from_ref(&said)).await.context("it could not be recorded")?;
    printer.show(&json!({ "phone": said.phone, "recorded": new > 0 }), || match new {
        0 => format!("{} had stopped {} before; that record stays", said.phone.as_str(), said.stop),
        _ => format!("{} has stopped {}", said.phone.as_str(), said.stop),
    })
}

async fn lift(
    pool: &PgPool,
    keyring: Option<&Keyring>,
    phone: &PhoneNumber,
    stop: Option<&Stop>,
    evidence: EvidenceArgs,
    printer: Printer,
) -> Result<()> {
    let evidence = Evidence { source: evidence.source, proof: evidence.proof };
    let stops = stop.map(std::slice::from_ref);
    let mut lifted = consents::lift(pool, phone, stops, &evidence).await.context("it could not be lifted")?;
    if let Some(keyring) = keyring {
        let erased = suppressions::lift(pool, keyring.people(), phone, stops).await;
        lifted += erased.context("it could not be lifted")?;
    }
    match lifted {
        0 => bail!("{} has stopped nothing of that kind", phone.as_str()),
        lifted => printer.show(&json!({ "phone": phone, "lifted": lifted }), || {
            format!("{} may be texted again: {lifted} lifted", phone.as_str())
        }),
    }
}

async fn show(pool: &PgPool, phone: &PhoneNumber, printer: Printer) -> Result<()> {
    let stops = opt_outs::list(pool, phone).await.context("the opt-outs cannot be read")?;
    let history = consents::list(pool, phone).await.context("the ledger cannot be read")?;
    let document = json!({ "phone": phone, "opt_outs": stops, "history": history });
    printer.show(&document, || {
        let stopped: Vec<_> =
            stops.iter().map(|one: &OptOut| described(one.scope.as_str(), one.sender.as_deref())).collect();
        let now = if stopped.is_empty() { "nothing".to_owned() } else { stopped.join(", ") };
        let changes = history.iter().map(line);
        std::iter::once(format!("{} has stopped: {now}", phone.as_str()))
            .chain(changes)
            .collect::<Vec<_>>()
            .join("\n")
    })
}

fn line(one: &Consent) -> String {
    let what = described(one.scope.as_str(), one.sender.as_deref());
    let at = one.at.format("%Y-%m-%d %H:%M");
    format!(
        "  {at}  {:7}  {what:24}  {}  {}",
        one.action.as_str(),
        one.source,
        one.proof.as_deref().unwrap_or_default()
    )
}

fn described(scope: &str, sender: Option<&str>) -> String {
    sender.map_or_else(|| scope.to_owned(), |sender| format!("{scope} {sender}"))
}

async fn read(pool: &PgPool, file: &str, mut import: Import, printer: Printer) -> Result<()> {
    let mut list = input::open(file)?;
    let mut db = pool.acquire().await.context("the database does not answer")?;
    let clock = DbClock::start(&mut *db).await.context("the database does not answer")?;
    let mut rejected = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let bytes = list.read(&mut piece).with_context(|| format!("cannot read {file}"))?;
        if bytes == 0 {
            break;
        }
        import.feed(&piece[..bytes], clock.now(), &mut rejected)?;
        tell(&mut rejected, printer)?;
        while import.commit_chunk(&mut db).await.context("the list could not be recorded")?.is_some() {}
    }
    let (lines, done) = import.finish(&mut db, clock.now(), &mut rejected).await?;
    tell(&mut rejected, printer)?;
    printer.show(
        &json!({ "lines": lines, "recorded": done.recorded, "unchanged": done.unchanged,
        "rejected": done.rejected }),
        || format!("{} recorded, {} known before, {} rejected", done.recorded, done.unchanged, done.rejected),
    )
}

/// The rows that are left out.
fn tell(rejected: &mut Vec<Rejected>, printer: Printer) -> Result<()> {
    for row in rejected.drain(..) {
        printer.show(&json!({ "rejected": row }), || format!("line {}: {}", row.line, row.detail))?;
    }
    Ok(())
}

async fn export(pool: &PgPool, printer: Printer) -> Result<()> {
    let mut last: Option<ListedOptOut> = None;
    printer.tell(ListedOptOut::COLUMNS.join(",").as_str())?;
    loop {
        let page =
            opt_outs::list_all(pool, last.as_ref(), PAGE).await.context("the opt-outs cannot be read")?;
        for row in &page {
            if printer.is_for_programs() {
                printer.show(row, String::new)?;
            } else {
                let mut text = String::new();
                csv::append_row(&mut text, row.cells().iter().map(String::as_str));
                write(&text)?;
            }
        }
        match page.into_iter().last() {
            Some(end) => last = Some(end),
            None => return Ok(()),
        }
    }
}
