//! Where each lane's claims begin, and the search for rows that were committed behind that point.
//!
//! A writer stamps `due_at` before it commits; if it commits late, a claim may already have passed
//! that time. The sweep finds such rows without walking the dead entries of everything sent
//! before: a late row belongs to a transaction that was running at the last look, it was stamped
//! after that transaction began, and the history of transaction ids tells when that was at the
//! earliest. Now and then the whole lane is looked through, for rows whose lock-holder died.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use metrics::Counter;
use shared::db::{Database, Use, within};
use shared::lane::Lane;
use shared::store::outbox::{self, Late, Watermark};
use sqlx::PgConnection;

use crate::measures;

/// A writer takes its transaction id at about the time it stamps the row, not exactly then.
const SLACK: Duration = Duration::from_secs(1);
/// The whole lane is looked through at least this long after the last time …
const FULL_EVERY: Duration = Duration::from_secs(30);
/// … and this many times the cost of the last time.
const FULL_COST: u32 = 20;
/// A look is not repeated before this many times its cost.
const COST: u32 = 4;
/// A look that takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often each task looks whether a lane is due.
const TICK: Duration = Duration::from_millis(50);

/// The point behind which one lane's claims look.
#[derive(Debug)]
pub(crate) struct Mark {
    state: Mutex<(Watermark, u64)>,
}

impl Default for Mark {
    fn default() -> Self {
        Self { state: Mutex::new((Watermark::START, 0)) }
    }
}

impl Mark {
    /// The point, and how often it was rewound.
    pub(crate) fn read(&self) -> (Watermark, u64) {
        *self.lock()
    }

    /// Moves it on after a claim that began at the reading with `rewinds`; a rewind meanwhile wins.
    pub(crate) fn advance(&self, rewinds: u64, to: Watermark) {
        let mut state = self.lock();
        if state.1 == rewinds && to > state.0 {
            state.0 = to;
        }
    }

    /// Moves it back to just before `to`.
    pub(crate) fn rewind(&self, to: Watermark) {
        let mut state = self.lock();
        if to <= state.0 {
            state.0 = Watermark { seq: to.seq.saturating_sub(1), ..to };
        }
        state.1 += 1;
    }

    fn lock(&self) -> MutexGuard<'_, (Watermark, u64)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From when on a row can still turn up that the last look did not see. Pure.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    /// At that time that transaction id was not yet given out; oldest first. Postgres tells the id after the last
    /// one that has *ended*, so this is true only to within the time in which some transaction ends: every worker's
    /// beat is one, several times a second. [`SLACK`] and a look at the stretch before cover that.
    history: VecDeque<(DateTime<Utc>, i64)>,
}

impl Floor {
    /// Takes what a look saw, and says where the next one must begin.
    pub(crate) fn learn(&mut self, late: &Late) -> Watermark {
        self.history.push_back((late.now, late.next));
        while self.history.get(1).is_some_and(|&(_, next)| next <= late.oldest_running) {
            self.history.pop_front();
        }
        match self.history.front() {
            Some(&(time, next)) if next <= late.oldest_running => Watermark::at(time - SLACK),
            _ => Watermark::START,
        }
    }
}

/// The standing search of one lane.
struct Search<'a> {
    lane: Lane,
    mark: &'a Mark,
    floor: Floor,
    /// Where the last look began to be responsible, and the one before it: a look goes back to that one, for what was
    /// committed in the very moment of the last.
    floors: [Watermark; 2],
    due: Instant,
    full_due: Instant,
    found: Counter,
}

impl<'a> Search<'a> {
    fn new(lane: Lane, mark: &'a Mark) -> Self {
        let now = Instant::now();
        Self {
            lane,
            mark,
            floor: Floor::default(),
            floors: [Watermark::START; 2],
            due: now,
            full_due: now + FULL_EVERY,
            found: measures::late_rows(lane),
        }
    }

