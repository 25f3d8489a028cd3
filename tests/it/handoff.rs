//! The handoff: what one process both takes and sends is stored with its worker's name, and leaves without a claim.

use std::time::{Duration, Instant};

use mock_provider::{Fault, Vendor};
use serde_json::{Value, json};
use shared::consent::{Evidence, Statement, Stop};
use shared::handoff::Places;
use shared::ids::{MessageId, WorkerId};
use shared::lane::Lane;
use shared::message::NewMessage;
use shared::phone::PhoneNumber;
use shared::store::outbox::Claimed;
use shared::store::pauses::PauseScope;
use shared::store::{consents, intake, outbox, pauses, workers};
use tests::builders::{a_number, a_transactional};
use tests::wait::{becomes, eventually};
use tests::{Door, TestApp};

const TEXT: &str = "/sms/send-transactional";
const CODE: &str = "/otp/send";

/// A gateway whose claims fail: only what is handed over can leave.
async fn a_gateway_that_cannot_claim() -> (TestApp, Door) {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    app.refuse_claims().await;
    app.the_worker().await;
    app.takes_over().await;
    (app, door)
}

fn a_text(app: &TestApp, text: &str) -> NewMessage {
    a_transactional(app.now()).text(text).build()
}

fn places_for(app: &TestApp, messages: &[NewMessage]) -> Option<Box<dyn Places>> {
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    app.handoff().reserve(Lane::Transactional, &ids)
}

/// Stores them as the intake does.
async fn insert(app: &TestApp, worker: WorkerId, messages: &[NewMessage]) -> Vec<Claimed> {
    let messages: Vec<&NewMessage> = messages.iter().collect();
    let claimable: Vec<_> =
        messages.iter().filter(|one| intake::is_claimable(one)).map(|one| one.id).collect();
    let mut db = app.connection().await;
    intake::insert_claimed(&mut db, app.keyring.people(), worker, &claimable, &messages).await.unwrap()
}

async fn accepted(door: &Door, to: &str) -> MessageId {
    let answer = door.post(TEXT, &json!({ "to": to, "text": "Your table is booked." })).await;
    assert_eq!(answer.status, 202, "{:?}", answer.body);
    MessageId(answer.body["message_id"].as_str().unwrap().parse().unwrap())
}

/// One that could claim would ask every 25 ms.
async fn a_claimer_waits(app: &TestApp) -> Option<()> {
    let waits: bool = sqlx::query_scalar(
        "select exists (select from pg_stat_activity
                        where datname = current_database() and application_name = 'smsgw claim'
                          and state_change < clock_timestamp() - interval '300 milliseconds')",
    )
    .fetch_one(&mut app.owner().await)
    .await
    .unwrap();
    waits.then_some(())
}

