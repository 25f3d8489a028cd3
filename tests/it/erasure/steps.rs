//! An erasure is done in steps: whoever comes after a crash goes on where the last one was.

use shared::ids::{ErasureId, MessageId};
use shared::phone::PhoneNumber;
use shared::store::erasures::{self, Pending};
use sqlx::PgConnection;
use tests::builders::a_transactional;

use super::*;

/// More messages than one step looks at; every hundredth is to `number`.
async fn fill_log(app: &TestApp, number: &str, messages: i32) {
    sqlx::query(
        "insert into sms_messages_log (id, \"to\", type, text, status, segments, attempts, created_at)
         select smsgw.new_message_id(), case when n % 100 = 0 then $1 else '+41790000001' end, 'promo', $2, 'sent', 1, 1,
                clock_timestamp()
         from generate_series(1, $3) n",
    )
    .bind(number)
    .bind(NAME)
    .bind(messages)
    .execute(&app.pool)
    .await
    .unwrap();
}

async fn left(app: &TestApp, number: &str) -> i64 {
    sqlx::query_scalar("select count(*) from sms_messages_log where \"to\" = $1")
        .bind(number)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

async fn request(app: &TestApp, number: &str) -> ErasureId {
    let phone = PhoneNumber::parse(number, None).unwrap();
    let mut db = app.connection().await;
    erasures::request(&mut db, &app.keyring, ErasureId::random(), &phone).await.unwrap().id
}

/// Who is to be erased, once that may begin.
async fn pending(app: &TestApp) -> Vec<Pending> {
    within(PATIENCE, "somebody to be erased", async || {
        let (pending, unread) = erasures::list_pending(&app.pool, &app.keyring, 10).await.unwrap();
        assert!(unread.is_empty());
        (!pending.is_empty()).then_some(pending)
    })
    .await
}

/// Goes through the rest of the log.
async fn go_through(app: &TestApp, db: &mut PgConnection) {
    while erasures::go_on(&mut *db, &app.keyring, &pending(app).await).await.unwrap() {}
}

#[tokio::test]
async fn a_step_that_was_taken_is_not_lost_with_who_took_it() {
    let app = TestApp::without_worker().await;
    let number = a_number();
    fill_log(&app, &number, 50_000).await;
    let id = request(&app, &number).await;
    let mut first = app.connection().await;
    let people = pending(&app).await;
    erasures::begin(&mut first, &people).await.unwrap();
    let people = pending(&app).await;
    assert!(erasures::go_on(&mut first, &app.keyring, &people).await.unwrap(), "there is more");
    let after_one_step = left(&app, &number).await;
    assert!((1..500).contains(&after_one_step), "{after_one_step}");
    // Killed: all that is left of it is in the database.
    drop(first);
    let mut second = app.connection().await;
    let people = pending(&app).await;
    assert!(people[0].seen > Some(MessageId::FIRST), "{:?}", people[0].seen);
    go_through(&app, &mut second).await;
    assert_eq!(left(&app, &number).await, 0);
    let erasure = erasures::find(&mut second, id).await.unwrap().unwrap();
    assert!(erasure.done_at.is_some());
    assert_eq!(erasure.rows, 500);
    assert_eq!(left(&app, "+41790000001").await, 49_500);
}

#[tokio::test]
async fn nothing_leaves_for_them_after_the_answer_and_what_is_being_sent_is_erased_when_it_ends() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let waiting = planned(app.now(), &number);
    let held = a_transactional(app.now()).to(&number).text(NAME).build();
    app.accept_all(std::slice::from_ref(&waiting)).await;
    let worker = app.a_dead_worker().await;
    app.hold(worker, std::slice::from_ref(&held)).await;
    erase(&door, &number).await;
    assert_eq!(app.state(waiting.id).await, ("cancelled".to_owned(), Some("erased".to_owned())));
    let mut db = app.connection().await;
    let people = pending(&app).await;
    erasures::begin(&mut db, &people).await.unwrap();
    assert_eq!(pending(&app).await[0].seen, None, "one is being sent");
    // It is handed back instead.
    sqlx::raw_sql("update smsgw.sms_outbox set worker_id = null").execute(&mut db).await.unwrap();
    erasures::begin(&mut db, &people).await.unwrap();
    assert_eq!(app.state(held.id).await, ("cancelled".to_owned(), Some("erased".to_owned())));
    go_through(&app, &mut db).await;
    assert_eq!(found(&app, &[national(&number), NAME]).await, []);
}

