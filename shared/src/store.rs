//! All SQL, one file per table or per statement that spans several.

// The queue.
pub mod acks;
pub mod intake;
pub mod log;
pub mod outbox;
pub mod pauses;
pub mod provider_state;
pub mod receipts;
pub mod retention;
pub mod upkeep;
pub mod workers;

// What applications and operators set and ask for.
pub mod api_keys;
pub mod audit_log;
pub mod backup_codes;
pub mod campaigns;
pub mod codes_spend;
pub mod consents;
pub mod contact_settings;
pub mod country_rules;
pub mod erasures;
pub mod frequency_cap;
pub mod guard;
pub mod idempotency;
pub mod inbound;
pub mod integrations;
pub mod messages;
pub mod operator_sessions;
pub mod operator_tries;
pub mod operators;
pub mod opt_outs;
pub mod otp_checks;
pub mod otp_failures;
pub mod otp_policies;
pub mod otp_requirements;
pub mod otp_sessions;
pub mod otp_windows;
pub mod prices;
pub mod remembered_devices;
pub mod reset_tokens;
pub mod roles;
pub mod sandbox_inbox;
pub mod schema;
pub mod spend;
pub mod spend_alerts;
pub mod spend_caps;
pub mod suppressions;
pub mod templates;
pub mod two_factor;
pub mod two_factor_apps;
pub mod two_factor_failures;
pub mod verified_phones;

/// A column of a group, for `unnest`. One that is null throughout is sent empty: `unnest` fills what is short with nulls,
/// so nobody writes and reads each of them.
fn sparse<T>(column: &[Option<T>]) -> &[Option<T>] {
    if column.iter().all(Option::is_none) { &[] } else { column }
}