async fn claimed_by(app: &TestApp, id: MessageId) -> Option<WorkerId> {
    sqlx::query_scalar("select worker_id from smsgw.sms_outbox where id = $1")
        .bind(id)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn texts_and_codes_leave_without_a_claim() {
    let (app, door) = a_gateway_that_cannot_claim().await;
    let number = a_number();
    let id = accepted(&door, &number).await;
    assert_eq!(app.end_of(id).await.0, "sent");
    let code = door.post(CODE, &json!({ "phone": number })).await;
    assert_eq!(code.status, 202, "{:?}", code.body);
    app.mock.wait_for_arrivals(2, Duration::from_secs(10)).await;
    becomes(0, async || app.unfinished().await).await;
    let right = app.mock.arrivals_to(&number).last().unwrap().body.clone();
    let right: String = right.chars().filter(char::is_ascii_digit).take(6).collect();
    let session: &Value = &code.body["session_id"];
    let verified = door.post("/otp/verify", &json!({ "session_id": session, "otp": right })).await;
    assert_eq!(verified.body["verified"], true, "{:?}", verified.body);
    app.stop().await;
}

#[tokio::test]
async fn who_said_stop_is_not_texted_without_a_claim_either() {
    let (app, door) = a_gateway_that_cannot_claim().await;
    let number = a_number();
    let phone = PhoneNumber::parse(&number, None).unwrap();
    let said = Statement::opt_out(phone, Stop::All, Evidence::of("test"));
    consents::record(&mut app.connection().await, &[said]).await.unwrap();
    let id = accepted(&door, &number).await;
    assert_eq!(app.end_of(id).await, ("suppressed".to_owned(), Some("opted_out".to_owned())));
    assert_eq!(app.mock.arrival_total(), 0);
    app.stop().await;
}

/// The answer does not wait for the lock, and no intent comes before what is being said.
#[tokio::test]
async fn while_somebody_says_stop_texts_are_accepted_and_wait() {
    let (app, door) = a_gateway_that_cannot_claim().await;
    assert_eq!(app.end_of(accepted(&door, &a_number()).await).await.0, "sent");
    let number = a_number();
    let mut tx = app.pool.begin().await.unwrap();
    let phone = PhoneNumber::parse(&number, None).unwrap();
    let said = Statement::opt_out(phone, Stop::All, Evidence::of("test"));
    consents::record(&mut tx, &[said]).await.unwrap();
    let id = accepted(&door, &number).await;
    assert_eq!(claimed_by(&app, id).await, None);
    tx.commit().await.unwrap();
    app.allow_claims().await;
    assert_eq!(app.end_of(id).await, ("suppressed".to_owned(), Some("opted_out".to_owned())));
    assert_eq!(app.mock.arrival_total(), 1);
    app.stop().await;
}

#[tokio::test]
async fn nobody_is_given_the_name_of_a_worker_that_was_struck_off() {
    let app = TestApp::without_worker().await;
    let worker = app.a_dead_worker().await;
    let texts = [a_text(&app, "one"), a_text(&app, "two")];
    assert_eq!(insert(&app, worker, &texts[..1]).await.len(), 1);
    sqlx::query("delete from smsgw.sms_workers").execute(&app.pool).await.unwrap();
    assert!(insert(&app, worker, &texts[1..]).await.is_empty());
    assert_eq!(claimed_by(&app, texts[1].id).await, None);
}

#[tokio::test]
async fn nothing_is_claimed_in_a_paused_lane_or_before_its_time() {
    let app = TestApp::without_worker().await;
    let worker = app.a_dead_worker().await;
    let (text, later) = (a_text(&app, "now"), a_text(&app, "later"));
    let later = NewMessage { due_at: Some(app.now() + Duration::from_secs(60)), ..later };
    let claimed = insert(&app, worker, &[text.clone(), later.clone()]).await;
    assert_eq!(claimed.iter().map(|one| one.message.id).collect::<Vec<_>>(), [text.id]);
    assert_eq!(claimed_by(&app, later.id).await, None);
    for (scope, name) in [(PauseScope::Lane, "transactional"), (PauseScope::All, "")] {
        pauses::pause(&mut app.connection().await, scope, name).await.unwrap();
        let text = a_text(&app, "in a pause");
        assert!(insert(&app, worker, std::slice::from_ref(&text)).await.is_empty());
        assert_eq!(claimed_by(&app, text.id).await, None);
        pauses::resume(&app.pool, scope, name).await.unwrap();
    }
}

/// The process that stored them knows nothing of it: its commit was not answered.
#[tokio::test]
async fn what_was_stored_but_not_taken_goes_back_and_is_sent() {
    let app = TestApp::start().await;
    app.the_worker().await;
    let text = a_text(&app, "lost");
    let ask = async || places_for(&app, std::slice::from_ref(&text));
    let places = eventually("places", ask).await;
    assert_eq!(insert(&app, places.worker(), std::slice::from_ref(&text)).await.len(), 1);
    assert!(claimed_by(&app, text.id).await.is_some());
    let lost = Instant::now();
    drop(places);
    assert_eq!(app.end_of(text.id).await.0, "sent");
    assert!(lost.elapsed() < Duration::from_secs(3), "it waited for the next look: {:?}", lost.elapsed());
    assert_eq!(app.mock.arrival_total(), 1);
    app.stop().await;
}

/// A takeover may take its time, and what is accepted does not wait for it.
#[tokio::test]
async fn while_a_worker_is_taken_over_texts_are_stored_unclaimed() {
    let app = TestApp::without_worker().await;
    let worker = app.a_dead_worker().await;
    let mut tx = app.pool.begin().await.unwrap();
    assert!(workers::lock_dead(&mut tx, worker).await.unwrap());
    let text = a_text(&app, "new");
    assert!(insert(&app, worker, std::slice::from_ref(&text)).await.is_empty());
    tx.rollback().await.unwrap();
}

/// Its row is locked by what is stored in its name, and seen again once that is committed.
#[tokio::test]
async fn a_worker_is_not_struck_off_past_a_message_that_is_being_stored() {
    let app = TestApp::without_worker().await;
    let worker = app.a_dead_worker().await;
    let text = a_text(&app, "late");
    let mut tx = app.pool.begin().await.unwrap();
    app.insert(&mut tx, std::slice::from_ref(&text)).await;
    sqlx::query(
        "update smsgw.sms_outbox set worker_id = (select id from smsgw.sms_workers where id = $1 for key share)",
    )
    .bind(worker)
    .execute(&mut *tx)
    .await
    .unwrap();
    let mut db = app.connection().await;
    let commit = async {
        eventually("the worker's end to wait", async || app.waiting_for_locks().await).await;
        tx.commit().await.unwrap();
    };
    let (removed, ()) = tokio::join!(workers::remove(&mut db, worker), commit);
    removed.unwrap();
    assert_eq!(app.workers().await, [worker], "others take it over");
}

/// A second loss must not find the slots of the first.
#[tokio::test]
async fn slots_of_lost_messages_are_free_after_the_look() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.config.transactional_slots = 2);
    app.the_worker().await;
    app.takes_over().await;
    let texts: Vec<_> = (0..4).map(|_| a_text(&app, "lost")).collect();
    for two in texts.chunks(2) {
        let places = eventually("places", async || places_for(&app, two)).await;
        assert_eq!(outbox::list_held(&app.pool, places.worker(), Lane::Transactional).await.unwrap(), []);
        assert_eq!(insert(&app, places.worker(), two).await.len(), 2);
        eventually("the claimer to wait for a slot", async || a_claimer_waits(&app).await).await;
        drop(places);
    }
    app.drained(Duration::from_secs(20)).await;
    assert_eq!(app.mock.arrival_total(), 4);
    app.stop().await;
}

