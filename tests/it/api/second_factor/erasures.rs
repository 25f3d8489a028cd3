//! Erasure of a user whose settings come while a factor of theirs is shown or changed. Whoever has settings is held by them;
//! whoever has none is not, and nobody may wait in a circle all the same.

use shared::ids::ErasureId;
use shared::phone::PhoneNumber;
use shared::store::erasures::{self, Pending};
use sqlx::AssertSqlSafe;
use tests::wait::eventually;

use super::*;

/// Ann's wish to be forgotten, once it may begin.
async fn wish(app: &TestApp, phone: &str) -> Vec<Pending> {
    let phone = PhoneNumber::parse(phone, None).unwrap();
    let mut db = app.connection().await;
    erasures::request(&mut db, &app.keyring, ErasureId::random(), &phone).await.unwrap();
    eventually("somebody to be erased", async || {
        let (pending, _) = erasures::list_pending(&app.pool, &app.keyring, 10).await.unwrap();
        (!pending.is_empty()).then_some(pending)
    })
    .await
}

/// Until so many wait for others.
async fn waiting(app: &TestApp, connections: usize) {
    eventually("others to be waited for", async || {
        (app.lock_waiters().await.len() == connections).then_some(())
    })
    .await;
}

/// Lets `change` run into what `held` holds, then Ann's settings with this method come and her erasure get as far as it can,
/// then all go on. Gives what the change was answered.
async fn beside_an_erasure(
    app: &TestApp,
    held: &str,
    method: &str,
    change: impl Future<Output = Answer>,
) -> Answer {
    let phone = a_number();
    let people = wish(app, &phone).await;
    let (mut holder, mut eraser) = (app.connection().await, app.connection().await);
    sqlx::raw_sql(AssertSqlSafe(format!("begin; {held}"))).execute(&mut holder).await.unwrap();
    let settings = format!(
        "insert into user_contact_settings (user_id, phone, otp_enabled, two_factor_method, updated_at)
         values ('ann', '{phone}', true, '{method}', now() - interval '1 hour') on conflict do nothing"
    );
    let erased = async {
        waiting(app, 1).await;
        run(app, &settings).await;
        erasures::begin(&mut eraser, &people).await.unwrap();
    };
    let released = async {
        waiting(app, 2).await;
        sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    };
    let (answer, (), ()) = tokio::join!(change, erased, released);
    answer
}

/// Seen red with an erasure that takes the failures before the codes.
#[tokio::test]
async fn a_code_that_is_checked_waits_in_no_circle() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let codes = new_codes(&door).await;
    let held = "insert into smsgw.two_factor_verifications (user_id, method) values ('ann', 'backup_code')";
    let code = backup(&codes[0]);
    let checked = beside_an_erasure(&app, held, "sms", door.post(VERIFY, &code)).await;
    assert_eq!(checked.status, 200, "{}", checked.body);
    assert_eq!(rows_of_ann(&app).await, 0);
}

/// Seen red where the settings that had come were held after the code.
#[tokio::test]
async fn a_device_that_would_be_remembered_waits_in_no_circle() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let codes = new_codes(&door).await;
    let held = "select from two_factor_backup_codes for update";
    let code = with(&backup(&codes[0]), "remember_device", json!("laptop"));
    let checked = beside_an_erasure(&app, held, "sms", door.post(VERIFY, &code)).await;
    assert_eq!(checked.status, 200, "{}", checked.body);
    assert_eq!(rows_of_ann(&app).await, 0);
}

/// Seen red with settings that are written after the app is held.
#[tokio::test]
async fn a_first_app_that_is_confirmed_waits_in_no_circle() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let begun = door.post(APP, &json!({})).await;
    let code = json!({ "code": totp(begun.body["secret"].as_str().unwrap(), step(&app)) });
    let held = "select from two_factor_apps for update";
    let confirmed = beside_an_erasure(&app, held, "sms", door.post(CONFIRM, &code)).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
}

/// Seen red with settings that are changed after the app is gone.
#[tokio::test]
async fn an_app_that_is_removed_waits_in_no_circle() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enrolled(&app, &door).await;
    run(&app, "delete from user_contact_settings").await;
    let held = "select from two_factor_apps for update";
    let removed = beside_an_erasure(&app, held, "app", door.delete(APP)).await;
    assert_eq!(removed.status, 204, "{}", removed.body);
    assert_eq!(rows_of_ann(&app).await, 0);
}

/// Its confirmation wins, and brings the settings: seen red with settings that asked for an app that was gone.
#[tokio::test]
async fn an_app_that_is_removed_while_it_is_confirmed_is_asked_for_by_nobody() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let begun = door.post(APP, &json!({})).await;
    let code = json!({ "code": totp(begun.body["secret"].as_str().unwrap(), step(&app)) });
    let mut holder = app.connection().await;
    sqlx::raw_sql("begin; select from two_factor_apps for update").execute(&mut holder).await.unwrap();
    let removed = async {
        waiting(&app, 1).await;
        door.delete(APP).await
    };
    let released = async {
        waiting(&app, 2).await;
        sqlx::raw_sql("rollback").execute(&mut holder).await.unwrap();
    };
    let (confirmed, removed, ()) = tokio::join!(door.post(CONFIRM, &code), removed, released);
    assert_eq!((confirmed.status.as_u16(), removed.status.as_u16()), (200, 204), "{}", removed.body);
    let shown = door.get("/users/ann/two-factor").await.body;
    assert_eq!((&shown["method"], &shown["app_enrolled"]), (&json!("none"), &json!(false)), "{shown}");
}

/// Seen red with an erasure that takes codes as it finds them.
#[tokio::test]
async fn codes_that_are_made_anew_wait_in_no_circle() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    new_codes(&door).await;
    // Stands behind the others now, and is found last.
    run(&app, "update two_factor_backup_codes set used_at = now() where number = 1").await;
    sqlx::raw_sql("analyze two_factor_backup_codes").execute(&mut app.owner().await).await.unwrap();
    let held = "select from two_factor_backup_codes where number = 1 for update";
    let made = beside_an_erasure(&app, held, "sms", door.post(CODES, &json!({}))).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(rows_of_ann(&app).await, 0);
}
