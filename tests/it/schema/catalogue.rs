//! Rules that every table, view, function and constraint keeps, whoever adds one.

use super::{list, owner};

#[tokio::test]
async fn every_table_in_public_has_row_security_enabled_and_forced() {
    let mut db = owner().await;
    let tables = "select relname::text from pg_class
                  where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'f', 'm')
                    and relname <> '_sqlx_migrations'";
    let all = list(&mut db, format!("{tables} order by 1")).await.unwrap();
    assert_eq!(
        all,
        [
            "api_integrations",
            "remembered_devices",
            "sms_campaigns",
            "sms_messages_log",
            "sms_otp_checks",
            "sms_otp_sessions",
            "sms_templates",
            "two_factor_apps",
            "two_factor_backup_codes",
            "user_contact_settings",
            "verified_phone_changes",
            "verified_phones"
        ]
    );
    let open = list(&mut db, format!("{tables} and not (relrowsecurity and relforcerowsecurity)")).await;
    assert_eq!(open.unwrap(), [""; 0]);
}

#[tokio::test]
async fn every_partition_lives_in_the_closed_schema() {
    let mut db = owner().await;
    let partitions = "select oid::regclass::text from pg_class where relispartition and relkind = 'r'";
    assert!(list(&mut db, partitions).await.unwrap().len() > 8);
    let outside = format!("{partitions} and relnamespace <> 'smsgw'::regnamespace");
    assert_eq!(list(&mut db, outside).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn every_view_reads_with_the_rights_of_its_reader() {
    let mut db = owner().await;
    let views = "select relname::text from pg_class
                 where relnamespace in ('public'::regnamespace, 'smsgw'::regnamespace) and relkind in ('v', 'm')";
    let all = list(&mut db, format!("{views} order by 1")).await.unwrap();
    assert_eq!(all, ["otp_logs", "phone_verifications", "sms_messages"]);
    let unsafe_ones = format!("{views} and not coalesce('security_invoker=true' = any(reloptions), false)");
    assert_eq!(list(&mut db, unsafe_ones).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn every_constraint_and_index_was_named_by_us() {
    let mut db = owner().await;
    let named_by_postgres = "
        select name from (
            select conrelid as relation, conname::text as name from pg_constraint where contype <> 'n'
            union all
            select indrelid, indexrelid::regclass::text from pg_index
        ) named
        join pg_class c on c.oid = relation
        where c.relnamespace in ('public'::regnamespace, 'smsgw'::regnamespace)
          and not c.relispartition and c.relname <> '_sqlx_migrations'
          and (name ~ '_(check|key|fkey|excl|idx)[0-9]*$' or name !~ ('^(smsgw\\.)?' || c.relname || '_'))";
    assert_eq!(list(&mut db, named_by_postgres).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn functions_with_the_owners_rights_are_closed_and_fix_their_search_path() {
    let mut db = owner().await;
    let with_owners_rights = "
        select proname::text from pg_proc
        where pronamespace in ('public'::regnamespace, 'smsgw'::regnamespace) and prosecdef";
    let all = list(&mut db, format!("{with_owners_rights} order by 1")).await.unwrap();
    assert_eq!(
        all,
        [
            "create_partitions",
            "drop_partitions",
            "erase_attempts",
            "erase_consents",
            "sms_campaign_add",
            "sms_campaign_refused",
            "sms_enqueue"
        ]
    );
    let movable = format!(
        "{with_owners_rights}
           and not coalesce('search_path=pg_catalog, pg_temp' = any(proconfig), false)"
    );
    assert_eq!(list(&mut db, movable).await.unwrap(), [""; 0]);
    // Without an access list everyone may execute; the grantee 0 in one is everyone.
    let open = format!(
        "{with_owners_rights}
           and (proacl is null or exists (
               select from aclexplode(proacl) where grantee not in (proowner, 'smsgw_app'::regrole)
                 and not (proname in ('sms_enqueue', 'sms_campaign_add', 'sms_campaign_refused') and grantee = 'smsgw_enqueue'::regrole)))"
    );
    assert_eq!(list(&mut db, open).await.unwrap(), [""; 0]);
}
