//! What campaigns cost is reserved before it is sent, and caps stop what would exceed them.

use tests::wait::eventually;

use super::*;

/// Sets what Twilio takes for a segment.
pub(super) async fn price(app: &TestApp, country: &str, price: &str, currency: &str) {
    sqlx::query(
        "insert into smsgw.sms_prices (provider, country, price, currency) values ('twilio', $1, $2::text::numeric, $3)",
    )
    .bind(country)
    .bind(price)
    .bind(currency)
    .execute(&app.pool)
    .await
    .unwrap();
}

pub(super) async fn cap(door: &Door, name: &str, wanted: Value) {
    let set = door.put(&format!("/settings/spend-caps/{name}"), &wanted).await;
    assert_eq!(set.status, 200, "{}", set.body);
}

/// A campaign that has begun.
pub(super) async fn started(door: &Door, change: Value, people: &[String]) -> String {
    let campaign = draft(door, change).await;
    upload(door, &campaign, list_of(people)).await;
    assert_eq!(act(door, &campaign, "start").await.status, 200);
    campaign
}

/// Waits until a campaign is stopped for want of money; gives it.
pub(super) async fn stopped_by(door: &Door, campaign: &str, reason: &str) -> Value {
    let stopped = becomes(door, campaign, "paused").await;
    assert_eq!(stopped["reason"], reason);
    stopped
}

/// Swiss mobile numbers.
fn swiss(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("+4179123{at:04}")).collect()
}

#[tokio::test]
async fn a_campaign_stops_where_its_budget_ends_and_what_was_paid_for_leaves() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    let people = numbers(15);
    let budget = json!({ "budget": { "amount": "1.05", "currency": "USD" }, "max_per_second": 10 });
    let campaign = started(&door, budget, &people).await;
    let stopped = stopped_by(&door, &campaign, "budget").await;
    assert_eq!(stopped["progress"]["by_status"], json!({ "sent": 10 }));
    assert_eq!(stopped["progress"]["spent"], json!([{ "currency": "USD", "amount": "1.00" }]));
    assert_eq!(copies(&app, &people), [vec![1; 10], vec![0; 5]].concat());
    let told = door.get("/spend").await.body;
    assert_eq!(
        told["spent"],
        json!([{ "day": told["today"], "country": "IN", "currency": "USD", "amount": "1.00", "segments": 10 }])
    );
    // Nothing has changed, so it stops again.
    assert_eq!(act(&door, &campaign, "resume").await.status, 200);
    stopped_by(&door, &campaign, "budget").await;
    assert_eq!(app.mock.arrivals().len(), 10);
    app.stop().await;
}

#[tokio::test]
async fn what_is_reserved_is_what_the_preview_said() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.05", "EUR").await;
    price(&app, "CH", "0.07", "CHF").await;
    let campaign = draft(
        &door,
        json!({ "text": "Sale ".repeat(40), "budget": { "amount": "0.50", "currency": "EUR" } }),
    )
    .await;
    upload(&door, &campaign, list_of(&[numbers(6), swiss(3)].concat())).await;
    let preview = door.get(&format!("{campaign}/preview")).await.body;
    assert_eq!(
        preview["budget"],
        json!({ "amount": "0.50", "currency": "EUR", "spent": "0.00", "cost": "0.60", "is_enough": false,
                "uncounted_segments": 6 })
    );
    door.put(&format!("{campaign}/budget"), &json!({ "amount": "0.60", "currency": "EUR" })).await;
    let preview = door.get(&format!("{campaign}/preview")).await.body;
    assert_eq!(preview["budget"]["is_enough"], true);
    let totals = &preview["cost"]["totals"];
    assert_eq!(
        *totals,
        json!([{ "currency": "CHF", "cost": "0.42", "segments": 6 }, { "currency": "EUR", "cost": "0.60", "segments": 12 }])
    );
    act(&door, &campaign, "start").await;
    let done = becomes(&door, &campaign, "finished").await;
    assert_eq!(
        done["progress"]["spent"],
        json!([{ "currency": "CHF", "amount": "0.42" }, { "currency": "EUR", "amount": "0.60" }])
    );
    app.stop().await;
}

#[tokio::test]
async fn a_days_cap_holds_for_all_campaigns_together() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    cap(&door, "all", json!({ "scope": "day", "amount": "1", "currency": "USD" })).await;
    let mut campaigns = Vec::new();
    for _ in 0..3 {
        campaigns.push(started(&door, json!({}), &numbers(8)).await);
    }
    let mut reasons = Vec::new();
    for campaign in &campaigns {
        let ended = eventually("a campaign to end or to stop", async || {
            let now = door.get(campaign).await.body;
            matches!(now["status"].as_str(), Some("paused" | "finished")).then_some(now)
        })
        .await;
        reasons.push(ended["reason"].clone());
    }
    assert_eq!(app.mock.arrivals().len(), 10);
    assert!(reasons.iter().filter(|reason| **reason == json!("spend_cap_day")).count() >= 2, "{reasons:?}");
    let told = door.get("/settings/spend-caps/all").await.body;
    assert_eq!(told["spent"], "1.00");
    app.stop().await;
}

