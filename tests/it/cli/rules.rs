//! `rules`: what countries ask, as an operator switches it.

use super::Desk;

#[tokio::test]
async fn rules_are_listed_enabled_changed_and_disabled() {
    let desk = Desk::new().await;
    let listed = desk.done(&["rules", "list"]);
    assert!(
        listed.contains("IN disabled v1   promo mon-sun 10:00-21:00; registered texts only (DLT)"),
        "{listed}"
    );
    assert!(listed.contains("from number, short_code only"), "{listed}");
    let enabled = desk.done(&["rules", "enable", "in"]);
    assert!(enabled.starts_with("IN enabled  v2   promo mon-sun 10:00-21:00; registered"), "{enabled}");
    let change =
        ["rules", "enable", "IN", "--hours", "MON-FRI 09:00-18:00", "--dlt", "false", "--senders", "number"];
    let changed = &desk.json(&change)[0];
    assert_eq!(changed["version"], 3);
    assert_eq!(changed["promo_hours"], "mon-fri 09:00-18:00");
    assert_eq!((&changed["dlt"], &changed["senders"][0]), (&false.into(), &"number".into()));
    let free = &desk.json(&["rules", "enable", "US", "--any-hour", "--any-sender"])[0];
    assert_eq!((&free["promo_hours"], &free["senders"]), (&().into(), &().into()));
    assert_eq!(desk.json(&["rules", "enable", "DE", "--any-hour"])[0]["version"], 1);
    assert_eq!(desk.json(&["rules", "disable", "IN"])[0]["enabled"], false);
    let versions: Vec<_> =
        desk.json(&["rules", "show", "IN"]).into_iter().map(|row| row["version"].clone()).collect();
    assert_eq!(versions, [4, 3, 2, 1]);
    assert!(desk.done(&["rules", "show", "US"]).contains("47 CFR 64.1200"));
}

#[tokio::test]
async fn what_cannot_be_a_rule_is_refused_with_its_flag() {
    let desk = Desk::new().await;
    for (arguments, code, told) in [
        (&["enable", "IN", "--hours", "always"][..], 2, "mon-sun 08:00-21:00"),
        (&["enable", "XX"], 2, "two-letter ISO 3166"),
        (&["enable", "IN", "--senders", "pigeon"], 2, "short_code"),
        (&["enable", "US", "--dlt", "true"], 1, "India's"),
        (&["show", "DE"], 1, "rules enable DE"),
    ] {
        let said = desk.say(&[&["rules"], arguments].concat());
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
    }
}
