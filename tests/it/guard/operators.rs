//! What operators see, take back and set.

use super::*;

#[tokio::test]
async fn explain_says_what_would_be_and_counts_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let explain = async || door.get("/guard/explain?phone=%2B41794000001").await.body;
    let fresh = explain().await;
    assert_eq!((&fresh["outcome"], &fresh["rule"]), (&json!("allow"), &json!("passed")), "{fresh}");
    assert_eq!((&fresh["phone"], &fresh["prefix"]), (&json!("+41*******01"), &json!("+4179400")));
    for n in 1..7 {
        start(&door, &number(400, n * 100)).await;
    }
    let before = state(&app, "prefix", "+4179400").await;
    let suspect = explain().await;
    assert_eq!((&suspect["outcome"], &suspect["rule"]), (&json!("block"), &json!("neighbours")), "{suspect}");
    assert_eq!((&suspect["mode"], &suspect["would_be_sent"]), (&json!("observe"), &json!(true)));
    assert_eq!(suspect["inputs"]["prefix"]["credits"], 14.0);
    assert_eq!(state(&app, "prefix", "+4179400").await, before);
    assert_eq!(decisions(&door, "").await.len(), 6);
}

#[tokio::test]
async fn a_release_lifts_blocks_and_fills_credits() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enforcing(&door).await;
    for n in 0..8 {
        start(&door, &number(500, n * 100)).await;
    }
    assert!(!is_sent(&app, &start(&door, &number(500, 9000)).await).await);
    let released = door.post("/guard/release", &json!({ "prefix": "+4179500" })).await;
    assert_eq!((released.status.as_u16(), &released.body["released"]), (200, &json!(["+4179500"])));
    assert_eq!(state(&app, "prefix", "+4179500").await["credits"], 20.0);
    assert!(is_sent(&app, &start(&door, &number(500, 9100)).await).await);
    let country = door.post("/guard/release", &json!({ "prefix": "ch" })).await;
    assert_eq!(country.body["released"], json!(["CH"]));
    let unknown = door.post("/guard/release", &json!({ "prefix": "+1555" })).await;
    assert_eq!(unknown.status, 404);
    let nonsense = door.post("/guard/release", &json!({ "prefix": "everything" })).await;
    assert_eq!((nonsense.status.as_u16(), nonsense.fields()), (400, vec!["prefix"]));
}

#[tokio::test]
async fn settings_have_bounds_and_what_is_left_out_stays() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let usual = door.get("/settings/guard").await.body;
    assert_eq!((&usual["mode"], &usual["neighbours"]), (&json!("observe"), &json!(6)));
    let wrong = json!({ "neighbours": 1, "near": 21, "credits_ip": 0, "default_rate": 0.2 });
    let refused = door.put("/settings/guard", &wrong).await;
    assert_eq!(refused.fields(), ["neighbours", "near", "credits_ip", "default_rate"]);
    set_guard(&door, &json!({ "neighbours": 9 })).await;
    set_guard(&door, &json!({ "mode": "enforce" })).await;
    let set = door.get("/settings/guard").await.body;
    assert_eq!((&set["mode"], &set["neighbours"]), (&json!("enforce"), &json!(9)));
}

#[tokio::test]
async fn decisions_are_listed_page_by_page() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for n in 0..5 {
        start(&door, &number(600, n * 100)).await;
    }
    let all = decisions(&door, "").await;
    let first = door.get("/guard/decisions?limit=3").await.body;
    let next = first["next_cursor"].as_str().unwrap().to_owned();
    let second = door.get(&format!("/guard/decisions?limit=3&cursor={next}")).await.body;
    assert_eq!(second["next_cursor"], Value::Null);
    let pages: Vec<&Value> =
        [&first, &second].into_iter().flat_map(|page| page["decisions"].as_array().unwrap()).collect();
    assert_eq!(pages, all.iter().collect::<Vec<_>>());
    assert!(decisions(&door, "?prefix=%2B4179601").await.is_empty());
}

#[tokio::test]
async fn who_is_erased_leaves_a_prefix_and_no_more() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let phone = number(700, 4321);
    start(&door, &phone).await;
    assert_eq!(state(&app, "prefix", "+4179700").await["recent"][0][0], 4321);
    assert_eq!(door.delete(&format!("/people/{phone}")).await.status, 202);
    eventually("the erasure", async || {
        let prefix = state(&app, "prefix", "+4179700").await;
        let decided = decisions(&door, "").await.remove(0);
        let is_gone = prefix.get("recent").is_none() && decided["session_id"].is_null();
        (is_gone && decided["phone"] == "+41***" && decided["prefix"] == "+4179700").then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn decisions_go_after_thirty_days_and_idle_subjects_after_ten() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    start(&door, &number(800, 1)).await;
    start(&door, &number(801, 1)).await;
    run(
        &app,
        "update smsgw.guard_decisions set id = smsgw.uuid_floor(now() - interval '31 days') where prefix = '+4179800';
         update smsgw.guard_subjects set touched = current_date - 11 where subject = '+4179800'"
            .to_owned(),
    )
    .await;
    assert_eq!(shared::store::upkeep::purge_guard_decisions(&app.pool).await.unwrap(), 1);
    assert_eq!(shared::store::upkeep::purge_guard_subjects(&app.pool).await.unwrap(), 1);
    assert_eq!(decisions(&door, "").await.len(), 1);
    assert!(state(&app, "prefix", "+4179801").await.is_object());
}

#[tokio::test]
async fn codes_are_sent_without_settings_and_setting_them_brings_them_back() {
    let app = TestApp::without_worker().await;
    sqlx::raw_sql("delete from smsgw.guard_settings").execute(&mut app.owner().await).await.unwrap();
    let door = Door::open(&app).await;
    assert!(is_sent(&app, &start(&door, &number(810, 1)).await).await);
    assert_eq!(door.get("/settings/guard").await.body["mode"], "observe");
    set_guard(&door, &json!({ "mode": "enforce", "neighbours": 9 })).await;
    let set = door.get("/settings/guard").await.body;
    assert_eq!((&set["mode"], &set["neighbours"], &set["near"]), (&json!("enforce"), &json!(9), &json!(4)));
    let refused = sqlx::raw_sql("delete from smsgw.guard_settings").execute(&app.pool).await;
    assert!(refused.unwrap_err().to_string().contains("permission denied"));
}
