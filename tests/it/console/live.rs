//! Parts of pages that stay fresh.

use std::time::Duration;

use tests::builders::{a_number, a_transactional};
use tests::wait::eventually;

use super::*;

/// What a stream sends until it holds `part`.
async fn until(stream: &mut Response, part: &str) -> String {
    let mut heard = String::new();
    let all = async {
        while !heard.contains(part) {
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            heard.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.expect("the part comes");
    heard
}

#[tokio::test]
async fn a_list_shows_what_happens_until_its_operator_is_signed_out() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::Viewer).await;
    let mut stream = browser.get("/console/messages/live?lane=transactional").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    until(&mut stream, "No such messages").await;
    // What could end a line or an event of the stream is only text.
    let text = "one\r\n\r\ndata: two\revent: over\n\nthree <b>";
    let id = app.accept(a_transactional(app.now()).to(&a_number()).text(text)).await.to_string();
    let heard = until(&mut stream, "</tr>\n").await;
    assert!(heard.contains(&id) && heard.contains("three &#60;b&#62;"), "{heard}");
    assert!(!heard.contains("\nevent:"), "{heard}");
    browser.post("/console/sign-out", &[]).await;
    until(&mut stream, "event: over").await;
    let end = tokio::time::timeout(Duration::from_secs(10), stream.chunk()).await.expect("it ends");
    assert_eq!(end.unwrap(), None);
}

#[tokio::test]
async fn to_look_on_is_no_use_of_a_session() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::Viewer).await;
    let since = "update smsgw.operator_sessions set seen_at = clock_timestamp() - interval '29 min 57 s'";
    sqlx::query(since).execute(&app.pool).await.unwrap();
    let mut stream = browser.get("/console/messages/live").await;
    until(&mut stream, "event: over").await;
    assert_eq!(browser.get("/console/messages").await.status(), 303);
}

/// A stream has no end of its own, so a gateway that stops ends it.
#[tokio::test]
async fn a_gateway_stops_though_somebody_looks_on() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::Viewer).await;
    let mut stream = browser.get("/console/messages/live").await;
    until(&mut stream, "No messages yet").await;
    let began = std::time::Instant::now();
    door.close().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn so_many_may_look_on_and_a_place_is_free_again_when_one_leaves() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut browsers = Vec::new();
    for name in ["ann", "bob", "cleo", "dora", "eve"] {
        browsers.push(Browser::signed_in(&app, &door, name, Role::Viewer).await);
    }
    let look = async |browser: &Browser| browser.get("/console/messages/live").await;
    // The page stays as it is, and asks again.
    let is_full = async |browser: &Browser| {
        let mut stream = look(browser).await;
        let first = stream.chunk().await.unwrap().unwrap();
        first.as_ref() == b"event: full\nretry: 2000\ndata:\n\n"
    };
    let mut streams = Vec::new();
    for browser in &browsers[..4] {
        for _ in 0..16 {
            let stream = look(browser).await;
            assert_eq!(stream.status(), 200);
            streams.push(stream);
        }
        assert!(is_full(browser).await, "one more of the same operator");
    }
    assert!(is_full(&browsers[4]).await, "one more of all");
    assert_eq!(browsers[4].get("/console/messages").await.status(), 200, "pages are not held up");
    streams.clear();
    eventually("a place to be free", async || (!is_full(&browsers[4]).await).then_some(())).await;
}
