//! The load: an open loop of mixed requests, each repeated under its key until the answer is clear.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tests::wait::within;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::client::{Answer, Client, Said};
use crate::ledger::{Asked, Fate, Kind, Ledger, Request};

/// What is asked for, in turn: one batch and six codes in twenty.
const TURNS: [Kind; 20] = {
    const O: Kind = Kind::Otp;
    const T: Kind = Kind::Transactional;
    const A: Kind = Kind::AtMostOnce;
    const P: Kind = Kind::Promo;
    [T, O, A, T, T, O, T, A, T, O, P, T, O, A, T, O, T, A, O, T]
};
/// Sizes of batches, in turn: small ones, and some that keep a worker busy for a moment.
const BATCHES: [usize; 6] = [5, 40, 12, 2, 25, 12];
/// Each third request has no key: it takes the other way in, where requests share a commit and are handed over.
const WITHOUT_KEY: usize = 3;
/// Each third request prefers the vendor that comes second.
const SECOND_VENDOR: usize = 3;
/// Requests under way at most; the loop skips its turns above that.
const MOST_UNDER_WAY: usize = 250;
/// Requests made at once just before a kill, so that it hits something.
const BURST: usize = 20;
/// Between two tries of a request: as Retry-After asks for …
const TOLD_PAUSE: Duration = Duration::from_secs(1);
/// … or less if there was no answer.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a request is repeated.
const PATIENCE: Duration = Duration::from_secs(120);
/// While those that were held up catch up, only one turn of so many is taken: else a slow machine, held at its limit by
/// new requests, would turn the old ones away again and again.
const CATCHING_UP: usize = 4;

/// A running load.
pub(crate) struct Load {
    shared: Arc<Shared>,
    turns: JoinHandle<()>,
}

struct Shared {
    client: Client,
    ledger: Mutex<Ledger>,
    number: AtomicUsize,
    /// Numbers of the requests without a clear answer yet.
    under_way: Mutex<BTreeSet<usize>>,
    stopped: AtomicBool,
    catches_up: AtomicBool,
}

impl Load {
    /// Starts asking `rate` times a second.
    pub(crate) fn start(client: Client, rate: usize) -> Self {
        let shared = Arc::new(Shared {
            client,
            ledger: Mutex::default(),
            number: AtomicUsize::new(0),
            under_way: Mutex::default(),
            stopped: AtomicBool::new(false),
            catches_up: AtomicBool::new(false),
        });
        let turns = tokio::spawn(take_turns(shared.clone(), rate));
        Self { shared, turns }
    }

    /// Asks for many things at once and returns while they are under way, in each round at another
    /// moment of their commits; gives how many are.
    pub(crate) async fn burst(&self, round: usize) -> usize {
        for turn in 0..BURST {
            self.shared.clone().take_turn(turn);
        }
        let moment = 2 + 2 * (round % 5);
        tokio::time::sleep(Duration::from_millis(moment.try_into().unwrap())).await;
        self.shared.under_way()
    }

    /// Waits until everything that is under way now has its clear answer.
    pub(crate) async fn until_answered(&self) {
        let next = self.shared.number.load(Relaxed);
        self.shared.catches_up.store(true, Relaxed);
        within(PATIENCE, "the requests that were held up to be answered", async || {
            let oldest = self.shared.under_way.lock().unwrap().first().copied();
            oldest.is_none_or(|oldest| oldest >= next).then_some(())
        })
        .await;
        self.shared.catches_up.store(false, Relaxed);
    }

    /// Kind and recipients of what was accepted after `since`.
    pub(crate) fn accepted_since(&self, since: DateTime<Utc>) -> Vec<(Kind, String)> {
        let ledger = self.shared.ledger.lock().unwrap();
        let mut accepted = Vec::new();
        for asked in &ledger.asked {
            if matches!(asked.fate, Fate::Accepted { at, .. } if at >= since) {
                accepted.extend(asked.request.to.iter().map(|to| (asked.request.kind, to.clone())));
            }
        }
        accepted
    }

    /// Shows all answers so far to `look`.
    pub(crate) fn with_answers(&self, look: impl FnOnce(&[Answer])) {
        look(&self.shared.ledger.lock().unwrap().answers);
    }

    /// Asks for nothing more, waits until every request has its answer, and gives the ledger.
    pub(crate) async fn stop(self) -> Ledger {
        self.shared.stopped.store(true, Relaxed);
        self.turns.await.unwrap();
        within(PATIENCE + Duration::from_secs(20), "every request to be answered", async || {
            (self.shared.under_way() == 0).then_some(())
        })
        .await;
        std::mem::take(&mut *self.shared.ledger.lock().unwrap())
    }
}

async fn take_turns(shared: Arc<Shared>, rate: usize) {
    let mut turns = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for turn in 0.. {
        turns.tick().await;
        if shared.stopped.load(Relaxed) {
            return;
        }
        let is_ours = !shared.catches_up.load(Relaxed) || turn % CATCHING_UP == 0;
        if is_ours && shared.under_way() < MOST_UNDER_WAY {
            shared.clone().take_turn(turn);
        }
    }
}

impl Shared {
    fn take_turn(self: Arc<Self>, turn: usize) {
        let kind = TURNS[turn % TURNS.len()];
        let size = if kind == Kind::Promo { BATCHES[turn / TURNS.len() % BATCHES.len()] } else { 1 };
        let number = self.number.fetch_add(1, Relaxed);
        let has_key = kind == Kind::Promo || !number.is_multiple_of(WITHOUT_KEY);
        let hint = if number.is_multiple_of(SECOND_VENDOR) { "2factor" } else { "twilio" };
        let request = Request::new(kind, has_key.then(|| format!("crash-{number}")), size, hint);
        self.under_way.lock().unwrap().insert(number);
        tokio::spawn(async move {
            self.ask_until_clear(request).await;
            self.under_way.lock().unwrap().remove(&number);
        });
    }

    fn under_way(&self) -> usize {
        self.under_way.lock().unwrap().len()
    }

    async fn ask_until_clear(&self, request: Request) {
        let began = Instant::now();
        let fate = loop {
            let answer = self.client.post(request.path(), request.key.as_deref(), &request.body).await;
            let fate = fate(&request, &answer);
            let pause = if answer.asks_for_patience() { TOLD_PAUSE } else { PAUSE };
            self.ledger.lock().unwrap().answers.push(answer);
            if let Some(fate) = fate {
                break fate;
            }
            if began.elapsed() > PATIENCE {
                break Fate::Refused(format!("no clear answer within {PATIENCE:?}"));
            }
            tokio::time::sleep(pause).await;
        };
        self.ledger.lock().unwrap().asked.push(Asked { request, fate });
    }
}

/// What an answer means; `None` if the request is to be repeated.
fn fate(request: &Request, answer: &Answer) -> Option<Fate> {
    let Said::Status { code, replayed, body, .. } = &answer.said else { return unclear(request) };
    match code {
        200..=299 => Some(Fate::Accepted { ids: request.ids(body), at: answer.ended, replayed: *replayed }),
        // Another try with this key still runs.
        409 if request.key.is_some() => None,
        500.. => unclear(request),
        _ => Some(Fate::Refused(format!("{code} {body}"))),
    }
}

fn unclear(request: &Request) -> Option<Fate> {
    request.key.is_none().then_some(Fate::Unclear)
}
