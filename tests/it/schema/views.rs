//! `otp_logs` and `phone_verifications`: tables that applications planned for, as views.

use sqlx::PgConnection;

use super::{FORBIDDEN, attempt, code, list, owner, run};

/// A code of Anna's by each way and a check of it; the same of Ben, and a text that is no code.
const ROWS: &str = r#"
    insert into sms_messages_log (id, user_id, "to", type, status, reason, response_time_ms, segments, attempts, created_at)
    select smsgw.uuid_floor(clock_timestamp() - number * interval '1 second'), name, '+41790000001', lane, 'sent', reason,
           80, 1, 1, clock_timestamp()
    from unnest(array['anna', 'anna', 'anna', 'ben'], array['otp', 'otp', 'transactional', 'otp'],
                array[null, 'code_made', null, null]) with ordinality as sent (name, lane, reason, number);
    insert into sms_otp_sessions (id, user_id, phone, purpose, status, attempts, max_attempts, code_mac, resend_at,
                                  expires_at, verified_at)
    select gen_random_uuid(), name, '+41790000001', purpose, status, 1, 3, '\x00', clock_timestamp(),
           '2026-01-31 18:10+00', case status when 'verified' then timestamptz '2026-01-31 18:05+00' end
    from (values ('anna', 'verify_phone', 'verified'), ('anna', 'verify_phone', 'sent'), ('anna', 'login', 'sent'),
                 ('ben', 'verify_phone', 'sent')) as started (name, purpose, status);
    insert into sms_otp_checks (id, session_id, user_id, phone, outcome, response_time_ms, created_at)
    select gen_random_uuid(), gen_random_uuid(), name, '+41790000001', outcome, 3, clock_timestamp()
    from (values ('anna', 'wrong'), ('anna', 'right'), ('ben', 'wrong')) as checked (name, outcome)"#;

/// A connection in the role of users, with those rows in the tables, as Anna's.
async fn anna() -> PgConnection {
    let mut db = owner().await;
    run(&mut db, ROWS).await;
    run(&mut db, r#"set role smsgw_user; set request.jwt.claims = '{"sub": "anna"}'"#).await;
    db
}

#[tokio::test]
async fn a_user_reads_their_own_codes_and_checks_in_otp_logs() {
    let mut db = anna().await;
    let logs =
        "select concat_ws(' ', user_id, phone, type, status, response_time_ms) from otp_logs order by 1";
    let mut expected = vec![
        "anna +41790000001 autogen sent 80",
        "anna +41790000001 template sent 80",
        "anna +41790000001 verify right 3",
        "anna +41790000001 verify wrong 3",
    ];
    assert_eq!(list(&mut db, logs).await.unwrap(), expected);
    run(&mut db, "set role smsgw_app").await;
    expected.extend(["ben +41790000001 template sent 80", "ben +41790000001 verify wrong 3"]);
    assert_eq!(list(&mut db, logs).await.unwrap(), expected);
}

#[tokio::test]
async fn a_user_reads_their_own_phone_verifications_and_no_code() {
    let mut db = anna().await;
    let rows = "select concat_ws(' ', user_id, phone_number, coalesce(verification_code, '-'), verified, attempts,
                                 max_attempts, extract(minute from code_expires_at), extract(minute from verified_at))
                from phone_verifications order by 1";
    let expected = ["anna +41790000001 - f 1 3 10", "anna +41790000001 - t 1 3 10 5"];
    assert_eq!(list(&mut db, rows).await.unwrap(), expected);
    run(&mut db, "set role smsgw_app").await;
    assert_eq!(list(&mut db, rows).await.unwrap().len(), 3);
}

#[tokio::test]
async fn without_claims_the_views_show_a_user_nothing_and_take_nothing() {
    let mut db = anna().await;
    run(&mut db, "set request.jwt.claims = ''").await;
    for view in ["otp_logs", "phone_verifications"] {
        assert_eq!(list(&mut db, format!("select id::text from {view}")).await.unwrap(), [""; 0], "{view}");
        for sql in [format!("delete from {view}"), format!("update {view} set user_id = 'anna'")] {
            assert!(attempt(&mut db, sql.as_str()).await.is_err(), "{sql}");
        }
    }
    run(&mut db, "set role smsgw_enqueue").await;
    for view in ["otp_logs", "phone_verifications"] {
        assert_eq!(code(attempt(&mut db, format!("select from {view}")).await), FORBIDDEN, "{view}");
    }
}

/// Name and type of each column, as the applications have them.
#[tokio::test]
async fn the_views_have_the_columns_that_applications_know() {
    let mut db = owner().await;
    let columns = |view: &str| {
        format!(
            "select attname || ' ' || format_type(atttypid, atttypmod) from pg_attribute
             where attrelid = 'public.{view}'::regclass and attnum > 0 order by attnum"
        )
    };
    let logs = list(&mut db, columns("otp_logs")).await.unwrap();
    let time = "timestamp with time zone";
    let expected = [
        "id uuid",
        "user_id text",
        "phone text",
        "session_id uuid",
        "type text",
        "status text",
        "response_time_ms integer",
        &format!("created_at {time}"),
    ];
    assert_eq!(logs, expected);
    let verifications = list(&mut db, columns("phone_verifications")).await.unwrap();
    let expected = [
        "id uuid",
        "user_id text",
        "phone_number character varying(20)",
        "verification_code character varying(6)",
        &format!("code_expires_at {time}"),
        "verified boolean",
        "attempts smallint",
        "max_attempts smallint",
        &format!("created_at {time}"),
        &format!("verified_at {time}"),
    ];
    assert_eq!(verifications, expected);
}
