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

#[tokio::test]
async fn no_release_begins_before_it_is_written_down() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for n in 0..2 {
        let sent = door.post("/otp/send", &json!({ "phone": format!("+4179{n}230000") })).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
    }
    let browser = Browser::signed_in(&app, &door, "ann", Role::Admin).await;
    let mut owner = app.owner().await;
    sqlx::raw_sql("revoke update on smsgw.guard_subjects from smsgw_app").execute(&mut owner).await.unwrap();
    assert_eq!(browser.post("/console/guard/release", &[("prefix", "+4179")]).await.status(), 500);
    sqlx::raw_sql("grant update on smsgw.guard_subjects to smsgw_app").execute(&mut owner).await.unwrap();
    assert_eq!(browser.post("/console/guard/release", &[("prefix", "+41790")]).await.status(), 303);
    let written: Vec<(String, serde_json::Value)> = sqlx::query_as(
        "select subject, detail from smsgw.audit_log where action = 'guard.release' order by id",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    let released = |prefix: &str, n: i64| (prefix.to_owned(), json!({ "released": n }));
    assert_eq!(written, [released("+4179", 2), released("+41790", 1)]);
}

#[tokio::test]
async fn what_spoke_against_a_code_is_released_from_its_row() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let few = json!({ "credits_ip": 1, "credits_country": 2 });
    assert_eq!(door.put("/settings/guard", &few).await.status, 200);
    for (n, client) in ["2001:db8:1:2::7", "2001:db8:1:2::8", "203.0.113.9"].iter().enumerate() {
        let send = json!({ "phone": format!("+4179{n}230000"), "client_ip": client });
        assert_eq!(door.post("/otp/send", &send).await.status, 202);
    }
    let browser = Browser::signed_in(&app, &door, "ann", Role::Admin).await;
    let page = browser.get("/console/guard").await.text().await.unwrap();
    for against in ["2001:db8:1:2::/64", "CH"] {
        assert_eq!(page.matches(&format!(r#"name="prefix" value="{against}""#)).count(), 1, "{page}");
        let done = browser.post("/console/guard/release", &[("prefix", against)]).await;
        assert_eq!((done.status().as_u16(), location(&done)), (303, "/console/guard"));
    }
    let released: Vec<_> = deeds(&app).await.into_iter().filter_map(|(_, _, to)| to).collect();
    assert!(released.ends_with(&["2001:db8:1:2::/64".to_owned(), "CH".to_owned()]), "{released:?}");
}
