//! `people`: erased, shown, and kept erased over a restore.

use serde_json::json;
use shared::store::erasures;
use tests::builders::a_promo;

use super::{Desk, lines};

const PHONE: &str = "+41790000009";

#[tokio::test]
async fn somebody_is_erased_and_a_list_of_hashes_tells_it_to_a_restored_backup() {
    let desk = Desk::new().await;
    desk.done(&["opt-outs", "add", PHONE]);
    let id = desk.done(&["people", "erase", PHONE]).trim().to_owned();
    assert!(desk.done(&["people", "show", &id]).contains("running, "));
    let shown = desk.json(&["people", "show", &id]).remove(0);
    assert_eq!((&shown["erasure_id"], &shown["done_at"]), (&json!(id), &json!(null)));
    assert_eq!(desk.json(&["opt-outs", "show", PHONE])[0]["opt_outs"], json!([]));
    let list = desk.done(&["people", "export"]);
    let kinds: Vec<_> = lines(&list).into_iter().map(|line| line["type"].clone()).collect();
    assert_eq!(kinds, ["erased", "stopped"]);
    assert!(!list.contains("790000009"), "{list}");

    // As the backup of before: the same gateway, another database.
    let restored = Desk { app: tests::TestApp::without_worker().await, settings: desk.settings.clone() };
    let restored = Desk { settings: restored.with("DATABASE_URL", &restored.app.url), ..restored };
    restored.app.accept_all(&[a_promo(restored.app.now()).to(PHONE).build()]).await;
    let replay = ["people", "replay", "-"];
    let said = restored.say_with_input(&replay, &list);
    assert!(said.code == 0 && said.out.starts_with("1 stops hold again, 1 erasures"), "{said:?}");
    assert_eq!(restored.app.unfinished().await, 0);
    let mut db = restored.app.connection().await;
    assert_eq!(erasures::export(&mut db).await.unwrap().len(), 2);
    let again = restored.say_with_input(&replay, &list);
    assert!(again.out.starts_with("0 stops hold again, 0 erasures"), "{again:?}");
    assert!(restored.done(&["opt-outs", "lift", PHONE]).contains("1 lifted"));
}

#[tokio::test]
async fn what_is_no_list_of_erasures_is_refused_by_its_line() {
    let desk = Desk::new().await;
    let said = desk.say_with_input(&["people", "replay", "-"], "\n{\"type\": \"other\"}\n");
    assert!(said.code == 2 && said.err.contains("line 2 is not of `people export`"), "{said:?}");
    let said = desk.say(&["people", "show", "00000000-0000-4000-8000-000000000000"]);
    assert!(said.code == 1 && said.err.contains("there is no erasure"), "{said:?}");
    assert_eq!(desk.say(&["people", "erase", "12"]).code, 2);
}
