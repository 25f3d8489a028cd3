//! Feeds campaigns: moves their recipients into the outbox, no faster than their messages leave.
//!
//! One worker of all feeds, whoever holds the lock; the others stand by. Nothing depends on there being only one: each
//! batch is a transaction that holds its campaign.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::campaign::{CampaignText, Links};
use shared::clock::DbClock;
use shared::config::ReachConfig;
use shared::db::{Database, Use, is_away, within};
use shared::ids::CampaignId;
use shared::store::campaigns::{feed, staged};
use shared::wake::Wake;
use sqlx::PgConnection;

use self::pace::Pace;
use crate::roster::Roster;

mod batch;
mod hours;
mod pace;
mod staging;

/// Whoever holds this advisory lock feeds: `SMSGWFED` in ASCII.
const FEEDER_LOCK: i64 = 0x534d_5347_5746_4544;
/// How often is looked for what may be fed.
const TICK: Duration = Duration::from_millis(100);
/// How often those who stand by ask for the lock, and an absent database is tried again.
const STANDBY: Duration = Duration::from_secs(1);
/// What takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the shown rate changes.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// What feeding needs.
#[derive(Clone)]
pub(crate) struct Feeder {
    pub(crate) database: Database,
    pub(crate) clock: DbClock,
    pub(crate) reach: ReachConfig,
    pub(crate) wake: Wake,
    pub(crate) roster: Arc<Roster>,
    pub(crate) links: Links,
}

/// What the feeder remembers between two looks.
#[derive(Default)]
struct Memory {
    pace: Pace,
    texts: HashMap<CampaignId, CampaignText>,
    /// Messages that wait in the outbox for more than a few seconds, by campaign.
    sleeping: HashMap<CampaignId, i64>,
    shown: Option<Instant>,
}

impl Feeder {
    /// Feeds until dropped.
    pub(crate) async fn run(self) {
        loop {
            if let Err(error) = self.feed_while_leading().await {
                tracing::debug!(%error, "campaigns wait for the database");
            }
            tokio::time::sleep(STANDBY).await;
        }
    }

    async fn feed_while_leading(&self) -> sqlx::Result<()> {
        let mut db = self.database.connect(Use::Service("smsgw feeder")).await?;
        if !within(PATIENCE, feed::try_lead(&mut db, FEEDER_LOCK)).await? {
            return Ok(());
        }
        let mut memory = Memory::default();
        loop {
            let is_busy = self.tick(&mut db, &mut memory).await?;
            if !is_busy {
                tokio::time::sleep(TICK).await;
            }
        }
    }

    /// Does what is due; says whether there is more of it.
    async fn tick(&self, db: &mut PgConnection, memory: &mut Memory) -> sqlx::Result<bool> {
        let mut is_busy = false;
        if let Some(id) = within(PATIENCE, staged::find_campaign(&mut *db)).await? {
            spared(id, within(PATIENCE, self.take_in(db, id)).await)?;
            is_busy = true;
        }
        within(PATIENCE, feed::begin_due(&mut *db)).await?;
        let mut running = within(PATIENCE, feed::list_running(&mut *db)).await?;
        memory.pace.observe(&running, Instant::now());
        memory.texts.retain(|id, _| running.iter().any(|one| one.id == *id));
        let is_second = memory.shown.is_none_or(|shown| shown.elapsed() >= SHOW_EVERY);
        if is_second {
            memory.shown = Some(Instant::now());
            memory.sleeping = within(PATIENCE, feed::list_sleeping(&mut *db)).await?.into_iter().collect();
            let rates: Vec<_> =
                running.iter().map(|one| (one.id, memory.pace.per_second(one.id) as f32)).collect();
            within(PATIENCE, feed::set_rates(&mut *db, &rates)).await?;
        }
        for one in &mut running {
            // What waits for the morning holds nobody up.
            one.under_way -= memory.sleeping.get(&one.id).copied().unwrap_or_default().min(one.under_way);
        }
        for one in &running {
            let allowed = memory.pace.allowance(one, &running);
            let fed = within(PATIENCE, self.feed(db, &mut memory.texts, one, allowed)).await;
            is_busy |= spared(one.id, fed)?;
        }
        Ok(is_busy)
    }
}

/// What is wrong with one campaign stops no other; only an absent database stops all.
fn spared<T: Default>(id: CampaignId, done: sqlx::Result<T>) -> sqlx::Result<T> {
    match done {
        Err(error) if !is_away(&error) => {
            tracing::warn!(%error, campaign.id = %id, "a campaign cannot be fed");
            Ok(T::default())
        }
        done => done,
    }
}
