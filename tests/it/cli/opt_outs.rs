//! `opt-outs`: recorded, shown, lifted, and as lists.

use serde_json::json;

use super::{Desk, lines};

const PHONE: &str = "+41790000009";

#[tokio::test]
async fn a_stop_is_recorded_shown_and_lifted_with_its_evidence() {
    let desk = Desk::new().await;
    let add = ["opt-outs", "add", PHONE, "--source", "letter", "--proof", "scan 1047"];
    assert!(desk.done(&add).contains("has stopped marketing"));
    assert!(desk.done(&add).contains("that record stays"));
    desk.done(&["opt-outs", "add", PHONE, "--scope", "sender", "--sender", "ACME"]);
    let shown = desk.done(&["opt-outs", "show", PHONE]);
    for told in ["has stopped: marketing, sender ACME", "opt_out  marketing", "letter  scan 1047", "operator"]
    {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let lift = ["opt-outs", "lift", PHONE, "--scope", "marketing", "--source", "call"];
    assert!(desk.done(&lift).contains("1 lifted"));
    let again = desk.say(&lift);
    assert!(again.code == 1 && again.err.contains("has stopped nothing of that kind"), "{again:?}");
    let shown = desk.json(&["opt-outs", "show", PHONE]).remove(0);
    assert_eq!(
        (&shown["opt_outs"][0]["sender"], shown["opt_outs"].as_array().unwrap().len()),
        (&json!("ACME"), 1)
    );
    let actions: Vec<_> = shown["history"].as_array().unwrap().iter().map(|one| &one["action"]).collect();
    assert_eq!(actions, ["opt_in", "opt_out", "opt_out"]);
}

#[tokio::test]
async fn lists_go_out_and_in_again() {
    let desk = Desk::new().await;
    let import =
        ["opt-outs", "import", "-", "--default-region", "IN", "--scope", "all", "--source", "old system"];
    let read = desk.say_with_input(&import, "number,proof\n9876543210,=form\n+41790000001,\n12,\n");
    assert_eq!(read.code, 0, "{}", read.err);
    assert!(
        read.out.contains("line 4: ") && read.out.contains("2 recorded, 0 known before, 1 rejected"),
        "{}",
        read.out
    );
    let csv = desk.done(&["opt-outs", "export"]);
    let rows: Vec<_> = csv.lines().collect();
    assert_eq!((rows.len(), rows[0]), (3, "phone,scope,sender,source,proof,created_at"));
    assert!(rows[2].starts_with("+919876543210,all,,old system,'=form,"), "{csv}");
    let other = Desk::new().await;
    let told = other.say_with_input(&["opt-outs", "import", "-", "--json"], &csv);
    assert_eq!(lines(&told.out), [json!({ "lines": 3, "recorded": 2, "unchanged": 0, "rejected": 0 })]);
    assert_eq!(other.done(&["opt-outs", "export"]), csv);
    assert_eq!(other.json(&["opt-outs", "export"]), desk.json(&["opt-outs", "export"]));
}

#[tokio::test]
async fn what_cannot_be_meant_is_told() {
    let desk = Desk::new().await;
    for (arguments, code, told) in [
        (vec!["add", PHONE, "--scope", "sender"], 2, "--sender is required"),
        (vec!["lift", PHONE, "--sender", "ACME"], 2, "--sender belongs to --scope sender"),
        (vec!["add", "12"], 2, "12"),
        (vec!["import", "/nowhere/stops.csv"], 1, "cannot read /nowhere/stops.csv"),
        (vec!["import", "-"], 1, "the list is empty"),
    ] {
        let said = desk.say(&[&["opt-outs"], &arguments[..]].concat());
        assert!(said.code == code && said.err.contains(told), "{arguments:?}: {said:?}");
    }
}
