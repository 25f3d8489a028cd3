//! Figures: what the gateway's parts do on this machine, on a stock Postgres.
//!
//! `cargo run --release -p bench -- --help` lists the programs. What they measure with is here, so
//! that short versions can run as tests.

pub mod client;
pub mod cpu;
pub mod latency;
pub mod queue;
pub mod report;
pub mod stage;
