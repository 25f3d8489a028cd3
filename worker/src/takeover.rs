//! Takeover: the messages of a dead worker are in doubt, and somebody must say so.
//!
//! Dead is who has held no lock for a second, or has not beaten for five (then its connection is
//! cut first). One transaction takes the lock, decides on every row it held, and strikes it off.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::db::{Database, Use, is_away, is_rows_fault, within};
use shared::ids::WorkerId;
use shared::routing::{self, Doubt, Traveller};
use shared::store::acks::{self, Finished, Rescheduled, Write};
use shared::store::outbox::{self, Orphan, Watermark};
use shared::store::workers::{self, Suspect};
use sqlx::{Connection, PgConnection};

use crate::measures::TakeoverMeasures;
use crate::sweep::Mark;
use shared::clock::DbClock;

const TICK: Duration = Duration::from_millis(250);
/// What takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who holds a dead worker's row longer is another that takes it over, or is about to be cut off.
const BEGIN: &str = "begin; set local lock_timeout = '2s'";
/// A lock must have been free this long: its holder may only be changing connections.
const GRACE: Duration = Duration::from_secs(1);

/// Whoever lost a connection was perhaps not the only one: after a crash of one server process Postgres restarts
/// all of them, and the living need a moment to take their locks again.
const CALM: Duration = Duration::from_secs(5);
/// Until a worker that could not be taken over, or not wholly, is looked at again.
const RETRY: Duration = Duration::from_secs(2);

/// Looks for dead workers until dropped.
pub(crate) async fn run(database: &Database, clock: &DbClock, marks: &[Arc<Mark>; 3]) {
    let measures = TakeoverMeasures::new();
    let mut calm = Duration::ZERO;
    loop {
        if let Err(error) = watch(database, clock, marks, &measures, calm).await {
            tracing::debug!(%error, "the takeover lost its connection");
        }
        calm = CALM;
        tokio::time::sleep(TICK).await;
    }
}

async fn watch(
    database: &Database,
    clock: &DbClock,
    marks: &[Arc<Mark>; 3],
    measures: &TakeoverMeasures,
    calm: Duration,
) -> sqlx::Result<()> {
    let mut db = database.connect(Use::Service("smsgw takeover")).await?;
    let connected = Instant::now();
    // By connection too: who has come back in between has another.
    let mut free_since: HashMap<(WorkerId, i32), Instant> = HashMap::new();
    loop {
        let suspects = within(PATIENCE, workers::list_suspects(&mut db)).await?;
        free_since
            .retain(|key, _| suspects.iter().any(|one| one.lock_free && (one.id, one.backend_pid) == *key));
        for suspect in suspects {
            if !suspect.lock_free {
                within(PATIENCE, cut_off(&mut db, suspect)).await?;
                continue;
            }
            let since = free_since.entry((suspect.id, suspect.backend_pid)).or_insert_with(Instant::now);
            if since.elapsed() >= GRACE && connected.elapsed() >= calm {
                // What could not be taken over is not looked at again at once.
                *since = Instant::now() + RETRY;
                let taken = within(PATIENCE, take_over(&mut db, suspect.id, clock, marks, measures)).await;
                if let Err(error) = taken {
                    tracing::error!(%error, worker.id = %suspect.id, "a dead worker is not yet taken over");
                    if is_away(&error) {
                        return Err(error);
                    }
                }
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Ends a frozen worker's connection, with the rights this process logged in with: the gateway's
/// role may not end other connections.
async fn cut_off(db: &mut PgConnection, suspect: Suspect) -> sqlx::Result<()> {
    tracing::warn!(worker.id = %suspect.id, "a worker is silent; its connection is cut");
    sqlx::raw_sql("reset role").execute(&mut *db).await?;
    let cut = workers::cut_off(&mut *db, suspect).await;
    sqlx::raw_sql("set role smsgw_app").execute(&mut *db).await?;
    cut
}

async fn take_over(
    db: &mut PgConnection,
    dead: WorkerId,
    clock: &DbClock,
    marks: &[Arc<Mark>; 3],
    measures: &TakeoverMeasures,
) -> sqlx::Result<()> {
    let mut tx = db.begin_with(BEGIN).await?;
    if !workers::lock_dead(&mut tx, dead).await? {
        return tx.rollback().await;
    }
    let orphans = outbox::list_claimed_by(&mut *tx, dead).await?;
    let fates: Vec<Fate> = orphans.iter().map(|orphan| decide(orphan, clock)).collect();
    if !write(&mut tx, dead, &fates).await? {
        // What the database takes of it must not wait for what it refuses.
        for (orphan, fate) in orphans.iter().zip(fates.chunks(1)) {
            if !write(&mut tx, dead, fate).await? {
                tracing::error!(message.id = %orphan.id, "a dead worker's message cannot be written and stays claimed");
            }
        }
    }
    // One that still holds a message stays.
    workers::remove(&mut tx, dead).await?;
    tx.commit().await?;
    tracing::warn!(worker.id = %dead, messages = orphans.len(), "a dead worker was taken over");
    measures.took_over(orphans.iter().map(|orphan| orphan.lane));
    // A claim that died uncommitted leaves rows behind the marks of all who stepped over it.
    for mark in marks {
        mark.rewind(Watermark::START);
    }
    Ok(())
}

/// Writes what becomes of a dead worker's messages, all or none; `false` if the database refuses a row.
async fn write(db: &mut PgConnection, dead: WorkerId, fates: &[Fate]) -> sqlx::Result<bool> {
    let (mut ended, mut again) = (Vec::new(), Vec::new());
    for fate in fates {
        match fate {
            Fate::Ends(one) => ended.push(one.clone()),
            Fate::GoesOn(one) => again.push(one.clone()),
        }
    }
    let mut savepoint = db.begin().await?;
    let written = async {
        acks::finish(&mut *savepoint, Write::First, dead, &ended).await?;
        acks::reschedule(&mut *savepoint, Write::First, dead, &again).await
    };
    match written.await {
        Ok(_) => savepoint.commit().await.map(|()| true),
        Err(error) if is_rows_fault(&error) => savepoint.rollback().await.map(|()| false),
        Err(error) => Err(error),
    }
}

enum Fate {
    Ends(Finished),
    GoesOn(Rescheduled),
}

fn decide(orphan: &Orphan, clock: &DbClock) -> Fate {
    let now = clock.now();
    let facts = Traveller {
        lane: orphan.lane,
        hint: None,
        preferred: None,
        tried: &[],
        expires_at: now,
        at_most_once: orphan.at_most_once,
        copies: orphan.copies,
    };
    let end = |status, reason| {
        let mut end = Finished::without_call(orphan.id, status, reason);
        end.copies = 1;
        Fate::Ends(end)
    };
    match routing::in_doubt(&facts, now) {
        // The bound on copies ends a message at its second dead worker: a poisonous one included.
        Doubt::End(status) if orphan.takeovers > 0 => end(status, "poison"),
        Doubt::End(status) => end(status, "worker_died"),
        Doubt::SendAgain(due_at) => Fate::GoesOn(Rescheduled {
            copies: 1,
            taken_over: true,
            ..Rescheduled::without_call(orphan.id, orphan.due_at, due_at, "worker_died")
        }),
    }
}
