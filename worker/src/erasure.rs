//! Erases people who asked to be forgotten, step by step, beside everything else that goes on.
//!
//! One worker of all erases, whoever holds the lock, on a connection that is only there while somebody is to be erased.
//! Each step is a transaction that also writes how far it is, so that a worker which dies has lost one step at most, and
//! the next one goes on there.

use std::collections::HashSet;
use std::time::Duration;

use shared::db::{Database, Use, is_away, is_too_slow, within};
use shared::ids::ErasureId;
use shared::seal::Keyring;
use shared::store::campaigns::feed;
use shared::store::erasures::{self, Pending};
use sqlx::{PgConnection, PgPool};

/// Whoever holds this advisory lock erases: `SMSGWERA` in ASCII.
const ERASURE_LOCK: i64 = 0x534d_5347_5745_5241;
/// How often is looked for whom to erase, and an absent database is tried again.
const TICK: Duration = Duration::from_secs(2);
/// What takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(60);
/// People who are erased together: the log is gone through once for all of them.
const GROUP: i64 = 200;

/// Erases until dropped.
pub(crate) async fn run(database: &Database, pool: &PgPool, keyring: &Keyring) {
    // Those whose number no key opens are told once.
    let mut told = HashSet::new();
    loop {
        match erase_while_there_are(database, pool, keyring, &mut told).await {
            Ok(()) => (),
            Err(error) if is_away(&error) => tracing::debug!(%error, "erasures wait for the database"),
            Err(error) => tracing::warn!(%error, "an erasure did not get on; trying again"),
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn erase_while_there_are(
    database: &Database,
    pool: &PgPool,
    keyring: &Keyring,
    told: &mut HashSet<ErasureId>,
) -> sqlx::Result<()> {
    if !within(PATIENCE, erasures::are_pending(pool)).await? {
        return Ok(());
    }
    let mut db = database.connect(Use::Service("smsgw erasure")).await?;
    if !within(PATIENCE, feed::try_lead(&mut db, ERASURE_LOCK)).await? {
        return Ok(());
    }
    loop {
        let (pending, unread) = within(PATIENCE, erasures::list_pending(&mut db, keyring, GROUP)).await?;
        for (id, error) in unread {
            if told.insert(id) {
                tracing::error!(%error, erasure.id = %id, "somebody cannot be erased: their number cannot be read");
            }
        }
        if pending.is_empty() {
            return Ok(());
        }
        let got_on = within(PATIENCE, step(&mut db, keyring, &pending)).await.inspect_err(|error| {
            if is_too_slow(error) {
                tracing::warn!(patience = ?PATIENCE, "a step of an erasure took too long; trying again");
            }
        })?;
        if !got_on {
            tokio::time::sleep(TICK).await;
        }
    }
}

/// Does the next step for all; says whether anybody got on.
async fn step(db: &mut PgConnection, keyring: &Keyring, pending: &[Pending]) -> sqlx::Result<bool> {
    let (begun, new): (Vec<Pending>, Vec<Pending>) =
        pending.iter().cloned().partition(|one| one.seen.is_some());
    let mut got_on = !new.is_empty() && erasures::begin(db, &new).await? > 0;
    if !begun.is_empty() {
        erasures::go_on(db, keyring, &begun).await?;
        got_on = true;
    }
    Ok(got_on)
}
