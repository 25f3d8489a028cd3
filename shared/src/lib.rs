//! What both programs know: the words of the gateway, its pure rules, its providers and its SQL.
//!
//! No routes (they are in `api`) and no job runner (that is `worker`).

// The words.
pub mod address;
pub mod campaign;
pub mod consent;
pub mod ids;
pub mod lane;
pub mod message;
pub mod money;
pub mod operator;
pub mod origin;
pub mod phone;
pub mod segments;
pub mod text;

// The pure rules: no I/O, no clock.
pub mod backoff;
pub mod brake;
pub mod breaker;
pub mod congestion;
pub mod consent_list;
pub mod cost;
pub mod country_rules;
pub mod csv;
pub mod guard;
pub mod limits;
pub mod otp_code;
pub mod otp_policy;
pub mod price_list;
pub mod quiet_hours;
pub mod recipients;
pub mod reply;
pub mod routing;
pub mod second_factor;
pub mod spend;
pub mod template;
pub mod time_zone;
pub mod unsubscribe;

// Secrets.
pub mod password;
pub mod seal;

// Providers: the trait, and one adapter a file.
pub mod provider;

// Postgres: connections, time, wake-ups, handoffs, and all SQL by table.
pub mod clock;
pub mod db;
pub mod handoff;
pub mod store;
pub mod wake;

// Programs.
pub mod alert;
pub mod config;
pub mod telemetry;
pub mod trace;
