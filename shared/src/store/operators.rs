//! `smsgw.operators`: who may sign in to the console.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::ids::OperatorId;
use crate::operator::{OperatorName, Role};

/// An operator as a list shows them.
#[derive(Clone, Debug, Serialize)]
pub struct ListedOperator {
    /// Their number.
    pub id: OperatorId,
    /// What they sign in as.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether a password signs them in, or a link alone.
    pub has_password: bool,
    /// When they were added.
    pub created_at: DateTime<Utc>,
    /// When a session of theirs that is remembered was last used, to the minute.
    pub seen_at: Option<DateTime<Utc>>,
    /// Since when they may not sign in.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// Who signs in under a name.
#[derive(Clone, Debug)]
pub struct SigningIn {
    /// Their number.
    pub id: OperatorId,
    /// Argon2id, as a PHC string; `None` if a link alone lets them in.
    pub password_hash: Option<String>,
}

/// Adds an operator, or gives one of that name this role and, if there is one, this password. Whoever was disabled may
/// sign in again; sessions and links from before are over.
pub async fn upsert(
    db: impl PgExecutor<'_>,
    name: &OperatorName,
    role: Role,
    password_hash: Option<&str>,
) -> sqlx::Result<OperatorId> {
    sqlx::query_scalar!(
        r#"with kept as (
               insert into smsgw.operators as o (name, role, password_hash) values ($1, $2, $3)
               on conflict (name) do update
               set role = excluded.role, password_hash = coalesce(excluded.password_hash, o.password_hash),
                   disabled_at = null
               returning id
           ),
           sessions as (delete from smsgw.operator_sessions where operator_id = (select id from kept)),
           links as (delete from smsgw.operator_links where operator_id = (select id from kept))
           select id as "id!: OperatorId" from kept"#,
        name.as_str(),
        role as Role,
        password_hash,
    )
    .fetch_one(db)
    .await
}

/// Ends an operator's access at once, in every browser; `false` if there is nobody of that name.
pub async fn disable(db: impl PgExecutor<'_>, name: &OperatorName) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        r#"with gone as (
               update smsgw.operators set disabled_at = coalesce(disabled_at, clock_timestamp())
               where name = $1 returning id
           ),
           sessions as (delete from smsgw.operator_sessions where operator_id in (select id from gone)),
           links as (delete from smsgw.operator_links where operator_id in (select id from gone))
           select count(*) as "count!" from gone"#,
        name.as_str(),
    )
    .fetch_one(db)
    .await?;
    Ok(found > 0)
}

/// Finds who may sign in under `name`.
pub async fn find(db: impl PgExecutor<'_>, name: &OperatorName) -> sqlx::Result<Option<SigningIn>> {
    sqlx::query_as!(
        SigningIn,
        r#"select id as "id: OperatorId", password_hash from smsgw.operators
           where name = $1 and disabled_at is null"#,
        name.as_str(),
    )
    .fetch_optional(db)
    .await
}

/// Lists all operators by name, those who may not sign in too.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ListedOperator>> {
    sqlx::query_as!(
        ListedOperator,
        r#"select id as "id: OperatorId", name, role as "role: Role", password_hash is not null as "has_password!",
                  created_at, disabled_at,
                  (select max(s.seen_at) from smsgw.operator_sessions s where s.operator_id = o.id) as seen_at
           from smsgw.operators o order by name"#
    )
    .fetch_all(db)
    .await
}
