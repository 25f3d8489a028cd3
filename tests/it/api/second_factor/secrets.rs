//! What lets a user in stands in no table, and goes with its user.

use std::sync::Arc;

use serde_json::json;
use shared::seal::{Keyring, MasterKey};
use shared::store::upkeep;
use tests::wait::within;
use tests::{Door, TestApp};

use super::{
    APP, FACTOR, VERIFY, backup, base32, by_app, enable, enrolled, new_codes, remembered, rows_of_ann, run,
    step, totp,
};
use crate::api::secrets::{dump, hex};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

#[tokio::test]
async fn no_table_holds_a_code_a_secret_or_a_token() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enable(&door).await;
    let (secret, _) = enrolled(&app, &door).await;
    let pending = door.post(APP, &json!({})).await.body["secret"].as_str().unwrap().to_owned();
    let codes = new_codes(&door).await;
    let token = remembered(&door, &codes[0], "laptop").await;
    door.post(VERIFY, &backup("zzzzz-zzzzz")).await;
    let bytes = |text: &str| base32(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let bare = codes.iter().map(|code| code.replace('-', ""));
    let mut secrets: Vec<String> = codes.iter().cloned().chain(bare).collect();
    secrets.extend([bytes(&secret), bytes(&pending), secret, pending, token]);
    let rows = dump(&app).await;
    assert!(rows.iter().any(|(table, _)| table == "public.two_factor_backup_codes"));
    for (table, row) in rows {
        let leaked = secrets.iter().find(|secret| row.contains(*secret) || row.contains(&hex(secret)));
        assert!(leaked.is_none(), "{table} holds {leaked:?}: {row}");
    }
}

/// Seen red without the deletion of backup codes; devices go with the settings all the same. A code to the number says nothing about who asked for it.
#[tokio::test]
async fn an_erased_person_has_no_factor_and_others_keep_theirs() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let phone = enable(&door).await;
    enrolled(&app, &door).await;
    door.post(APP, &json!({})).await;
    let codes = new_codes(&door).await;
    remembered(&door, &codes[0], "laptop of Ann").await;
    door.post(VERIFY, &backup("zzzzz-zzzzz")).await;
    assert_eq!(rows_of_ann(&app).await, 15);
    // Ben has a number of his own, and somebody has had a code sent to Ann's in his name.
    let of_ben = &FACTOR.replace("ann", "ben");
    assert_eq!(door.post(&format!("{of_ben}/backup-codes"), &json!({})).await.status, 201);
    let asked = door.post(super::super::OTP_SEND, &json!({ "phone": phone, "user_id": "ben" })).await;
    assert_eq!(asked.status, 202);
    let begun = door.delete(&format!("/people/{phone}")).await;
    let address = begun.headers["location"].to_str().unwrap().to_owned();
    within(PATIENCE, "the erasure to be done", async || {
        (door.get(&address).await.body["status"] == "done").then_some(())
    })
    .await;
    assert_eq!(rows_of_ann(&app).await, 0);
    assert_eq!(door.get(of_ben).await.body["backup_codes_remaining"], 10);
    app.stop().await;
}

/// Seen red without the sealing anew.
#[tokio::test]
async fn an_app_that_is_used_outlives_the_master_key_it_was_enrolled_under() {
    let mut app = TestApp::without_worker().await;
    let (old, new) = (MasterKey::generate(), MasterKey::generate());
    app.keyring = Arc::new(Keyring::new(&old, &[]));
    let (secret, first) = enrolled(&app, &Door::open(&app).await).await;
    let sealed = async || {
        let select = sqlx::query_scalar::<_, Vec<u8>>("select sealed_secret from two_factor_apps");
        select.fetch_one(&app.pool).await.unwrap()
    };
    let before = sealed().await;
    // As it is while the key is changed, then after.
    app.keyring = Arc::new(Keyring::new(&new, &[old]));
    let door = Door::open(&app).await;
    assert_eq!(door.post(VERIFY, &backup("zzzzz-zzzzz")).await.status, 400);
    assert!(sealed().await == before, "only a right code seals it anew");
    assert_eq!(door.post(VERIFY, &by_app(&totp(&secret, first + 1))).await.status, 200);
    let after = sealed().await;
    assert!(after != before && app.keyring.apps().is_current(&after));
    app.keyring = Arc::new(Keyring::new(&new, &[]));
    let door = Door::open(&app).await;
    run(&app, "update two_factor_apps set last_step = null").await;
    assert_eq!(door.post(VERIFY, &by_app(&totp(&secret, step(&app)))).await.status, 200);
    assert!(sealed().await == after, "once is enough");
}

#[tokio::test]
async fn what_nobody_needs_any_more_is_forgotten() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enable(&door).await;
    enrolled(&app, &door).await;
    door.post(APP, &json!({})).await;
    let codes = new_codes(&door).await;
    remembered(&door, &codes[0], "laptop").await;
    door.post(VERIFY, &backup("zzzzz-zzzzz")).await;
    let purge = async || {
        let pool = &app.pool;
        [
            upkeep::purge_devices(pool).await.unwrap(),
            upkeep::purge_pending_apps(pool).await.unwrap(),
            upkeep::purge_two_factor_failures(pool).await.unwrap(),
            upkeep::purge_two_factor_verifications(pool).await.unwrap(),
        ]
    };
    assert_eq!(purge().await, [0; 4]);
    for sql in [
        "update remembered_devices set expires_at = clock_timestamp()",
        "update two_factor_apps set expires_at = clock_timestamp() where confirmed_at is null",
        "update smsgw.two_factor_failures set updated_at = clock_timestamp() - interval '91 days'",
        "update smsgw.two_factor_verifications set verified_at = clock_timestamp() - interval '32 days'",
    ] {
        assert_eq!(run(&app, sql).await, 1, "{sql}");
    }
    assert_eq!(purge().await, [1; 4]);
    assert_eq!(door.get(FACTOR).await.body["app_enrolled"], true);
}
