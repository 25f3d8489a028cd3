//! `doctor`: green where all is well, red on each planted fault, with the cure.

use std::net::TcpListener;

use mock_provider::Credentials;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use shared::seal::MasterKey;
use tests::builders::a_transactional;
use tests::process::{Settings, said};
use tests::wait::eventually;

use super::{ADD_MAIN, Desk, lines};

/// An address that nothing listens on.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Everything in order but for a worker.
async fn a_good_desk() -> Desk {
    let mut desk = Desk::new().await;
    for (name, value) in [
        ("SMSGW_LISTEN", free_address()),
        ("TWILIO_ACCOUNT_SID", Credentials::ACCOUNT_SID.to_owned()),
        ("TWILIO_AUTH_TOKEN", Credentials::AUTH_TOKEN.to_owned()),
        ("TWILIO_PHONE_NUMBER", "+15005550006".to_owned()),
        ("TWILIO_BASE_URL", desk.app.mock.url()),
        ("SMSGW_PUBLIC_URL", "https://sms.example.com".to_owned()),
    ] {
        desk.settings.push((name, value));
    }
    desk.done(&["keys", "create", "shop"]);
    desk
}

/// What a doctor says of `check`, and its exit code. Nothing it says may show a secret.
fn found(settings: &Settings, check: &str) -> (i32, Vec<Value>) {
    let said = said(settings, &["doctor", "--json"], "");
    for (name, secret) in settings.iter().filter(|(name, _)| name.contains("KEY") || name.contains("TOKEN")) {
        assert!(!said.out.contains(secret) && !said.err.contains(secret), "{name} shows: {said:?}");
    }
    (said.code, lines(&said.out).into_iter().filter(|one| one["check"] == check).collect())
}