#[tokio::test]
async fn a_countrys_cap_stops_that_country_alone() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    price(&app, "CH", "0.10", "USD").await;
    cap(&door, "india", json!({ "scope": "country", "country": "IN", "amount": "0.5", "currency": "USD" }))
        .await;
    let (indian, swiss) = (numbers(9), swiss(9));
    let campaign = started(&door, json!({}), &[indian.clone(), swiss.clone()].concat()).await;
    stopped_by(&door, &campaign, "spend_cap_country").await;
    assert_eq!(copies(&app, &swiss), [1; 9]);
    assert_eq!(copies(&app, &indian), [vec![1; 5], vec![0; 4]].concat());
    // Once the cap is gone, the others get theirs.
    assert_eq!(door.delete("/settings/spend-caps/india").await.status, 204);
    act(&door, &campaign, "resume").await;
    becomes(&door, &campaign, "finished").await;
    assert_eq!(copies(&app, &indian), [1; 9]);
    app.stop().await;
}

#[tokio::test]
async fn a_cap_for_each_campaign_holds_beside_its_budget() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    cap(&door, "each", json!({ "scope": "campaign", "amount": "0.30", "currency": "USD" })).await;
    let budget = |amount: &str| json!({ "budget": { "amount": amount, "currency": "USD" } });
    for (change, paid, reason) in [
        (json!({}), 3, "spend_cap_campaign"),
        (budget("0.50"), 3, "spend_cap_campaign"),
        (budget("0.20"), 2, "budget"),
    ] {
        let people = numbers(8);
        let campaign = started(&door, change, &people).await;
        stopped_by(&door, &campaign, reason).await;
        assert_eq!(copies(&app, &people).iter().sum::<usize>(), paid);
    }
    app.stop().await;
}

#[tokio::test]
async fn more_money_lets_a_campaign_go_on_where_it_stopped() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    let people = numbers(8);
    let of = |amount: &str| json!({ "amount": amount, "currency": "USD" });
    let campaign = started(&door, json!({ "budget": of("0.50") }), &people).await;
    stopped_by(&door, &campaign, "budget").await;
    let set = door.put(&format!("{campaign}/budget"), &of("0.60")).await;
    assert_eq!((set.status.as_u16(), &set.body["status"]), (200, &json!("paused")));
    assert_eq!(set.body["budget"], of("0.60"));
    act(&door, &campaign, "resume").await;
    stopped_by(&door, &campaign, "budget").await;
    assert_eq!(copies(&app, &people), [vec![1; 6], vec![0; 2]].concat());
    door.put(&format!("{campaign}/budget"), &of("0.80")).await;
    act(&door, &campaign, "resume").await;
    becomes(&door, &campaign, "finished").await;
    assert_eq!(copies(&app, &people), [1; 8]);
    let late = door.put(&format!("{campaign}/budget"), &of("9")).await;
    assert_eq!(late.refusal(), (409, "campaign-state"));
    app.stop().await;
}

#[tokio::test]
async fn whom_the_money_does_not_reach_is_nobodys_duplicate() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "USD").await;
    let people = numbers(8);
    let poor = json!({ "dedupe_key": "autumn", "budget": { "amount": "0.30", "currency": "USD" } });
    let campaign = started(&door, poor, &people).await;
    stopped_by(&door, &campaign, "budget").await;
    let second = started(&door, json!({ "dedupe_key": "autumn" }), &people).await;
    let done = becomes(&door, &second, "finished").await;
    assert_eq!(done["progress"]["by_status"], json!({ "sent": 5, "suppressed": 3 }));
    assert_eq!(copies(&app, &people), [1; 8]);
    app.stop().await;
}

#[tokio::test]
async fn what_has_no_price_is_counted_and_stopped_by_nothing() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    price(&app, "IN", "0.10", "INR").await;
    cap(&door, "all", json!({ "scope": "day", "amount": "0.000001", "currency": "USD" })).await;
    let people = [numbers(4), swiss(5)].concat();
    let campaign = started(&door, json!({}), &people).await;
    let done = becomes(&door, &campaign, "finished").await;
    assert_eq!(copies(&app, &people), [1; 9]);
    assert_eq!(done["progress"]["spent"], json!([{ "currency": "INR", "amount": "0.40" }]));
    assert_eq!(done["progress"]["unpriced_segments"], 5);
    let told = door.get("/spend?days=2").await.body["spent"].clone();
    let unpriced = told.as_array().unwrap().iter().find(|sum| sum["currency"].is_null()).unwrap();
    assert_eq!((&unpriced["country"], &unpriced["segments"]), (&json!("CH"), &json!(5)));
    app.stop().await;
}
