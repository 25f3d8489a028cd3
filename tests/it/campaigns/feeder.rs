//! What the feeder makes of what goes wrong beside it: it goes on, and takes no more than its share.

use std::time::Duration;

use shared::store::campaigns::feed;
use shared::store::outbox::review::{self, Selection};
use shared::store::pauses::{self, PauseScope};

use super::*;

/// Who holds this advisory lock feeds.
const FEEDER_LOCK: i64 = 0x534d_5347_5746_4544;

pub(super) async fn fed(door: &Door, campaign: &str) -> i64 {
    door.get(campaign).await.body["progress"]["fed"].as_i64().unwrap()
}

/// A campaign of `people` whose first messages wait, as promo is paused.
pub(super) async fn held_up(app: &TestApp, door: &Door, change: Value, people: &[String]) -> String {
    pauses::pause(&mut app.connection().await, PauseScope::Lane, "promo").await.unwrap();
    let campaign = draft(door, change).await;
    upload(door, &campaign, list_of(people)).await;
    assert_eq!(act(door, &campaign, "start").await.status, 200);
    within(Duration::from_secs(10), "some to be fed", async || {
        (fed(door, &campaign).await > 0).then_some(())
    })
    .await;
    campaign
}

pub(super) async fn let_go(app: &TestApp) {
    assert!(pauses::resume(&app.pool, PauseScope::Lane, "promo").await.unwrap());
}

#[tokio::test]
async fn what_sleeps_until_morning_holds_nobody_up() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let people = numbers(900);
    let campaign = held_up(&app, &door, json!({}), &people).await;
    let asleep = sqlx::query("update smsgw.sms_outbox set due_at = clock_timestamp() + interval '9 hours'");
    let asleep = asleep.execute(&app.pool).await.unwrap().rows_affected();
    assert!(asleep < 900, "nobody is left");
    let_go(&app).await;
    within(Duration::from_secs(30), "the others to be texted", async || {
        (app.mock.arrival_total() >= 900 - asleep).then_some(())
    })
    .await;
    assert_eq!(door.get(&campaign).await.body["status"], "running");
    app.stop().await;
}

#[tokio::test]
async fn a_campaign_ends_whose_messages_an_operator_has_withdrawn() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = held_up(&app, &door, json!({}), &numbers(20)).await;
    within(Duration::from_secs(10), "all to be fed", async || {
        (fed(&door, &campaign).await == 20).then_some(())
    })
    .await;
    let all = Selection { before: app.now() + chrono::TimeDelta::hours(1), lane: None, reason: None };
    review::cancel(&app.pool, &all, 1000).await.unwrap();
    let done = becomes(&door, &campaign, "finished").await;
    assert_eq!(done["progress"]["by_status"], json!({ "cancelled": 20 }));
    app.stop().await;
}

#[tokio::test]
async fn a_leader_that_stands_still_makes_room() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut frozen = app.connection().await;
    assert!(feed::try_lead(&mut frozen, FEEDER_LOCK).await.unwrap());
    app.start_worker();
    let campaign = draft(&door, json!({})).await;
    upload(&door, &campaign, list_of(&numbers(5))).await;
    act(&door, &campaign, "start").await;
    becomes(&door, &campaign, "finished").await;
    drop(frozen);
    app.stop().await;
}

