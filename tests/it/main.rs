//! Behaviours of the gateway, on real Postgres and over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod acks;
mod api;
mod campaigns;
mod cli;
mod consents;
mod console;
mod country_rules;
mod dev;
mod erasure;
mod fence;
mod flat_claim;
mod governor;
mod guard;
mod handoff;
mod intake;
mod login;
mod main_job;
mod operation;
mod opt_outs;
mod pauses;
mod promo_pauses;
mod provider_codes;
mod queue;
mod rates;
mod routes;
mod schema;
mod sending;
mod sql_door;
mod sql_example;
mod starts;
mod takeover;
mod told_pauses;
mod upkeep;
mod webhooks;
mod wire;
mod withdrawn;
