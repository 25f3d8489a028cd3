//! The worker: claims messages from the outbox, sends each through its route and writes what
//! happened to the log.
//!
//! Each lane has a thread, connections and slots of its own, so that codes never wait for bulk:
//!
//! ```text
//! claim ──> queue (apalis) ──> deliver ──> ack
//!   ^ watermark       slots       │ roster, pace, gate, breaker
//! sweep                           └──> provider
//! ```
//!
//! Beside the lanes stand duties: presence, takeover, sweep, roster, receipts, the feeder of campaigns, what is told of
//! their spending, what the pumping guard is told, erasure, upkeep.

// One message's way.
mod ack;
mod claim;
mod deliver;
mod dispatch;
mod handoff;
mod held;
mod lane;
mod queue;

// What a message meets on its way.
mod gate;
mod health;
mod measures;
mod pacing;
mod roster;

// Standing duties.
mod erasure;
mod feeder;
mod lease;
mod presence;
mod receipts;
mod spending;
mod sweep;
mod takeover;
mod unsent;
mod upkeep;

mod config;
mod run;

pub use config::WorkerConfig;
pub use run::{BrokenOff, Parts, StartError, Worker};
