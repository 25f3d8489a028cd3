//! The problems of those who are known, but not welcome at a door.

use std::time::Duration;

use shared::store::api_keys::Scope;

use super::Problem;
use super::kinds::*;
use crate::auth::TokenError;

impl Problem {
    /// A key of pages where only servers may come.
    pub(crate) fn closed_to_browsers(needed: Scope) -> Self {
        let needed = needed.as_str();
        let detail = format!(
            "a publishable key (pk_…) opens the doors of one-time codes only; this needs a key of a server (sk_…) with \
             the scope {needed}"
        );
        Self::new(&FORBIDDEN, detail)
    }

    /// A user's token where only servers may come.
    pub(crate) fn closed_to_users(needed: Scope) -> Self {
        let needed = needed.as_str();
        let detail = format!(
            "a user's token opens the doors of one-time codes and of the user's own messages and settings; this needs a \
             key of a server (sk_…) with the scope {needed}"
        );
        Self::new(&FORBIDDEN, detail)
    }

    /// A publishable key from no page.
    pub(crate) fn origin_missing() -> Self {
        let detail = "a publishable key (pk_…) is for pages, whose browsers send the header Origin; a server needs a key \
                      of its own (sk_…)";
        Self::new(&ORIGIN, detail)
    }

    /// A publishable key from a page that it was not made for.
    pub(crate) fn origin_not_allowed() -> Self {
        let detail = "the key was not made for pages of this origin: smsgw keys create NAME --origins …";
        Self::new(&ORIGIN, detail)
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(reason) => Self::unauthorized(reason),
            TokenError::Away(error) => {
                Self::unavailable("the keys of users' tokens cannot be fetched (SMSGW_JWKS_URL)", &error)
                    .retry_after(Duration::from_secs(2))
            }
        }
    }
}
