//! What the three roles may do, and that nobody else was given anything.

use super::{FORBIDDEN, attempt, code, list, owner, run};

const ROLES: &str = "('smsgw_app', 'smsgw_enqueue', 'smsgw_user')";
const RELATIONS: &str = "pg_class where relnamespace in ('public'::regnamespace, 'smsgw'::regnamespace)
                         and relkind in ('r', 'p', 'v', 'm', 'S')";

#[tokio::test]
async fn no_role_of_ours_can_do_more_than_it_was_granted() {
    let mut db = owner().await;
    let roles = format!("select rolname::text from pg_roles where rolname in {ROLES}");
    assert_eq!(list(&mut db, roles.as_str()).await.unwrap().len(), 3);
    let mighty = format!(
        "{roles} and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolcanlogin or rolreplication)"
    );
    assert_eq!(list(&mut db, mighty).await.unwrap(), [""; 0]);
    // The functions run with their owner's rights, which must not be a superuser's.
    let owned = format!(
        "select objid::regproc::text from pg_roles join pg_shdepend on refobjid = pg_roles.oid
         where deptype = 'o' and rolname in {ROLES}
           and dbid = (select oid from pg_database where datname = current_database()) order by 1"
    );
    assert_eq!(
        list(&mut db, owned).await.unwrap(),
        ["sms_campaign_add", "sms_campaign_refused", "sms_enqueue"]
    );
    let members = format!(
        "select r.rolname || ' in ' || g.rolname from pg_auth_members m
         join pg_roles r on r.oid = m.member join pg_roles g on g.oid = m.roleid where r.rolname in {ROLES}"
    );
    assert_eq!(list(&mut db, members).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_user_may_read_what_holds_their_rows_and_write_nothing() {
    let mut db = owner().await;
    let readable = format!(
        "select relname::text from {RELATIONS} and relkind <> 'S'
           and has_any_column_privilege('smsgw_user', oid, 'select') order by 1"
    );
    let expected = [
        "otp_logs",
        "phone_verifications",
        "remembered_devices",
        "sms_messages_log",
        "sms_otp_checks",
        "sms_otp_sessions",
        "two_factor_apps",
        "two_factor_backup_codes",
        "user_contact_settings",
        "verified_phone_changes",
        "verified_phones",
    ];
    assert_eq!(list(&mut db, readable).await.unwrap(), expected);
    let writable = format!(
        "select relname::text from {RELATIONS}
           and case relkind when 'S' then has_sequence_privilege('smsgw_user', oid, 'usage, select, update')
               else has_table_privilege('smsgw_user', oid, 'insert, update, delete, truncate, references, trigger')
                 or has_any_column_privilege('smsgw_user', oid, 'insert, update, references') end"
    );
    assert_eq!(list(&mut db, writable).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_user_cannot_look_into_the_closed_schema_even_at_a_partition_by_name() {
    let mut db = owner().await;
    let inside = "select format('smsgw.%I', relname) from pg_class
                  where relnamespace = 'smsgw'::regnamespace and relkind in ('r', 'p')";
    let inside = list(&mut db, inside).await.unwrap();
    assert!(inside.iter().any(|table| table.starts_with("smsgw.sms_messages_log_")));
    run(&mut db, "set role smsgw_user; set request.jwt.claims = '{\"sub\": \"anna\"}'").await;
    for table in inside {
        assert_eq!(code(attempt(&mut db, format!("select from {table}")).await), FORBIDDEN, "{table}");
    }
    for sql in [
        "select from public.sms_messages",
        "select from public.api_integrations",
        "select from public.sms_templates",
        "select smsgw.create_partitions(clock_timestamp(), interval '1 day')",
        "select smsgw.drop_partitions(interval '90 days')",
        "select smsgw.uuid_floor(clock_timestamp())",
    ] {
        assert_eq!(code(attempt(&mut db, sql).await), FORBIDDEN, "{sql}");
    }
}

#[tokio::test]
async fn a_user_cannot_read_the_mac_of_a_code() {
    let mut db = owner().await;
    run(&mut db, "set role smsgw_user").await;
    run(&mut db, "select id, status, attempts, expires_at from sms_otp_sessions").await;
    for sql in ["select code_mac from sms_otp_sessions", "select * from sms_otp_sessions"] {
        assert_eq!(code(attempt(&mut db, sql).await), FORBIDDEN, "{sql}");
    }
}

#[tokio::test]
async fn a_user_cannot_read_what_a_second_factor_is_known_by() {
    let mut db = owner().await;
    run(&mut db, "set role smsgw_user").await;
    run(&mut db, "select id, used, used_at, created_at from two_factor_backup_codes").await;
    run(&mut db, "select id, created_at, confirmed_at from two_factor_apps").await;
    run(&mut db, "select id, name, created_at, last_used_at, expires_at from remembered_devices").await;
    for sql in [
        "select code_mac from two_factor_backup_codes",
        "select sealed_secret from two_factor_apps",
        "select last_step from two_factor_apps",
        "select generation from remembered_devices",
        "select * from two_factor_backup_codes",
        "select from smsgw.two_factor_failures",
        "select from smsgw.two_factor_verifications",
    ] {
        assert_eq!(code(attempt(&mut db, sql).await), FORBIDDEN, "{sql}");
    }
}

#[tokio::test]
async fn the_gateway_can_neither_rewrite_attempts_and_consents_nor_delete_the_log() {
    let mut db = owner().await;
    run(&mut db, "set role smsgw_app").await;
    for sql in [
        "update smsgw.sms_attempts set reason = ''",
        "delete from smsgw.sms_attempts",
        "update smsgw.sms_consents set proof = 'another'",
        "delete from smsgw.sms_consents",
        "truncate smsgw.sms_consents",
        "delete from public.sms_messages_log",
        "truncate public.sms_messages_log",
        "drop table public.sms_messages_log",
        "delete from public._sqlx_migrations",
        "alter table public.sms_messages_log disable row level security",
    ] {
        assert_eq!(code(attempt(&mut db, sql).await), FORBIDDEN, "{sql}");
    }
}

#[tokio::test]
async fn the_doors_for_sql_open_their_functions_and_nothing_else() {
    let mut db = owner().await;
    let granted = format!(
        "select relname::text from {RELATIONS} and relkind <> 'S'
           and has_any_column_privilege('smsgw_enqueue', oid, 'select, insert, update')"
    );
    assert_eq!(list(&mut db, granted).await.unwrap(), [""; 0]);
    let callable = "select oid::regproc::text from pg_proc
                    where pronamespace in ('public'::regnamespace, 'smsgw'::regnamespace)
                      and has_function_privilege('smsgw_enqueue', oid, 'execute')
                      and has_schema_privilege('smsgw_enqueue', pronamespace, 'usage') order by 1";
    assert_eq!(
        list(&mut db, callable).await.unwrap(),
        ["sms_campaign_add", "sms_campaign_refused", "sms_enqueue"]
    );
    run(&mut db, "set role smsgw_app").await;
    assert_eq!(code(attempt(&mut db, "create table public.mine ()").await), FORBIDDEN);
}

#[tokio::test]
async fn an_otp_with_a_readable_body_is_refused() {
    let mut db = owner().await;
    run(&mut db, "set role smsgw_app").await;
    let otp = |columns: &str, values: &str| {
        format!(
            r#"insert into smsgw.sms_outbox (id, lane, due_at, expires_at, "to", segments, {columns})
               values (gen_random_uuid(), 'otp', now(), now(), '+41790000001', 1, {values})"#
        )
    };
    run(&mut db, otp("sealed_body", r"'\x00'")).await;
    for (columns, values) in [
        ("body", "'Your code is 123456.'"),
        ("sealed_body, body", r"'\x00', 'Your code is 123456.'"),
        ("sealed_body, variables", r#"'\x00', '{"code": "123456"}'"#),
        ("sender", "'none at all'"),
    ] {
        let refused = attempt(&mut db, otp(columns, values)).await.unwrap_err();
        let constraint = refused.as_database_error().and_then(|error| error.constraint()).unwrap();
        assert_eq!(constraint, "sms_outbox_otp_is_sealed", "{columns}");
    }
}
