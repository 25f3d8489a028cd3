//! `migrate`, `logs`, and a worker that says how it is.

use std::path::Path;
use std::time::{Duration, Instant};

use shared::ids::MessageId;
use tests::builders::a_transactional;
use tests::process::{Settings, Smsgw, command, said};
use tests::wait::{PATIENCE, eventually};
use tests::{TestApp, http};

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

/// A message that has left the outbox.
async fn finished(app: &mut TestApp) -> MessageId {
    let id = app.accept(a_transactional(app.now())).await;
    app.end_of(id).await;
    id
}

/// Follows the log until it is dropped; what it prints goes to `file`.
fn follow(settings: &Settings, limit: &str, file: &Path) -> tokio::process::Child {
    let arguments = ["logs", "--follow", "--json", "--limit", limit];
    let mut follow = command(settings, &arguments);
    follow.stdout(std::fs::File::create(file).unwrap());
    tokio::process::Command::from(follow).kill_on_drop(true).spawn().unwrap()
}

/// The messages of the whole lines.
fn printed(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    super::lines(whole).iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_begins_with_as_many_as_it_is_told_and_goes_on_with_new_ones() {
    let desk = Desk::new().await;
    let (mut app, folder) = (desk.app, tempfile::tempdir().unwrap());
    app.start_worker();
    let mut old = Vec::new();
    for _ in 0..3 {
        old.push(finished(&mut app).await.to_string());
    }

    let one = folder.path().join("one");
    let following = follow(&desk.settings, "1", &one);
    eventually("the last of the old ones", async || (!printed(&one).is_empty()).then_some(())).await;
    let new = finished(&mut app).await.to_string();
    let lines = eventually("the new one", async || Some(printed(&one)).filter(|all| all.len() > 1)).await;
    assert_eq!(lines, [old[2].clone(), new.clone()]);
    drop(following);
    old.push(new);

    let none = folder.path().join("none");
    let _following = follow(&desk.settings, "0", &none);
    let (mut new, began) = (Vec::new(), Instant::now());
    while printed(&none).is_empty() {
        assert!(began.elapsed() < PATIENCE, "nothing is printed of {new:?}");
        new.push(finished(&mut app).await.to_string());
    }
    let first = printed(&none).swap_remove(0);
    assert!(new.contains(&first) && !old.contains(&first), "{first} is old");
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
    let client = http::client_builder().timeout(Duration::from_secs(2)).build().unwrap();
    let get = async |path: &str| {
        let answer = client.get(format!("http://{address}{path}")).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    };
    let health = eventually("the worker to answer", async || get("/healthz").await).await;
    assert_eq!(health, (200, r#"{"status":"ok"}"#.to_owned()));
    // It is heard before it has seen its database.
    eventually("the worker to be ready", async || (get("/readyz").await?.0 == 200).then_some(())).await;
    assert_eq!(get("/metrics").await.unwrap().0, 200);
    assert_eq!(get("/sms/messages").await.unwrap().0, 404, "it is no API");

    let second = said(&desk.settings, &worker, "");
    assert!(second.code == 1 && second.err.contains("SMSGW_WORKER_LISTEN"), "{second:?}");
    running.kill();
}
