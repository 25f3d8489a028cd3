//! `sms_enqueue`: a message asked for in the caller's own transaction.

use std::time::Duration;

use futures::future::join_all;
use shared::consent::{Evidence, Statement, Stop};
use shared::ids::MessageId;
use shared::phone::PhoneNumber;
use shared::segments;
use shared::store::consents;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tests::TestApp;
use tests::builders::{a_number, a_transactional};
use tests::wait::eventually;

/// A connection of an application: it may ask for messages, and has a table of its own.
async fn a_shop(app: &TestApp) -> PgConnection {
    let mut db = app.owner().await;
    // Roles belong to the cluster, which other tests share.
    let become_shop = "
        do $$ begin create role test_shop; exception when duplicate_object or unique_violation then null; end $$;
        grant smsgw_enqueue to test_shop;
        create table if not exists bookings (id integer primary key);
        grant select, insert on bookings to test_shop;
        set session authorization test_shop";
    eventually("the role", async || {
        // Two tests that grant at the same moment are told so.
        sqlx::raw_sql(become_shop).execute(&mut app.owner().await).await.ok().map(drop)
    })
    .await;
    sqlx::raw_sql("set session authorization test_shop").execute(&mut db).await.unwrap();
    db
}

async fn enqueue(db: &mut PgConnection, arguments: &str) -> sqlx::Result<MessageId> {
    sqlx::query_scalar(AssertSqlSafe(format!("select sms_enqueue({arguments})"))).fetch_one(db).await
}

