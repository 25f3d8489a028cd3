//! What the database itself promises: read from its catalogue, and tried in each role.

mod catalogue;
mod isolation;
mod migrating;
mod partitions;
mod restoring;
mod rights;
mod views;

use sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};
use tests::cluster::fresh_database;

/// What Postgres calls a right that is missing.
const FORBIDDEN: &str = "42501";

/// A superuser in a migrated database of its own.
async fn owner() -> PgConnection {
    PgConnection::connect(&fresh_database().await).await.unwrap()
}

/// Runs statements that must succeed.
async fn run(db: &mut PgConnection, sql: impl Into<String>) {
    attempt(db, sql).await.unwrap();
}

/// Runs statements that may be refused.
async fn attempt(db: &mut PgConnection, sql: impl Into<String>) -> sqlx::Result<()> {
    raw_sql(AssertSqlSafe(sql.into())).execute(db).await.map(drop)
}

/// The one column of a query, row by row.
async fn list(db: &mut PgConnection, sql: impl Into<String>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(AssertSqlSafe(sql.into())).fetch_all(db).await
}

/// The SQLSTATE of a refusal.
fn code<T: std::fmt::Debug>(refused: sqlx::Result<T>) -> String {
    refused.unwrap_err().as_database_error().unwrap().code().unwrap().into_owned()
}
