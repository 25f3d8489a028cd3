//! `/healthz`, `/readyz`, `/metrics`, `/sandbox/inbox`.

use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;
use shared::store::api_keys::{self, Scope};
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{OTP_SEND, SEND, a_message, assert_refused, code_in, stranger};

#[tokio::test]
async fn a_migrated_gateway_is_alive_and_ready_for_anyone_who_asks() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (path, status) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = door.call(stranger().get(format!("{}{path}", door.url))).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!({ "status": status })));
    }
}

#[tokio::test]
async fn a_gateway_whose_migrations_are_missing_is_not_ready() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut owner = app.owner().await;
    let forget = "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    sqlx::raw_sql(forget).execute(&mut owner).await.unwrap();
    let answer = door.get("/readyz").await;
    assert_refused(&answer, 503, "not-ready");
    assert!(answer.headers.contains_key("retry-after"));
    assert!(answer.body["detail"].as_str().unwrap().contains("smsgw migrate"));
    assert_eq!(door.get("/healthz").await.status, 200, "restarting cures no migration");
}

#[tokio::test]
async fn metrics_are_for_this_machine_and_for_readers() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    assert_eq!(door.post(SEND, &a_message()).await.status, 202);
    let url = format!("{}/metrics", door.url);
    let here = stranger().get(&url).send().await.unwrap();
    assert!(here.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let text = here.text().await.unwrap();
    for series in [
        "smsgw_accepted_total{lane=\"transactional\"}",
        "smsgw_request_seconds_bucket{door=\"send_transactional\"",
    ] {
        assert!(text.contains(series), "{series} is missing in\n{text}");
    }
    for header in ["x-forwarded-for", "forwarded"] {
        let forwarded = door.call(stranger().get(&url).header(header, "192.0.2.1")).await;
        assert_refused(&forwarded, 401, "unauthorized");
        let reader = door.request(Method::GET, "/metrics").header(header, "192.0.2.1");
        assert_eq!(door.call(reader).await.status, 200);
    }
    let sender = api_keys::create(&app.pool, app.keyring.api_keys(), "sender", &[Scope::Send]).await.unwrap();
    let request =
        stranger().get(&url).header("x-forwarded-for", "192.0.2.1").bearer_auth(sender.expose_secret());
    assert_refused(&door.call(request).await, 403, "insufficient-scope");
}

/// Made-up addresses and refusals must not fill the memory with series.
#[tokio::test]
async fn made_up_addresses_make_no_metrics() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for n in 0..50 {
        door.get(&format!("/made-up-{n}")).await;
        door.get(&format!("/sms/messages/made-up-{n}")).await;
    }
    let text = stranger().get(format!("{}/metrics", door.url)).send().await.unwrap().text().await.unwrap();
    assert!(!text.contains("made-up"));
    assert!(text.contains("smsgw_refused_total{code=\"not-found\"}"), "{text}");
}

#[tokio::test]
async fn the_sandbox_delivers_into_its_inbox_newest_first() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.providers.clear());
    let door = Door::open(&app).await;
    let phone = a_number();
    door.post(OTP_SEND, &json!({ "phone": phone })).await;
    let inbox =
        async |query: &str| door.get(&format!("/sandbox/inbox{query}")).await.body["messages"].clone();
    let code = eventually("the code to be in the inbox", async || inbox("").await.get(0).cloned()).await;
    assert_eq!((&code["to"], &code["lane"]), (&json!(phone), &json!("otp")));
    code_in(code["text"].as_str().unwrap());
    for _ in 0..3 {
        door.post(SEND, &a_message()).await;
    }
    let all = eventually("all to be there", async || {
        Some(inbox("").await).filter(|all| all.as_array().unwrap().len() == 4)
    })
    .await;
    let ids: Vec<i64> =
        all.as_array().unwrap().iter().map(|message| message["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    assert_eq!(inbox("?limit=1").await[0], all[0]);
    assert_eq!(inbox(&format!("?before={}", ids[2])).await, json!([code]));
    app.stop().await;
}

#[tokio::test]
async fn in_production_there_is_no_inbox() {
    let app = TestApp::without_worker().await;
    let door = Door::open_in_production(&app).await;
    for path in ["/sandbox/inbox", "/sandbox/inbox?limit=1"] {
        assert_refused(&door.get(path).await, 404, "not-found");
    }
}
