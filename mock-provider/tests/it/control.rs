//! The control API, as a test in another process uses it.

use mock_provider::{
    ArrivalCounts, ArrivalPage, Fault, FaultRule, FaultStatus, RecipientMatch, RequestCounts, Vendor,
};
use reqwest::Method;
use serde_json::json;

use crate::client::{Client, answer};

const FAULTS: &str = "/_mock/faults";

#[tokio::test]
async fn faults_are_set_listed_and_cleared_as_json() {
    let client = Client::start();
    let rules = json!([
        {"vendor": "twilio", "match": {"suffix": "07"}, "times": 1, "fault": {"kind": "throttle", "retry_after": {"seconds": 2}}},
        {"vendor": "twofactor", "fault": {"kind": "reset"}},
    ]);
    let (status, _) = answer(client.request(Method::POST, FAULTS).json(&rules)).await;
    assert_eq!(status, 201);
    assert_eq!(client.text("+41790000007").await.unwrap().status().as_u16(), 429);

    let listed: Vec<FaultStatus> = client.get(FAULTS).send().await.unwrap().json().await.unwrap();
    assert_eq!(listed.iter().map(|status| status.hits).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(listed[1].rule, FaultRule::new(Vendor::TwoFactor, Fault::Reset));
    assert_eq!(serde_json::to_value(&listed[0].rule).unwrap(), rules[0]);

    let (status, _) = answer(client.request(Method::DELETE, FAULTS)).await;
    assert_eq!(status, 204);
    assert_eq!(client.code("9876543210", "123456").await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn the_typed_rules_are_the_json_of_the_api() {
    let client = Client::start();
    let rule = FaultRule::new(Vendor::Twilio, Fault::Hang)
        .to(RecipientMatch::Recipient("+41790000001".to_owned()))
        .times(3);
    let (status, body) = answer(client.request(Method::POST, FAULTS).json(&[rule])).await;
    assert_eq!(status, 201);
    assert_eq!(
        body[0]["rule"],
        json!({"vendor": "twilio", "match": {"recipient": "+41790000001"}, "times": 3, "fault": {"kind": "hang"}})
    );
}

#[tokio::test]
async fn one_wrong_rule_refuses_the_whole_list() {
    let client = Client::start();
    for wrong in [
        json!([{"vendor": "twilio", "fault": {"kind": "reset"}}, {"vendor": "twilio", "fault": {"kind": "nap"}}]),
        json!([{"vendor": "twilio", "fault": {"kind": "reset"}, "time": 1}]),
        json!([{"vendor": "twilio", "fault": {"kind": "reset"}, "times": 0}]),
        json!({"vendor": "twilio", "fault": {"kind": "reset"}}),
    ] {
        let (status, body) = answer(client.request(Method::POST, FAULTS).json(&wrong)).await;
        assert_eq!(status, 400, "{wrong}");
        assert!(body["error"].is_string());
    }
    assert!(client.mock.faults().is_empty());
}

#[tokio::test]
async fn arrivals_are_paged_filtered_and_cleared() {
    let client = Client::start();
    for to in ["+41790000001", "+41790000002", "+41790000001"] {
        client.text(to).await.unwrap();
    }
    let page = |query: &str| client.get(&format!("/_mock/arrivals{query}")).send();
    let first: ArrivalPage = page("?limit=2").await.unwrap().json().await.unwrap();
    assert_eq!((first.total, first.next, first.arrivals.len()), (3, 2, 2));
    let rest: ArrivalPage = page("?since=2").await.unwrap().json().await.unwrap();
    assert_eq!((rest.next, rest.arrivals.len(), rest.arrivals[0].index), (3, 1, 2));
    let mine: ArrivalPage = page("?to=%2B41790000001").await.unwrap().json().await.unwrap();
    assert_eq!(mine.arrivals.len(), 2);
    let unescaped: ArrivalPage = page("?to=+41790000001").await.unwrap().json().await.unwrap();
    assert_eq!(unescaped.arrivals.len(), 2);
    assert_eq!(answer(client.get("/_mock/arrivals?since=x")).await.0, 400);

    assert_eq!(answer(client.request(Method::DELETE, "/_mock/arrivals")).await.0, 204);
    client.text("+41790000003").await.unwrap();
    let after: ArrivalPage = page("?since=3").await.unwrap().json().await.unwrap();
    assert_eq!((after.total, after.arrivals[0].index), (1, 3));
}

#[tokio::test]
async fn counts_are_there_for_arrivals_and_requests() {
    let client = Client::start();
    client.text("+41790000001").await.unwrap();
    client.text("+41795500429").await.unwrap();
    let _ = client.code("9875500000", "123456").await;
    client.get("/elsewhere").send().await.unwrap();
    let counts: ArrivalCounts =
        client.get("/_mock/arrivals/counts").send().await.unwrap().json().await.unwrap();
    assert_eq!((counts.total, counts.without_reference.distinct), (1, 1));
    let requests: RequestCounts =
        client.get("/_mock/requests/counts").send().await.unwrap().json().await.unwrap();
    assert_eq!(requests.twilio.total, 2);
    assert_eq!(requests.twilio.by_status, [(201, 1), (429, 1)].into());
    assert_eq!((requests.twofactor.total, requests.twofactor.unanswered), (1, 1));
    assert_eq!(requests.elsewhere, 1);
}

#[tokio::test]
async fn settings_change_while_it_runs() {
    let client = Client::start();
    let change = json!({"twilio": {"rate_limit_per_second": 5}, "twofactor": {"latency_ms": 20}});
    let (status, settings) = answer(client.request(Method::PATCH, "/_mock/settings").json(&change)).await;
    assert_eq!(status, 200);
    assert_eq!(settings["twilio"]["rate_limit_per_second"], 5);
    assert_eq!(answer(client.get("/_mock/settings")).await.1, settings);
    let wrong = json!({"twilio": {"latency": 5}});
    assert_eq!(answer(client.request(Method::PATCH, "/_mock/settings").json(&wrong)).await.0, 400);
}

#[tokio::test]
async fn an_unknown_control_path_names_the_known_ones() {
    let client = Client::start();
    let (status, body) = answer(client.get("/_mock/nothing")).await;
    assert_eq!(status, 404);
    assert!(body["error"].as_str().unwrap().contains("/_mock/arrivals/counts"));
}
