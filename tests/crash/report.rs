//! What a run saw: told as it goes, and every broken promise at the end.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tests::process::Smsgw;

use crate::gateway::Gateway;

/// Examples shown of each kind of fault.
const EXAMPLES: usize = 4;

/// The protocol of a run. A fault does not end it: what follows belongs to the picture.
pub(crate) struct Report {
    began: Instant,
    faults: BTreeMap<&'static str, Vec<String>>,
    /// Messages that dead or frozen workers held: only these may end as `unknown`.
    pub(crate) held_by_the_dead: usize,
    /// When something was away that messages had to wait for, and how long an otp may take then.
    pub(crate) disturbances: Vec<Disturbance>,
    /// The longest that a message took while nothing was away: a slow machine is no broken promise.
    pub(crate) usual: Duration,
}

/// A time in which messages had to wait.
pub(crate) struct Disturbance {
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    pub(crate) otp_limit: Duration,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            faults: BTreeMap::new(),
            held_by_the_dead: 0,
            disturbances: Vec::new(),
            usual: Duration::ZERO,
        }
    }
}

impl Report {
    /// Tells something. Written around the test runner's capture, so that a run that went well
    /// shows its ledger too.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        let seconds = self.began.elapsed().as_secs_f64();
        let told = writeln!(std::io::stdout(), "[{seconds:6.1} s] {}", line.as_ref());
        told.unwrap();
    }

    /// Notes a fault unless `holds`.
    pub(crate) fn expect(&mut self, holds: bool, promise: &'static str, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.entry(promise).or_default().push(fault());
        }
    }

    /// Fails if any promise was broken; the logs are shown before, so that the last words say which.
    pub(crate) fn close(self, gateway: Gateway) {
        if !self.faults.is_empty() {
            gateway.processes().for_each(Smsgw::show_log);
        }
        drop(gateway);
        for (promise, faults) in &self.faults {
            let examples = faults[..faults.len().min(EXAMPLES)].join("\n      ");
            self.say(format!("BROKEN {} times: {promise}\n      {examples}", faults.len()));
        }
        assert!(self.faults.is_empty(), "broken: {}", self.faults.into_keys().collect::<Vec<_>>().join("; "));
    }
}
