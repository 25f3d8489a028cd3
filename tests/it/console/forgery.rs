//! What another site makes an operator's browser send.

use super::*;
use tests::builders::{a_number, a_transactional};

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::Admin).await;
    let id = app.accept(a_transactional(app.now()).to(&a_number())).await;
    let cancel = format!("{}/console/messages/{id}/cancel", door.url);
    let forge = |name: &'static str, value: &'static str| {
        let request = browser.client.post(&cancel).header(COOKIE, browser.cookie.as_deref().unwrap());
        request.header(name, value).form(&[("a", "b")]).send()
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let answer = forge(name, value).await.unwrap();
        assert_eq!(answer.status(), 403, "{name}: {value}");
        assert!(answer.text().await.unwrap().contains("did not come from the console"));
    }
    assert_eq!(door.get(&format!("/sms/messages/{id}")).await.body["status"], "queued");
    assert_eq!(forge("sec-fetch-site", "same-origin").await.unwrap().status(), 303);
    assert_eq!(door.get(&format!("/sms/messages/{id}")).await.body["status"], "cancelled");
}

/// Signing somebody in as somebody else is a forgery too.
#[tokio::test]
async fn another_site_signs_nobody_in_or_out() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::Viewer).await;
    for path in ["/console/sign-in", "/console/sign-out"] {
        let request = browser.client.post(format!("{}{path}", door.url));
        let request = request.header(COOKIE, browser.cookie.as_deref().unwrap());
        let request = request.header("sec-fetch-site", "cross-site");
        let answer = request.form(&[("name", "ann"), ("password", PASSWORD)]).send().await.unwrap();
        assert_eq!(answer.status(), 403);
        assert!(!answer.headers().contains_key(SET_COOKIE));
    }
    assert_eq!(browser.get("/console/messages").await.status(), 200);
}