/// SQLSTATE and column of a refusal.
fn refusal(refused: sqlx::Result<MessageId>) -> (String, String) {
    let error = refused.unwrap_err().into_database_error().unwrap();
    let error = error.downcast_ref::<sqlx::postgres::PgDatabaseError>();
    assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{error}");
    (error.code().to_owned(), error.column().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_committed_booking_is_texted_and_one_that_was_rolled_back_is_not() {
    let app = TestApp::start().await;
    let mut shop = a_shop(&app).await;
    let (guest, other) = (a_number(), a_number());
    let mut booking = shop.begin().await.unwrap();
    sqlx::query("insert into bookings values (1)").execute(&mut *booking).await.unwrap();
    let spelled = format!("00{} {}", &guest[1..5], &guest[5..]);
    let id =
        enqueue(&mut booking, &format!("'{spelled}', 'Table 1 is yours.', user_id => 'ann'")).await.unwrap();
    assert!(app.mock.arrivals_to(&guest).is_empty());
    booking.commit().await.unwrap();

    let mut booking = shop.begin().await.unwrap();
    enqueue(&mut booking, &format!("'{other}', 'Table 1 is yours.'")).await.unwrap();
    assert!(sqlx::query("insert into bookings values (1)").execute(&mut *booking).await.is_err());
    booking.rollback().await.unwrap();

    assert_eq!(app.end_of(id).await, ("sent".to_owned(), None));
    assert_eq!(app.mock.arrivals_to(&guest).len(), 1);
    assert_eq!(app.unfinished().await, 0);
    assert!(app.mock.arrivals_to(&other).is_empty());
    app.stop().await;
}

/// The row carries the time of its making; by its commit claims are far ahead.
#[tokio::test]
async fn a_message_of_a_long_transaction_is_sent_all_the_same() {
    let app = TestApp::start().await;
    let mut shop = a_shop(&app).await;
    let mut long = shop.begin().await.unwrap();
    let id = enqueue(&mut long, &format!("'{}', 'Late.'", a_number())).await.unwrap();
    for _ in 0..30 {
        let quick = app.accept(a_transactional(app.now())).await;
        app.end_of(quick).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    long.commit().await.unwrap();
    assert_eq!(app.end_of(id).await.0, "sent");
    app.stop().await;
}

#[tokio::test]
async fn one_key_is_one_message_however_many_ask_at_once() {
    let app = TestApp::without_worker().await;
    let to = a_number();
    let call = format!("'{to}', 'Order 7 is on its way.', idempotency_key => 'order-7'");
    let mut shops = Vec::new();
    for _ in 0..16 {
        shops.push(a_shop(&app).await);
    }
    let ids = join_all(shops.iter_mut().map(|shop| enqueue(shop, &call))).await;
    let first = ids[0].as_ref().unwrap();
    assert!(ids.iter().all(|id| id.as_ref().unwrap() == first), "{ids:?}");
    assert_eq!(app.unfinished().await, 1);
    let other = format!("'{to}', 'Something else.', idempotency_key => 'order-7'");
    assert_eq!(
        refusal(enqueue(&mut shops[0], &other).await),
        ("23505".to_owned(), "idempotency_key".to_owned())
    );

    // A transaction that holds the key and is undone leaves it to the next.
    let call = format!("'{to}', 'Order 8.', idempotency_key => 'order-8'");
    let [one, another, ..] = shops.as_mut_slice() else { unreachable!("there are sixteen") };
    let mut undone = one.begin().await.unwrap();
    let lost = enqueue(&mut undone, &call).await.unwrap();
    let waiting = enqueue(another, &call);
    let undo = async {
        app.waiter().await;
        undone.rollback().await.unwrap();
    };
    let (kept, ()) = tokio::join!(waiting, undo);
    assert_ne!(kept.unwrap(), lost);
    assert_eq!(app.unfinished().await, 2);
}

/// Sessions write times and intervals in their own ways.
#[tokio::test]
async fn a_key_stands_for_the_same_message_whatever_the_session_is_set_to() {
    let app = TestApp::without_worker().await;
    let mut shop = a_shop(&app).await;
    let at = app.now() + Duration::from_secs(600);
    let mut ids = Vec::new();
    for settings in [
        "set timezone = 'UTC'; set intervalstyle = 'postgres'; set datestyle = 'ISO, MDY'",
        "set timezone = 'Asia/Kolkata'",
        "set intervalstyle = 'iso_8601'; set datestyle = 'SQL, DMY'",
    ] {
        sqlx::raw_sql(settings).execute(&mut shop).await.unwrap();
        let id = sqlx::query_scalar(
            "select sms_enqueue('+919876543210', 'Tomorrow at 8.', send_at => $1, expires_in => '90 minutes',
                                idempotency_key => 'reminder')",
        );
        ids.push(id.bind(at).fetch_one(&mut shop).await.unwrap());
    }
    let ids: Vec<MessageId> = ids;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(app.unfinished().await, 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::without_worker().await;
    let mut shop = a_shop(&app).await;
    let call = |text: &str| format!("'+919876543210', '{text}', idempotency_key => 'order-7'");
    enqueue(&mut shop, &call("Today.")).await.unwrap();
    for (hours, free) in [(23, false), (25, true)] {
        sqlx::query(
            "update smsgw.sms_enqueue_keys set created_at = clock_timestamp() - make_interval(hours => $1)",
        )
        .bind(hours)
        .execute(&app.pool)
        .await
        .unwrap();
        assert_eq!(enqueue(&mut shop, &call("Tomorrow.")).await.is_ok(), free, "after {hours} hours");
    }
}

#[tokio::test]
async fn whoever_asks_for_messages_can_do_nothing_else() {
    let app = TestApp::without_worker().await;
    let mut shop = a_shop(&app).await;
    enqueue(&mut shop, "'+919876543210', 'Hello'").await.unwrap();
    for sql in [
        "select from smsgw.sms_outbox",
        "select from smsgw.sms_enqueue_keys",
        "select from sms_messages_log",
        "select from sms_messages",
        "select from user_contact_settings",
        "select smsgw.claim_enqueue_key('a', gen_random_uuid(), 'null')",
        "select smsgw.new_message_id()",
        "insert into smsgw.sms_outbox default values",
        "set role smsgw_app",
    ] {
        let refused = sqlx::raw_sql(sql).execute(&mut shop).await.unwrap_err();
        assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501", "{sql}");
    }
    let mut stranger = app.owner().await;
    sqlx::raw_sql("set role smsgw_user").execute(&mut stranger).await.unwrap();
    let refused = enqueue(&mut stranger, "'+919876543210', 'Hello'").await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "42501");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_its_column_and_a_hint() {
    let app = TestApp::without_worker().await;
    let mut shop = a_shop(&app).await;
    let good = "'+919876543210'";
    for (arguments, column) in [
        ("null, 'x'".to_owned(), "to"),
        ("'', 'x'".to_owned(), "to"),
        ("'0790000001', 'x'".to_owned(), "to"),
        ("'+41790000001; drop table', 'x'".to_owned(), "to"),
        (format!("{good}, null"), "body"),
        (format!("{good}, e' \\n'"), "body"),
        (format!("{good}, e'a\\x07b'"), "body"),
        (format!("{good}, repeat('a', 1531)"), "body"),
        (format!("{good}, repeat('\u{4f60}', 671)"), "body"),
        (format!("{good}, repeat('a', 5000000)"), "body"),
        (format!("{good}, 'x', 'otp'"), "lane"),
        (format!("{good}, 'x', 'fast'"), "lane"),
        (format!("{good}, 'x', null"), "lane"),
        (format!("{good}, 'x', user_id => ''"), "user_id"),
        (format!("{good}, 'x', user_id => repeat('u', 129)"), "user_id"),
        (format!("{good}, 'x', sender => 'far too long a name'"), "sender"),
        (format!("{good}, 'x', sender => e'A\\nB'"), "sender"),
        (format!("{good}, 'x', provider_hint => 'No Name'"), "provider_hint"),
        (format!("{good}, 'x', send_at => now() - interval '1 hour'"), "send_at"),
        (format!("{good}, 'x', send_at => now() + interval '31 days'"), "send_at"),
        (format!("{good}, 'x', send_at => 'infinity'"), "send_at"),
        (format!("{good}, 'x', send_at => '-infinity'"), "send_at"),
        (format!("{good}, 'x', expires_in => interval '1 second'"), "expires_in"),
        (format!("{good}, 'x', expires_in => interval '-1 day'"), "expires_in"),
        (format!("{good}, 'x', expires_in => interval '1 year'"), "expires_in"),
        (format!("{good}, 'x', idempotency_key => ''"), "idempotency_key"),
        (format!("{good}, 'x', idempotency_key => repeat('k', 256)"), "idempotency_key"),
    ] {
        let refused = enqueue(&mut shop, &arguments).await;
        assert_eq!(
            refusal(refused),
            ("22023".to_owned(), column.to_owned()),
            "{}",
            &arguments[..arguments.len().min(80)]
        );
    }
    assert_eq!(app.unfinished().await, 0);
}

#[tokio::test]
async fn ids_lifetimes_and_segments_are_as_the_gateways_own() {
    let app = TestApp::without_worker().await;
    let mut shop = a_shop(&app).await;
    let before = app.now();
    let promo =
        enqueue(&mut shop, "'+919876543210', 'Sale!', 'promo', expires_in => '10 minutes'").await.unwrap();
    let time: bool = sqlx::query_scalar(
        "select smsgw.uuid_time(id) between $2 - interval '1 second' and clock_timestamp()
                and expires_at - due_at between interval '599 seconds' and interval '600 seconds'
         from smsgw.sms_outbox where id = $1",
    )
    .bind(promo)
    .bind(before)
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert!(time);
    assert_eq!(promo.0.get_version_num(), 7);
    let alphabet: Vec<char> = "aZ9 \n@£€{}[]~|^\\ÄÖñüàΔΩ\u{4f60}\u{1f600}é\u{c}ç".chars().collect();
    let mut texts: Vec<String> = alphabet.iter().map(char::to_string).collect();
    for length in [1, 69, 70, 71, 133, 134, 135, 152, 153, 154, 159, 160, 161, 305, 306, 307, 459] {
        for step in 1..alphabet.len() {
            let text =
                |letters: &[char]| letters.iter().cycle().step_by(step).take(length).collect::<String>();
            texts.extend([text(&alphabet), text(&alphabet[..9]), text(&alphabet[..4])]);
        }
    }
    let counted: Vec<i32> = sqlx::query_scalar("select smsgw.count_segments(t) from unnest($1::text[]) t")
        .bind(&texts)
        .fetch_all(&app.pool)
        .await
        .unwrap();
    for (text, counted) in texts.iter().zip(counted) {
        assert_eq!(counted, i32::from(segments::count(text).count), "{text:?}");
    }
}

/// Consent, log and receipts know a number by one spelling only.
#[tokio::test]
async fn a_stop_holds_however_a_number_is_spelled_at_the_door() {
    let app = TestApp::start().await;
    let mut shop = a_shop(&app).await;
    let phone = PhoneNumber::parse("+447911123456", None).unwrap();
    let said = Statement::opt_out(phone, Stop::Marketing, Evidence::of("test"));
    consents::record(&mut app.connection().await, &[said]).await.unwrap();
    let spelled = "'+44 (0)7911 123456'";
    let promo = enqueue(&mut shop, &format!("{spelled}, 'Sale!', 'promo'")).await.unwrap();
    let text = enqueue(&mut shop, &format!("{spelled}, 'Your table is booked.'")).await.unwrap();
    assert_eq!(app.end_of(promo).await, ("suppressed".to_owned(), Some("opted_out".to_owned())));
    assert_eq!(app.end_of(text).await, ("sent".to_owned(), None));
    let logged: Vec<String> = sqlx::query_scalar("select distinct \"to\" from sms_messages_log")
        .fetch_all(&app.pool)
        .await
        .unwrap();
    assert_eq!(logged, ["+447911123456"]);
    assert_eq!(app.mock.arrivals_to("+447911123456").len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn a_number_that_no_country_has_is_not_sent() {
    let app = TestApp::start().await;
    let mut shop = a_shop(&app).await;
    let id = enqueue(&mut shop, "'+999790000001', 'Hello.'").await.unwrap();
    assert_eq!(app.end_of(id).await, ("failed".to_owned(), Some("bad_number".to_owned())));
    app.stop().await;
}

/// The database's own classes of characters depend on its locale: `C` knows no more than ASCII.
#[tokio::test]
async fn a_text_that_cannot_be_sent_is_not_sent_though_the_database_takes_it() {
    let app = TestApp::without_worker().await;
    let mut shop = a_shop(&app).await;
    let id = enqueue(&mut shop, "'+919876543210', 'Hello.'").await.unwrap();
    sqlx::query("update smsgw.sms_outbox set body = e'a\\u0085b'").execute(&app.pool).await.unwrap();
    let mut app = app;
    app.start_worker();
    assert_eq!(app.end_of(id).await, ("failed".to_owned(), Some("bad_text".to_owned())));
    assert!(app.mock.arrivals_to("+919876543210").is_empty());
    app.stop().await;
}

#[tokio::test]
async fn a_country_that_is_not_allowed_is_not_texted_by_sql_either() {
    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| parts.reach.countries = Some(vec!["IN".parse().unwrap()]));
    let mut shop = a_shop(&app).await;
    let abroad = enqueue(&mut shop, "'+447911123456', 'Hello.'").await.unwrap();
    let home = enqueue(&mut shop, "'+919876543210', 'Hello.'").await.unwrap();
    assert_eq!(app.end_of(abroad).await, ("failed".to_owned(), Some("country_blocked".to_owned())));
    assert_eq!(app.end_of(home).await, ("sent".to_owned(), None));
    assert!(app.mock.arrivals_to("+447911123456").is_empty());
    app.stop().await;
}
