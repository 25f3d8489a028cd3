//! Several campaigns beside each other.

use std::time::Duration;

use mock_provider::{PaceChange, Vendor};

use super::*;

#[tokio::test]
async fn a_small_campaign_does_not_wait_for_a_large_one() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let pace = PaceChange { latency_ms: Some(200), ..PaceChange::default() };
    app.mock.set_pace(Vendor::Twilio, pace);
    let large = draft(&door, json!({ "name": "large" })).await;
    upload(&door, &large, list_of(&numbers(40_000))).await;
    act(&door, &large, "start").await;
    within(Duration::from_secs(60), "the large one to be under way", async || {
        (app.mock.arrivals().len() > 1000).then_some(())
    })
    .await;
    let small = draft(&door, json!({ "name": "small" })).await;
    upload(&door, &small, list_of(&numbers(20))).await;
    act(&door, &small, "start").await;
    becomes(&door, &small, "finished").await;
    // Behind all of the large one it would have ended after it.
    let left = door.get(&large).await.body["progress"].clone();
    assert!(left["ended"].as_i64() < Some(35_000), "{left}");
    assert_eq!(act(&door, &large, "cancel").await.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn nobody_is_texted_by_two_campaigns_of_one_key() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let people = numbers(30);
    let change = json!({ "dedupe_key": "autumn", "dedupe_window_hours": 24 });
    for (list, sent, left_out) in [(&people[..20], 20, 0), (&people[10..], 10, 10)] {
        let campaign = draft(&door, change.clone()).await;
        upload(&door, &campaign, list_of(list)).await;
        act(&door, &campaign, "start").await;
        let done = becomes(&door, &campaign, "finished").await;
        let by_status = &done["progress"]["by_status"];
        assert_eq!(by_status["sent"], sent);
        assert_eq!(by_status["suppressed"].as_i64().unwrap_or(0), left_out);
        let results = results(&door, &campaign).await;
        let reasons = results.iter().filter(|row| row["reason"] == "duplicate").count();
        assert_eq!(i64::try_from(reasons).unwrap(), left_out);
    }
    assert_eq!(copies(&app, &people), vec![1; 30]);
    app.stop().await;
}
