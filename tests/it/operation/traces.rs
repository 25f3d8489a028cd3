//! Traces by OTLP, told to a collector that the test holds. For a program with the feature `otlp`:
//! `SMSGW_TEST_FEATURES=otlp cargo test --workspace --test it operation::traces -- --ignored`.

use std::time::Duration;

use serde_json::{Value, json};
use tests::process::{self, Settings, Smsgw};
use tests::wait::eventually;
use tests::{TestApp, http};

use self::collector::{Collector, Span};
use super::{launch, log_lines, settings};

pub(super) mod collector;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const UNSAMPLED: &str = "0af7651916cd43dd8448eb211c80319c";
const NUMBER: &str = "+41790000001";
const TEXT: &str = "Your parcel waits at the counter";

/// The settings of a gateway whose spans go to `endpoint` soon.
async fn traced(endpoint: &str) -> (TestApp, Settings) {
    let app = TestApp::without_worker().await;
    let mut settings = settings(&app);
    settings.extend([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "500".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
    ]);
    (app, settings)
}

/// Asks the API at `url` for one text; gives the message's id.
async fn send(url: &str, key: &str, traceparent: &str) -> String {
    let client = http::client();
    let request = client.post(format!("{url}/sms/send-transactional")).bearer_auth(key);
    let request = request.header("traceparent", traceparent).json(&json!({"to": NUMBER, "text": TEXT}));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    answer.json::<Value>().await.unwrap()["message_id"].as_str().unwrap().to_owned()
}

fn create_key(settings: &Settings) -> String {
    process::run(settings, &["keys", "create", "shop", "--scopes", "send"])
}

/// Ends a process in good order.
pub(super) async fn stop(mut process: Smsgw) -> Smsgw {
    process.terminate();
    let ended = eventually("the process to end", || std::future::ready(process.ended())).await;
    assert!(ended.success(), "{ended}");
    process
}

#[tokio::test]
#[ignore = "wants a program with the feature otlp"]
async fn one_trace_leads_from_the_callers_request_to_the_provider_call_in_another_process() {
    let collector = Collector::start().await;
    let (app, settings) = traced(&collector.url).await;
    let (api, url, _api_logs) = launch(&settings, &["api"]).await;
    let (worker, _, _worker_logs) = launch(&settings, &["worker"]).await;
    let key = create_key(&settings);
    send(&url, &key, &format!("00-{UNSAMPLED}-{CALLER}-00")).await;
    let id = send(&url, &key, &format!("00-{TRACE}-{CALLER}-01")).await;
    app.mock.wait_for_arrivals(2, Duration::from_secs(15)).await;
    stop(api).await;
    stop(worker).await;

    let spans = collector.spans();
    let of_kind = |name| spans.iter().filter(move |span| span.name == name).collect::<Vec<_>>();
    let (accepts, sends) = (of_kind("accept"), of_kind("send"));
    let ([accept], [send]) = (&accepts[..], &sends[..]) else {
        panic!("not one span of each kind: {spans:?}");
    };
    assert_eq!((accept.trace(), accept.parent()), (TRACE.to_owned(), CALLER.to_owned()));
    assert_eq!((send.trace(), send.parent()), (TRACE.to_owned(), accept.id()));
    let told = |span: &Span, name: &str| span.attribute(name).unwrap_or_default().to_owned();
    for span in [accept, send] {
        assert_eq!((told(span, "message.id"), told(span, "lane")), (id.clone(), "transactional".to_owned()));
    }
    assert_eq!(told(accept, "http.route"), "/sms/send-transactional");
    assert_eq!((told(send, "provider.id"), told(send, "outcome")), ("twilio".into(), "accepted".into()));
    assert_eq!(collector.service_names(), ["smsgw"]);
    for secret in [NUMBER.trim_start_matches('+'), TEXT, &key] {
        assert!(!collector.heard(secret), "{secret} is among what was exported");
    }
}

#[tokio::test]
#[ignore = "wants a program with the feature otlp"]
async fn without_its_collector_the_gateway_works_as_usual_and_says_so_once() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (app, settings) = traced(&format!("http://{nobody}")).await;
    let (gateway, url, _logs) = launch(&settings, &["serve"]).await;
    let key = create_key(&settings);
    let complaints = |process: &Smsgw| {
        let lines = log_lines(process).into_iter();
        lines.filter(|line| line["message"].as_str().unwrap().contains("collector")).count()
    };
    send(&url, &key, &format!("00-{TRACE}-{CALLER}-01")).await;
    eventually("a complaint", async || (complaints(&gateway) > 0).then_some(())).await;
    send(&url, &key, &format!("00-{TRACE}-{CALLER}-01")).await;
    app.mock.wait_for_arrivals(2, Duration::from_secs(15)).await;
    let gateway = stop(gateway).await;
    assert_eq!(complaints(&gateway), 1);
}

#[tokio::test]
#[ignore = "wants a program with the feature otlp"]
async fn an_endpoint_that_is_none_is_refused_at_the_start() {
    let (_app, settings) = traced("collector:4318").await;
    let said = process::said(&settings, &["serve"], "");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL"), "{}", said.err);
}