#[tokio::test]
async fn a_row_that_no_program_can_read_holds_nobody_up() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({ "text": "Hi {{ name }}" })).await;
    let id: uuid::Uuid = campaign.rsplit('/').next().unwrap().parse().unwrap();
    let people = numbers(3);
    for (number, variables) in
        people.iter().zip([r#"{"name": 1e400}"#, r#"{"name": "Ann"}"#, r#"{"name": 7}"#])
    {
        sqlx::query("select sms_campaign_add($1, $2, $3::text::jsonb)")
            .bind(id)
            .bind(number)
            .bind(variables)
            .execute(&app.pool)
            .await
            .unwrap();
    }
    let counts = within(Duration::from_secs(10), "the rows to be read", async || {
        let told = door.get(&campaign).await.body["progress"].clone();
        (told["staged"] == 0).then_some(told)
    })
    .await;
    assert_eq!((&counts["recipients"], &counts["rejected"]), (&json!(2), &json!(1)));
    let (refused, why): (String, String) =
        sqlx::query_as("select \"to\", reason from sms_campaign_refused($1)")
            .bind(id)
            .fetch_one(&app.pool)
            .await
            .unwrap();
    assert!(refused == people[0] && why.contains("cannot be read"), "{refused}: {why}");
    app.stop().await;
}

#[tokio::test]
async fn a_campaign_that_goes_on_keeps_to_its_throttle() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = held_up(&app, &door, json!({ "max_per_second": 20 }), &numbers(60)).await;
    within(Duration::from_secs(10), "two seconds of it to be fed", async || {
        (fed(&door, &campaign).await >= 40).then_some(())
    })
    .await;
    assert_eq!(act(&door, &campaign, "pause").await.status, 200);
    let_go(&app).await;
    // Claimed, seen paused, handed back.
    within(Duration::from_secs(10), "its messages to wait", async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from smsgw.sms_outbox where reason = 'campaign_paused' and worker_id is null",
        )
        .fetch_one(&app.pool)
        .await
        .unwrap();
        (waiting >= 40).then_some(())
    })
    .await;
    assert_eq!(app.mock.arrival_total(), 0);
    assert_eq!(act(&door, &campaign, "resume").await.status, 200);
    becomes(&door, &campaign, "finished").await;
    let mut times: Vec<_> = app.mock.arrivals().iter().map(|one| arrived_at(one)).collect();
    times.sort_unstable();
    assert_eq!(times.len(), 60);
    // 50 of them take 2.5 s at 20 a second; at once, they would take none.
    let took = (times[54] - times[4]).as_seconds_f64();
    assert!(took > 1.8, "50 messages in {took} s");
    app.stop().await;
}

#[tokio::test]
async fn who_was_withdrawn_before_their_text_is_nobodys_duplicate() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let people = numbers(10);
    let change = json!({ "dedupe_key": "autumn", "dedupe_window_hours": 24 });
    let campaign = held_up(&app, &door, change.clone(), &people).await;
    assert_eq!(act(&door, &campaign, "cancel").await.status, 200);
    let_go(&app).await;
    let other = draft(&door, change).await;
    upload(&door, &other, list_of(&people)).await;
    act(&door, &other, "start").await;
    let done = becomes(&door, &other, "finished").await;
    assert_eq!(done["progress"]["by_status"], json!({ "sent": 10 }));
    app.stop().await;
}

#[tokio::test]
async fn a_text_with_a_link_waits_for_a_worker_that_can_make_it() {
    // Its doors have a public address, its worker has none.
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({ "text": "Sale. Stop: {{ unsubscribe_url }}" })).await;
    upload(&door, &campaign, list_of(&numbers(2))).await;
    act(&door, &campaign, "start").await;
    let paused = becomes(&door, &campaign, "paused").await;
    assert_eq!((&paused["reason"], &paused["progress"]["fed"]), (&json!("no_public_url"), &json!(0)));
    app.stop().await;
}

#[tokio::test]
async fn counts_stay_what_they_are_when_they_are_added_up() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = draft(&door, json!({})).await;
    upload(&door, &campaign, list_of(&numbers(50))).await;
    act(&door, &campaign, "start").await;
    becomes(&door, &campaign, "finished").await;
    // As if it had been an hour ago.
    sqlx::query("update smsgw.sms_campaign_counts set slot = slot - (360::bigint << 24)")
        .execute(&app.pool)
        .await
        .unwrap();
    for _ in 0..2 {
        feed::fold_counts(&app.pool).await.unwrap();
        let slots: Vec<i64> = sqlx::query_scalar("select slot from smsgw.sms_campaign_counts")
            .fetch_all(&app.pool)
            .await
            .unwrap();
        assert_eq!(slots, [1]);
        assert_eq!(door.get(&campaign).await.body["progress"]["by_status"], json!({ "sent": 50 }));
    }
    app.stop().await;
}

#[tokio::test]
async fn a_pause_costs_a_message_no_time() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let campaign = held_up(&app, &door, json!({ "max_per_second": 20 }), &numbers(30)).await;
    assert_eq!(act(&door, &campaign, "pause").await.status, 200);
    sqlx::query(
        "update smsgw.sms_outbox set reason = 'campaign_paused', expires_at = clock_timestamp() - interval '1 s'",
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let mut db = app.connection().await;
    let worker = sqlx::query_scalar("select id from smsgw.sms_workers").fetch_one(&app.pool).await.unwrap();
    let ended = shared::store::outbox::end_expired(&mut db, worker, shared::lane::Lane::Promo, 500).await;
    assert_eq!(ended.unwrap().len(), 0);
    act(&door, &campaign, "cancel").await;
    app.stop().await;
}
