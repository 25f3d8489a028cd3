//! The metrics of a running gateway; and that board, alerts and documents name no others.

use std::collections::BTreeSet;
use std::process::Command;

use mock_provider::{Fault, FaultRule, RecipientMatch, Vendor};
use serde_json::{Value, json};
use tests::builders::{a_number, a_promo};
use tests::wait::eventually;

use super::{Running, read, root, run, words};
use crate::webhooks::SID;

/// Series that the traffic below must move.
const MOVED: [&str; 25] = [
    "smsgw_accepted_total{lane=\"otp\"}",
    "smsgw_refused_total{code=\"invalid-request\"}",
    "smsgw_requests_total{door=\"send_transactional\",status=\"202\"}",
    "smsgw_requests_total{door=\"send_transactional\",status=\"400\"}",
    "smsgw_request_seconds_count{door=\"otp_send\"}",
    "smsgw_messages_total{lane=\"otp\",status=\"sent\"}",
    "smsgw_messages_total{lane=\"transactional\",status=\"queued\"}",
    "smsgw_messages_total{lane=\"promo\",status=\"sent\"}",
    "smsgw_in_doubt_total{lane=\"transactional\"}",
    "smsgw_accept_to_sent_seconds_count{lane=\"otp\"}",
    "smsgw_accept_to_sent_seconds_count{lane=\"promo\"}",
    "smsgw_attempts_total{provider=\"twilio\",lane=\"otp\",outcome=\"accepted\"}",
    "smsgw_attempts_total{provider=\"twilio\",lane=\"transactional\",outcome=\"in_doubt\"}",
    "smsgw_attempts_total{provider=\"twilio\",lane=\"promo\",outcome=\"throttled\"}",
    "smsgw_attempt_seconds_count{provider=\"twilio\"}",
    "smsgw_provider_pauses_total{provider=\"twilio\"}",
    "smsgw_claim_size_count{lane=\"promo\"}",
    "smsgw_handed_over_total{lane=\"otp\"}",
    "smsgw_handed_over_total{lane=\"transactional\"}",
    "smsgw_receipts_total{provider=\"twilio\",status=\"delivered\"}",
    "smsgw_settled_by_receipt_total",
    "smsgw_inbound_total{provider=\"twilio\"}",
    "smsgw_spend_micros_total{currency=\"USD\"}",
    "smsgw_spend_thresholds_total{cap=\"all\",threshold=\"100\"}",
    "smsgw_spend_cap_ratio{cap=\"all\"}",
];

/// The value of a series, written as `/metrics` does.
pub(super) fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// A campaign that spends all that it may, something in each lane, a refusal, a call in doubt, a receipt that settles it, a pause, a stop.
async fn traffic(gateway: &Running) {
    let key = run(gateway, &["keys", "create", "test", "--scopes", "send,otp"]);
    let ask = async |path: &str, body: &Value| {
        let url = format!("{}{path}", gateway.url);
        gateway.client.post(url).bearer_auth(&key).json(body).send().await.unwrap()
    };
    let post = async |path: &str, body: &Value| ask(path, body).await.status().as_u16();
    campaign(gateway, &key).await;
    let once = |to: &str, fault| {
        let recipients = Some(RecipientMatch::Recipient(to.to_owned()));
        let rule = FaultRule { recipients, times: Some(1), ..FaultRule::new(Vendor::Twilio, fault) };
        gateway.app.mock.fail_by(rule).unwrap();
    };
    assert_eq!(post("/otp/send", &json!({ "phone": a_number() })).await, 202);
    let doubtful = a_number();
    once(&doubtful, Fault::DeliverThenReset);
    let accepted = ask("/sms/send-transactional", &json!({ "to": doubtful, "text": "Booked." })).await;
    let accepted: Value = accepted.json().await.unwrap();
    assert_eq!(post("/sms/send-transactional", &json!({ "to": "nobody", "text": "Booked." })).await, 400);
    let throttled = a_number();
    once(&throttled, Fault::Throttle { retry_after: None });
    gateway.app.accept(a_promo(gateway.app.now()).to(&throttled)).await;
    settle(gateway, accepted["message_id"].as_str().unwrap()).await;
    let stop = [("MessageSid", SID), ("From", doubtful.as_str()), ("Body", "STOP")];
    assert_eq!(gateway.webhook("/webhooks/twilio/inbound", &stop).await, 200);
}

/// Starts a campaign for one, who costs as much as may be spent in a day.
async fn campaign(gateway: &Running, key: &str) {
    for set in [
        "insert into smsgw.sms_prices (provider, country, price, currency) values ('twilio', 'IN', 0.1, 'USD')",
        "insert into smsgw.sms_spend_caps (name, scope, micros, currency) values ('all', 'day', 100000, 'USD')",
    ] {
        sqlx::query(set).execute(&gateway.app.pool).await.unwrap();
    }
    let post = |path: &str| gateway.client.post(format!("{}{path}", gateway.url)).bearer_auth(key);
    let draft = post("/sms/campaigns").json(&json!({ "name": "autumn", "text": "Sale today" }));
    let made: Value = draft.send().await.unwrap().json().await.unwrap();
    let path = format!("/sms/campaigns/{}", made["campaign_id"].as_str().unwrap());
    let list = format!("phone\n{}\n", a_number());
    let upload = post(&format!("{path}/recipients")).header("content-type", "text/csv").body(list);
    assert!(upload.send().await.unwrap().text().await.unwrap().contains("\"done\""));
    assert_eq!(post(&format!("{path}/start")).send().await.unwrap().status().as_u16(), 200);
}

