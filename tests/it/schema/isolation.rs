//! A user sees their own rows and nobody else's, whatever the claims say.

use sqlx::PgConnection;

use super::{FORBIDDEN, attempt, code, list, owner, run};

const TABLES: [&str; 8] = [
    "sms_messages_log",
    "sms_otp_sessions",
    "user_contact_settings",
    "two_factor_backup_codes",
    "two_factor_apps",
    "remembered_devices",
    "verified_phones",
    "verified_phone_changes",
];

/// Rows of Anna, of Ben and, where a table allows that, of nobody.
const ROWS: &str = r#"
    insert into sms_messages_log (id, user_id, "to", type, status, segments, attempts, created_at)
    select smsgw.uuid_floor(clock_timestamp() - number * interval '1 second'), name,
           '+41790000001', 'transactional', 'sent', 1, 1, clock_timestamp()
    from unnest(array['anna', 'ben', null]) with ordinality as person (name, number);
    insert into sms_otp_sessions (id, user_id, phone, code_mac, resend_at, expires_at)
    select gen_random_uuid(), name, '+41790000001', '\x00', clock_timestamp(), clock_timestamp()
    from unnest(array['anna', 'ben', null]) as name;
    insert into verified_phones (user_id, phone, session_id, verified_at)
        values ('anna', '+41790000001', gen_random_uuid(), now()), ('ben', '+41790000002', gen_random_uuid(), now());
    insert into verified_phone_changes (user_id, phone, verified_at, ended_by)
        values ('anna', '+41790000003', now(), 'changed'), ('ben', '+41790000004', now(), 'removed');
    insert into user_contact_settings (user_id, phone) values ('anna', '+41790000001'), ('ben', '+41790000002');
    insert into two_factor_backup_codes (user_id, number, code_mac) values ('anna', 1, '\x00'), ('ben', 1, '\x00');
    insert into two_factor_apps (id, user_id, sealed_secret, confirmed_at)
    select gen_random_uuid(), name, '\x00', clock_timestamp() from unnest(array['anna', 'ben']) as name;
    insert into remembered_devices (id, user_id, name, expires_at)
    select gen_random_uuid(), name, 'laptop', clock_timestamp() from unnest(array['anna', 'ben']) as name"#;

/// A connection in the role of users, with those rows in the tables.
async fn user() -> PgConnection {
    let mut db = owner().await;
    run(&mut db, ROWS).await;
    run(&mut db, "set role smsgw_user").await;
    db
}

async fn claim(db: &mut PgConnection, claims: &str) {
    sqlx::query("select set_config('request.jwt.claims', $1, false)").bind(claims).execute(db).await.unwrap();
}

/// Whose rows of `table` can be seen.
async fn seen(db: &mut PgConnection, table: &str) -> sqlx::Result<Vec<String>> {
    list(db, format!("select coalesce(user_id, 'nobody') from {table} order by 1")).await
}

#[tokio::test]
async fn a_user_sees_only_their_own_rows() {
    let mut db = user().await;
    for (claims, name) in
        [(r#"{"sub": "anna"}"#, "anna"), (r#"{"role": "x", "sub": "ben", "aud": []}"#, "ben")]
    {
        claim(&mut db, claims).await;
        for table in TABLES {
            assert_eq!(seen(&mut db, table).await.unwrap(), [name], "{table}");
        }
    }
    claim(&mut db, r#"{"sub": "carl"}"#).await;
    for table in TABLES {
        assert_eq!(seen(&mut db, table).await.unwrap(), [""; 0], "{table}");
    }
}

#[tokio::test]
async fn without_claims_a_user_sees_nothing() {
    let mut db = user().await;
    for table in TABLES {
        assert_eq!(seen(&mut db, table).await.unwrap(), [""; 0], "{table}");
    }
    claim(&mut db, "").await;
    for table in TABLES {
        assert_eq!(seen(&mut db, table).await.unwrap(), [""; 0], "{table}");
    }
}

#[tokio::test]
async fn claims_that_are_no_claims_show_nothing() {
    let mut db = user().await;
    for claims in [
        "{}",
        "null",
        "[]",
        "anna",
        r#""anna""#,
        r#"["anna"]"#,
        r#"[{"sub": "anna"}]"#,
        r#"{"sub": "anna""#,
        "{sub: anna}",
        r#"{"sub": null}"#,
        r#"{"sub": ""}"#,
        r#"{"sub": "nobody"}"#,
        r#"{"sub": ["anna"]}"#,
        r#"{"sub": {"sub": "anna"}}"#,
        r#"{"Sub": "anna", "user_id": "anna"}"#,
        r#"{"sub": "anna' or 'a' = 'a"}"#,
        r#"{"sub": "%"}"#,
    ] {
        claim(&mut db, claims).await;
        for table in TABLES {
            // An error is a good answer too; rows are not.
            assert_eq!(seen(&mut db, table).await.unwrap_or_default(), [""; 0], "{table} for {claims}");
        }
    }
}

#[tokio::test]
async fn a_role_that_was_granted_smsgw_user_is_held_to_the_same_rows() {
    let mut db = user().await;
    // Roles outlive the test's database, so this one stays inside a transaction.
    run(&mut db, "reset role; begin; create role web nologin; grant smsgw_user to web; set local role web")
        .await;
    for table in TABLES {
        assert_eq!(seen(&mut db, table).await.unwrap(), [""; 0], "{table}");
    }
    claim(&mut db, r#"{"sub": "anna"}"#).await;
    for table in TABLES {
        assert_eq!(seen(&mut db, table).await.unwrap(), ["anna"], "{table}");
    }
    run(&mut db, "rollback").await;
}

#[tokio::test]
async fn a_user_cannot_change_even_their_own_rows() {
    let mut db = user().await;
    claim(&mut db, r#"{"sub": "anna"}"#).await;
    for table in TABLES {
        for sql in [
            format!("update {table} set user_id = 'anna'"),
            format!("delete from {table}"),
            format!("insert into {table} (user_id) values ('anna')"),
            format!("truncate {table}"),
        ] {
            assert_eq!(code(attempt(&mut db, sql.as_str()).await), FORBIDDEN, "{sql}");
        }
    }
}

#[tokio::test]
async fn the_gateway_sees_everyones_rows() {
    let mut db = user().await;
    run(&mut db, "set role smsgw_app").await;
    assert_eq!(seen(&mut db, "sms_messages_log").await.unwrap(), ["anna", "ben", "nobody"]);
    assert_eq!(seen(&mut db, "sms_messages").await.unwrap(), ["anna", "ben", "nobody"]);
    assert_eq!(seen(&mut db, "sms_otp_sessions").await.unwrap(), ["anna", "ben", "nobody"]);
    for table in &TABLES[2..] {
        assert_eq!(seen(&mut db, table).await.unwrap(), ["anna", "ben"], "{table}");
    }
}
