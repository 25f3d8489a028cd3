//! `guard`: explained, released and switched from the command line.

use serde_json::json;
use tests::Door;
use tests::process::said;

use super::{ADD_MAIN, Desk};

#[tokio::test]
async fn the_guard_is_explained_released_and_switched() {
    let desk = Desk::new().await;
    let door = Door::open(&desk.app).await;
    assert_eq!(desk.done(&["guard", "mode"]).trim(), "observe");
    assert_eq!(desk.json(&["guard", "mode", "enforce"])[0]["mode"], "enforce");
    for n in 0..8 {
        let sent = door.post("/otp/send", &json!({ "phone": format!("+4179123{n}000") })).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
    }
    let told = desk.done(&["guard", "explain", "+41791239999"]);
    assert!(told.starts_with("+41*******99: block (blocked); mode enforce: it would be withheld"), "{told}");
    assert_eq!(desk.json(&["guard", "explain", "+41791239999"])[0]["rule"], "blocked");
    let listed = desk.done(&["guard", "decisions", "--outcome", "block"]);
    assert!(listed.lines().count() == 2 && listed.contains("neighbours"), "{listed}");
    assert_eq!(desk.json(&["guard", "decisions", "--limit", "3"]).len(), 3);
    assert_eq!(desk.done(&["guard", "release", "+4179"]).trim(), "+4179123");
    assert_eq!(desk.json(&["guard", "explain", "+41791239999"])[0]["rule"], "passed");
    let from = json!({ "phone": "+41791240000", "client_ip": "2001:db8:1:2::7" });
    assert_eq!(door.post("/otp/send", &from).await.status, 202);
    let told = desk.done(&["guard", "explain", "+41791249999", "--client-ip", "2001:db8:1:2::9"]);
    assert!(told.contains("address 2001:db8:1:2::/64: 9 credits, 0 of 0 codes"), "{told}");
    assert_eq!(desk.done(&["guard", "release", "2001:db8:1:2::9"]).trim(), "2001:db8:1:2::/64");
}

#[tokio::test]
async fn what_the_guard_does_not_know_is_said_so() {
    let desk = Desk::new().await;
    for (arguments, code, told) in [
        (&["release", "everything"][..], 2, "what numbers begin with"),
        (&["release", "+1555"], 1, "remembers nothing"),
        (&["release", "203.0.113.9"], 1, "remembers nothing of 203.0.113.9/32"),
        (&["release", "203.0.113.0/24"], 2, "one client"),
        (&["mode", "off"], 2, "observe or enforce"),
        (&["explain", "12"], 2, ""),
        (&["decisions", "--outcome", "maybe"], 2, "allow, challenge or block"),
    ] {
        let said = desk.say(&[&["guard"], arguments].concat());
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
    }
}

#[tokio::test]
async fn explain_knows_what_a_cap_leaves_by_who_is_tried_first() {
    let desk = Desk::new().await;
    let secrets = "account_sid=AC00000000000000000000000000000000\nauth_token=x";
    assert_eq!(desk.say_with_input(&ADD_MAIN, secrets).code, 0);
    let prices = "provider,country,price,currency\nmain,CH,0.10,USD\n";
    assert_eq!(desk.say_with_input(&["providers", "prices", "import", "-"], prices).code, 0);
    let explained = |number: &str| desk.json(&["guard", "explain", number])[0]["rule"].clone();
    assert_eq!(explained("+41791239999"), "passed");
    desk.done(&["spend", "cap", "set", "codes", "0.05", "USD", "--codes"]);
    assert_eq!(
        (explained("+41791239999"), explained("+4915112345678")),
        (json!("spend_cap"), json!("passed"))
    );
    let keyless = desk.settings.iter().filter(|(name, _)| *name != "SMSGW_MASTER_KEY").cloned().collect();
    let refused = said(&keyless, &["guard", "explain", "+41791239999"], "");
    assert!(refused.code != 0 && refused.err.contains("SMSGW_MASTER_KEY"), "{refused:?}");
}
