//! `smsgw people`: who asks to be forgotten.

use anyhow::{Context, Result, bail};
use shared::ids::ErasureId;
use shared::phone::PhoneNumber;
use shared::seal::Keyring;
use shared::store::erasures::{self, Erasure, Kept};
use sqlx::PgConnection;

use crate::cli::{PeopleAction, PeopleArgs};
use crate::commands::open;
use crate::home;
use crate::input;
use crate::print::{Printer, WrongUse, write};

/// Erases people, shows how far that is, or keeps it over a restore.
pub(crate) async fn run(args: PeopleArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    let mut db = pool.acquire().await.context("the database does not answer")?;
    let keyring = || home::keyring(&args.secrets);
    match args.action {
        PeopleAction::Erase { phone } => erase(&mut db, &keyring()?, &phone, printer).await,
        PeopleAction::Show { id } => show(&mut db, id, printer).await,
        PeopleAction::Export => export(&mut db).await,
        PeopleAction::Replay { file } => replay(&mut db, &keyring()?, &file, printer).await,
    }
}

async fn erase(
    db: &mut PgConnection,
    keyring: &Keyring,
    phone: &PhoneNumber,
    printer: Printer,
) -> Result<()> {
    let erasure = erasures::request(db, keyring, ErasureId::random(), phone).await;
    let erasure = erasure.context("the erasure could not be begun")?;
    printer.show(&erasure, || erasure.id.to_string())
}

async fn show(db: &mut PgConnection, id: ErasureId, printer: Printer) -> Result<()> {
    let found = erasures::find(db, id).await.context("the erasures cannot be read")?;
    let Some(erasure) = found else { bail!("there is no erasure {id}") };
    printer.show(&erasure, || told(&erasure))
}

fn told(erasure: &Erasure) -> String {
    let rows = erasure.rows;
    match erasure.done_at {
        Some(at) => format!("done at {}: {rows} rows", at.format("%Y-%m-%d %H:%M:%S")),
        None => format!("running, {rows} rows so far; a worker does it"),
    }
}

/// For programs and people alike: it is made to be read back.
async fn export(db: &mut PgConnection) -> Result<()> {
    for line in erasures::export(db).await.context("the erasures cannot be read")? {
        write(&serde_json::to_string(&line)?)?;
    }
    Ok(())
}

async fn replay(db: &mut PgConnection, keyring: &Keyring, file: &str, printer: Printer) -> Result<()> {
    let text = input::read(file)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let list = lines
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|error| {
                WrongUse::new(format!("{file}: line {} is not of `people export`: {error}", at + 1))
            })
        })
        .collect::<Result<Vec<Kept>, _>>()?;
    let done = erasures::replay(db, keyring, &list).await.context("the list could not be carried out")?;
    printer.show(&done, || {
        format!(
            "{} stops hold again, {} erasures were not known, {} people of these are erased again",
            done.stops, done.erasures, done.people
        )
    })
}
