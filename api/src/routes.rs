//! The doors: which address is answered by which handler.

use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::app::App;
use crate::auth::cors;
use crate::console;

mod aliases;
mod campaigns;
mod contact_settings;
mod country_rules;
mod described;
mod devices;
mod guard;
mod health;
mod integrations;
mod jwks;
pub(crate) mod messages;
mod opt_out_lists;
mod opt_outs;
mod otp;
mod otp_settings;
mod pauses;
mod people;
mod problems;
mod reset_tokens;
mod sandbox;
mod sms;
mod spend;
mod templates;
mod two_factor;
mod unsubscribe;
mod users;
mod verified_phones;
mod waiting;
mod webhooks;

pub use templates::parse_template;
pub(crate) use waiting::waiting;

/// Usual and largest `limit` of lists, as the description of the API tells them.
pub(crate) mod limits {
    pub(crate) const CAMPAIGNS: (u16, u16) = super::campaigns::LIMITS;
    pub(crate) const MESSAGES: (u16, u16) = super::messages::LIMITS;
    pub(crate) const MINUTES: (u16, u16) = super::users::MINUTES;
    pub(crate) const SPEND_DAYS: (u16, u16) = super::spend::DAYS;
    pub(crate) const DECISIONS: (u16, u16) = super::guard::LIMITS;
    pub(crate) const INBOX: (i64, i64) = super::sandbox::LIMITS;
}

/// Every address of the API. A new door is one line here.
pub(crate) fn all(app: &App) -> Router<App> {
    Router::new()
        .route("/sms/send-transactional", post(sms::send_transactional))
        .route("/sms/send-batch", post(sms::send_batch))
        .route("/sms/messages/{id}/cancel", post(messages::cancel))
        .route("/sms/messages/{id}/converted", post(messages::converted))
        .route("/sms/campaigns", get(campaigns::list).post(campaigns::create))
        .route("/sms/campaigns/{id}", get(campaigns::show))
        .route("/sms/campaigns/{id}/recipients", post(campaigns::add))
        .route("/sms/campaigns/{id}/preview", get(campaigns::preview))
        .route("/sms/campaigns/{id}/budget", put(campaigns::set_budget))
        .route("/sms/campaigns/{id}/test", post(campaigns::send_test))
        .route("/sms/campaigns/{id}/start", post(campaigns::start))
        .route("/sms/campaigns/{id}/pause", post(campaigns::pause))
        .route("/sms/campaigns/{id}/resume", post(campaigns::resume))
        .route("/sms/campaigns/{id}/cancel", post(campaigns::cancel))
        .route("/sms/campaigns/{id}/results", get(campaigns::results))
        .route("/sms/templates", get(templates::list))
        .route(
            "/sms/templates/{name}",
            get(templates::show).put(templates::replace).delete(templates::delete),
        )
        .route("/sms/opt-outs/{phone}", get(opt_outs::show).put(opt_outs::record).delete(opt_outs::lift))
        .route("/sms/opt-outs/{phone}/history", get(opt_outs::history))
        .route("/sms/opt-outs", get(opt_out_lists::export))
        .route("/sms/opt-outs/import", post(opt_out_lists::import))
        .route("/people/{phone}", delete(people::erase))
        .route("/people/erasures/{id}", get(people::show))
        .route("/settings/api", get(integrations::list))
        .route(
            "/settings/api/{name}",
            get(integrations::show).put(integrations::replace).delete(integrations::delete),
        )
        .route("/settings/otp", get(otp_settings::show))
        .route("/settings/otp/purposes/{purpose}", put(otp_settings::replace_policy))
        .route(
            "/settings/otp/limits/{name}",
            put(otp_settings::replace_limit).delete(otp_settings::delete_limit),
        )
        .route("/settings/identity", get(verified_phones::settings).put(verified_phones::set))
        .route("/otp/reset-tokens/redeem", post(reset_tokens::redeem))
        .route("/settings/country-rules", get(country_rules::list))
        .route("/settings/country-rules/{country}", get(country_rules::show).put(country_rules::replace))
        .route("/spend", get(spend::show))
        .route("/settings/spend-caps", get(spend::list_caps))
        .route(
            "/settings/spend-caps/{name}",
            get(spend::show_cap).put(spend::replace_cap).delete(spend::delete_cap),
        )
        .route(
            "/settings/frequency-cap",
            get(spend::show_frequency).put(spend::replace_frequency).delete(spend::delete_frequency),
        )
        .route("/settings/guard", get(guard::settings).put(guard::replace_settings))
        .route("/guard/decisions", get(guard::decisions))
        .route("/guard/explain", get(guard::explain))
        .route("/guard/release", post(guard::release))
        .route("/settings/pauses", get(pauses::list).post(pauses::pause).delete(pauses::resume))
        .route("/webhooks/{provider}/status", post(webhooks::status))
        .route("/webhooks/{provider}/inbound", post(webhooks::inbound))
        .route("/sandbox/inbox", get(sandbox::inbox))
        .route("/u/{token}", get(unsubscribe::show).post(unsubscribe::carry_out))
        .route("/.well-known/jwks.json", get(jwks::show))
        .route("/openapi.json", get(described::openapi))
        .route("/docs", get(described::docs))
        .merge(aliases::for_servers())
        .merge(codes().layer(cors::for_codes(app)))
        .merge(own_rows().layer(cors::for_own_rows(app)))
        .merge(own_factors().layer(cors::for_own_factors(app)))
        .merge(console::all())
        .merge(health())
}

