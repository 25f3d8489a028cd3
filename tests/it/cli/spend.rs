//! `spend`: what campaigns spend, and the caps of it.

use super::Desk;

#[tokio::test]
async fn caps_are_set_shown_and_removed() {
    let desk = Desk::new().await;
    assert!(desk.done(&["spend", "show"]).contains("nothing"));
    let set = desk.done(&["spend", "cap", "set", "all", "500.00", "EUR"]);
    assert_eq!(set.trim(), "cap all: 500.00 EUR a day, 0.00 of it today");
    let arguments =
        ["spend", "cap", "set", "india", "20000", "inr", "--country", "in", "--tell-at", "90,50,90"];
    let india = &desk.json(&arguments)[0];
    assert_eq!((&india["scope"], &india["country"]), (&"country".into(), &"IN".into()));
    assert_eq!(india["thresholds"], serde_json::json!([50, 90]));
    let each = desk.done(&["spend", "cap", "set", "each", "250", "EUR", "--each-campaign"]);
    assert_eq!(each.trim(), "cap each: 250.00 EUR each campaign");
    sqlx::query(
        "insert into smsgw.sms_spend values ((now() at time zone 'UTC')::date, 'IN', 'EUR', 12500000, 250)",
    )
    .execute(&desk.app.pool)
    .await
    .unwrap();
    let shown = desk.done(&["spend", "show", "--days", "2"]);
    assert!(shown.contains("IN         12.50 EUR  250 segments"), "{shown}");
    assert!(shown.contains("cap all: 500.00 EUR a day, 12.50 of it today"), "{shown}");
    desk.done(&["spend", "cap", "remove", "india"]);
    assert_eq!(desk.say(&["spend", "cap", "remove", "india"]).code, 1);
}

#[tokio::test]
async fn what_cannot_be_a_cap_is_refused() {
    let desk = Desk::new().await;
    for (arguments, told) in [
        (&["budget", "1", "EUR"][..], "not budget"),
        (&["all", "0", "EUR"], "more than nothing"),
        (&["all", "1,5", "EUR"], "0.0079"),
        (&["all", "1", "euros"], "ISO 4217"),
        (&["all", "1", "EUR", "--country", "XX"], "ISO 3166"),
        (&["all", "1", "EUR", "--country", "IN", "--each-campaign"], "--each-campaign"),
        (&["all", "1", "EUR", "--tell-at", "0"], "1..=100"),
        (&["all", "1", "EUR", "--tell-at", "1,2,3,4,5,6,7,8,9,10,11"], "--tell-at: must be up to 10"),
    ] {
        let said = desk.say(&[&["spend", "cap", "set"], arguments].concat());
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
    }
}