#[tokio::test]
async fn no_more_is_taken_than_there_are_slots() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.config.transactional_slots = 3);
    app.the_worker().await;
    let texts: Vec<_> = (0..4).map(|_| a_text(&app, "text")).collect();
    let places = eventually("places", async || places_for(&app, &texts[..2])).await;
    assert!(places_for(&app, &texts[2..]).is_none());
    drop(places);
    assert!(places_for(&app, &texts).is_none(), "more than there are slots at all");
    app.stop().await;
}

/// Over all ways: a slow vendor, few slots, many texts.
#[tokio::test]
async fn what_finds_no_place_is_claimed_and_nothing_is_sent_twice() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.config.transactional_slots = 4);
    let door = Door::open(&app).await;
    app.the_worker().await;
    app.mock.fail(Vendor::Twilio, Fault::Delay { delay_ms: 20 }).unwrap();
    let numbers: Vec<String> = (0..60).map(|_| a_number()).collect();
    futures::future::join_all(numbers.iter().map(|number| accepted(&door, number))).await;
    app.drained(Duration::from_secs(30)).await;
    for number in &numbers {
        assert_eq!(app.mock.arrivals_to(number).len(), 1);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_worker_that_stops_sends_what_is_being_stored_and_takes_no_more() {
    let mut app = TestApp::start().await;
    app.the_worker().await;
    let text = a_text(&app, "last");
    let places = eventually("places", async || places_for(&app, std::slice::from_ref(&text))).await;
    let handoff = app.handoff();
    let claimed = insert(&app, places.worker(), std::slice::from_ref(&text)).await;
    let other = a_text(&app, "too late").id;
    let last = async {
        let refused = async || handoff.reserve(Lane::Transactional, &[other]).is_none().then_some(());
        eventually("no more places", refused).await;
        places.take(claimed);
    };
    tokio::join!(app.stop_workers(), last);
    assert_eq!(app.end_of(text.id).await.0, "sent");
    assert!(handoff.reserve(Lane::Transactional, &[other]).is_none());
}

/// Nobody else need take it for sent, perhaps.
#[tokio::test]
async fn a_worker_that_stops_gives_back_what_was_lost() {
    let mut app = TestApp::start().await;
    app.the_worker().await;
    let text = a_text(&app, "lost");
    let places = eventually("places", async || places_for(&app, std::slice::from_ref(&text))).await;
    assert_eq!(insert(&app, places.worker(), std::slice::from_ref(&text)).await.len(), 1);
    // Its fate is known only when the claimer has ended.
    let (handoff, other) = (app.handoff(), a_text(&app, "too late").id);
    let dropped = async {
        let refused = async || handoff.reserve(Lane::Transactional, &[other]).is_none().then_some(());
        eventually("no more places", refused).await;
        drop(places);
    };
    tokio::join!(app.stop_workers(), dropped);
    assert_eq!(claimed_by(&app, text.id).await, None);
    assert!(app.workers().await.is_empty());
}