/// What pages may call with a publishable key, and users with their tokens.
fn codes() -> Router<App> {
    Router::new()
        .route("/otp/send", post(otp::send))
        .route("/otp/verify", post(otp::verify))
        .route("/otp/resend", post(otp::resend))
        .route("/otp/sessions/{id}", get(otp::session))
        .merge(aliases::for_codes())
}

/// What users may read with their tokens, each their own.
fn own_rows() -> Router<App> {
    Router::new()
        .route("/sms/messages", get(messages::list))
        .route("/sms/messages/{id}", get(messages::show))
        .route("/users/{id}/contact-settings", get(contact_settings::show).put(contact_settings::replace))
        .route("/users/{id}/phone", get(verified_phones::show).delete(verified_phones::remove))
}

/// What users may change with their tokens, each their own.
fn own_factors() -> Router<App> {
    Router::new()
        .route("/users/{id}/otp-requirement", get(users::otp_requirement).post(users::present))
        .route("/users/{id}/two-factor", get(two_factor::show).put(two_factor::set))
        .route("/users/{id}/two-factor/app", post(two_factor::enrol).delete(two_factor::remove))
        .route("/users/{id}/two-factor/app/confirm", post(two_factor::confirm))
        .route("/users/{id}/two-factor/backup-codes", post(two_factor::make_codes))
        .route("/users/{id}/two-factor/verify", post(two_factor::verify))
        .route("/users/{id}/devices", get(devices::list).delete(devices::revoke_all))
        .route("/users/{id}/devices/{device_id}", delete(devices::revoke))
}

/// The addresses that say how the process is, and what its refusals point to.
pub(crate) fn health() -> Router<App> {
    Router::new()
        .route("/problems", get(problems::list))
        .route("/problems/{code}", get(problems::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every request's handler is moved into memory of its own: what it might need in a rare case, such as a connection to
    /// the database, should not be in it.
    const ROOM: usize = 4096;

    fn of_three<A, B, C, R>(_: impl Fn(A, B, C) -> R) -> usize {
        size_of::<R>()
    }

    fn of_six<A, B, C, D, E, F, R>(_: impl Fn(A, B, C, D, E, F) -> R) -> usize {
        size_of::<R>()
    }

    fn of_seven<A, B, C, D, E, F, G, R>(_: impl Fn(A, B, C, D, E, F, G) -> R) -> usize {
        size_of::<R>()
    }

    #[test]
    fn the_doors_that_many_knock_at_take_little_room() {
        let rooms = [of_six(sms::send_transactional), of_seven(otp::send), of_three(otp::verify)];
        assert!(rooms.iter().all(|room| *room <= ROOM), "{rooms:?}");
    }
}
