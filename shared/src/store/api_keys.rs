//! API keys: who may call, and what they may ask for.
//!
//! A key is `sk_`, or `pk_` if it is for browsers, and 32 random bytes. It is shown once; the table holds an HMAC of it,
//! whose key is not in the database.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::PgExecutor;

use crate::ids::ApiKeyId;
use crate::origin::Origin;
use crate::seal::{Mac, random_secret};

/// How every key of a server starts.
pub const KEY_PREFIX: &str = "sk_";
/// How every publishable key starts: one for browsers, which anybody can read there.
pub const PUBLISHABLE_PREFIX: &str = "pk_";
/// What a publishable key may ask for.
const PUBLISHABLE_SCOPES: [Scope; 1] = [Scope::Otp];
/// Characters of a key that lists show, the prefix included.
const SHOWN: usize = 9;

/// What a key may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Scope {
    /// Send messages, and record what their readers want.
    Send,
    /// Start and check codes.
    Otp,
    /// Look at messages, settings and metrics.
    Read,
    /// Everything, settings included.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 4] = [Self::Send, Self::Otp, Self::Read, Self::Admin];

    /// The word used in JSON, tables and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Otp => "otp",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

/// A word that is no scope.
#[derive(Debug, thiserror::Error)]
#[error("unknown scope: use send, otp, read or admin")]
pub struct UnknownScope;

impl std::str::FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// A key that may be used.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its number.
    pub id: ApiKeyId,
    /// What it may ask for.
    pub scopes: Vec<Scope>,
    /// Origins whose pages may use it; `None` for a key of servers.
    pub origins: Option<Vec<String>>,
}

/// Who a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum KeyKind {
    /// Servers, which keep it secret.
    Server,
    /// Browsers, where it can be read.
    Publishable,
}

/// A key as a list shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ListedKey {
    /// Its number.
    pub id: ApiKeyId,
    /// What its owner called it.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// Who it is for.
    pub kind: KeyKind,
    /// What it may ask for.
    pub scopes: Vec<Scope>,
    /// Origins whose pages may use it; `None` for a key of servers.
    pub origins: Option<Vec<String>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Since when it is refused.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Why a key cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// Another name is needed, or the old key must be revoked first.
    #[error("a key of this name is in use: revoke it or take another name")]
    NameTaken,
    /// A key must be good for something.
    #[error("a key needs at least one scope: send, otp, read or admin")]
    NoScope,
    /// Nobody could use it.
    #[error("a publishable key needs at least one origin, for example https://app.example.com")]
    NoOrigin,
    /// The database said no.
    #[error("the key could not be stored")]
    Store(#[source] sqlx::Error),
}

/// Makes a key for servers and returns it; it cannot be shown again.
pub async fn create(
    db: impl PgExecutor<'_>,
    mac: &Mac,
    name: &str,
    scopes: &[Scope],
) -> Result<SecretString, CreateError> {
    let key = random(KEY_PREFIX);
    insert(db, mac, name, scopes, &key).await?;
    Ok(key)
}

/// Makes a key for the pages of `origins`, good for codes only, and returns it.
pub async fn create_publishable(
    db: impl PgExecutor<'_>,
    mac: &Mac,
    name: &str,
    origins: &[Origin],
) -> Result<SecretString, CreateError> {
    if origins.is_empty() {
        return Err(CreateError::NoOrigin);
    }
    let key = random(PUBLISHABLE_PREFIX);
    let origins: Vec<_> = origins.iter().map(|origin| origin.as_str().to_owned()).collect();
    store(db, mac, name, &PUBLISHABLE_SCOPES, Some(&origins), &key).await?;
    Ok(key)
}

/// Stores a key for servers that was made elsewhere, such as the stable key of a developer's machine.
pub async fn insert(
    db: impl PgExecutor<'_>,
    mac: &Mac,
    name: &str,
    scopes: &[Scope],
    key: &SecretString,
) -> Result<ApiKeyId, CreateError> {
    store(db, mac, name, scopes, None, key).await
}

fn random(prefix: &str) -> SecretString {
    SecretString::from(format!("{prefix}{}", random_secret().expose_secret()))
}

async fn store(
    db: impl PgExecutor<'_>,
    mac: &Mac,
    name: &str,
    scopes: &[Scope],
    origins: Option<&[String]>,
    key: &SecretString,
) -> Result<ApiKeyId, CreateError> {
    if scopes.is_empty() {
        return Err(CreateError::NoScope);
    }
    let key = key.expose_secret();
    sqlx::query_scalar!(
        r#"insert into smsgw.api_keys (name, prefix, mac, scopes, origins) values ($1, $2, $3, $4, $5)
           returning id as "id: ApiKeyId""#,
        name,
        key.get(..SHOWN).unwrap_or(KEY_PREFIX),
        mac.tag(&[key.as_bytes()]),
        scopes as &[Scope],
        origins,
    )
    .fetch_one(db)
    .await
    .map_err(|error| match error.as_database_error().and_then(|e| e.constraint()) {
        Some("api_keys_name_live") => CreateError::NameTaken,
        _ => CreateError::Store(error),
    })
}

/// Finds the key that has one of `tags` and is not revoked, and notes, at most once a minute, that
/// it is in use.
pub async fn find_live(db: impl PgExecutor<'_>, tags: &[Vec<u8>]) -> sqlx::Result<Option<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        r#"with used as (
               update smsgw.api_keys set last_used_at = clock_timestamp()
               where mac = any($1) and revoked_at is null
                 and (last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute')
           )
           select id as "id: ApiKeyId", scopes as "scopes: Vec<Scope>", origins
           from smsgw.api_keys where mac = any($1) and revoked_at is null"#,
        tags,
    )
    .fetch_optional(db)
    .await
}

/// Lists all keys, revoked ones too, oldest first.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ListedKey>> {
    sqlx::query_as!(
        ListedKey,
        r#"select id as "id: ApiKeyId", name, prefix,
                  case when origins is null then 'server' else 'publishable' end as "kind!: KeyKind",
                  scopes as "scopes: Vec<Scope>", origins, created_at, last_used_at, revoked_at
           from smsgw.api_keys order by id"#
    )
    .fetch_all(db)
    .await
}

/// Revokes the live key called `name`; `false` if there is none. Running gateways hear of it within
/// two seconds.
pub async fn revoke(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update smsgw.api_keys set revoked_at = clock_timestamp() where name = $1 and revoked_at is null",
        name,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lists the origins whose pages may call with some live key, each once.
pub async fn list_origins(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select distinct unnest(origins) as "origin!" from smsgw.api_keys where revoked_at is null"#
    )
    .fetch_all(db)
    .await
}

/// Lists the hashes of the keys that are not revoked: each names the master key it was made with.
pub async fn list_live_macs(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!("select mac from smsgw.api_keys where revoked_at is null").fetch_all(db).await
}
