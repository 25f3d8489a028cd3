//! The gateway's roles. They belong to the whole server, so a dump of a database has none of them: restored on a new
//! server, it knows every migration and lacks what those gave to the roles.

use sqlx::{PgConnection, PgExecutor};

/// As the first migration makes them, which does not run again on a database that knows it.
const ENSURE: &str = "
    do $$
    declare
        wanted text;
    begin
        if to_regclass('public._sqlx_migrations') is null then
            return;
        end if;
        foreach wanted in array array['smsgw_app', 'smsgw_enqueue', 'smsgw_user'] loop
            if not exists (select from pg_roles where rolname = wanted) then
                begin
                    execute format('create role %I nologin nobypassrls', wanted);
                exception when duplicate_object or unique_violation then
                    null;
                end;
            end if;
        end loop;
        if not pg_has_role(current_user, 'smsgw_app',
            case when current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end)
        then
            begin
                execute format('grant smsgw_app to %I', current_user);
            exception when unique_violation or insufficient_privilege then
                -- Who may not give it may still migrate, for another login that has it.
                null;
            end;
        end if;
    end
    $$";

/// Makes the roles that are missing on the server of a database that was migrated elsewhere, and lets this login
/// become the gateway.
///
/// # Errors
/// Also when a role is missing and this login may not make roles.
pub async fn ensure(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql(ENSURE).execute(db).await.map(drop)
}

/// Lists the roles that lack what the migrations gave them here: ownership, grants or policies. All have everything
/// in a database that is migrated; a restore without the roles, or without owners or grants, leaves it out.
pub async fn list_deprived(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select distinct wanted.role as "role!"
           from (values ('smsgw_app', 'o'), ('smsgw_app', 'a'), ('smsgw_app', 'r'), ('smsgw_enqueue', 'a'),
                        ('smsgw_user', 'a'), ('smsgw_user', 'r')) as wanted (role, kind)
           where not exists (
               select from pg_shdepend d join pg_roles r on r.oid = d.refobjid
               where r.rolname = wanted.role and d.deptype = wanted.kind::"char"
                 and d.dbid = (select oid from pg_database where datname = current_database()))
           order by 1"#
    )
    .fetch_all(db)
    .await
}
