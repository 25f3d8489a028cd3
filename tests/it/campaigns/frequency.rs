//! The frequency cap: how often campaigns text one person, over all of them.

use super::money::{price, started, stopped_by};
use super::*;

const CAP: &str = "/settings/frequency-cap";

async fn at_most(door: &Door, most: i16, within_hours: i32) {
    let set = door.put(CAP, &json!({ "most": most, "within_hours": within_hours })).await;
    assert_eq!(set.status, 200, "{}", set.body);
}

/// Runs a campaign for `people` to its end; gives its progress by status.
async fn texted(door: &Door, change: Value, people: &[String]) -> Value {
    let campaign = started(door, change, people).await;
    becomes(door, &campaign, "finished").await["progress"]["by_status"].clone()
}

#[tokio::test]
async fn nobody_is_left_out_unless_a_cap_is_set() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    assert_eq!(door.get(CAP).await.refusal(), (404, "not-found"));
    let people = numbers(20);
    for _ in 0..2 {
        assert_eq!(texted(&door, json!({}), &people).await, json!({ "sent": 20 }));
    }
    assert_eq!(copies(&app, &people), [2; 20]);
    app.stop().await;
}

#[tokio::test]
async fn who_has_had_enough_is_left_out_of_every_campaign_and_costs_nothing() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    at_most(&door, 2, 24).await;
    let people = numbers(20);
    for _ in 0..2 {
        assert_eq!(texted(&door, json!({}), &people).await, json!({ "sent": 20 }));
    }
    let new = numbers(5);
    let third = started(&door, json!({}), &[people.clone(), new.clone()].concat()).await;
    let done = becomes(&door, &third, "finished").await;
    assert_eq!(done["progress"]["by_status"], json!({ "sent": 5, "suppressed": 20 }));
    assert_eq!(done["progress"]["spent"], json!([{ "currency": "USD", "amount": "0.50" }]));
    assert_eq!((copies(&app, &people), copies(&app, &new)), (vec![2; 20], vec![1; 5]));
    let rows = results(&door, &third).await;
    let row = rows.iter().find(|row| row["phone"] == json!(people[7])).unwrap();
    assert_eq!((&row["status"], &row["reason"]), (&json!("suppressed"), &json!("frequency_cap")));
    // What is no promo is neither bounded nor counted.
    assert_eq!(
        texted(&door, json!({ "lane": "transactional" }), &[people.clone(), new.clone()].concat()).await,
        json!({ "sent": 25 })
    );
    assert_eq!(texted(&door, json!({}), &new).await, json!({ "sent": 5 }));
    app.stop().await;
}

#[tokio::test]
async fn what_was_long_ago_counts_no_more() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    at_most(&door, 1, 24).await;
    let people = numbers(10);
    assert_eq!(texted(&door, json!({}), &people).await, json!({ "sent": 10 }));
    assert_eq!(texted(&door, json!({}), &people).await, json!({ "suppressed": 10 }));
    sqlx::query("update smsgw.sms_promo_contacts set times = array[times[1] - interval '25 hours']")
        .execute(&app.pool)
        .await
        .unwrap();
    assert_eq!(texted(&door, json!({}), &people).await, json!({ "sent": 10 }));
    assert_eq!(texted(&door, json!({}), &people).await, json!({ "suppressed": 10 }));
    app.stop().await;
}

#[tokio::test]
async fn campaigns_that_run_at_once_count_together() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    at_most(&door, 1, 1).await;
    let people = numbers(600);
    let mut campaigns = Vec::new();
    for _ in 0..3 {
        campaigns.push(started(&door, json!({}), &people).await);
    }
    for campaign in &campaigns {
        becomes(&door, campaign, "finished").await;
    }
    assert_eq!(copies(&app, &people), [1; 600]);
    app.stop().await;
}

#[tokio::test]
async fn who_has_had_enough_is_nobodys_duplicate() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    at_most(&door, 1, 24).await;
    let people = numbers(10);
    assert_eq!(texted(&door, json!({}), &people).await, json!({ "sent": 10 }));
    let keyed = json!({ "dedupe_key": "autumn" });
    assert_eq!(texted(&door, keyed.clone(), &people).await, json!({ "suppressed": 10 }));
    assert_eq!(door.delete(CAP).await.status, 204);
    assert_eq!(texted(&door, keyed.clone(), &people).await, json!({ "sent": 10 }));
    assert_eq!(texted(&door, keyed, &people).await, json!({ "suppressed": 10 }));
    app.stop().await;
}

#[tokio::test]
async fn whom_the_money_does_not_reach_was_not_texted() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    at_most(&door, 1, 24).await;
    let people = numbers(8);
    let budget = json!({ "budget": { "amount": "0.30", "currency": "USD" } });
    let campaign = started(&door, budget, &people).await;
    stopped_by(&door, &campaign, "budget").await;
    assert_eq!(texted(&door, json!({}), &people).await, json!({ "sent": 5, "suppressed": 3 }));
    assert_eq!(copies(&app, &people), [1; 8]);
    app.stop().await;
}

#[tokio::test]
async fn the_cap_is_set_shown_and_removed() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    at_most(&door, 2, 168).await;
    let shown = door.get(CAP).await.body;
    assert_eq!((&shown["most"], &shown["within_hours"]), (&json!(2), &json!(168)));
    let refused = door.put(CAP, &json!({ "most": 0, "within_hours": 2161 })).await;
    assert_eq!((refused.status.as_u16(), refused.fields()), (400, vec!["most", "within_hours"]));
    assert_eq!(door.delete(CAP).await.status, 204);
    assert_eq!(door.delete(CAP).await.refusal(), (404, "not-found"));
    app.stop().await;
}