/// Asserts that `check` ends so, with `words` in what is wrong or how to cure it.
fn assert_found(settings: &Settings, check: &str, result: &str, words: &str) {
    let (code, findings) = found(settings, check);
    let fits = |one: &Value| {
        one["result"] == result
            && (result == "ok" || one["cure"].is_string())
            && one.to_string().contains(words)
    };
    assert!(findings.iter().any(fits), "no {check} {result} with {words:?} in {findings:?}");
    if result == "fail" {
        assert_eq!(code, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_in_order_is_green() {
    let mut desk = a_good_desk().await;
    desk.app.start_worker();
    eventually("the worker to stand", async || {
        let count: i64 = sqlx::query_scalar("select count(*) from smsgw.sms_workers")
            .fetch_one(&desk.app.pool)
            .await
            .unwrap();
        (count == 1).then_some(())
    })
    .await;
    let said = desk.say(&["doctor"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.lines().all(|line| line.starts_with("ok ")), "{}", said.out);
    desk.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_used_is_told_with_its_cure() {
    let desk = a_good_desk().await;
    let url = |from: &str, to: &str| desk.with("DATABASE_URL", &desk.app.url.replacen(from, to, 1));
    assert_found(
        &desk.with("DATABASE_URL", "postgres://127.0.0.1:1/none"),
        "database",
        "fail",
        "start Postgres",
    );
    assert_found(&desk.with("DATABASE_URL", "nonsense"), "database", "fail", "postgres://");
    let name = desk.app.url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    assert_found(&url(&format!("/{name}"), "/nobodys"), "database", "fail", "createdb");
    let without: Settings =
        desk.settings.iter().filter(|(name, _)| *name != "DATABASE_URL").cloned().collect();
    assert_found(&without, "database", "fail", "DATABASE_URL");
    // What does not need the database is looked at all the same.
    assert_found(&without, "master key", "ok", "");
    assert_found(&without, "port", "ok", "");

    sqlx::raw_sql("reset role; drop table public._sqlx_migrations").execute(&desk.app.pool).await.unwrap();
    assert_found(&desk.settings, "schema", "fail", "smsgw migrate");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_or_newer_schema_is_told() {
    let desk = a_good_desk().await;
    let change = async |sql: &'static str| {
        let sql = format!("reset role; {sql}; set role smsgw_app");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&desk.app.pool).await.unwrap();
    };
    let newer =
        "insert into public._sqlx_migrations (version, description, success, checksum, execution_time)
                 values (20990101000000, 'of the next release', true, '', 1)";
    change(newer).await;
    assert_found(&desk.settings, "schema", "warn", "newer than this program by 1");
    change("delete from public._sqlx_migrations where version = (select min(version) from public._sqlx_migrations)")
        .await;
    assert_found(&desk.settings, "schema", "fail", "1 migrations are missing");
    change("update public._sqlx_migrations set checksum = 'other'").await;
    assert_found(&desk.settings, "schema", "fail", "another form");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_take_the_role_is_told() {
    let desk = a_good_desk().await;
    let name = format!("stranger_{}", std::process::id());
    let sql = format!(
        "reset role; create role {name} login password '{name}'; grant usage on schema public, smsgw to {name};
         grant select on public._sqlx_migrations to {name}; set role smsgw_app"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&desk.app.pool).await.unwrap();
    let mut url = reqwest::Url::parse(&desk.app.url).unwrap();
    url.set_username(&name).unwrap();
    url.set_password(Some(&name)).unwrap();
    assert_found(&desk.with("DATABASE_URL", url.as_str()), "role", "fail", "grant smsgw_app");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_key_that_is_missing_malformed_or_another_is_told() {
    let desk = a_good_desk().await;
    let without: Settings =
        desk.settings.iter().filter(|(name, _)| *name != "SMSGW_MASTER_KEY").cloned().collect();
    assert_found(&without, "master key", "fail", "SMSGW_MASTER_KEY");
    assert_found(&desk.with("SMSGW_MASTER_KEY", "c2hvcnQ="), "master key", "fail", "instead of 32");
    let input = format!("account_sid={}\nauth_token=token\n", Credentials::ACCOUNT_SID);
    assert_eq!(desk.say_with_input(&ADD_MAIN, &input).code, 0);
    assert_found(&desk.settings, "master key", "ok", "1 stored");
    let other = secrecy::ExposeSecret::expose_secret(&MasterKey::generate().to_base64()).to_owned();
    let settings = desk.with("SMSGW_MASTER_KEY", &other);
    assert_found(&settings, "master key", "fail", "SMSGW_MASTER_KEY_PREVIOUS");
    assert_found(&settings, "api keys", "fail", "another master key");
    assert_found(&settings, "providers", "fail", "main is left out");
    desk.done(&["keys", "revoke", "shop"]);
    assert_found(&desk.settings, "api keys", "warn", "keys create");
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_that_are_missing_broken_or_deaf_are_told() {
    let desk = a_good_desk().await;
    let without = |names: &[&str]| -> Settings {
        desk.settings
            .iter()
            .filter(|(name, _)| !names.iter().any(|one| name.starts_with(one)))
            .cloned()
            .collect()
    };
    assert_found(&without(&["TWILIO"]), "providers", "fail", "providers add");
    assert_found(&without(&["TWILIO_AUTH_TOKEN"]), "providers", "fail", "TWILIO_AUTH_TOKEN");
    assert_found(&without(&["SMSGW_PUBLIC_URL"]), "public url", "warn", "SMSGW_PUBLIC_URL");
    assert_found(&desk.with("SMSGW_PUBLIC_URL", "sms"), "public url", "fail", "SMSGW_PUBLIC_URL");
    let mut by_key = without(&["TWILIO_AUTH_TOKEN"]);
    by_key.push(("TWILIO_API_KEY_SID", Credentials::API_KEY_SID.to_owned()));
    by_key.push(("TWILIO_API_KEY_SECRET", "a secret of the key".to_owned()));
    assert_found(&by_key, "public url", "warn", "auth token");
    assert_eq!(desk.say(&["providers", "add", "inbox", "--kind", "sandbox"]).code, 0);
    assert_found(&without(&["TWILIO"]), "providers", "fail", "only the sandbox");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paused_and_workers_that_are_gone_are_told() {
    let desk = a_good_desk().await;
    assert_found(&desk.settings, "workers", "fail", "smsgw worker");
    desk.done(&["pause", "--provider", "twilio"]);
    assert_found(&desk.settings, "pauses", "warn", "smsgw resume --provider twilio");
    desk.done(&["pause"]);
    assert_found(&desk.settings, "pauses", "fail", "smsgw resume");
    desk.done(&["resume"]);
    let plant = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(&desk.app.pool).await.unwrap();
    };
    plant("insert into smsgw.sms_provider_state (provider_name, paused_until, pauses) values ('twilio', now() + interval '1 hour', 3)").await;
    assert_found(&desk.settings, "pauses", "warn", "slow down");
    plant("insert into smsgw.sms_workers (host, pid, backend_pid, beat_at) values ('lost-host', 1, 1, now() - interval '1 minute')").await;
    assert_found(&desk.settings, "workers", "warn", "lost-host");
    assert_found(&desk.settings, "workers", "fail", "none lives");

    let id = desk.app.accept(a_transactional(desk.app.now())).await;
    sqlx::query("update smsgw.sms_outbox set due_at = now() - interval '5 minutes' where id = $1")
        .bind(id)
        .execute(&desk.app.pool)
        .await
        .unwrap();
    assert_found(&desk.settings, "queue", "fail", "outbox review");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_partitions_and_a_port_of_another_program_are_told() {
    let desk = a_good_desk().await;
    sqlx::raw_sql(
        "reset role;
         do $$ declare name text; begin
             name := 'sms_attempts' || to_char(clock_timestamp() at time zone 'UTC', '\"_\"IYYY\"w\"IW');
             execute format('alter table smsgw.sms_attempts detach partition smsgw.%I', name);
         end $$;
         set role smsgw_app",
    )
    .execute(&desk.app.pool)
    .await
    .unwrap();
    assert_found(&desk.settings, "partitions", "fail", "sms_attempts_");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_found(&desk.with("SMSGW_LISTEN", &address), "port", "fail", "another program");
    let door = tests::Door::open(&desk.app).await;
    let address = door.url.trim_start_matches("http://").to_owned();
    assert_found(&desk.with("SMSGW_LISTEN", &address), "port", "ok", "smsgw answers");
    door.close().await;
}

/// Nobody knows their numbers, to hash them anew under another key.
#[tokio::test(flavor = "multi_thread")]
async fn erased_people_are_missed_when_the_key_that_recognises_them_goes() {
    let desk = a_good_desk().await;
    assert_eq!(found(&desk.settings, "erased people").1, [Value::Null; 0], "there are none");
    desk.done(&["opt-outs", "add", "+41790000009"]);
    desk.done(&["people", "erase", "+41790000009"]);
    assert_found(&desk.settings, "erased people", "ok", "holds");
    let other = MasterKey::generate().to_base64();
    let settings = desk.with("SMSGW_MASTER_KEY", other.expose_secret());
    assert_found(&settings, "erased people", "fail", "SMSGW_MASTER_KEY_PREVIOUS");
}

#[tokio::test(flavor = "multi_thread")]
async fn second_factors_are_missed_when_the_key_that_knows_them_goes() {
    let desk = a_good_desk().await;
    assert_eq!(found(&desk.settings, "second factors").1, [Value::Null; 0], "there are none");
    let door = tests::Door::open(&desk.app).await;
    let other = MasterKey::generate().to_base64();
    let settings = desk.with("SMSGW_MASTER_KEY", other.expose_secret());
    for path in ["/users/ann/two-factor/backup-codes", "/users/ann/two-factor/app"] {
        assert_eq!(door.post(path, &serde_json::json!({})).await.status, 201);
        // As if its first code had been right.
        let confirmed = "update two_factor_apps set confirmed_at = clock_timestamp(), expires_at = null";
        sqlx::query(confirmed).execute(&desk.app.pool).await.unwrap();
        assert_found(&desk.settings, "second factors", "ok", "known");
        assert_found(&settings, "second factors", "fail", "SMSGW_MASTER_KEY_PREVIOUS");
        sqlx::query("delete from two_factor_backup_codes").execute(&desk.app.pool).await.unwrap();
    }
    door.close().await;
}
