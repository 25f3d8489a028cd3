//! `outbox review` and `pause`: what an operator does with a restored backup.

use std::time::Duration;

use serde_json::Value;
use shared::ids::MessageId;
use tests::builders::{a_promo, a_transactional};

use super::{Desk, lines};

/// Two promos, one of them in doubt, one held by a worker that is gone, and a transactional text.
async fn restored() -> (Desk, [MessageId; 4]) {
    let desk = Desk::new().await;
    // Ids of one millisecond have no order.
    let at = |seconds| desk.app.now() - Duration::from_secs(seconds);
    let mut ids = Vec::new();
    for draft in [a_promo(at(8)), a_promo(at(6)), a_promo(at(4)), a_transactional(at(2))] {
        ids.push(desk.app.accept(draft).await);
    }
    for change in [
        "update smsgw.sms_outbox set copies = 1, reason = 'in_doubt' where id = $1",
        "update smsgw.sms_outbox set worker_id = 999999 where id = $1",
    ]
    .into_iter()
    .zip(&ids[1..])
    {
        let (sql, id) = change;
        sqlx::query(sql).bind(id).execute(&desk.app.pool).await.unwrap();
    }
    (desk, ids.try_into().unwrap())
}

fn group<'a>(document: &'a Value, lane: &str, status: &str, in_doubt: bool) -> &'a Value {
    let groups = document["groups"].as_array().unwrap();
    let fits = |one: &&Value| one["lane"] == lane && one["status"] == status && one["in_doubt"] == in_doubt;
    groups.iter().find(fits).unwrap_or_else(|| panic!("no {lane} {status} {in_doubt} in {groups:?}"))
}

#[tokio::test]
async fn a_review_counts_what_waits_and_marks_what_is_in_doubt() {
    let (desk, ids) = restored().await;
    let document = desk.json(&["outbox", "review"]).remove(0);
    assert_eq!(group(&document, "promo", "queued", false)["messages"], 1);
    assert_eq!(group(&document, "promo", "queued", true)["reason"], "in_doubt");
    assert_eq!(group(&document, "promo", "sending", true)["messages"], 1);
    assert_eq!(group(&document, "transactional", "queued", false)["messages"], 1);
    let listed: Vec<_> =
        document["messages"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(listed, ids.map(|id| Value::from(id.to_string())));

    let text = desk.done(&["outbox", "review", "--lane", "promo", "--limit", "1"]);
    assert!(text.contains("3  in all") && text.contains("in doubt"), "{text}");
    assert!(!text.contains("transactional"), "{text}");
    assert!(!text.contains("Your table"), "no text of a message is shown: {text}");
    assert_eq!(desk.done(&["outbox", "review", "--older-than", "1h"]), "nothing waits\n");
}

#[tokio::test]
async fn cancelling_asks_for_a_yes_and_takes_only_what_was_chosen() {
    let (desk, [plain, doubtful, held, transactional]) = restored().await;
    let cancel = ["outbox", "review", "--cancel", "--lane", "promo"];
    let asked = desk.say(&cancel);
    assert_eq!(asked.code, 2);
    assert!(asked.out.contains("3  in all") && asked.err.contains("--yes"), "{asked:?}");
    assert_eq!(desk.app.state(plain).await.0, "queued");

    let young = desk.json(&[&cancel[..], &["--older-than", "1h", "--yes"]].concat());
    assert_eq!(young[0]["withdrawn"]["cancelled"], 0);
    let done = desk.done(&[&cancel[..], &["--yes"]].concat());
    assert!(
        done.contains("cancelled 1") && done.contains("1 in doubt") && done.contains("1 were held"),
        "{done}"
    );
    assert_eq!(desk.app.state(plain).await, ("cancelled".into(), Some("cancelled".into())));
    assert_eq!(desk.app.state(doubtful).await.0, "unknown");
    assert_eq!(desk.app.state(held).await.0, "sending");
    assert_eq!(desk.app.state(transactional).await.0, "queued");

    for wrong in [&["--older-than", "soon"][..], &["--yes"], &["--lane", "bulk"]] {
        assert_eq!(desk.say(&[&["outbox", "review"], wrong].concat()).code, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn what_is_paused_is_listed_until_it_is_resumed() {
    let desk = Desk::new().await;
    assert_eq!(desk.done(&["pause", "--list"]), "nothing is paused\n");
    assert!(desk.done(&["pause", "--lane", "promo"]).contains("paused: lane promo"));
    let second = desk.json(&["pause", "--provider", "twilio"]);
    assert_eq!(second[0]["paused"].as_array().unwrap().len(), 2);
    let listed = desk.json(&["pause", "--list"]);
    assert_eq!((listed[0]["scope"].as_str(), listed[0]["name"].as_str()), (Some("lane"), Some("promo")));

    assert!(desk.done(&["resume", "--lane", "promo"]).contains("paused now: provider twilio"));
    assert!(desk.done(&["resume", "--lane", "promo"]).contains("was not paused"));
    assert!(desk.done(&["resume", "--provider", "twilio"]).contains("nothing is paused now"));
    let unknown = desk.say(&["pause", "--provider", "pigeon", "--json"]);
    assert_eq!(unknown.code, 1);
    assert!(lines(&unknown.err)[0]["error"].as_str().unwrap().contains("known are"), "{}", unknown.err);
    assert_eq!(desk.say(&["pause", "--lane", "promo", "--list"]).code, 2);
}
