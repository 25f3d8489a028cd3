//! `migrate`, `logs`, and a worker that says how it is.

use std::time::Duration;

use reqwest::Client;
use tests::builders::a_transactional;
use tests::process::{Smsgw, said};
use tests::wait::eventually;

use super::Desk;

#[tokio::test]
async fn migrate_and_logs_speak_json_too() {
    let desk = Desk::new().await;
    assert!(desk.json(&["migrate"])[0]["migrations"].as_u64() > Some(5));
    let mut app = desk.app;
    let id = app.accept(a_transactional(app.now())).await;
    app.start_worker();
    app.end_of(id).await;
    let logs = said(&desk.settings, &["logs", "--json"], "");
    assert!(super::lines(&logs.out)[0]["id"] == id.to_string(), "{logs:?}");
    assert!(said(&desk.settings, &["logs"], "").out.contains(" sent "));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_worker_answers_on_its_own_address_if_it_has_one() {
    let desk = Desk::new().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let logs = tempfile::tempdir().unwrap();
    let worker = ["worker", "--paused", "--worker-listen", &address];
    let mut running = Smsgw::start("worker", logs.path(), &desk.settings, &worker);
    shared::provider::http::install_crypto();
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(2)).build().unwrap();
    let get = async |path: &str| {
        let answer = client.get(format!("http://{address}{path}")).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    };
    let health = eventually("the worker to answer", async || get("/healthz").await).await;
    assert_eq!(health, (200, r#"{"status":"ok"}"#.to_owned()));
    assert_eq!(get("/metrics").await.unwrap().0, 200);
    assert_eq!(get("/readyz").await.unwrap().0, 200);
    assert_eq!(get("/sms/messages").await.unwrap().0, 404, "it is no API");

    let second = said(&desk.settings, &worker, "");
    assert!(second.code == 1 && second.err.contains("SMSGW_WORKER_LISTEN"), "{second:?}");
    running.kill();
}
