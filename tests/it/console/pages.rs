//! What pages show, and what they do with hostile texts.

use std::collections::BTreeSet;

use super::*;
use tests::builders::{a_number, a_transactional};

const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&";

#[tokio::test]
async fn texts_and_names_are_shown_as_texts() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let sent = serde_json::json!({ "to": a_number(), "text": HOSTILE, "user_id": HOSTILE });
    let id =
        door.post("/sms/send-transactional", &sent).await.body["message_id"].as_str().unwrap().to_owned();
    app.end_of(id.parse().unwrap()).await;
    // What a vendor answered is a stranger's text too.
    sqlx::query("update smsgw.sms_attempts set code = $1, reason = $1 where message_id = $2::text::uuid")
        .bind(HOSTILE)
        .bind(&id)
        .execute(&mut app.owner().await)
        .await
        .unwrap();
    let browser = Browser::signed_in(&app, &door, "ann", Role::SuperAdmin).await;
    let mut wanted = vec!["/console/messages".to_owned(), format!("/console/messages/{id}")];
    let query = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect::<String>();
    wanted.extend(
        ["status", "lane", "to", "user_id", "cursor"]
            .map(|field| format!("/console/messages?{field}={query}")),
    );
    wanted.push(format!("/console/sign-in?next={query}"));
    for path in wanted {
        let answer = browser.get(&path).await;
        let policy =
            answer.headers().get("content-security-policy").map(|policy| policy.to_str().unwrap().to_owned());
        let page = answer.text().await.unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{path}: {page}");
        assert!(policy.is_none_or(|policy| policy.contains("script-src 'self'")), "{path}");
    }
    let page = browser.get(&format!("/console/messages/{id}")).await.text().await.unwrap();
    assert!(page.contains("&#60;script&#62;alert(1)"), "{page}");
    assert!(page.contains("code &#60;script&#62;alert(1)"), "{page}");
    app.stop().await;
}

#[tokio::test]
async fn pages_of_messages_have_each_of_them_once() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::Admin).await;
    let empty = browser.get("/console/messages").await.text().await.unwrap();
    assert!(empty.contains("No messages yet"), "{empty}");
    let mut ids = BTreeSet::new();
    for _ in 0..120 {
        ids.insert(app.accept(a_transactional(app.now()).to(&a_number())).await.to_string());
    }
    let (mut seen, mut next) = (Vec::new(), Some("/console/messages?lane=transactional".to_owned()));
    while let Some(path) = next {
        let page = browser.get(&path).await.text().await.unwrap();
        let links = page.split("href=\"/console/messages/").skip(1);
        seen.extend(links.map(|rest| rest.split('"').next().unwrap().to_owned()));
        let older = page.split_once("\" rel=\"next\"").map(|(before, _)| before.rsplit('"').next().unwrap());
        next = older.map(|path| path.replace("&#38;", "&").replace("&amp;", "&"));
        assert!(seen.len() <= ids.len(), "no end");
    }
    assert_eq!(seen.len(), ids.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), ids);
}

#[tokio::test]
async fn a_message_tells_what_happened_to_it_and_can_be_withdrawn() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::Admin).await;
    let id = app.accept(a_transactional(app.now()).to(&a_number())).await;
    app.end_of(id).await;
    let page = browser.get(&format!("/console/messages/{id}")).await.text().await.unwrap();
    for part in ["Accepted", "took it", "Ended as sent"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let late = browser.post(&format!("/console/messages/{id}/cancel"), &[]).await;
    assert_eq!(late.status(), 409);
    assert!(late.text().await.unwrap().contains("sent"));
    let waiting = serde_json::json!({ "to": a_number(), "text": "later", "send_at": app.now() + chrono::TimeDelta::hours(1) });
    let id =
        door.post("/sms/send-transactional", &waiting).await.body["message_id"].as_str().unwrap().to_owned();
    let answer = browser.post(&format!("/console/messages/{id}/cancel"), &[]).await;
    assert_eq!(location(&answer), format!("/console/messages/{id}"));
    let page = browser.get(&format!("/console/messages/{id}")).await.text().await.unwrap();
    assert!(page.contains("Ended as cancelled"), "{page}");
    let last = deeds(&app).await.pop().unwrap();
    assert_eq!(last, ("ann".to_owned(), "message.cancel".to_owned(), Some(id)));
    app.stop().await;
}

/// In production it does not exist, for nobody.
#[tokio::test]
async fn the_inbox_exists_in_development_alone() {
    let app = TestApp::without_worker().await;
    let door = Door::open_in_production(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::SuperAdmin).await;
    assert_eq!(browser.get("/console/inbox").await.status(), 404);
    assert!(!browser.get("/console/messages").await.text().await.unwrap().contains("/console/inbox"));
    let door = Door::open(&app).await;
    let mut browser = Browser::new(&door);
    browser.sign_in("ann", PASSWORD).await;
    assert_eq!(browser.get("/console/inbox").await.status(), 200);
}

#[tokio::test]
async fn files_may_be_kept_and_pages_may_not() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let browser = Browser::signed_in(&app, &door, "ann", Role::Viewer).await;
    let answer = browser.get("/console/messages").await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let page = answer.text().await.unwrap();
    for name in ["console.css", "console.js"] {
        let path = page.split('"').find(|part| part.ends_with(name)).unwrap().to_owned();
        let file = Browser::new(&door).get(&path).await;
        assert_eq!(file.status(), 200);
        assert_eq!(file.headers()["cache-control"], "public, max-age=31536000, immutable");
        let other = path.replace("/assets/", "/assets/0");
        assert_eq!(Browser::new(&door).get(&other).await.status(), 404);
    }
}
