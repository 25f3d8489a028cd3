//! Opt-outs: who said stop. The claim reads them in the transaction that decides to send.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection, PgExecutor};

use crate::phone::PhoneNumber;

/// Advisory lock between consent and sending: claims hold it shared, whoever withdraws consent takes
/// it exclusively. So no claim that did not see the opt-out can commit after the answer to it.
pub const CONSENT_LOCK: i64 = 0x534d_5347_5753_544f;

/// What a person stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum OptOutScope {
    /// Promo messages.
    #[default]
    Marketing,
    /// Transactional messages too. A code that its owner asks for is never stopped.
    All,
}

/// One "stop".
#[derive(Clone, Debug, Serialize)]
pub struct OptOut {
    /// What it stops.
    pub scope: OptOutScope,
    /// Where it came from: an inbound STOP, the API, an import.
    pub source: String,
    /// When it was recorded first.
    pub created_at: DateTime<Utc>,
}

/// Lists what `phone` has stopped.
pub async fn list(db: impl PgExecutor<'_>, phone: &PhoneNumber) -> sqlx::Result<Vec<OptOut>> {
    sqlx::query_as!(
        OptOut,
        r#"select scope as "scope: OptOutScope", source, created_at
           from smsgw.sms_opt_outs where phone = $1 order by scope"#,
        phone.as_str(),
    )
    .fetch_all(db)
    .await
}

/// Records a stop. When this returns, no claim that did not see it will commit.
///
/// A stop that was already recorded keeps its source and date: they are the evidence.
pub async fn insert(
    db: &mut PgConnection,
    phone: &PhoneNumber,
    scope: OptOutScope,
    source: &str,
) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    sqlx::query!("select pg_advisory_xact_lock($1)", CONSENT_LOCK).execute(&mut *tx).await?;
    sqlx::query!(
        "insert into smsgw.sms_opt_outs (phone, scope, source) values ($1, $2, $3) on conflict do nothing",
        phone.as_str(),
        scope as OptOutScope,
        source,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Lets `phone` be texted again; `false` if it had stopped nothing.
pub async fn delete(db: impl PgExecutor<'_>, phone: &PhoneNumber) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("delete from smsgw.sms_opt_outs where phone = $1", phone.as_str()).execute(db).await?;
    Ok(done.rows_affected() > 0)
}

/// Lifts what `phone` stopped in one scope.
pub async fn delete_scope(
    db: impl PgExecutor<'_>,
    phone: &PhoneNumber,
    scope: OptOutScope,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from smsgw.sms_opt_outs where phone = $1 and scope = $2",
        phone.as_str(),
        scope as OptOutScope,
    )
    .execute(db)
    .await?;
    Ok(())
}
