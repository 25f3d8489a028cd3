//! `smsgw mock-provider`: a fake SMS vendor, and the judge of the tests.
//!
//! It speaks the wire formats of Twilio Messages and 2Factor.in as strictly as the vendors do, misbehaves on command,
//! and keeps a log of everything it delivered. Losses and copies are counted from that log, never from the gateway's
//! own tables; for the same reason this crate shares no code with the gateway's adapters.
//!
//! How to use it by hand: `docs/mock-provider.md`.

// One process, or one thread of a test.
mod handle;
mod options;
mod server;

// One request.
mod connection;
mod exchange;
mod state;

// The vendors.
mod check;
mod codes;
mod fields;
mod reply;
mod segments;
mod submission;
mod twilio;
mod twofactor;
mod vendor;

// Misbehaving.
mod fault;
mod faults;
mod magic;
mod pace;

// Judging.
mod arrival;
mod arrival_file;
mod arrivals;
mod control;
mod counts;
mod requests;

// What a vendor reports later.
mod receipts;

mod lock;

pub use arrival::{Arrival, ArrivalKind, ArrivalPage};
pub use counts::{ArrivalCounts, CopyCounts, Repeated};
pub use fault::{Fault, FaultBody, RetryAfter};
pub use faults::{FaultRule, FaultStatus, FaultTarget, InvalidFaultRule, RecipientMatch};
pub use handle::MockProvider;
pub use options::{Credentials, Options};
pub use pace::{Pace, PaceChange, SettingsChange};
pub use requests::{RequestCounts, VendorRequests};
pub use server::{Server, run};
pub use vendor::Vendor;
