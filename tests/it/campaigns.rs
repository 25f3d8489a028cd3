//! Campaigns over HTTP and SQL: lists, starts, stops, results.

use chrono::{DateTime, Utc};
use mock_provider::Arrival;
use reqwest::Method;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::wait::within;
use tests::{Door, TestApp};

mod alerts;
mod caps;
mod exact;
mod feeder;
mod frequency;
mod lists;
mod money;
mod runs;
mod sharing;
mod staged;
mod stops;

/// Makes a draft of `change` over one with a text for all; gives its address.
async fn draft(door: &Door, change: Value) -> String {
    let mut wanted = json!({ "name": "autumn", "text": "Sale today" });
    for (name, value) in change.as_object().unwrap() {
        wanted[name] = value.clone();
    }
    if wanted["template"].is_string() {
        wanted.as_object_mut().unwrap().remove("text");
    }
    let made = door.post("/sms/campaigns", &wanted).await;
    assert_eq!(made.status, 201, "{}", made.body);
    format!("/sms/campaigns/{}", made.body["campaign_id"].as_str().unwrap())
}

/// What an upload was answered, line by line.
async fn upload(door: &Door, campaign: &str, list: impl Into<Vec<u8>>) -> Vec<Value> {
    upload_as(door, campaign, "text/csv", None, list).await
}

async fn upload_as(
    door: &Door,
    campaign: &str,
    kind: &str,
    key: Option<&str>,
    list: impl Into<Vec<u8>>,
) -> Vec<Value> {
    let (path, query) = campaign.split_once('?').unwrap_or((campaign, ""));
    let request = door.request(Method::POST, &format!("{path}/recipients?{query}"));
    let request = request.header("content-type", kind).body(list.into());
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    let text = answer.text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The last line of an upload, without what it does not need.
fn told(lines: &[Value]) -> Value {
    let last = lines.last().unwrap();
    json!({ "type": last["type"], "added": last["added"], "duplicates": last["duplicates"],
            "blocked": last["blocked"], "rejected": last["rejected"] })
}

fn list_of(numbers: &[String]) -> String {
    format!("phone\n{}\n", numbers.join("\n"))
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|_| a_number()).collect()
}

async fn act(door: &Door, campaign: &str, action: &str) -> Answer {
    let answer = door.request(Method::POST, &format!("{campaign}/{action}"));
    door.call(answer).await
}

/// Waits until a campaign stands at `status`; gives it.
async fn becomes(door: &Door, campaign: &str, status: &str) -> Value {
    within(std::time::Duration::from_secs(60), status, async || {
        let now = door.get(campaign).await;
        (now.body["status"] == status).then_some(now.body)
    })
    .await
}

/// The rows of its results, as NDJSON tells them.
async fn results(door: &Door, campaign: &str) -> Vec<Value> {
    let request = door.request(Method::GET, &format!("{campaign}/results?format=ndjson"));
    let text = request.send().await.unwrap().text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How often each of `numbers` was texted.
fn copies(app: &TestApp, numbers: &[String]) -> Vec<usize> {
    let arrivals = app.arrivals_by_number();
    numbers.iter().map(|number| arrivals.get(number).map_or(0, Vec::len)).collect()
}

fn arrived_at(arrival: &Arrival) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(arrival.at_micros).unwrap()
}
