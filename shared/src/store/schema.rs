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

/// How the database's schema and this program's stand to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Migrations of this program that the database does not have.
    pub missing: usize,
    /// Migrations of the database that this program does not know: a newer one was here.
    pub unknown: usize,
    /// Migrations that the database knows in another form.
    pub changed: usize,
}

/// Compares the database's migrations with this program's.
///
/// # Errors
/// Also when the database was never migrated at all.
pub async fn compare(db: impl PgExecutor<'_>) -> sqlx::Result<Standing> {
    // Not `query!`: the table is sqlx's own and is not in our migrations.
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select version, checksum from public._sqlx_migrations where success")
            .fetch_all(db)
            .await?;
    let ours = |version: i64| MIGRATIONS.iter().find(|migration| migration.version == version);
    let known = applied.iter().filter_map(|(version, sum)| ours(*version).map(|own| own.checksum == *sum));
    let same_or_not: Vec<bool> = known.collect();
    Ok(Standing {
        missing: MIGRATIONS.iter().count().saturating_sub(same_or_not.len()),
        unknown: applied.len() - same_or_not.len(),
        changed: same_or_not.iter().filter(|same| !**same).count(),
    })
}

/// The server's version: 150018 is 15.18.
pub async fn server_version(db: impl PgExecutor<'_>) -> sqlx::Result<i32> {
    sqlx::query_scalar!(r#"select current_setting('server_version_num')::integer as "version!""#)
        .fetch_one(db)
        .await
}
