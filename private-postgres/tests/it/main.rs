//! Behaviour of a private cluster, on real Postgres.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crashes;
mod places;
mod running;
mod support;