    async fn look(&mut self, db: &mut PgConnection) -> sqlx::Result<()> {
        let began = Instant::now();
        let full = self.full_due <= began;
        let from = if full { Watermark::START } else { self.floors[0] };
        let (watermark, _) = self.mark.read();
        let late = within(PATIENCE, outbox::find_late(db, self.lane, from, watermark)).await?;
        if watermark.due_at > late.now {
            // The database's clock went back: nothing new would ever lie behind the mark.
            self.mark.rewind(Watermark::START);
        } else if let Some(first) = late.first {
            self.found.increment(1);
            self.mark.rewind(first);
        }
        self.floors = [self.floors[1], self.floor.learn(&late)];
        self.due = Instant::now() + interval(self.lane).max(began.elapsed() * COST);
        if full {
            self.full_due = Instant::now() + FULL_EVERY.max(began.elapsed() * FULL_COST);
        }
        Ok(())
    }
}

fn interval(lane: Lane) -> Duration {
    match lane {
        Lane::Otp => Duration::from_millis(250),
        Lane::Transactional | Lane::Promo => Duration::from_secs(2),
    }
}

/// Looks for late rows in all lanes until dropped.
pub(crate) async fn run(database: &Database, marks: &[Arc<Mark>; 3]) {
    loop {
        if let Err(error) = search(database, marks).await {
            tracing::debug!(%error, "the sweep lost its connection");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn search(database: &Database, marks: &[Arc<Mark>; 3]) -> sqlx::Result<()> {
    let mut db = database.connect(Use::Queue("smsgw sweep")).await?;
    let mut searches = Lane::ALL.map(|lane| Search::new(lane, &marks[lane as usize]));
    loop {
        for search in &mut searches {
            if search.due <= Instant::now() {
                search.look(&mut db).await?;
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    fn look(second: i64, oldest_running: i64, next: i64) -> Late {
        Late { first: None, oldest_running, next, now: at(second) }
    }

    #[test]
    fn the_first_look_must_begin_at_the_start_if_something_runs() {
        assert_eq!(Floor::default().learn(&look(0, 90, 100)), Watermark::START);
    }

    #[test]
    fn with_nothing_running_the_next_look_begins_a_second_before_this_one() {
        assert_eq!(Floor::default().learn(&look(10, 100, 100)), Watermark::at(at(9)));
    }

    #[test]
    fn a_rewind_during_a_claim_is_not_undone_by_it() {
        let mark = Mark::default();
        let (_, rewinds) = mark.read();
        mark.rewind(Watermark::at(at(1)));
        mark.advance(rewinds, Watermark::at(at(5)));
        assert_eq!(mark.read().0, Watermark::START);
    }

    proptest! {
        /// Whatever runs and however long: a row committed after a look and stamped during its
        /// transaction lies at or above the floor that look gave.
        #[test]
        fn no_late_row_lies_below_the_floor(
            lengths in proptest::collection::vec((0..50i64, 1..40i64), 1..40),
        ) {
            // Transaction i begins at second `begin` with id i (ids in order of beginning).
            let mut transactions: Vec<(i64, i64)> = lengths.iter().map(|&(b, l)| (b, b + l)).collect();
            transactions.sort_unstable();
            let mut floor = Floor::default();
            let mut from = Watermark::START;
            for second in 0..100 {
                // Committed since the last look, stamped at its beginning: the earliest it can be.
                for &(begin, end) in transactions.iter().filter(|&&(_, end)| end == second) {
                    prop_assert!(Watermark::at(at(begin)) >= from, "{begin}..{end}");
                }
                let begun = transactions.iter().filter(|&&(begin, _)| begin <= second).count();
                let oldest = transactions.iter().position(|&(begin, end)| begin <= second && end > second);
                let next = i64::try_from(begun).unwrap();
                let oldest = oldest.map_or(next, |i| i64::try_from(i).unwrap());
                from = floor.learn(&look(second, oldest, next));
            }
        }
    }
}
