//! `Idempotency-Key`: work that is done once, however often it is asked for.
//!
//! The answer is stored in the transaction that does the work, so there is never work without its
//! answer nor an answer without its work.

use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use shared::store::idempotency;
use sqlx::error::DatabaseError;
use sqlx::{PgConnection, PgPool};

use crate::app::App;
use crate::auth::{Caller, Holder, Who};
use crate::problem::Problem;

const HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_BYTES: usize = 255;
/// How long a request waits for another with the same key before it says so.
const BEGIN: &str = "begin; set local lock_timeout = '4s'";

/// A database that takes longer for the whole work is away. A batch of 10,000 takes a tenth of it.
const DEADLINE: Duration = Duration::from_secs(8);

/// The key a request carries, if it carries one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    /// Whether there is none, so that the request may share a transaction with others.
    pub(crate) const fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    /// What it says, if there is one.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Reads the header: a bare token, or the quoted string of the IETF draft.
    fn parse(header: &HeaderValue) -> Option<Self> {
        let text = header.to_str().ok()?.trim();
        let key = match text.strip_prefix('"') {
            None => text.to_owned(),
            Some(quoted) => unquote(quoted)?,
        };
        let valid = (1..=MAX_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        valid.then_some(Self(Some(key)))
    }
}

/// Undoes the escapes of an RFC 9651 string, whose opening quote is already gone.
fn unquote(quoted: &str) -> Option<String> {
    let mut key = String::with_capacity(quoted.len());
    let mut rest = quoted.strip_suffix('"')?.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => key.push(rest.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return None,
            c => key.push(c),
        }
    }
    Some(key)
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let mut given = parts.headers.get_all(HEADER).iter();
        let key = match (given.next(), given.next()) {
            (None, _) => Some(Self(None)),
            (Some(header), None) => Self::parse(header),
            (Some(_), Some(_)) => None,
        };
        key.ok_or_else(|| {
            Problem::field(HEADER, format!("must be one key of 1 to {MAX_BYTES} visible ASCII characters"))
        })
    }
}

/// An answer that can be stored and given again.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    body: String,
    replayed: bool,
}

impl Answer {
    /// Says that something was accepted.
    pub(crate) fn accepted(body: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self { status: StatusCode::ACCEPTED, body: serde_json::to_string(body)?, replayed: false })
    }

    /// Says that something was done.
    pub(crate) fn done(body: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self { status: StatusCode::OK, ..Self::accepted(body)? })
    }

    /// Says that something was made.
    pub(crate) fn created(body: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self { status: StatusCode::CREATED, ..Self::accepted(body)? })
    }

    /// Reads what it says.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.body)
    }

    /// Says `body` instead, which has become known since; what is stored stays as it was.
    pub(crate) fn saying(self, body: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self { body: serde_json::to_string(body)?, ..self })
    }

    /// Says in the headers of `response` that it is a repetition, if it is one.
    pub(crate) fn mark(&self, response: &mut Response<Body>) {
        if self.replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
    }

    /// Whether it was given before, so that nothing was done this time.
    pub(crate) const fn is_replayed(&self) -> bool {
        self.replayed
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.mark(&mut response);
        *response.body_mut() = Body::from(self.body);
        response
    }
}

/// Why the work was not done, or not for certain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdempotencyError {
    /// The caller mixed up its keys.
    #[error("the idempotency key belongs to another request")]
    OtherRequest,
    /// The caller should wait.
    #[error("a request with this idempotency key is still running")]
    Running,
    /// The work may be done or not.
    #[error("the database went away during the commit")]
    CommitUnknown(#[source] sqlx::Error),
    /// The work was not done.
    #[error("the database refused the work")]
    Store(#[source] sqlx::Error),
}

impl From<sqlx::Error> for IdempotencyError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(DatabaseError::code).as_deref() {
            Some("55P03") => Self::Running,
            _ => Self::Store(error),
        }
    }
}

/// A request to be done once.
pub(crate) struct Once<'a> {
    /// Who asks; keys of different callers are different keys.
    pub(crate) caller: Holder<'a>,
    /// The key, if there is one; without, the work is simply done.
    pub(crate) key: &'a IdempotencyKey,
    /// Method and path.
    door: &'static str,
    /// The body as it arrived.
    body: &'a [u8],
}

