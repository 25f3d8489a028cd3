//! Behaviours of the gateway, on real Postgres and over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod dev;
mod intake;
mod main_job;
mod schema;
mod sending;
