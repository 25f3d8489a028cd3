//! `smsgw.audit_log`: what operators changed. Append-only.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgExecutor;

use crate::operator::Role;
use crate::store::operator_sessions::SignedIn;

/// Something that an operator did.
#[derive(Clone, Debug)]
pub struct Deed<'a> {
    /// Who.
    pub operator: &'a SignedIn,
    /// From where.
    pub address: String,
    /// What, for example `message.cancel`.
    pub action: &'static str,
    /// To what.
    pub subject: Option<&'a str>,
    /// What is different since; never a secret.
    pub detail: Option<Value>,
}

/// A deed as a list shows it.
#[derive(Clone, Debug)]
pub struct ListedDeed {
    /// Its place; later ones are higher.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who, by the name they had.
    pub operator: String,
    /// What they might do then.
    pub role: Role,
    /// From where.
    pub address: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub subject: Option<String>,
    /// What is different since.
    pub detail: Option<Value>,
}

/// Writes a deed down, in the transaction that does it.
pub async fn record(db: impl PgExecutor<'_>, deed: &Deed<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.audit_log (operator, role, address, action, subject, detail)
         values ($1, $2, $3, $4, $5, $6)",
        deed.operator.name,
        deed.operator.role as Role,
        deed.address,
        deed.action,
        deed.subject,
        deed.detail,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lists up to `limit` deeds, newest first; with `before`, those older than that place.
pub async fn list(db: impl PgExecutor<'_>, before: Option<i64>, limit: i64) -> sqlx::Result<Vec<ListedDeed>> {
    sqlx::query_as!(
        ListedDeed,
        r#"select id, at, operator, role as "role: Role", address, action, subject, detail
           from smsgw.audit_log where id < $1 order by id desc limit $2"#,
        before.unwrap_or(i64::MAX),
        limit,
    )
    .fetch_all(db)
    .await
}
