//! How many requests each vendor had, by what became of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use crate::vendor::Vendor;

/// Requests of all vendors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Requests to Twilio.
    pub twilio: VendorRequests,
    /// Requests to 2Factor.
    pub twofactor: VendorRequests,
    /// Requests to paths of no vendor.
    pub elsewhere: u64,
}

/// Requests of one vendor. A request counts once it is read and decided, even if its answer is yet to leave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorRequests {
    /// All requests.
    pub total: u64,
    /// Those left without an answer: hangs and resets.
    pub unanswered: u64,
    /// Answer status → number of requests.
    pub by_status: BTreeMap<u16, u64>,
}

/// First and one past the last status that is counted.
const STATUSES: std::ops::Range<u16> = 100..600;

#[derive(Debug)]
struct Tally {
    unanswered: AtomicU64,
    by_status: [AtomicU64; 500],
}

impl Tally {
    fn new() -> Self {
        Self { unanswered: AtomicU64::new(0), by_status: [const { AtomicU64::new(0) }; 500] }
    }

    fn read(&self) -> VendorRequests {
        let unanswered = self.unanswered.load(Relaxed);
        let by_status: BTreeMap<u16, u64> = STATUSES
            .zip(&self.by_status)
            .map(|(status, count)| (status, count.load(Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect();
        VendorRequests { total: unanswered + by_status.values().sum::<u64>(), unanswered, by_status }
    }
}

/// The running counts.
#[derive(Debug)]
pub(crate) struct RequestLog {
    twilio: Tally,
    two_factor: Tally,
    elsewhere: AtomicU64,
}

impl RequestLog {
    pub(crate) fn new() -> Self {
        Self { twilio: Tally::new(), two_factor: Tally::new(), elsewhere: AtomicU64::new(0) }
    }

    fn tally(&self, vendor: Vendor) -> &Tally {
        match vendor {
            Vendor::Twilio => &self.twilio,
            Vendor::TwoFactor => &self.two_factor,
        }
    }

    pub(crate) fn answered(&self, vendor: Vendor, status: u16) {
        let position = usize::from(status.saturating_sub(STATUSES.start));
        if let Some(count) = self.tally(vendor).by_status.get(position) {
            count.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn unanswered(&self, vendor: Vendor) {
        self.tally(vendor).unanswered.fetch_add(1, Relaxed);
    }

    pub(crate) fn elsewhere(&self) {
        self.elsewhere.fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self) -> RequestCounts {
        RequestCounts {
            twilio: self.twilio.read(),
            twofactor: self.two_factor.read(),
            elsewhere: self.elsewhere.load(Relaxed),
        }
    }
}
