//! The consent ledger: every change of what people have stopped, once, in its order, with its evidence.

use serde_json::{Value, json};
use shared::consent::{Action, Evidence, Statement, Stop};
use shared::phone::PhoneNumber;
use shared::store::{consents, opt_outs};
use tests::builders::a_number;
use tests::{Door, TestApp};

mod links;
mod lists;
mod providers;

fn phone(number: &str) -> PhoneNumber {
    PhoneNumber::parse(number, None).unwrap()
}

/// The ledger of a number, the newest first: action, scope, sender, source and proof.
async fn history(door: &Door, number: &str) -> Vec<Value> {
    let told = door.get(&format!("/sms/opt-outs/{number}/history")).await.body;
    let fields = ["action", "scope", "sender", "source", "proof"];
    let row = |one: &Value| fields.iter().map(|field| one[field].clone()).collect();
    told["history"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test]
async fn each_change_is_recorded_once_with_its_evidence() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let path = format!("/sms/opt-outs/{number}");
    assert_eq!(history(&door, &number).await, Vec::<Value>::new());
    door.put(&path, &json!({ "source": "letter", "proof": "scan 1047" })).await;
    door.put(&path, &json!({ "source": "again" })).await;
    door.put(&path, &json!({ "scope": "sender", "sender": "+1 500 555 0006" })).await;
    door.put(&path, &json!({ "scope": "sender", "sender": "ACME" })).await;
    let lifted = format!("{path}?scope=sender&sender=ACME&source=call&proof=ticket%207");
    assert_eq!(door.delete(&lifted).await.status, 204);
    assert_eq!(door.delete(&lifted).await.refusal(), (404, "not-found"));
    let left = door.get(&path).await.body;
    let left: Vec<_> = left["opt_outs"].as_array().unwrap().iter().map(|one| &one["sender"]).collect();
    assert_eq!(left, [&json!(null), &json!("+15005550006")]);
    assert_eq!(door.delete(&path).await.status, 204);
    assert_eq!(
        history(&door, &number).await[2..],
        [
            json!(["opt_in", "sender", "ACME", "call", "ticket 7"]),
            json!(["opt_out", "sender", "ACME", "api", null]),
            json!(["opt_out", "sender", "+15005550006", "api", null]),
            json!(["opt_out", "marketing", null, "letter", "scan 1047"]),
        ]
    );
    let mut last = history(&door, &number).await[..2].to_vec();
    last.sort_by_key(ToString::to_string);
    assert_eq!(
        last,
        [
            json!(["opt_in", "marketing", null, "api", null]),
            json!(["opt_in", "sender", "+15005550006", "api", null]),
        ]
    );
}

#[tokio::test]
async fn a_change_that_cannot_be_meant_is_refused_by_its_field() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let path = format!("/sms/opt-outs/{}", a_number());
    for (wanted, fields) in [
        (json!({ "scope": "sender" }), vec!["sender"]),
        (json!({ "sender": "ACME" }), vec!["sender"]),
        (json!({ "scope": "all", "sender": "ACME" }), vec!["sender"]),
        (json!({ "scope": "sender", "sender": "=cmd()" }), vec!["sender"]),
        (json!({ "source": " ", "proof": "a\tb" }), vec!["source", "proof"]),
        (json!({ "proof": "x".repeat(501) }), vec!["proof"]),
    ] {
        let refused = door.put(&path, &wanted).await;
        assert_eq!((refused.refusal(), refused.fields()), ((400, "invalid-request"), fields), "{wanted}");
    }
    for query in ["scope=sender", "sender=ACME", "source=", "made_up=1"] {
        assert_eq!(
            door.delete(&format!("{path}?{query}")).await.refusal(),
            (400, "invalid-request"),
            "{query}"
        );
    }
    assert_eq!(history(&door, path.rsplit('/').next().unwrap()).await, Vec::<Value>::new());
}

/// What is said twice counts once, also within one list, and the present state is always what was said last.
#[tokio::test]
async fn the_present_state_is_what_the_ledger_says_last() {
    let app = TestApp::without_worker().await;
    let mut db = app.connection().await;
    let numbers = [a_number(), a_number()].map(|number| phone(&number));
    let said = |who: usize, action: Action, stop: &Stop| Statement {
        action,
        ..Statement::opt_out(numbers[who].clone(), stop.clone(), Evidence::of("test"))
    };
    let acme = Stop::Sender("ACME".to_owned());
    let (out, again) = (Action::OptOut, Action::OptIn);
    let list = [
        said(0, out, &Stop::Marketing),
        said(0, out, &Stop::Marketing),
        said(1, again, &Stop::Marketing),
        said(1, again, &Stop::Marketing),
        said(0, again, &Stop::Marketing),
        said(0, out, &acme),
        said(0, out, &Stop::Marketing),
    ];
    assert_eq!(consents::record(&mut db, &list).await.unwrap(), 5);
    assert_eq!(consents::record(&mut db, &list[5..]).await.unwrap(), 0);
    assert_eq!(opt_outs::list(&mut db, &numbers[0]).await.unwrap().len(), 2);
    assert_eq!(opt_outs::list(&mut db, &numbers[1]).await.unwrap(), []);
    let ledger: Vec<_> =
        consents::list(&mut db, &numbers[0]).await.unwrap().into_iter().map(|one| one.action).collect();
    assert_eq!(ledger, [out, out, again, out]);
    assert_eq!(consents::list(&mut db, &numbers[1]).await.unwrap().len(), 1);
    let differing: i64 = sqlx::query_scalar(
        "select count(*) from (
             select phone, scope, sender from smsgw.sms_opt_outs
             except
             select phone, scope, sender from (
                 select distinct on (phone, scope, sender) * from smsgw.sms_consents
                 order by phone, scope, sender, id desc) last where action = 'opt_out') differing",
    )
    .fetch_one(&mut db)
    .await
    .unwrap();
    assert_eq!(differing, 0);
}

/// A number that is stopped and started by many at once ends as its ledger says, which alternates.
#[tokio::test]
async fn stops_and_starts_at_once_leave_a_ledger_without_gaps() {
    let app = TestApp::without_worker().await;
    let number = phone(&a_number());
    let one = async |stops: bool| {
        let mut db = app.connection().await;
        for _ in 0..20 {
            if stops {
                let said = Statement::opt_out(number.clone(), Stop::Marketing, Evidence::of("test"));
                consents::record(&mut db, &[said]).await.unwrap();
            } else {
                consents::lift(&mut db, &number, None, &Evidence::of("test")).await.unwrap();
            }
        }
    };
    futures::future::join_all([true, false, true, false].map(one)).await;
    let mut db = app.connection().await;
    let stopped = !opt_outs::list(&mut db, &number).await.unwrap().is_empty();
    let mut ledger = consents::list(&mut db, &number).await.unwrap();
    ledger.reverse();
    let expected = [Action::OptOut, Action::OptIn].into_iter().cycle();
    for (at, (row, expected)) in ledger.iter().zip(expected).enumerate() {
        assert_eq!(row.action, expected, "row {at}");
    }
    assert_eq!(ledger.last().map(|last| last.action == Action::OptOut), Some(stopped));
}
