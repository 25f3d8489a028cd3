//! A worker alone can be watched too, and `healthcheck` asks it.

use std::net::TcpListener;

use private_postgres::{Cluster, Options};
use shared::db::Database;
use tests::process::{self, Smsgw};
use tests::wait::eventually;
use tests::{TestApp, http};

use super::{Running, run, settings};

#[tokio::test]
async fn a_worker_alone_answers_those_who_watch_and_nobody_else() {
    let worker = Running::start(&["worker", "--paused"]).await;
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/sms/messages", 404), ("/otp/send", 404)] {
        assert_eq!(worker.get(path).send().await.unwrap().status().as_u16(), status, "{path}");
    }
    let forwarded = worker.get("/metrics").header("x-forwarded-for", "192.0.2.1").send().await.unwrap();
    assert_eq!(forwarded.status().as_u16(), 401, "metrics are for this machine and for readers");
    let key = run(&worker, &["keys", "create", "prometheus", "--scopes", "read"]);
    let reader = worker.get("/metrics").header("x-forwarded-for", "192.0.2.1").bearer_auth(key);
    assert_eq!(reader.send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn pauses_are_shown_while_they_last() {
    let worker = Running::start(&["worker", "--paused"]).await;
    let becomes = async |series: &str| {
        eventually(series, async || worker.metrics().await.lines().any(|line| line == series).then_some(()))
            .await;
    };
    becomes("smsgw_lane_paused{lane=\"promo\"} 1").await;
    run(&worker, &["resume"]);
    becomes("smsgw_lane_paused{lane=\"promo\"} 0").await;
    run(&worker, &["pause", "--provider", "twilio"]);
    becomes("smsgw_provider_closed{provider=\"twilio\",why=\"halted\"} 1").await;
    run(&worker, &["resume", "--provider", "twilio"]);
    becomes("smsgw_provider_closed{provider=\"twilio\",why=\"halted\"} 0").await;
}

#[tokio::test]
async fn healthcheck_succeeds_while_the_gateway_lives() {
    let mut gateway = Running::start(&["serve"]).await;
    let address = gateway.url.trim_start_matches("http://").to_owned();
    let asked = vec![("SMSGW_LISTEN", address)];
    process::run(&asked, &["healthcheck"]);
    gateway.process.kill();
    let dead = process::command(&asked, &["healthcheck"]).output().unwrap();
    assert!(!dead.status.success());
    assert!(String::from_utf8_lossy(&dead.stderr).contains("cannot ask"));
}

/// An address that nothing listens on.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn healthcheck_finds_an_api_whose_settings_name_a_workers_address_too() {
    let gateway = Running::start(&["serve"]).await;
    let address = gateway.url.trim_start_matches("http://").to_owned();
    let asked = vec![("SMSGW_LISTEN", address), ("SMSGW_WORKER_LISTEN", free_address())];
    process::run(&asked, &["healthcheck"]);
}

#[tokio::test]
async fn a_process_that_waits_for_its_database_is_alive_and_not_ready() {
    let mut cluster = Cluster::start(Options::temporary()).await.unwrap();
    Database::new(&cluster.url()).unwrap().migrate().await.unwrap();
    let app = TestApp::on(cluster.url()).await;
    cluster.kill_hard().await.unwrap();
    let mut processes = Vec::new();
    for command in ["serve", "api", "worker"] {
        let address = free_address();
        let variable = if command == "worker" { "SMSGW_WORKER_LISTEN" } else { "SMSGW_LISTEN" };
        let mut settings = settings(&app);
        settings.retain(|(name, _)| !name.ends_with("_LISTEN"));
        settings.push((variable, address.clone()));
        let logs = tempfile::tempdir().unwrap();
        let process = Smsgw::start(command, logs.path(), &settings, &[command]);
        eventually("healthcheck to succeed", async || {
            process::command(&settings, &["healthcheck"]).status().unwrap().success().then_some(())
        })
        .await;
        processes.push((format!("http://{address}"), process, logs));
    }
    let client = http::client();
    let get = async |url: &str, path: &str| {
        let answer = client.get(format!("{url}{path}")).send().await?;
        let status = answer.status().as_u16();
        answer.text().await.map(|text| (status, text))
    };
    for (url, ..) in &processes {
        assert_eq!(get(url, "/healthz").await.unwrap().0, 200);
        for (path, code) in [("/readyz", "not-ready"), ("/sms/messages", "unavailable")] {
            let (status, document) = get(url, path).await.unwrap();
            assert!(status == 503 && document.contains(code), "{path}: {status} {document}");
        }
        assert!(get(url, "/problems/not-ready").await.unwrap().1.contains("<html"));
    }
    cluster.restart().await.unwrap();
    for (url, ..) in &processes {
        // The doors that only wait end with their connections, one of which may just have been asked.
        eventually("it to be ready", async || {
            matches!(get(url, "/readyz").await, Ok((200, _))).then_some(())
        })
        .await;
        assert_eq!(get(url, "/metrics").await.unwrap().0, 200);
    }
}