impl<'a> Once<'a> {
    /// The request of `caller` with `body` at `door`.
    ///
    /// # Errors
    /// A key of a page: all its visitors hold the same API key, so one could ask for another's answer.
    pub(crate) fn of<N>(
        caller: &'a Caller<N>,
        key: &'a IdempotencyKey,
        door: &'static str,
        body: &'a [u8],
    ) -> Result<Self, Problem> {
        if caller.who == Who::Browser && !key.is_absent() {
            return Err(Problem::field(
                HEADER,
                "must be left out by pages, whose visitors share a publishable key: send it with a user's token, or \
                 from your server",
            ));
        }
        Ok(Self { caller: caller.holder(), key, door, body })
    }

    /// Does `work` in a transaction together with storing its answer, or gives the stored answer.
    ///
    /// # Errors
    /// Those of `work`, whose transaction is then undone, and those of [`IdempotencyError`].
    pub(crate) async fn run<E: Into<Problem>>(
        &self,
        pool: &PgPool,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<Answer, E>,
    ) -> Result<Answer, Problem> {
        tokio::time::timeout(DEADLINE, self.run_unbounded(pool, work)).await.unwrap_or_else(|_| {
            let lost = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
            Err(IdempotencyError::CommitUnknown(lost).into())
        })
    }

    async fn run_unbounded<E: Into<Problem>>(
        &self,
        pool: &PgPool,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<Answer, E>,
    ) -> Result<Answer, Problem> {
        // Boxed, as `db::begin` is.
        let mut tx = Box::pin(pool.begin_with(BEGIN)).await.map_err(IdempotencyError::from)?;
        let hash = self.request_hash();
        let key = self.key.0.as_deref().map(|key| self.caller.own(key));
        if let Some(key) = &key {
            let is_first = idempotency::claim(&mut *tx, self.caller.key, key, &hash).await;
            if !is_first.map_err(IdempotencyError::from)? {
                return Ok(self.replay(&mut tx, key, &hash).await?);
            }
        }
        let answer = work(&mut tx).await.map_err(Into::into)?;
        if let Some(key) = &key {
            let status = i16::try_from(answer.status.as_u16()).unwrap_or(i16::MAX);
            idempotency::answer(&mut *tx, self.caller.key, key, status, &answer.body).await?;
        }
        tx.commit().await.map_err(commit_failed)?;
        Ok(answer)
    }

    async fn replay(
        &self,
        db: &mut PgConnection,
        key: &str,
        hash: &[u8],
    ) -> Result<Answer, IdempotencyError> {
        let stored = idempotency::find(db, self.caller.key, key).await?;
        // Gone between the two looks: its day is over, and the next request will find it so.
        let stored = stored.ok_or(IdempotencyError::Running)?;
        if stored.request_hash != hash {
            return Err(IdempotencyError::OtherRequest);
        }
        let status = u16::try_from(stored.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        Ok(Answer { status: status.unwrap_or(StatusCode::OK), body: stored.answer, replayed: true })
    }

    fn request_hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.door.as_bytes());
        hash.update([0]);
        hash.update(self.body);
        hash.finalize().to_vec()
    }
}

fn commit_failed(error: sqlx::Error) -> IdempotencyError {
    if shared::db::is_away(&error) {
        IdempotencyError::CommitUnknown(error)
    } else {
        IdempotencyError::Store(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(header: &[u8]) -> Option<String> {
        IdempotencyKey::parse(&HeaderValue::from_bytes(header).expect("a header value")).and_then(|key| key.0)
    }

    #[test]
    fn a_bare_token_and_the_quoted_form_are_the_same_key() {
        assert_eq!(parsed(b"8e03978e-40d5"), Some("8e03978e-40d5".into()));
        assert_eq!(parsed(b"\"8e03978e-40d5\""), Some("8e03978e-40d5".into()));
        assert_eq!(parsed(br#""a\"b\\c""#), Some(r#"a"b\c"#.into()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = [b'k'; MAX_BYTES + 1];
        for header in
            [&b""[..], b"\"\"", b"\"open", b"two words", b"\"a\"b\"", br#""a\b""#, b"caf\xc3\xa9", &long]
        {
            assert_eq!(parsed(header), None, "{header:?}");
        }
        assert!(parsed(&[b'k'; MAX_BYTES]).is_some());
    }
}
