//! `api_integrations`: providers that operators set. Credentials are sealed before they come here.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::PgExecutor;

use crate::provider::catalogue::{Credentials, ProviderKind, UnreadableCredentials};
use crate::seal::Sealer;

/// A row as it is stored, unchecked: [`crate::provider::catalogue::parse_integration`] checks it. Two equal rows make
/// the same provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// Names the provider in hints, logs and tables.
    pub name: String,
    /// Which adapter it takes.
    pub kind: String,
    /// The lowest is tried first.
    pub priority: i32,
    /// Whether it may be used.
    pub enabled: bool,
    /// What it may carry.
    pub lanes: Vec<String>,
    /// ISO 3166 codes of where it may send; `None` for everywhere.
    pub countries: Option<Vec<String>>,
    /// Calls a second.
    pub max_per_second: Option<i32>,
    /// Calls at the same time.
    pub max_in_flight: Option<i32>,
    /// Whom its messages come from when they do not say.
    pub sender: Option<String>,
    /// What its adapter needs besides secrets.
    pub settings: serde_json::Value,
    /// [`Credentials`], sealed for this row.
    pub sealed_credentials: Vec<u8>,
}

/// A row without its secrets, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntegrationView {
    /// As in [`Integration`], like those that follow.
    pub name: String,
    /// Which adapter it takes.
    pub kind: String,
    /// The lowest is tried first.
    pub priority: i32,
    /// Whether it may be used.
    pub enabled: bool,
    /// What it may carry.
    pub lanes: Vec<String>,
    /// Where it may send; `null` for everywhere.
    pub countries: Option<Vec<String>>,
    /// Calls a second.
    pub max_per_second: Option<i32>,
    /// Calls at the same time.
    pub max_in_flight: Option<i32>,
    /// Whom its messages come from when they do not say.
    pub sender: Option<String>,
    /// What its adapter needs besides secrets.
    pub settings: serde_json::Value,
    /// Which secrets are set, each with its last characters only.
    pub credentials: BTreeMap<String, String>,
    /// Why the secrets cannot be opened, if so.
    pub problem: Option<String>,
}

impl Integration {
    /// The row's secrets.
    ///
    /// # Errors
    /// When the key is not configured, or the row was tampered with.
    pub fn credentials(&self, sealer: &Sealer) -> Result<Credentials, UnreadableCredentials> {
        Credentials::open(sealer, &self.name, &self.sealed_credentials)
    }

    /// The row for people.
    pub fn view(&self, sealer: &Sealer) -> IntegrationView {
        let (credentials, problem) = match self.credentials(sealer) {
            Ok(credentials) => (credentials.masked(), None),
            Err(error) => (BTreeMap::new(), Some(error.with_causes())),
        };
        IntegrationView {
            name: self.name.clone(),
            kind: self.kind.clone(),
            priority: self.priority,
            enabled: self.enabled,
            lanes: self.lanes.clone(),
            countries: self.countries.clone(),
            max_per_second: self.max_per_second,
            max_in_flight: self.max_in_flight,
            sender: self.sender.clone(),
            settings: self.settings.clone(),
            credentials,
            problem,
        }
    }
}

/// All rows, disabled ones too, by name.
///
/// # Errors
/// When the database is away.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Integration>> {
    sqlx::query_as!(
        Integration,
        "select name, kind, priority, enabled, lanes, countries, max_per_second, max_in_flight, sender, settings,
                sealed_credentials
         from public.api_integrations
         order by name",
    )
    .fetch_all(db)
    .await
}

/// Providers of the environment, and the sandbox, are named by their kind.
const UNRECORDED: [ProviderKind; 3] = [ProviderKind::Twilio, ProviderKind::TwoFactor, ProviderKind::Sandbox];

/// The names that a provider can have: those on record, and those that come without a record.
///
/// # Errors
/// When the database is away.
pub async fn list_known_names(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select name as "name!" from public.api_integrations union select unnest($1::text[]) order by 1"#,
        &UNRECORDED.map(ProviderKind::as_str) as &[&str],
    )
    .fetch_all(db)
    .await
}

/// One row.
///
/// # Errors
/// When the database is away.
pub async fn find(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<Option<Integration>> {
    sqlx::query_as!(
        Integration,
        "select name, kind, priority, enabled, lanes, countries, max_per_second, max_in_flight, sender, settings,
                sealed_credentials
         from public.api_integrations
         where name = $1",
        name,
    )
    .fetch_optional(db)
    .await
}

/// Stores a row, in place of one of the same name.
///
/// # Errors
/// When the database is away, or the row breaks a rule of the table.
pub async fn upsert(db: impl PgExecutor<'_>, row: &Integration) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into public.api_integrations (name, kind, priority, enabled, lanes, countries, max_per_second, max_in_flight,
                                       sender, settings, sealed_credentials)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (name) do update
         set kind = excluded.kind, priority = excluded.priority, enabled = excluded.enabled, lanes = excluded.lanes,
             countries = excluded.countries, max_per_second = excluded.max_per_second,
             max_in_flight = excluded.max_in_flight, sender = excluded.sender, settings = excluded.settings,
             sealed_credentials = excluded.sealed_credentials, updated_at = clock_timestamp()",
        row.name,
        row.kind,
        row.priority,
        row.enabled,
        &row.lanes,
        row.countries.as_deref(),
        row.max_per_second,
        row.max_in_flight,
        row.sender,
        row.settings,
        row.sealed_credentials,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps others from changing rows until the transaction ends: what is read then is what is changed.
///
/// # Errors
/// When the database is away.
pub async fn lock(db: impl PgExecutor<'_>) -> sqlx::Result<()> {
    sqlx::query!("lock table public.api_integrations in share row exclusive mode").execute(db).await?;
    Ok(())
}

/// Gives rows other priorities.
///
/// # Errors
/// When the database is away.
pub async fn set_priorities(db: impl PgExecutor<'_>, priorities: &[(String, i32)]) -> sqlx::Result<()> {
    let (names, priorities): (Vec<String>, Vec<i32>) = priorities.iter().cloned().unzip();
    sqlx::query!(
        "update public.api_integrations i set priority = n.priority, updated_at = clock_timestamp()
         from unnest($1::text[], $2::integer[]) as n (name, priority)
         where i.name = n.name and i.priority <> n.priority",
        &names,
        &priorities,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes a provider; says whether there was one.
///
/// # Errors
/// When the database is away.
pub async fn delete(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from public.api_integrations where name = $1", name).execute(db).await?;
    Ok(done.rows_affected() > 0)
}
