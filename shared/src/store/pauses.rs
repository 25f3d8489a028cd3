//! The kill switch: lanes and providers that an operator has stopped.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection, PgExecutor};

use crate::store::opt_outs::shut_out_claims;

/// What a pause stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum PauseScope {
    /// Everything; the name is empty.
    All,
    /// One lane, by name.
    Lane,
    /// One provider, by name.
    Provider,
}

/// One thing that is stopped.
#[derive(Clone, Debug, Serialize)]
pub struct Pause {
    /// What kind of thing.
    pub scope: PauseScope,
    /// Which one.
    pub name: String,
    /// Since when.
    pub paused_at: DateTime<Utc>,
}

/// Lists everything that is stopped.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Pause>> {
    sqlx::query_as!(
        Pause,
        r#"select scope as "scope: PauseScope", name, paused_at from smsgw.sms_pauses order by scope, name"#
    )
    .fetch_all(db)
    .await
}

/// Stops something. When this returns, no transactional or promo claim that did not see the pause
/// will commit; a code that was being claimed at that moment may still leave.
pub async fn pause(db: &mut PgConnection, scope: PauseScope, name: &str) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    shut_out_claims(&mut *tx).await?;
    sqlx::query!(
        "insert into smsgw.sms_pauses (scope, name) values ($1, $2) on conflict do nothing",
        scope as PauseScope,
        name,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// Lets something go on; `false` if it was not stopped.
pub async fn resume(db: impl PgExecutor<'_>, scope: PauseScope, name: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from smsgw.sms_pauses where scope = $1 and name = $2",
        scope as PauseScope,
        name,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}
