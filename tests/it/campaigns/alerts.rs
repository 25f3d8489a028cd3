//! Thresholds of caps: each told once, signed, and nowhere but where the operator said.

use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::hmac;
use secrecy::SecretString;
use shared::alert::AlertTarget;
use shared::config::AlertConfig;
use tests::wait::eventually;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::money::{cap, price, started, stopped_by};
use super::*;

const KEY: [u8; 32] = [7; 32];

/// What was posted, head and body.
type Posted = Arc<Mutex<Vec<(String, String)>>>;

/// Listens for alerts; the first is sent elsewhere, where nobody who is careful goes.
struct Receiver {
    port: u16,
    posted: Posted,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let posted = Posted::default();
        let kept = Arc::clone(&posted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Self { port, posted }
    }

    fn heard(&self) -> Vec<(String, String)> {
        self.posted.lock().unwrap().clone()
    }
}

/// Requests on one connection, which all have a length.
async fn serve(stream: TcpStream, posted: Posted) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
    while stream.read_line(&mut line).await? > 0 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
        if std::mem::take(&mut line).trim().is_empty() {
            let mut body = vec![0; std::mem::take(&mut length)];
            stream.read_exact(&mut body).await?;
            let before = {
                let mut posted = posted.lock().unwrap();
                posted.push((std::mem::take(&mut head), String::from_utf8(body).unwrap()));
                posted.len()
            };
            let answer: &[u8] = if before == 1 {
                b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
            } else {
                b"HTTP/1.1 204 No Content\r\n\r\n"
            };
            stream.write_all(answer).await?;
        }
    }
    Ok(())
}

fn target(host: &str, port: u16, networks: &[&str]) -> AlertTarget {
    let config = AlertConfig {
        alert_url: Some(format!("http://{host}:{port}/alerts")),
        alert_secret: Some(SecretString::from(format!("whsec_{}", BASE64_STANDARD.encode(KEY)))),
        alert_networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
        ..AlertConfig::default()
    };
    config.target().unwrap().unwrap()
}

/// Whatever waits to be posted again need not wait.
async fn hurry(app: &TestApp) {
    sqlx::query("update smsgw.sms_spend_alerts set due_at = clock_timestamp() where due_at is not null")
        .execute(&app.pool)
        .await
        .unwrap();
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:"))).unwrap();
    line.split_once(':').unwrap().1.trim()
}

/// The data of an alert whose signature is right.
fn verified((head, body): &(String, String)) -> Value {
    let (id, time) = (header(head, "webhook-id"), header(head, "webhook-timestamp"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &KEY);
    let tag = hmac::sign(&key, format!("{id}.{time}.{body}").as_bytes());
    let signature = format!("v1,{}", BASE64_STANDARD.encode(tag));
    assert_eq!(header(head, "webhook-signature"), signature);
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["type"], &body["data"]["id"]), (&json!("spend.threshold"), &json!(id)));
    body["data"].clone()
}

#[tokio::test]
async fn each_threshold_is_told_once_and_signed() {
    let receiver = Receiver::start().await;
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.alerts = Some(target("127.0.0.1", receiver.port, &["127.0.0.0/8"])));
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    cap(&door, "all", json!({ "scope": "day", "amount": "1", "currency": "USD" })).await;
    for people in [6, 6, 6] {
        let campaign = started(&door, json!({}), &numbers(people)).await;
        eventually("the campaign to end or to stop", async || {
            let now = door.get(&campaign).await.body;
            matches!(now["status"].as_str(), Some("paused" | "finished")).then_some(())
        })
        .await;
    }
    eventually("three alerts to be taken", async || {
        hurry(&app).await;
        let left: i64 =
            sqlx::query_scalar("select count(*) from smsgw.sms_spend_alerts where due_at is not null")
                .fetch_one(&app.pool)
                .await
                .unwrap();
        (left == 0 && receiver.heard().len() >= 4).then_some(())
    })
    .await;
    let heard = receiver.heard();
    // The one that was sent elsewhere came once more, to the same address.
    assert!(heard.iter().all(|(head, _)| head.starts_with("POST /alerts HTTP/1.1")), "{heard:?}");
    let told: Vec<Value> = heard.iter().map(verified).collect();
    let mut shares: Vec<_> = told[1..].iter().map(|data| data["threshold"].as_i64().unwrap()).collect();
    shares.sort_unstable();
    shares.dedup();
    assert_eq!(shares, [50, 80, 100]);
    let today = door.get("/spend").await.body["today"].clone();
    for data in &told {
        assert_eq!((&data["cap"], &data["scope"], &data["subject"]), (&json!("all"), &json!("day"), &today));
        assert_eq!((&data["limit"], &data["currency"]), (&json!("1.00"), &json!("USD")));
    }
    let rows: i64 =
        sqlx::query_scalar("select count(*) from smsgw.sms_spend_alerts").fetch_one(&app.pool).await.unwrap();
    assert_eq!(rows, 3);
    app.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_into_ones_own_network_is_not_posted_to() {
    let receiver = Receiver::start().await;
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.alerts = Some(target("localhost", receiver.port, &[])));
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    let budget = json!({ "budget": { "amount": "0.10", "currency": "USD" } });
    let campaign = started(&door, budget, &numbers(2)).await;
    stopped_by(&door, &campaign, "budget").await;
    eventually("alerts to be tried twice", async || {
        hurry(&app).await;
        let tries: Option<i16> = sqlx::query_scalar("select min(tries) from smsgw.sms_spend_alerts")
            .fetch_one(&app.pool)
            .await
            .unwrap();
        tries.is_some_and(|tries| tries >= 2).then_some(())
    })
    .await;
    assert!(receiver.heard().is_empty());
    app.stop().await;
}

#[tokio::test]
async fn an_address_that_never_answers_holds_nobody_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.alerts = Some(target("127.0.0.1", port, &["127.0.0.0/8"])));
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    let budget = |amount: &str| json!({ "budget": { "amount": amount, "currency": "USD" } });
    let first = started(&door, budget("0.20"), &numbers(2)).await;
    let (_held, _) = silent.accept().await.unwrap();
    becomes(&door, &first, "finished").await;
    let second = started(&door, budget("0.20"), &numbers(2)).await;
    becomes(&door, &second, "finished").await;
    assert_eq!(app.mock.arrivals().len(), 4);
    app.stop().await;
}
