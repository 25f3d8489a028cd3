//! What the tests stand on: one Postgres cluster a run, a database a test, the real API and the
//! real worker, and a mock vendor that counts what arrives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

pub mod app;
pub mod builders;
pub mod cluster;
pub mod door;
pub mod http;
pub mod issuer;
pub mod outbox;
pub mod process;
pub mod wait;

pub use app::TestApp;
pub use door::Door;
