//! `guard`: explained, released and switched from the command line.

use serde_json::json;
use tests::Door;

use super::Desk;

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
