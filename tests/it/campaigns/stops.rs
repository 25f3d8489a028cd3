//! Pause, resume and cancel: no intent after the answer.

use mock_provider::{PaceChange, Vendor};
use tests::wait::eventually;

use super::*;

/// A campaign under way, of which `some` have arrived.
async fn under_way(app: &TestApp, door: &Door, people: &[String], some: usize) -> String {
    let pace = PaceChange { latency_ms: Some(20), ..PaceChange::default() };
    app.mock.set_pace(Vendor::Twilio, pace);
    let campaign = draft(door, json!({ "max_per_second": 1000 })).await;
    upload(door, &campaign, list_of(people)).await;
    assert_eq!(act(door, &campaign, "start").await.status, 200);
    eventually("some to arrive", async || (app.mock.arrivals().len() >= some).then_some(())).await;
    campaign
}

/// Messages that a worker holds.
async fn claimed(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from smsgw.sms_outbox where worker_id is not null")
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_paused_campaign_sends_nothing_and_goes_on_where_it_stopped() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let people = numbers(3000);
    let campaign = under_way(&app, &door, &people, 200).await;
    assert_eq!(act(&door, &campaign, "pause").await.body["status"], "paused");
    // What was claimed before the answer may still leave.
    eventually("claims to end", async || (claimed(&app).await == 0).then_some(())).await;
    let arrived = app.mock.arrivals().len();
    assert!(arrived < 3000, "it was over before it was paused");
    let other = draft(&door, json!({ "name": "other" })).await;
    let others = numbers(50);
    upload(&door, &other, list_of(&others)).await;
    act(&door, &other, "start").await;
    becomes(&door, &other, "finished").await;
    assert_eq!(app.mock.arrivals().len(), arrived + 50, "a paused campaign sent, or held another up");
    assert_eq!(act(&door, &campaign, "resume").await.body["status"], "running");
    let done = becomes(&door, &campaign, "finished").await;
    assert_eq!(done["progress"]["by_status"], json!({ "sent": 3000 }));
    assert_eq!(copies(&app, &people), vec![1; 3000]);
    app.stop().await;
}

#[tokio::test]
async fn a_cancelled_campaign_texts_nobody_else() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let people = numbers(3000);
    let campaign = under_way(&app, &door, &people, 200).await;
    assert_eq!(act(&door, &campaign, "cancel").await.body["status"], "cancelled");
    eventually("its messages to end", async || (app.unfinished().await == 0).then_some(())).await;
    let arrived = app.mock.arrivals().len();
    assert!(arrived < 3000, "it was over before it was cancelled");
    let told = door.get(&campaign).await.body["progress"].clone();
    let sent = told["by_status"]["sent"].as_i64().unwrap();
    assert_eq!(usize::try_from(sent).unwrap(), arrived);
    assert_eq!(told["ended"], told["fed"]);
    let results = results(&door, &campaign).await;
    let with = |status: &str| results.iter().filter(|row| row["status"] == status).count();
    assert_eq!(with("sent"), arrived);
    assert_eq!(with("sent") + with("cancelled") + with("not_sent"), 3000);
    for action in ["resume", "start", "pause"] {
        assert_eq!(act(&door, &campaign, action).await.refusal(), (409, "campaign-state"));
    }
    let request = door.request(Method::POST, &format!("{campaign}/recipients"));
    let late = door.call(request.header("content-type", "text/csv").body("phone\n+41790000001\n")).await;
    assert_eq!(late.refusal(), (409, "campaign-state"));
    app.stop().await;
}

#[tokio::test]
async fn nobody_is_texted_whose_stop_was_answered_before_their_turn() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let people = numbers(2000);
    let campaign = under_way(&app, &door, &people, 100).await;
    let mut stopped = Vec::new();
    for number in people.iter().rev().take(50) {
        let answered = door.put(&format!("/sms/opt-outs/{number}"), &json!({})).await;
        assert_eq!(answered.status, 200);
        stopped.push((number.clone(), app.now()));
    }
    becomes(&door, &campaign, "finished").await;
    let results = results(&door, &campaign).await;
    for (number, at) in stopped {
        let row = results.iter().find(|row| row["phone"] == json!(number)).unwrap();
        for arrival in app.mock.arrivals_to(&number) {
            // It had been claimed when its stop was answered.
            let late = arrived_at(&arrival) - at;
            assert!(late < chrono::TimeDelta::seconds(1), "{late}");
        }
        if app.mock.arrivals_to(&number).is_empty() {
            assert_eq!((&row["status"], &row["reason"]), (&json!("suppressed"), &json!("opted_out")));
        }
    }
    assert!(results.iter().filter(|row| row["status"] == "suppressed").count() > 40);
    app.stop().await;
}

#[tokio::test]
async fn a_campaign_without_anybody_does_not_start() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({})).await;
    let refused = act(&door, &campaign, "start").await;
    assert_eq!(refused.refusal(), (409, "campaign-state"));
    assert!(refused.body["detail"].as_str().unwrap().contains("no recipients"));
    app.stop().await;
}
