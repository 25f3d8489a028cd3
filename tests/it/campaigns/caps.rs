//! Caps and budgets: how they are set, and that nobody spends under one at the same moment as another.

use shared::cost::Price;
use shared::ids::CampaignId;
use shared::spend::Stop;
use shared::store::{campaigns, spend, spend_caps};
use sqlx::PgConnection;
use tests::wait::eventually;

use super::feeder::{fed, held_up, let_go};
use super::money::{cap, price, stopped_by};
use super::*;

/// What one of two does that feed at once: how many of ten messages it can pay for, which it does.
async fn pay(db: &mut PgConnection, campaign: &str) -> (usize, Option<Stop>) {
    let id: CampaignId = campaign.rsplit('/').next().unwrap().parse().unwrap();
    let campaign = campaigns::hold(&mut *db, id).await.unwrap().unwrap();
    let today = spend::day_of(Utc::now());
    let mut purse = spend_caps::open_purse(db, &campaign, today).await.unwrap();
    let (india, dime) = (Some("IN".parse().unwrap()), "0.10".parse().unwrap());
    let price = Some(Price { price: dime, currency: "USD".parse().unwrap() });
    let (fitting, stop) = purse.fits(india, price, [1; 10]);
    purse.spend(india, price, fitting as u64);
    spend::record(db, id, today, &purse.sums()).await.unwrap();
    (fitting, stop)
}

#[tokio::test]
async fn two_who_spend_at_once_do_so_one_after_the_other() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    cap(&door, "all", json!({ "scope": "day", "amount": "1.50", "currency": "USD" })).await;
    let (first, second) = (draft(&door, json!({})).await, draft(&door, json!({})).await);
    let mut one = app.pool.begin().await.unwrap();
    assert_eq!(pay(&mut one, &first).await, (10, None));
    let pool = app.pool.clone();
    let other = tokio::spawn(async move {
        let mut other = pool.begin().await.unwrap();
        let paid = pay(&mut other, &second).await;
        other.commit().await.unwrap();
        paid
    });
    eventually("the other to wait, or to be through", async || {
        (other.is_finished() || !app.lock_waiters().await.is_empty()).then_some(())
    })
    .await;
    one.commit().await.unwrap();
    assert_eq!(other.await.unwrap(), (5, None));
    assert_eq!(door.get("/settings/spend-caps/all").await.body["spent"], "1.50");
    app.stop().await;
}

#[tokio::test]
async fn caps_are_set_shown_and_removed() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let wanted = json!({ "scope": "country", "country": "in", "amount": "20000", "currency": "inr", "thresholds": [90, 50, 90] });
    cap(&door, "india", wanted).await;
    let shown = door.get("/settings/spend-caps/india").await.body;
    assert_eq!(
        shown,
        json!({ "name": "india", "scope": "country", "country": "IN", "amount": "20000.00", "currency": "INR",
                "thresholds": [50, 90], "spent": "0.00", "updated_at": shown["updated_at"] })
    );
    assert_eq!(door.get("/settings/spend-caps").await.body["caps"], json!([shown]));
    for (name, change, fields) in [
        ("Big", json!({}), vec!["name"]),
        ("budget", json!({}), vec!["name"]),
        ("a", json!({ "amount": "0" }), vec!["amount"]),
        ("a", json!({ "amount": "-1", "currency": "euro" }), vec!["amount", "currency"]),
        ("a", json!({ "scope": "country" }), vec!["country"]),
        ("a", json!({ "country": "IN" }), vec!["country"]),
        ("a", json!({ "scope": "country", "country": "XX" }), vec!["country"]),
        ("a", json!({ "thresholds": [0] }), vec!["thresholds"]),
        ("a", json!({ "thresholds": [101] }), vec!["thresholds"]),
    ] {
        let mut wanted = json!({ "scope": "day", "amount": "1", "currency": "EUR" });
        wanted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = door.put(&format!("/settings/spend-caps/{name}"), &wanted).await;
        assert_eq!((refused.status.as_u16(), refused.fields()), (400, fields), "{wanted}");
    }
    assert_eq!(door.delete("/settings/spend-caps/india").await.status, 204);
    assert_eq!(door.delete("/settings/spend-caps/india").await.refusal(), (404, "not-found"));
    assert_eq!(door.get("/settings/spend-caps/india").await.refusal(), (404, "not-found"));
    assert_eq!(door.get("/spend?days=0").await.fields(), ["days"]);
    app.stop().await;
}

