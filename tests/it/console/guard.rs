//! The pumping guard's page: what it said, its mode, and what is released.

use serde_json::json;

use super::*;

#[tokio::test]
async fn decisions_are_shown_filtered_and_released_and_the_deeds_written_down() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for n in 0..7 {
        let sent = door.post("/otp/send", &json!({ "phone": format!("+4179123{n}000") })).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
    }
    let browser = Browser::signed_in(&app, &door, "ann", Role::Admin).await;
    let page = browser.get("/console/guard").await.text().await.unwrap();
    assert!(page.contains("<strong>observes</strong>") && page.contains("neighbours"), "{page}");
    assert_eq!(page.matches("<td data-name=\"Prefix\">+4179123</td>").count(), 7);
    assert!(!page.contains("+4179123000"), "numbers are masked");
    let blocked = browser.get("/console/guard?outcome=block").await.text().await.unwrap();
    assert_eq!(blocked.matches("<td data-name=\"Prefix\">+4179123</td>").count(), 1);
    let done = browser.post("/console/guard/release", &[("prefix", "+4179123")]).await;
    assert_eq!((done.status().as_u16(), location(&done)), (303, "/console/guard"));
    let done = browser.post("/console/guard/mode", &[("mode", "enforce")]).await;
    assert_eq!(done.status(), 303);
    let page = browser.get("/console/guard").await.text().await.unwrap();
    assert!(page.contains("<strong>enforces</strong>"), "{page}");
    assert_eq!(browser.post("/console/guard/release", &[("prefix", "+1555")]).await.status(), 404);
    let deeds: Vec<_> =
        deeds(&app).await.into_iter().map(|(_, what, to)| (what, to.unwrap_or_default())).collect();
    let wanted = [("guard.release", "+4179123"), ("guard.mode", "enforce")];
    assert_eq!(deeds[deeds.len() - 2..], wanted.map(|(what, to)| (what.to_owned(), to.to_owned())));
    let viewer = Browser::signed_in(&app, &door, "vic", Role::Viewer).await;
    let page = viewer.get("/console/guard").await.text().await.unwrap();
    assert!(!page.contains("/console/guard/release"), "{page}");
}