#[tokio::test]
async fn a_campaign_ends_without_those_who_were_erased() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let (number, dear, other) = (a_number(), a_number(), a_number());
    let campaign = campaign_of(&door, &number).await;
    let list = json!({ "recipients": [
        { "phone": other, "variables": { "name": "Ann" } },
        { "phone": dear, "variables": { "name": "Жанна" } },
    ] });
    assert_eq!(door.post(&format!("{campaign}/recipients"), &list).await.status, 200);
    erase(&door, &number).await;
    erase(&door, &dear).await;
    let of_dear = "select sum(p.ucs2)::bigint, string_agg(distinct c.forcing, '')
                   from sms_campaigns c join smsgw.sms_campaign_places p on p.campaign_id = c.id";
    let of_dear: (i64, String) = sqlx::query_as(of_dear).fetch_one(&app.pool).await.unwrap();
    assert_eq!(of_dear, (0, String::new()));
    door.call(door.request(Method::POST, &format!("{campaign}/start"))).await;
    let ended = within(PATIENCE, "the campaign to end", async || {
        let shown = door.get(&campaign).await.body;
        (shown["status"] == "finished").then_some(shown)
    })
    .await;
    assert_eq!((&ended["progress"]["recipients"], &ended["progress"]["ended"]), (&json!(1), &json!(1)));
    assert_eq!((app.mock.arrivals_to(&number).len(), app.mock.arrivals_to(&dear).len()), (0, 0));
    assert_eq!(app.mock.arrivals_to(&other).len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn who_came_back_keeps_what_they_were_sent_since() {
    let app = TestApp::without_worker().await;
    let number = a_number();
    fill_log(&app, &number, 100).await;
    request(&app, &number).await;
    let mut db = app.connection().await;
    let people = pending(&app).await;
    fill_log(&app, &number, 100).await;
    run(
        &app,
        format!(
            "insert into user_contact_settings (user_id, phone) values ('back', '{number}');
             insert into user_contact_settings (user_id, phone, updated_at)
             values ('before', '{number}', now() - interval '1 hour');
             insert into smsgw.otp_phone_failures (phone, failures) values ('{number}', 1)"
        ),
    )
    .await;
    erasures::begin(&mut db, &people).await.unwrap();
    go_through(&app, &mut db).await;
    assert_eq!(left(&app, &number).await, 1);
    let users: Vec<String> =
        sqlx::query_scalar("select user_id from user_contact_settings").fetch_all(&app.pool).await.unwrap();
    assert_eq!(users, ["back"]);
    let tables: Vec<String> =
        found(&app, &[national(&number)]).await.into_iter().map(|(table, _)| table).collect();
    assert!(tables.iter().any(|table| table.ends_with("otp_phone_failures")), "{tables:?}");
}

/// A key is theirs if their number stands in it by itself: digits of somebody's order are nobody's number.
#[tokio::test]
async fn keys_made_of_a_number_go_and_others_stay() {
    let app = TestApp::without_worker().await;
    let number = a_number();
    let digits = number.trim_start_matches('+');
    let theirs = [digits.to_owned(), format!("welcome-00{digits}-1"), format!("1234567 {number}.")];
    let others = [format!("order-1{digits}"), format!("{digits}20261123"), "welcome".to_owned()];
    for key in theirs.iter().chain(&others) {
        run(
            &app,
            format!(
                "insert into smsgw.idempotency_keys (api_key_id, key, request_hash, status, answer)
                 values (1, '{key}', '', 202, '{{}}');
                 insert into smsgw.sms_enqueue_keys (caller, key, request_hash, message_id)
                 values ('test', '{key}', '', gen_random_uuid())"
            ),
        )
        .await;
    }
    request(&app, &number).await;
    let mut db = app.connection().await;
    erasures::begin(&mut db, &pending(&app).await).await.unwrap();
    go_through(&app, &mut db).await;
    for table in ["idempotency_keys", "sms_enqueue_keys"] {
        let keys = format!("select key from smsgw.{table} order by key");
        let keys: Vec<String> = sqlx::query_scalar(AssertSqlSafe(keys)).fetch_all(&app.pool).await.unwrap();
        let mut left = others.to_vec();
        left.sort();
        assert_eq!(keys.into_iter().collect::<std::collections::BTreeSet<_>>(), left.into_iter().collect());
    }
}

/// Else whoever asks while another is being erased would keep them from coming to an end.
#[tokio::test]
async fn who_came_first_is_done_first() {
    let app = TestApp::without_worker().await;
    let (first, second) = (a_number(), a_number());
    fill_log(&app, &first, 50_000).await;
    fill_log(&app, &second, 100).await;
    let id = request(&app, &first).await;
    let mut db = app.connection().await;
    erasures::begin(&mut db, &pending(&app).await).await.unwrap();
    assert!(erasures::go_on(&mut db, &app.keyring, &pending(&app).await).await.unwrap());
    request(&app, &second).await;
    let both =
        within(PATIENCE, "both to wait", async || Some(pending(&app).await).filter(|all| all.len() == 2))
            .await;
    erasures::begin(&mut db, &both[1..]).await.unwrap();
    for _ in 0..2 {
        assert!(erasures::go_on(&mut db, &app.keyring, &pending(&app).await).await.unwrap());
    }
    assert!(erasures::find(&mut db, id).await.unwrap().unwrap().done_at.is_some());
    assert_eq!((left(&app, &first).await, left(&app, &second).await), (0, 1));
    go_through(&app, &mut db).await;
    assert_eq!(left(&app, &second).await, 0);
}
