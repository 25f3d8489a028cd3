//! The log of everything that was delivered: what tests count losses and copies from.
//!
//! A delivery costs one short lock around a push. Readers copy pointers in batches, so a long look never stops the
//! vendors from answering.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::arrival::{Arrival, ArrivalKind, ArrivalPage};
use crate::arrival_file::ArrivalFile;
use crate::lock::lock;
use crate::submission::Submission;
use crate::vendor::Vendor;

/// Pointers reserved when the log starts or is cleared: 8 MB of address space, touched only as it fills.
const RESERVED: usize = 1 << 20;
/// How many pointers a reader copies under one lock.
const BATCH: usize = 4096;

/// Which arrivals a reader wants.
#[derive(Debug, Clone, Default)]
pub(crate) struct ArrivalFilter {
    pub(crate) to: Option<String>,
    pub(crate) reference: Option<String>,
}

impl ArrivalFilter {
    fn admits(&self, arrival: &Arrival) -> bool {
        self.to.as_ref().is_none_or(|to| *to == arrival.to)
            && self.reference.as_ref().is_none_or(|reference| arrival.reference.as_ref() == Some(reference))
    }
}

#[derive(Debug)]
struct Entries {
    /// Index of the first entry: what was cleared before keeps its numbers.
    first: u64,
    list: Vec<Arc<Arrival>>,
}

/// The log itself.
#[derive(Debug)]
pub(crate) struct ArrivalLog {
    /// Upper half of every provider id of this process; an arrival's index is the lower half.
    run: u64,
    entries: Mutex<Entries>,
    grown: Notify,
    /// Whether someone waits for arrivals, so that a delivery without waiters costs no wake-up.
    awaited: AtomicBool,
    file: Option<ArrivalFile>,
}

impl ArrivalLog {
    pub(crate) fn new(file: Option<ArrivalFile>) -> Self {
        Self {
            run: Uuid::new_v4().as_u64_pair().0,
            entries: Mutex::new(Entries { first: 0, list: Vec::with_capacity(RESERVED) }),
            grown: Notify::new(),
            awaited: AtomicBool::new(false),
            file,
        }
    }

    /// Delivers a submission: one arrival per recipient, all under the id of the first, which is returned.
    pub(crate) fn record(&self, submission: &Submission) -> Arc<Arrival> {
        let at_micros = micros_now();
        let mut recorded: Vec<Arc<Arrival>> = Vec::with_capacity(submission.recipients.len());
        {
            let mut entries = lock(&self.entries);
            let first_index = entries.next_index();
            let own = || provider_id(submission.vendor, submission.kind, self.run, first_index);
            let provider_id = submission.provider_id.clone().unwrap_or_else(own);
            for to in &submission.recipients {
                let index = entries.next_index();
                let arrival = Arc::new(arrival(submission, to, index, at_micros, provider_id.clone()));
                entries.list.push(Arc::clone(&arrival));
                recorded.push(arrival);
            }
        }
        self.announce(&recorded);
        recorded.swap_remove(0)
    }

    fn announce(&self, recorded: &[Arc<Arrival>]) {
        if self.awaited.load(SeqCst) {
            self.grown.notify_waiters();
        }
        if let Some(file) = &self.file {
            recorded.iter().for_each(|arrival| file.append(Arc::clone(arrival)));
        }
    }

    /// Arrivals since the last clearing.
    pub(crate) fn total(&self) -> u64 {
        lock(&self.entries).list.len() as u64
    }

    /// A page from index `since` on: at most `limit` arrivals that pass the filter.
    pub(crate) fn page(&self, filter: &ArrivalFilter, since: u64, limit: usize) -> ArrivalPage {
        let mut arrivals = Vec::new();
        let mut next = since;
        'log: loop {
            let batch = self.batch(next);
            if batch.is_empty() {
                break;
            }
            for arrival in batch {
                if arrivals.len() == limit {
                    break 'log;
                }
                next = arrival.index + 1;
                if filter.admits(&arrival) {
                    arrivals.push(arrival);
                }
            }
        }
        ArrivalPage { total: self.total(), next, arrivals }
    }

    /// Everything in the log.
    pub(crate) fn all(&self) -> Vec<Arc<Arrival>> {
        self.page(&ArrivalFilter::default(), 0, usize::MAX).arrivals
    }

    fn batch(&self, since: u64) -> Vec<Arc<Arrival>> {
        let entries = lock(&self.entries);
        let start = usize::try_from(since.saturating_sub(entries.first)).unwrap_or(usize::MAX);
        entries.list.iter().skip(start).take(BATCH).cloned().collect()
    }

    /// The arrival a provider id names, in either vendor's spelling.
    pub(crate) fn find(&self, vendor: Vendor, id: &str) -> Option<Arc<Arrival>> {
        let (run, index) = Uuid::try_parse(id).ok()?.as_u64_pair();
        if run != self.run {
            return None;
        }
        let entries = lock(&self.entries);
        let position = usize::try_from(index.checked_sub(entries.first)?).ok()?;
        entries.list.get(position).filter(|arrival| arrival.vendor == vendor).cloned()
    }

    /// Forgets every arrival; indexes go on counting.
    pub(crate) fn clear(&self) {
        let forgotten = {
            let mut entries = lock(&self.entries);
            entries.first = entries.next_index();
            std::mem::replace(&mut entries.list, Vec::with_capacity(RESERVED))
        };
        // A million arrivals take a while to free; the lock is open again by now.
        drop(forgotten);
    }

    /// Waits until the log holds `count` arrivals, for at most `within`; says whether it does.
    pub(crate) async fn wait_for(&self, count: u64, within: Duration) -> bool {
        self.awaited.store(true, SeqCst);
        let enough = async {
            loop {
                let grown = self.grown.notified();
                if self.total() >= count {
                    return;
                }
                grown.await;
            }
        };
        tokio::time::timeout(within, enough).await.is_ok()
    }
}

impl Entries {
    fn next_index(&self) -> u64 {
        self.first + self.list.len() as u64
    }
}

fn arrival(submission: &Submission, to: &str, index: u64, at_micros: i64, provider_id: String) -> Arrival {
    Arrival {
        index,
        at_micros,
        vendor: submission.vendor,
        kind: submission.kind,
        to: to.to_owned(),
        from: submission.from.clone(),
        body: submission.body.clone(),
        template: submission.template.clone(),
        variables: submission.variables.clone(),
        reference: submission.reference.clone(),
        validity_s: submission.validity_s,
        provider_id,
    }
}

/// Twilio's `SM`, for a verification `VE`, and 32 hex digits; 2Factor's hyphenated form. All hold the run and the index.
fn provider_id(vendor: Vendor, kind: ArrivalKind, run: u64, index: u64) -> String {
    let id = Uuid::from_u64_pair(run, index);
    match (vendor, kind) {
        (Vendor::Twilio, ArrivalKind::Text) => format!("SM{}", id.simple()),
        (Vendor::Twilio, ArrivalKind::Code) => format!("VE{}", id.simple()),
        (Vendor::TwoFactor, _) => id.hyphenated().to_string(),
    }
}

/// Now, in microseconds since the Unix epoch.
pub(crate) fn micros_now() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}