/// Waits until a message is in doubt, then reports that it has arrived.
async fn settle(gateway: &Running, id: &str) {
    let in_doubt = "select exists (select from smsgw.sms_outbox where id = $1::uuid and copies > 0 and worker_id is null)";
    eventually("the message to be in doubt", async || {
        let asked = sqlx::query_scalar(in_doubt).bind(id);
        let is_so: bool = asked.fetch_one(&gateway.app.pool).await.unwrap();
        is_so.then_some(())
    })
    .await;
    let path = format!("/webhooks/twilio/status?message_id={id}");
    let receipt = [("MessageSid", SID), ("MessageStatus", "delivered")];
    assert_eq!(gateway.webhook(&path, &receipt).await, 204);
}

#[tokio::test]
async fn every_promise_has_a_metric_that_moves() {
    let gateway = Running::start(&["serve"]).await;
    traffic(&gateway).await;
    eventually("all series to move", async || {
        let text = gateway.metrics().await;
        let at_rest = MOVED.iter().find(|series| value(&text, series).is_none_or(|value| value <= 0.0));
        if let Some(series) = at_rest {
            eprintln!("still at rest: {series}");
        }
        at_rest.is_none().then_some(())
    })
    .await;
    let text = gateway.metrics().await;
    for series in ["smsgw_takeovers_total", "smsgw_refused_total{code=\"invalid-signature\"}"] {
        assert_eq!(value(&text, series), Some(0.0), "{series} is shown before it happens");
    }
    for part in ["worker", "intake"] {
        assert_eq!(value(&text, &format!("smsgw_database_away{{part=\"{part}\"}}")), Some(0.0));
    }
}

/// The expressions of the board and of the rules.
fn expressions() -> String {
    let board: Value = serde_json::from_str(&read("ops/grafana/smsgw.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let asked: Vec<&str> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(asked.len() > 10, "the board asks for something");
    asked.join("\n") + &read("ops/prometheus/alerts.yml")
}

/// A renamed metric would leave a board empty and an alert silent.
#[tokio::test]
async fn board_rules_and_documents_name_the_metrics_that_are_shown() {
    let gateway = Running::start(&["serve"]).await;
    traffic(&gateway).await;
    let asked = expressions();
    eventually("every metric that is asked for", async || {
        let text = gateway.metrics().await;
        let shown: BTreeSet<&str> = text.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
        let missing: Vec<&str> =
            words(&asked, "smsgw_").into_iter().filter(|name| !shown.contains(name)).collect();
        if !missing.is_empty() {
            eprintln!("not shown: {missing:?}");
        }
        missing.is_empty().then_some(())
    })
    .await;
    let (text, document) = (gateway.metrics().await, read("docs/operations.md"));
    let names: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    for name in &names {
        assert!(document.contains(&format!("| `{name}` |")), "docs/operations.md lacks {name}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no HELP text");
    }
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `smsgw_")?.split('`').next());
    for name in rows {
        assert!(names.contains(format!("smsgw_{name}").as_str()), "smsgw_{name} is not shown any more");
    }
}

/// Between two bounds a quantile is a guess, by which an alert would speak too early.
#[tokio::test]
async fn alerts_compare_quantiles_with_bounds_of_buckets() {
    let gateway = Running::start(&["serve"]).await;
    traffic(&gateway).await;
    let (text, rules) = (gateway.metrics().await, read("ops/prometheus/alerts.yml"));
    let quantiles: Vec<_> = rules.split("histogram_quantile(").skip(1).collect();
    assert!(quantiles.len() > 1);
    for quantile in quantiles {
        let name = words(quantile.split("_bucket").next().unwrap(), "smsgw_").pop_first().unwrap();
        let threshold = quantile.split(" > ").nth(1).unwrap().split_whitespace().next().unwrap();
        let bound = format!("le=\"{threshold}\"");
        let bucket = format!("{name}_bucket{{");
        assert!(
            text.lines().any(|line| line.starts_with(&bucket) && line.contains(&bound)),
            "{name} has no bucket up to {threshold}"
        );
    }
}

#[test]
fn alerts_speak_when_they_should() {
    for (action, file) in [("check", "alerts.yml"), ("test", "alerts_test.yml")] {
        let rules = root().join("ops/prometheus").join(file);
        match Command::new("promtool").args([action, "rules"]).arg(rules).output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => eprintln!("skipped: promtool does not run here ({error})"),
        }
    }
}

#[test]
fn every_alert_has_a_cure_in_the_documents() {
    let (rules, document) = (read("ops/prometheus/alerts.yml"), read("docs/operations.md"));
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10);
    for alert in alerts {
        assert!(document.contains(&format!("| `{alert}` |")), "docs/operations.md lacks {alert}");
    }
}
