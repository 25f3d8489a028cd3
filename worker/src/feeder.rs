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
use shared::store::campaigns::feed::{self, Running};
use shared::store::campaigns::staged;
use shared::wake::Wake;
use sqlx::PgConnection;

use self::batch::Fed;
pub(crate) use self::limits::Receipt;
use self::pace::Pace;
use crate::measures::SpendMeasures;
use crate::roster::Roster;

mod batch;
mod hours;
mod limits;
mod message;
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
/// How often is asked what sleeps.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How often counts are added up.
const FOLD_EVERY: Duration = Duration::from_secs(30);
/// How long a campaign is left alone that waits for the morning everywhere.
const CLOSED_FOR: Duration = Duration::from_secs(5);

/// What feeding needs.
#[derive(Clone)]
pub(crate) struct Feeder {
    pub(crate) database: Database,
    pub(crate) clock: DbClock,
    pub(crate) reach: ReachConfig,
    pub(crate) wake: Wake,
    pub(crate) roster: Arc<Roster>,
    pub(crate) links: Links,
    pub(crate) measures: SpendMeasures,
}

/// What the feeder remembers between two looks.
#[derive(Default)]
struct Memory {
    pace: Pace,
    texts: HashMap<CampaignId, CampaignText>,
    /// Campaigns all whose places are closed, and when that is looked at again.
    closed: HashMap<CampaignId, Instant>,
    aside: Aside,
    shown: Option<Instant>,
    looked: Option<Instant>,
    folded: Option<Instant>,
}

/// Messages that were made and hold nothing up.
#[derive(Default)]
struct Aside {
    claimed: HashMap<CampaignId, i64>,
    sleeping: HashMap<CampaignId, i64>,
}

impl Aside {
    fn of(&self, id: CampaignId) -> i64 {
        [&self.claimed, &self.sleeping].into_iter().filter_map(|messages| messages.get(&id)).sum()
    }
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
        if !self.roster.is_loaded() {
            // Nobody knows yet who would send it, and what they take for it.
            return Ok(false);
        }
        let mut is_busy = false;
        if let Some(id) = within(PATIENCE, staged::find_campaign(&mut *db)).await? {
            is_busy = spared(id, within(PATIENCE, self.take_in(db, id)).await)?;
        }
        within(PATIENCE, feed::begin_due(&mut *db)).await?;
        let running = within(PATIENCE, feed::list_running(&mut *db)).await?;
        memory.pace.observe(&running, Instant::now());
        memory.texts.retain(|id, _| running.iter().any(|one| one.id == *id));
        memory.closed.retain(|_, until| *until > Instant::now());
        if is_due(&mut memory.shown, SHOW_EVERY) {
            within(PATIENCE, look_around(db, memory, &running)).await?;
        }
        for one in &running {
            if memory.closed.contains_key(&one.id) {
                continue;
            }
            let waiting = (one.under_way - memory.aside.of(one.id)).max(0);
            let allowed = memory.pace.allowance(one, waiting, &running);
            let fed = within(PATIENCE, self.feed(db, &mut memory.texts, one, allowed)).await;
            match spared(one.id, fed)? {
                Fed::All => (),
                Fed::Part => is_busy = true,
                Fed::Closed => drop(memory.closed.insert(one.id, Instant::now() + CLOSED_FOR)),
            }
        }
        Ok(is_busy)
    }
}

/// What is done now and then: tells how fast campaigns are, and asks what of them holds nothing up.
async fn look_around(db: &mut PgConnection, memory: &mut Memory, running: &[Running]) -> sqlx::Result<()> {
    let rates: Vec<_> = running.iter().map(|one| (one.id, memory.pace.per_second(one.id) as f32)).collect();
    feed::set_rates(&mut *db, &rates).await?;
    memory.aside.claimed = feed::list_claimed(&mut *db).await?.into_iter().collect();
    // Who moves has nothing that sleeps, or not much; all that sleeps may be a million of others.
    let stands = |one: &&Running| {
        let moves = memory.pace.per_second(one.id) >= 1.0 && !memory.aside.sleeping.contains_key(&one.id);
        one.unfed > 0 && one.under_way > 0 && !moves
    };
    let standing: Vec<CampaignId> = running.iter().filter(stands).map(|one| one.id).collect();
    if standing.is_empty() {
        memory.aside.sleeping.clear();
    } else if is_due(&mut memory.looked, LOOK_EVERY) {
        memory.aside.sleeping = feed::list_sleeping(&mut *db, &standing).await?.into_iter().collect();
    }
    if is_due(&mut memory.folded, FOLD_EVERY) {
        feed::fold_counts(&mut *db).await?;
    }
    Ok(())
}

/// Whether something was not done for so long; then it is done now.
fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let is_due = last.is_none_or(|last| last.elapsed() >= every);
    if is_due {
        *last = Some(Instant::now());
    }
    is_due
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
