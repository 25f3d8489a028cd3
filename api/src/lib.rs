//! The HTTP API: takes requests, checks them and commits them to the outbox.
//!
//! [`App::start`] makes the state, [`serve`] answers requests with it until told to stop.

// The program.
mod app;
mod body;
mod connection;
mod edge;
mod measures;
mod serve;

// What every request passes.
mod auth;
mod cache;
mod client_address;
mod extract;
mod fields;
mod html;
mod idempotency;
mod prefer;
mod problem;
mod rate_limit;
mod streamed;
mod trace;

// What is done with it.
mod accept;
mod accept_batch;
mod campaigns;
mod country_rules;
mod intake;
mod integrations;
mod key_limits;
mod otp;
mod otp_settings;
mod outcomes;
mod signers;
mod templates;
mod tokens;
mod two_factor;

// The doors.
mod console;
pub mod openapi;
mod routes;

pub use app::{App, Parts};
pub use integrations::parse_provider;
pub use measures::{PrometheusHandle, install_metrics};
pub use problem::InvalidDocument;
pub use routes::parse_template;
pub use serve::{serve, serve_health, serve_waiting};
