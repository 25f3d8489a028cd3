//! Which pages may read an answer (CORS, the Fetch standard): those of origins that a publishable key names, and those
//! that `SMSGW_CORS_ORIGINS` lists, whose users bring tokens of their own.
//!
//! An origin is compared as text and given back as it came, never `*`; cookies are never asked for. This is for the
//! browsers of honest people: what a caller may do is decided by [`super::Caller`], CORS or no CORS.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method};
use shared::origin::Origin;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::app::App;

/// How long a browser may remember a preflight. A key that is revoked meanwhile is refused all the same.
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// What pages may send besides what needs no permission.
const ALLOWED: [HeaderName; 5] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("prefer"),
    HeaderName::from_static("traceparent"),
];

/// What pages may read besides what needs no permission.
const EXPOSED: [HeaderName; 6] = [
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    RETRY_AFTER,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("preference-applied"),
    HeaderName::from_static("idempotency-replayed"),
];

/// For the doors of codes: pages with a publishable key, and pages of signed-in users.
pub(crate) fn for_codes(app: &App) -> CorsLayer {
    let app = app.clone();
    let allowed = AllowOrigin::async_predicate(move |origin: HeaderValue, _: &_| async move {
        let Ok(origin) = origin.to_str() else { return false };
        is_listed(&app.cors_origins, origin) || app.key_origins.contains(&app.pool, origin).await
    });
    layer(allowed).allow_methods([Method::GET, Method::POST])
}

/// For what a signed-in user may read of their own.
pub(crate) fn for_own_rows(app: &App) -> CorsLayer {
    let app = app.clone();
    let allowed = AllowOrigin::predicate(move |origin: &HeaderValue, _: &_| {
        origin.to_str().is_ok_and(|origin| is_listed(&app.cors_origins, origin))
    });
    layer(allowed).allow_methods([Method::GET])
}

/// For what a signed-in user may change of their own.
pub(crate) fn for_own_factors(app: &App) -> CorsLayer {
    for_own_rows(app).allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
}

fn layer(allowed: AllowOrigin) -> CorsLayer {
    CorsLayer::new().allow_origin(allowed).allow_headers(ALLOWED).expose_headers(EXPOSED).max_age(MAX_AGE)
}

fn is_listed(origins: &[Origin], origin: &str) -> bool {
    origins.iter().any(|listed| listed.as_str() == origin)
}
