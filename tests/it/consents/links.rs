//! Unsubscribe links: looking at one changes nothing, its button stops, and its undo takes back what it did alone.

use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use tests::builders::{a_number, a_promo, a_transactional};
use tests::{Door, TestApp, http};

use super::history;

async fn link_of(door: &Door, number: &str) -> String {
    let shown = door.get(&format!("/sms/opt-outs/{number}")).await.body;
    shown["unsubscribe_url"].as_str().unwrap().to_owned()
}

/// As a browser does, without a key.
async fn get(link: &str) -> (StatusCode, String) {
    let answer = http::client().get(link).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

async fn post(link: &str, body: &'static str) -> Response {
    let request = http::client().post(link).header("content-type", "application/x-www-form-urlencoded");
    request.body(body).send().await.unwrap()
}

async fn page(answer: Response) -> String {
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

#[tokio::test]
async fn the_button_stops_marketing_and_the_other_takes_it_back() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let link = link_of(&door, &number).await;
    for _ in 0..3 {
        assert!(get(&link).await.1.contains("<button>Stop them</button>"));
        assert!(http::client().head(&link).send().await.unwrap().status().is_success());
    }
    assert_eq!(history(&door, &number).await, Vec::<serde_json::Value>::new(), "who looks says nothing");
    let stopped = page(post(&link, "").await).await;
    assert!(stopped.contains("gets no more marketing messages") && stopped.contains("Undo"), "{stopped}");
    assert!(stopped.contains(&number[number.len() - 2..]) && !stopped.contains(&number[1..]), "{stopped}");
    let promo = app.accept(a_promo(app.now()).to(&number)).await;
    let text = app.accept(a_transactional(app.now()).to(&number)).await;
    assert_eq!(
        (app.end_of(promo).await.0.as_str(), app.end_of(text).await.0.as_str()),
        ("suppressed", "sent")
    );
    assert!(get(&link).await.1.contains("Undo"));
    assert!(page(post(&link, "do=undo").await).await.contains("gets marketing messages again"));
    let promo = app.accept(a_promo(app.now()).to(&number)).await;
    assert_eq!(app.end_of(promo).await.0, "sent");
    assert_eq!(
        history(&door, &number).await,
        [
            json!(["opt_in", "marketing", null, "link", null]),
            json!(["opt_out", "marketing", null, "link", null])
        ]
    );
    app.stop().await;
}

/// RFC 8058: by a mail program, as a form of either kind.
#[tokio::test]
async fn one_click_stops() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for form in [true, false] {
        let number = a_number();
        let link = link_of(&door, &number).await;
        let request = http::client().post(&link);
        let request = if form {
            request.form(&[("List-Unsubscribe", "One-Click")])
        } else {
            let part = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
            request.header("content-type", "multipart/form-data; boundary=b").body(part)
        };
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
        assert_eq!(history(&door, &number).await.len(), 1);
    }
}

/// Whoever has the link is perhaps not whose number it is.
#[tokio::test]
async fn a_link_does_not_lift_what_was_stopped_otherwise() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let link = link_of(&door, &number).await;
    door.put(&format!("/sms/opt-outs/{number}"), &json!({ "source": "inbound:twilio" })).await;
    for body in ["do=undo", "", "do=undo"] {
        let shown = page(post(&link, body).await).await;
        assert!(shown.contains("gets no more") && !shown.contains("button>"), "{shown}");
    }
    assert_eq!(history(&door, &number).await.len(), 1);
}

#[tokio::test]
async fn a_wrong_link_is_a_plain_page_and_changes_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let link = link_of(&door, &a_number()).await;
    let (base, token) = link.rsplit_once('/').unwrap();
    let other = if token.starts_with('A') { "B" } else { "A" };
    let forged = format!("{other}{}", &token[1..]);
    let cut = &token[..19];
    for wrong in [forged.as_str(), cut, "x", "%00", "..%2f", &"A".repeat(20), &"A".repeat(2000)] {
        let (status, shown) = get(&format!("{base}/{wrong}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{wrong}");
        assert!(shown.contains("No such link"), "{wrong}: {shown}");
        assert_eq!(post(&format!("{base}/{wrong}"), "").await.status(), StatusCode::NOT_FOUND);
    }
    let stops: i64 =
        sqlx::query_scalar("select count(*) from smsgw.sms_consents").fetch_one(&app.pool).await.unwrap();
    assert_eq!(stops, 0);
}

#[tokio::test]
async fn the_page_runs_and_loads_nothing_and_is_not_to_be_found() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let link = link_of(&door, &a_number()).await;
    for url in [link.clone(), format!("{link}x")] {
        let answer = http::client().get(&url).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        for part in
            ["default-src 'none'", "style-src 'sha256-", "form-action 'self'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-robots-tag"), "noindex, nofollow");
        assert_eq!(
            (header("cache-control"), header("x-content-type-options")),
            ("no-store".into(), "nosniff".into())
        );
        let shown = answer.text().await.unwrap();
        for part in ["width=device-width", "prefers-color-scheme:dark", "noindex", "lang=\"en\""] {
            assert!(shown.contains(part), "{part}");
        }
        for part in ["<script", "http", "src=", "url("] {
            assert!(!shown.contains(part), "{part}: {shown}");
        }
    }
    let refused = door.request(Method::PUT, link.strip_prefix(&door.url).unwrap());
    assert_eq!(door.call(refused).await.refusal(), (405, "method-not-allowed"));
}
