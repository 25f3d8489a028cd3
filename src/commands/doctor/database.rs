//! The database: reached, new enough, migrated, with the gateway's role, partitions and clock.

use chrono::Utc;
use secrecy::ExposeSecret;
use shared::clock::DbClock;
use shared::config::DatabaseConfig;
use shared::db::{Database, Use, is_away};
use shared::store::{roles, schema, upkeep};
use sqlx::PgPool;
use std::time::Duration;

use super::Finding;
use crate::commands::{RESTORE_AGAIN, deprived_of};
use crate::home::database_url;

/// PostgreSQL 15.
const OLDEST: i32 = 150_000;
/// What a clock may be off without anybody noticing, and from when people will.
const APART: (i64, i64) = (2, 60);
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks from the connection up to the schema; gives a pool if the schema can be used.
pub(super) async fn check(given: &DatabaseConfig) -> (Option<PgPool>, Vec<Finding>) {
    let database = match database_url(given).map(|url| Database::new(url.expose_secret())) {
        Ok(Ok(database)) => database,
        Ok(Err(error)) => return (None, vec![unreadable(&error)]),
        Err(error) => {
            let cure = "set DATABASE_URL to postgres://user:password@host/name";
            return (None, vec![Finding::fail("database", error.to_string(), cure)]);
        }
    };
    let owner = database_as_owner(&database);
    let version = match tokio::time::timeout(PATIENCE, schema::server_version(&owner)).await {
        Ok(Ok(version)) => version,
        Ok(Err(error)) => return (None, vec![refused(&error)]),
        Err(_) => return (None, vec![refused(&sqlx::Error::PoolTimedOut)]),
    };
    let mut findings = vec![old_or_not(version)];
    let standing = role_and_schema(&owner, &database, &mut findings).await;
    (standing.then(|| database.pool(2)), findings)
}

/// With the rights of whoever DATABASE_URL names.
fn database_as_owner(database: &Database) -> PgPool {
    let options = sqlx::postgres::PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
    options.connect_lazy_with(database.options().clone())
}

fn unreadable(error: &sqlx::Error) -> Finding {
    let detail = format!("DATABASE_URL cannot be read: {error}");
    Finding::fail("database", detail, "write it as postgres://user:password@host:5432/name")
}

fn refused(error: &sqlx::Error) -> Finding {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let (detail, cure) = match code.as_deref() {
        Some("28P01" | "28000") => {
            (error.to_string(), "correct user and password in DATABASE_URL, or pg_hba.conf")
        }
        Some("3D000") => {
            (error.to_string(), "create the database (createdb), or correct its name in DATABASE_URL")
        }
        Some("53300") => (error.to_string(), "raise max_connections of Postgres, or run fewer processes"),
        _ => (
            format!("cannot be reached: {error}"),
            "start Postgres, or correct host and port in DATABASE_URL; is there a firewall between?",
        ),
    };
    Finding::fail("database", detail, cure)
}

fn old_or_not(version: i32) -> Finding {
    let name = format!("PostgreSQL {}.{}", version / 10_000, version % 10_000);
    if version >= OLDEST {
        return Finding::ok("database", name);
    }
    Finding::fail("database", format!("{name} is too old"), "upgrade it to PostgreSQL 15 or newer")
}

/// Whether the tables can be used.
async fn role_and_schema(owner: &PgPool, database: &Database, findings: &mut Vec<Finding>) -> bool {
    const MIGRATE: &str = "run `smsgw migrate`";
    // As the owner first: without the role nobody else gets in.
    let compared = schema::compare(owner).await;
    match &compared {
        Ok(standing) if standing.changed > 0 => {
            let detail = format!("{} migrations are known in another form", standing.changed);
            let cure = "this database belongs to another build: use the release that migrated it";
            findings.push(Finding::fail("schema", detail, cure));
        }
        Ok(standing) if standing.missing > 0 => {
            findings.push(Finding::fail(
                "schema",
                format!("{} migrations are missing", standing.missing),
                MIGRATE,
            ));
        }
        Ok(standing) if standing.unknown > 0 => {
            let detail = format!("is newer than this program by {} migrations", standing.unknown);
            findings.push(Finding::warn("schema", detail, "upgrade this program too"));
        }
        Ok(_) => findings.push(Finding::ok("schema", "is up to date")),
        Err(error) if is_away(error) => findings.push(refused(error)),
        Err(_) => findings.push(Finding::fail("schema", "the database was never migrated", MIGRATE)),
    }
    let Ok(standing) = compared else { return false };
    if standing.missing == 0
        && let Ok(deprived) = roles::list_deprived(owner).await
        && !deprived.is_empty()
    {
        let cure = format!("run `smsgw migrate`, which makes what is missing; then {RESTORE_AGAIN}");
        findings.push(Finding::fail("role", deprived_of(&deprived), cure));
        return false;
    }
    match database.connect(Use::Service("smsgw doctor")).await {
        Ok(_) => findings.push(Finding::ok("role", "smsgw_app can be taken")),
        Err(error) => {
            let cure = "as a superuser: grant smsgw_app to the user of DATABASE_URL";
            findings.push(Finding::fail("role", format!("smsgw_app cannot be taken: {error}"), cure));
            return false;
        }
    }
    standing.missing == 0
}

/// Partitions and clock.
pub(super) async fn check_upkeep(pool: &PgPool) -> Vec<Finding> {
    let partitions = match upkeep::list_missing_partitions(pool).await {
        Ok(missing) if missing.is_empty() => {
            Finding::ok("partitions", "are there for this week and the next")
        }
        Ok(missing) => {
            let cure = "start a worker, which makes them; if it runs, its log says why it could not";
            Finding::fail("partitions", format!("missing: {}", missing.join(", ")), cure)
        }
        Err(error) => Finding::fail("partitions", error.to_string(), "see the error"),
    };
    let clock = match DbClock::start(pool).await {
        Ok(clock) => clock_of((clock.now() - Utc::now()).num_seconds()),
        Err(error) => Finding::fail("clock", error.to_string(), "see the error"),
    };
    vec![partitions, clock]
}

/// The gateway goes by the database's clock, but certificates and webhooks by the host's.
fn clock_of(apart: i64) -> Finding {
    let detail = format!("host and database are {} s apart", apart.abs());
    let cure = "let both hosts keep time by NTP (timedatectl set-ntp true)";
    match apart.abs() {
        apart if apart >= APART.1 => Finding::fail("clock", detail, cure),
        apart if apart >= APART.0 => Finding::warn("clock", detail, cure),
        _ => Finding::ok("clock", "host and database agree"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    #[test]
    fn old_servers_and_clocks_apart_are_told() {
        let verdicts = [140_011, 150_000, 180_004].map(|version| old_or_not(version).result);
        assert_eq!(verdicts, [Verdict::Fail, Verdict::Ok, Verdict::Ok]);
        let verdicts = [0, -1, 2, -59, 60, -3600].map(|seconds| clock_of(seconds).result);
        let expected = [Verdict::Ok, Verdict::Ok, Verdict::Warn, Verdict::Warn, Verdict::Fail, Verdict::Fail];
        assert_eq!(verdicts, expected);
    }
}
