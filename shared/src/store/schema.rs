//! Whether the schema is the one this program was built for.

use sqlx::PgExecutor;

use crate::db::MIGRATIONS;

/// Counts the migrations of this program that the database does not have yet.
///
/// # Errors
/// Also when the database was never migrated at all.
pub async fn count_missing(db: impl PgExecutor<'_>) -> sqlx::Result<usize> {
    let wanted: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    // Not `query!`: the table is sqlx's own and is not in our migrations.
    let applied: i64 = sqlx::query_scalar(
        "select count(*) from public._sqlx_migrations where success and version = any($1)",
    )
    .bind(&wanted)
    .fetch_one(db)
    .await?;
    Ok(wanted.len().saturating_sub(usize::try_from(applied).unwrap_or_default()))
}
