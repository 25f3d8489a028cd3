//! A thousand people are erased, a backup of before is restored, and the lists of before are imported again.

use std::fmt::Write as _;

use shared::consent::{Evidence, Statement, Stop};
use shared::ids::ErasureId;
use shared::phone::PhoneNumber;
use shared::store::erasures::{self, Replayed};
use shared::store::{consents, suppressions};

use super::*;

const PEOPLE: u32 = 1_000;
/// What all their numbers begin with, and nobody else's.
const PREFIX: &str = "+91700000";

fn phones() -> Vec<PhoneNumber> {
    (0..PEOPLE).map(|one| PhoneNumber::parse(&format!("{PREFIX}{one:04}"), None).unwrap()).collect()
}

/// A list of them with one row more, of somebody else.
fn list(rest: &str, other: &str) -> String {
    let mut list = format!("phone{}\n{other}{rest}\n", if rest.is_empty() { "" } else { ",name" });
    for phone in phones() {
        writeln!(list, "{}{rest}", phone.as_str()).unwrap();
    }
    list
}

/// Posts a list; gives the line that is told last.
async fn import(door: &Door, path: &str, list: String) -> Value {
    let upload = door.request(Method::POST, path).header("content-type", "text/csv").body(list);
    let told = upload.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(told.lines().last().unwrap()).unwrap()
}

/// People with settings, a message that has ended, one that waits, a place on a campaign's list, and a stop.
async fn live(app: &TestApp) {
    run(
        app,
        format!(
            "insert into user_contact_settings (user_id, phone)
             select '{NAME}' || n, '{PREFIX}' || to_char(n, 'FM0000') from generate_series(0, {PEOPLE} - 1) n;
             insert into sms_messages_log (id, user_id, \"to\", type, text, status, segments, attempts, created_at)
             select smsgw.new_message_id(), user_id, phone, 'promo', 'Dear {NAME}', 'sent', 1, 1, clock_timestamp()
             from user_contact_settings"
        ),
    )
    .await;
    let waiting: Vec<_> = phones().iter().map(|phone| planned(app.now(), phone.as_str())).collect();
    app.accept_all(&waiting).await;
    let door = Door::open(app).await;
    let campaign = campaign_of(&door, &a_number()).await;
    let done = import(&door, &format!("{campaign}/recipients"), list(&format!(",{NAME}"), &a_number())).await;
    assert_eq!(done["added"], PEOPLE + 1, "{done}");
    let evidence = Evidence { source: "import".to_owned(), proof: Some(format!("letter of {NAME}")) };
    let said = |phone| Statement::opt_out(phone, Stop::Marketing, evidence.clone());
    let said: Vec<_> = phones().into_iter().map(said).collect();
    consents::record(&mut app.connection().await, &said).await.unwrap();
    // Theirs are the traces that are looked for.
    run(app, format!("delete from smsgw.sms_campaign_recipients where phone not like '{PREFIX}%'")).await;
}

async fn erased(app: &TestApp) {
    within(PATIENCE * 2, "everybody to be erased", async || {
        (!erasures::are_pending(&app.pool).await.unwrap()
            && sqlx::query_scalar::<_, i64>(
                "select count(*) from smsgw.sms_erasures where done_at is not null",
            )
            .fetch_one(&app.pool)
            .await
            .unwrap()
                == i64::from(PEOPLE))
        .then_some(())
    })
    .await;
    let traces = found(app, &[PREFIX, NAME]).await;
    assert!(traces.is_empty(), "{} rows, the first: {:?}", traces.len(), traces.first());
}

#[tokio::test]
async fn a_thousand_erased_stay_erased_over_a_restore_and_an_import() {
    let mut app = TestApp::without_worker().await;
    live(&app).await;
    let backup = app.backup().await;
    let mut db = app.connection().await;
    for phone in phones() {
        erasures::request(&mut db, &app.keyring, ErasureId::random(), &phone).await.unwrap();
    }
    app.start_worker();
    erased(&app).await;
    let kept = erasures::export(&mut db).await.unwrap();
    app.stop_workers().await;

    let mut restored = TestApp::on(backup).await;
    restored.keyring = app.keyring.clone();
    assert!(found(&restored, &[PREFIX]).await.len() >= 5 * PEOPLE as usize);
    let mut db = restored.connection().await;
    let replayed = erasures::replay(&mut db, &restored.keyring, &kept).await.unwrap();
    let all = u64::from(PEOPLE);
    assert_eq!(replayed, Replayed { stops: all, erasures: all, people: all });
    restored.start_worker();
    erased(&restored).await;

    let door = Door::open(&restored).await;
    let made = door.post("/sms/campaigns", &json!({ "name": "winter", "text": "Sale" })).await.body;
    let path = format!("/sms/campaigns/{}/recipients", made["campaign_id"].as_str().unwrap());
    let done = import(&door, &path, list("", &a_number())).await;
    assert_eq!((&done["added"], &done["rejected"]), (&json!(1), &json!(PEOPLE)), "{done}");
    let done = import(&door, "/sms/opt-outs/import", list("", &a_number())).await;
    assert_eq!((&done["recorded"], &done["unchanged"]), (&json!(1), &json!(PEOPLE)), "{done}");
    erased(&restored).await;
    for phone in phones().iter().step_by(100) {
        let promo = restored.accept(a_promo(restored.now()).to(phone.as_str())).await;
        assert_eq!(restored.end_of(promo).await.0, "suppressed");
        assert_eq!(
            suppressions::list(&restored.pool, restored.keyring.people(), phone).await.unwrap().len(),
            1
        );
    }
    assert_eq!(restored.mock.arrivals().len(), 0);
    restored.stop().await;
    app.stop().await;
}
