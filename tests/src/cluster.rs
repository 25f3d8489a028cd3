//! One Postgres cluster for all tests of a run, and a database of its own for each.

use std::sync::atomic::{AtomicU32, Ordering};

use private_postgres::{Cluster, Options};
use shared::db::Database;
use sqlx::{Connection, PgConnection};
use tokio::sync::OnceCell;

const TEMPLATE: &str = "smsgw_template";

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The URL of a new, migrated, empty database.
pub async fn fresh_database() -> String {
    let cluster = CLUSTER.get_or_init(start).await;
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    let create = format!("create database {name} template {TEMPLATE}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    cluster.url_for(&name)
}

/// The URL of a copy of the database `name`, as a backup of it would be. Whoever is connected to it is cut off.
pub(crate) async fn copy_of(name: &str) -> String {
    let cluster = CLUSTER.get_or_init(start).await;
    let copy = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
    sqlx::query(cut).bind(name).execute(&mut admin).await.unwrap();
    let create = format!("create database {copy} template {name}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    cluster.url_for(&copy)
}

/// Tests kill processes, not the machine, so the disk need not be waited for.
async fn start() -> Cluster {
    let options = Options::temporary().without_fsync().setting("max_connections", "400");
    let cluster = Cluster::start(options).await.unwrap();
    let mut admin = PgConnection::connect(&cluster.url()).await.unwrap();
    let create = format!("create database {TEMPLATE}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    Database::new(&cluster.url_for(TEMPLATE)).unwrap().migrate().await.unwrap();
    cluster
}
