//! End users with tokens of their own (JWT, RFC 7519), as the application's sign-in or Supabase issues them. The subject
//! is the `user_id` of messages, sessions and settings.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use shared::config::UserTokens;

use super::jwks::{Jwks, KeysAway};
use super::jws::{Algorithm, Key, Token};
use crate::fields;

/// Longest token that is looked at; usual ones have about 1 KB.
const MAX_BYTES: usize = 8 * 1024;
/// How far the issuer's clock may be from the database's.
const LEEWAY_SECONDS: f64 = 30.0;

/// Why a token lets nobody in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// It is not good here; says why.
    #[error("{0}")]
    Refused(&'static str),
    /// Whether it is good cannot be told now.
    #[error("the token cannot be checked")]
    Away(#[from] KeysAway),
}

use TokenError::Refused;

/// Knows whose tokens are good.
pub(crate) struct Users {
    secret: Option<Key>,
    jwks: Option<Arc<Jwks>>,
    issuer: Option<String>,
    audience: Option<String>,
}

/// What of a token matters here. Times are seconds since 1970, perhaps with a fraction.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(name) => name == wanted,
            Self::Several(names) => names.iter().any(|name| name == wanted),
        }
    }
}

impl Users {
    pub(crate) fn new(settings: UserTokens) -> Self {
        let UserTokens { secret, jwks, issuer, audience } = settings;
        // A base URL is a URI, or it would not be one.
        let jwks = jwks.and_then(|url| url.uri([]).ok()).map(Jwks::new);
        let secret = secret.map(|secret| Key::secret(secret.expose_secret().as_bytes()));
        Self { secret, jwks, issuer, audience }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`TokenError`].
    pub(super) async fn subject(&self, token: &str, now: DateTime<Utc>) -> Result<String, TokenError> {
        if self.secret.is_none() && self.jwks.is_none() {
            return Err(Refused(
                "this gateway takes no users' tokens: set SMSGW_JWT_SECRET or SMSGW_JWKS_URL",
            ));
        }
        if token.len() > MAX_BYTES {
            return Err(Refused("this user's token is longer than 8 KB"));
        }
        let token = Token::parse(token).ok_or(Refused(
            "this is neither an API key nor a token signed by HS256, RS256, ES256 or EdDSA",
        ))?;
        if !self.is_signed(&token).await? {
            return Err(Refused("this user's token is not signed with a key this gateway knows"));
        }
        let claims: Claims =
            token.claims().ok_or(Refused("this user's token has no subject (sub) or no expiry (exp)"))?;
        self.check(&claims, now)?;
        fields::user_id(claims.sub).map_err(|_| Refused("the subject (sub) of this token can be no user_id"))
    }

    async fn is_signed(&self, token: &Token<'_>) -> Result<bool, KeysAway> {
        match (token.algorithm(), &self.secret, &self.jwks) {
            (Algorithm::Hs256, Some(secret), _) => Ok(token.is_signed_with(secret)),
            (Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa, _, Some(jwks)) => {
                jwks.any(token.algorithm(), token.key_id(), |key| token.is_signed_with(key)).await
            }
            (Algorithm::Hs256, None, _)
            | (Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa, _, None) => Ok(false),
        }
    }

    fn check(&self, claims: &Claims, now: DateTime<Utc>) -> Result<(), TokenError> {
        // To the millisecond, which is finer than any leeway.
        let now = seconds(now);
        if claims.exp + LEEWAY_SECONDS <= now {
            return Err(Refused("this user's token has expired"));
        }
        if claims.nbf.is_some_and(|begin| begin - LEEWAY_SECONDS > now) {
            return Err(Refused("this user's token is not good yet"));
        }
        if self.issuer.is_some() && self.issuer != claims.iss {
            return Err(Refused("this user's token is of another issuer (iss)"));
        }
        let is_for = |wanted: &String| claims.aud.as_ref().is_some_and(|audience| audience.contains(wanted));
        if !self.audience.as_ref().is_none_or(is_for) {
            return Err(Refused("this user's token is for another audience (aud)"));
        }
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit for 280,000 years")]
fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}
