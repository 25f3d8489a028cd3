//! Opt-outs: what people have stopped, at present. The claim reads them in the transaction that decides to send;
//! [`consents`](super::consents) writes them together with the ledger.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::consent::OptOutScope;
use crate::phone::PhoneNumber;

/// Advisory lock between consent and sending: claims hold it shared, whoever withdraws consent takes
/// it exclusively. So no claim that did not see the opt-out can commit after the answer to it.
pub const CONSENT_LOCK: i64 = 0x534d_5347_5753_544f;

/// Takes [`CONSENT_LOCK`] until the transaction of `db` ends: no claim that does not see it commits afterwards.
pub(super) async fn shut_out_claims(db: impl PgExecutor<'_>) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock($1)", CONSENT_LOCK).execute(db).await?;
    Ok(())
}

/// One "stop".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OptOut {
    /// How much it stops.
    pub scope: OptOutScope,
    /// Whose messages, if it is about one sender.
    pub sender: Option<String>,
    /// Where it came from: an inbound STOP, a provider, the API, an import.
    pub source: String,
    /// What shows it.
    pub proof: Option<String>,
    /// When it was recorded first.
    pub created_at: DateTime<Utc>,
}

/// Lists what `phone` has stopped.
pub async fn list(db: impl PgExecutor<'_>, phone: &PhoneNumber) -> sqlx::Result<Vec<OptOut>> {
    sqlx::query_as!(
        OptOut,
        r#"select scope as "scope: OptOutScope", nullif(sender, '') as sender, source, proof, created_at
           from smsgw.sms_opt_outs where phone = $1 order by scope, sender"#,
        phone.as_str(),
    )
    .fetch_all(db)
    .await
}

/// One "stop" of a list, with whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedOptOut {
    /// Who.
    pub phone: PhoneNumber,
    /// How much it stops.
    pub scope: OptOutScope,
    /// Whose messages, if it is about one sender.
    pub sender: Option<String>,
    /// Where it came from.
    pub source: String,
    /// What shows it.
    pub proof: Option<String>,
    /// When it was recorded first.
    pub created_at: DateTime<Utc>,
}

impl ListedOptOut {
    /// The columns of a list of stops.
    pub const COLUMNS: [&str; 6] = ["phone", "scope", "sender", "source", "proof", "created_at"];

    /// Its cells, in the order of [`COLUMNS`](Self::COLUMNS).
    pub fn cells(&self) -> [String; 6] {
        [
            self.phone.as_str().to_owned(),
            self.scope.as_str().to_owned(),
            self.sender.clone().unwrap_or_default(),
            self.source.clone(),
            self.proof.clone().unwrap_or_default(),
            self.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        ]
    }
}

/// Lists up to `limit` stops of all people, by number, behind `after`; from the first without it.
pub async fn list_all(
    db: impl PgExecutor<'_>,
    after: Option<&ListedOptOut>,
    limit: i64,
) -> sqlx::Result<Vec<ListedOptOut>> {
    sqlx::query_as!(
        ListedOptOut,
        r#"select phone as "phone: PhoneNumber", scope as "scope: OptOutScope", nullif(sender, '') as sender,
                  source, proof, created_at
           from smsgw.sms_opt_outs where (phone, scope, sender) > ($1, $2, $3)
           order by phone, scope, sender limit $4"#,
        after.map_or("", |last| last.phone.as_str()),
        after.map_or("", |last| last.scope.as_str()),
        after.and_then(|last| last.sender.as_deref()).unwrap_or_default(),
        limit,
    )
    .fetch_all(db)
    .await
}
