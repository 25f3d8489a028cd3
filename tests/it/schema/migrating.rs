//! Migrating: again, all at once, by owners of any rank, into databases that give things away.

use private_postgres::{Cluster, Options};
use shared::db::Database;
use sqlx::{Connection, PgConnection};

use super::{FORBIDDEN, attempt, code, list, run};

/// A cluster without our roles: the shared one has them from its first migration.
pub(super) async fn bare_cluster() -> (Cluster, PgConnection) {
    let cluster = Cluster::start(Options::temporary().without_fsync()).await.unwrap();
    let admin = PgConnection::connect(&cluster.url()).await.unwrap();
    (cluster, admin)
}

/// The URL of `database` for a role whose password is its name.
pub(super) fn url_of(cluster: &Cluster, role: &str, database: &str) -> String {
    format!("postgres://{role}:{role}@127.0.0.1:{}/{database}", cluster.port())
}

pub(super) async fn migrate(url: &str) {
    Database::new(url).unwrap().migrate().await.unwrap();
}

/// Migrates as the role of `url` and does, as the gateway would, what needs rights.
pub(super) async fn migrate_and_use(url: &str) {
    migrate(url).await;
    let pool = Database::new(url).unwrap().pool(1);
    let role: String = sqlx::query_scalar("select current_user::text").fetch_one(&pool).await.unwrap();
    assert_eq!(role, "smsgw_app");
    let phone = "insert into user_contact_settings (user_id, phone) values ('anna', '+41790000001')";
    sqlx::query(phone).execute(&pool).await.unwrap();
    let made = sqlx::query_scalar("select smsgw.create_partitions(clock_timestamp(), interval '60 days')");
    assert!(made.fetch_one(&pool).await.is_ok_and(|made: i32| made > 0));
    let known: i64 =
        sqlx::query_scalar("select count(*) from _sqlx_migrations").fetch_one(&pool).await.unwrap();
    assert!(known > 0);
    pool.close().await;
}

#[tokio::test]
async fn databases_of_one_cluster_may_be_migrated_at_once_and_again() {
    let (cluster, mut admin) = bare_cluster().await;
    let mut urls = Vec::new();
    for number in 0..4 {
        let name = format!("gateway_{number}");
        run(&mut admin, format!("create database {name}")).await;
        // Each is migrated from two processes.
        urls.extend([cluster.url_for(&name), cluster.url_for(&name)]);
    }
    futures::future::join_all(urls.iter().map(|url| migrate(url))).await;
    futures::future::join_all(urls.iter().map(|url| migrate(url))).await;
    migrate_and_use(&urls[0]).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_plain_owner_that_may_create_roles_can_migrate() {
    let (cluster, mut admin) = bare_cluster().await;
    run(&mut admin, "create role plain login createrole password 'plain'").await;
    run(&mut admin, "create database gateway owner plain").await;
    migrate_and_use(&url_of(&cluster, "plain", "gateway")).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn an_owner_without_other_rights_can_migrate_once_an_administrator_made_the_roles() {
    let (cluster, mut admin) = bare_cluster().await;
    run(&mut admin, "create role smsgw_app; create role smsgw_enqueue; create role smsgw_user").await;
    run(&mut admin, "create role humble login password 'humble' in role smsgw_app").await;
    run(&mut admin, "create database gateway owner humble").await;
    migrate_and_use(&url_of(&cluster, "humble", "gateway")).await;
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_hosted_postgres_gives_its_web_roles_by_default_is_taken_back() {
    let (cluster, mut admin) = bare_cluster().await;
    run(&mut admin, "create role web login password 'web'; create role service bypassrls").await;
    run(&mut admin, "create database gateway").await;
    let url = cluster.url_for("gateway");
    let mut owner = PgConnection::connect(&url).await.unwrap();
    run(&mut owner, "alter default privileges in schema public grant all on tables to public, web, service")
        .await;
    run(&mut owner, "create table public.booking (id integer)").await;
    migrate(&url).await;
    let given = "select distinct c.relname || ' to ' || coalesce(r.rolname, 'all')
                 from pg_class c, aclexplode(c.relacl) g left join pg_roles r on r.oid = g.grantee
                 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
                   and g.grantee <> c.relowner
                   and coalesce(r.rolname, 'all') not in ('smsgw_app', 'smsgw_user', 'service')
                 order by 1";
    assert_eq!(list(&mut owner, given).await.unwrap(), ["booking to all", "booking to web"]);
    // It is the web role of PostgREST that users come in by.
    run(&mut owner, "grant smsgw_user to web; insert into user_contact_settings (user_id) values ('anna')")
        .await;
    let mut web = PgConnection::connect(&url_of(&cluster, "web", "gateway")).await.unwrap();
    run(&mut web, r#"set request.jwt.claims = '{"sub": "anna"}'"#).await;
    assert_eq!(list(&mut web, "select user_id from user_contact_settings").await.unwrap(), ["anna"]);
    for sql in
        ["select code_mac from sms_otp_sessions", "truncate sms_templates", "delete from _sqlx_migrations"]
    {
        assert_eq!(code(attempt(&mut web, sql).await), FORBIDDEN, "{sql}");
    }
    cluster.stop().await.unwrap();
}
