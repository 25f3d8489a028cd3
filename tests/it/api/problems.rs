//! `/problems`: what a problem document's `type` points to.

use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::ids::SessionId;
use tests::{Door, TestApp};

use super::{OTP_VERIFY, SEND, a_message, assert_refused, stranger};

/// An address as a person without a key sees it.
async fn read(door: &Door, path: &str) -> String {
    let answer = stranger().get(format!("{}{path}", door.url)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{path}");
    answer.text().await.unwrap()
}

#[tokio::test]
async fn the_type_of_a_refusal_is_the_address_of_its_explanation() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let unknown = SessionId::random();
    for refused in [
        door.call(stranger().post(format!("{}{SEND}", door.url)).json(&a_message())).await,
        door.post(SEND, &json!({})).await,
        door.post(OTP_VERIFY, &json!({ "session_id": unknown, "otp": "123456" })).await,
        door.get("/nothing").await,
        door.call(door.request(Method::DELETE, SEND)).await,
    ] {
        let (path, title) = (refused.body["type"].as_str().unwrap(), refused.body["title"].as_str().unwrap());
        let page = read(&door, path).await;
        assert!(page.contains(title) && page.contains("**Cure**"), "{path}: {page}");
    }
}

#[tokio::test]
async fn all_problems_are_listed_and_each_is_explained() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let index = read(&door, "/problems").await;
    let listed: Vec<_> =
        index.split("href=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
    assert!(listed.len() > 20 && listed.contains(&"/problems/otp-locked"), "{listed:?}");
    for path in listed {
        let code = path.strip_prefix("/problems/").unwrap();
        assert!(read(&door, path).await.contains(&format!("\"code\":\"{code}\"")), "{path}");
    }
    for unknown in ["nothing", "otp-wrong%2F", "%3Cscript%3E"] {
        assert_refused(&door.get(&format!("/problems/{unknown}")).await, 404, "not-found");
    }
}
