//! A worker alone can be watched too, and `healthcheck` asks it.

use tests::process;
use tests::wait::eventually;

use super::{Running, run};

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