#[tokio::test]
async fn a_budget_that_is_none_is_refused() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    let campaign = draft(&door, json!({})).await;
    for (wanted, fields) in [
        (json!({ "amount": "0", "currency": "EUR" }), vec!["amount"]),
        (json!({ "amount": "0.000000", "currency": "EUR" }), vec!["amount"]),
        (json!({ "amount": "-5", "currency": "EUR" }), vec!["amount"]),
        (json!({ "amount": "NaN", "currency": "EUR" }), vec!["amount"]),
        (json!({ "amount": "99999999999999999999", "currency": "EUR" }), vec!["amount"]),
        (json!({ "amount": "5", "currency": "EU\u{0}" }), vec!["currency"]),
        (json!({ "amount": "5", "currency": "euros" }), vec!["currency"]),
    ] {
        let refused = door.put(&format!("{campaign}/budget"), &wanted).await;
        assert_eq!((refused.status.as_u16(), refused.fields()), (400, fields), "{wanted}");
        let new = json!({ "name": "x", "text": "a", "budget": wanted });
        assert_eq!(door.post("/sms/campaigns", &new).await.fields(), ["budget"], "{wanted}");
    }
    let set = json!({ "amount": "5", "currency": "eur" });
    let shown = door.put(&format!("{campaign}/budget"), &set).await.body["budget"].clone();
    assert_eq!(shown, json!({ "amount": "5.00", "currency": "EUR" }));
    let nobody = format!("/sms/campaigns/{}/budget", uuid::Uuid::now_v7());
    assert_eq!(door.put(&nobody, &set).await.refusal(), (404, "not-found"));
    app.stop().await;
}

/// Whether more than `count` are fed within two seconds, in which the feeder looks twenty times.
async fn more_are_fed(door: &Door, campaign: &str, count: i64) -> bool {
    let more = eventually("more to be fed", async || (fed(door, campaign).await > count).then_some(()));
    tokio::time::timeout(std::time::Duration::from_secs(2), more).await.is_ok()
}

#[tokio::test]
async fn what_a_day_has_stopped_takes_nothing_of_the_next() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    cap(&door, "all", json!({ "scope": "day", "amount": "0.30", "currency": "USD" })).await;
    let campaign = held_up(&app, &door, json!({}), &numbers(8)).await;
    eventually("it to be stopped", async || {
        (door.get(&campaign).await.body["reason"] == "spend_cap_day").then_some(())
    })
    .await;
    // Midnight, with three messages still under way.
    sqlx::query("delete from smsgw.sms_spend").execute(&app.pool).await.unwrap();
    assert!(!more_are_fed(&door, &campaign, 3).await);
    let_go(&app).await;
    stopped_by(&door, &campaign, "spend_cap_day").await;
    assert_eq!(app.mock.arrival_total(), 3);
    app.stop().await;
}

#[tokio::test]
async fn who_does_not_know_the_prices_yet_feeds_nothing() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    let budget = json!({ "budget": { "amount": "0.30", "currency": "USD" } });
    let campaign = super::money::started(&door, budget, &numbers(8)).await;
    // A worker reads its providers from here when it starts.
    let mut slow = app.pool.begin().await.unwrap();
    sqlx::query("lock table public.api_integrations in access exclusive mode")
        .execute(&mut *slow)
        .await
        .unwrap();
    app.start_worker();
    app.waiter().await;
    assert!(!more_are_fed(&door, &campaign, 0).await);
    slow.rollback().await.unwrap();
    stopped_by(&door, &campaign, "budget").await;
    assert_eq!(app.mock.arrival_total(), 3);
    app.stop().await;
}
