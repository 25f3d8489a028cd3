//! Starts of codes, as they are stored: one that comes alone, many in a group, and again when the answer was lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::json;
use shared::db::Use;
use shared::guard::{Mode, Settings};
use shared::ids::{ApiKeyId, MessageId, SessionId};
use shared::limits::{Kind, Limit, Subject};
use shared::otp_code::CodeLength;
use shared::store::guard::{self, Outlook};
use shared::store::intake::{Counted, NewOtp, Started};
use shared::store::otp_sessions::NewSession;
use shared::store::{intake, messages, otp_windows};
use sqlx::Connection;
use tests::builders::{a_number, an_otp};
use tests::wait::eventually;
use tests::{Door, TestApp};
use tokio::time::timeout;

use crate::api::OTP_SEND;

/// A start of a code for a number of its own.
fn a_start(app: &TestApp, key: ApiKeyId, outlook: &Arc<Outlook>) -> NewOtp {
    start_to(app, key, outlook, &a_number())
}

/// A start of a code for `phone`, which no limit is for.
fn start_to(app: &TestApp, key: ApiKeyId, outlook: &Arc<Outlook>, phone: &str) -> NewOtp {
    let mut message = an_otp(app.now(), &app.keyring, "123456").to(phone).build();
    let session = NewSession {
        id: SessionId::random(),
        user_id: None,
        phone: message.to.clone(),
        purpose: "login",
        max_attempts: 5,
        code_length: CodeLength::SIX,
        code_mac: vec![1; 32],
        sealed_code: None,
        locale: None,
        hint: None,
        api_key_id: key,
        resend_at: app.now(),
        expires_at: message.expires_at,
    };
    message.session_id = Some(session.id);
    message.api_key_id = Some(key);
    let guard = shared::store::guard::Send {
        session: session.id,
        message: message.id,
        phone: shared::phone::PhoneNumber::stored(message.to.clone()),
        client: None,
        is_challenged: false,
        is_resend: false,
        segments: 1,
        is_unmeasured: false,
    };
    NewOtp { session, message, subjects: Vec::new(), limits: [].into(), guard, outlook: outlook.clone() }
}

async fn a_key(app: &TestApp) -> ApiKeyId {
    drop(Door::open(app).await);
    sqlx::query_scalar("select id from smsgw.api_keys").fetch_one(&app.pool).await.unwrap()
}

/// As with messages: a code that was sent meanwhile must not come back when its start is repeated.
#[tokio::test]
async fn a_repeated_start_brings_no_finished_code_back() {
    let app = TestApp::without_worker().await;
    let (key, outlook) = (a_key(&app).await, Arc::default());
    let [waiting, finished, lost] = &std::array::from_fn(|_| a_start(&app, key, &outlook));
    let mut db = app.pool.acquire().await.unwrap();
    intake::start_sessions(&mut db, &[waiting, finished]).await.unwrap();
    messages::cancel(&mut db, finished.message.id).await.unwrap();
    intake::start_sessions_again(&mut db, &[waiting, finished, lost]).await.unwrap();
    let queued: Vec<MessageId> =
        sqlx::query_scalar("select id from smsgw.sms_outbox order by seq").fetch_all(&mut *db).await.unwrap();
    assert_eq!(queued, [waiting.message.id, lost.message.id]);
}

/// Its caller has heard nothing of the first.
#[tokio::test]
async fn a_repeated_start_is_answered_as_the_first_was() {
    let app = TestApp::without_worker().await;
    let key = a_key(&app).await;
    let poor = Settings { mode: Mode::Enforce, credits_prefix: 0, ..Settings::default() };
    let rich = [("IN".to_owned(), 5000.0)].into();
    for outlook in [Outlook { settings: poor, ..Outlook::default() }, Outlook { rich, ..Outlook::default() }]
    {
        let outlook = Arc::new(outlook);
        let starts = [a_start(&app, key, &outlook), a_start(&app, key, &outlook)];
        let starts = starts.each_ref();
        let mut db = app.pool.acquire().await.unwrap();
        let first: Vec<_> = intake::start_sessions(&mut db, &starts).await.unwrap();
        let again: Vec<_> = intake::start_sessions_again(&mut db, &starts).await.unwrap();
        let of = |answers: Vec<Started>| answers.into_iter().map(Result::unwrap).collect::<Vec<_>>();
        let (first, again) = (of(first), of(again));
        assert!(first.iter().all(|counted| counted.verdict.is_some()));
        assert_eq!(again, first);
    }
    let decisions: i64 =
        sqlx::query_scalar("select count(*) from smsgw.guard_decisions").fetch_one(&app.pool).await.unwrap();
    assert_eq!(decisions, 4);
}

/// A start that is counted for its user, who may be sent two codes in an hour, in a country that has plenty of credits.
fn a_limited_start(app: &TestApp, key: ApiKeyId, user: &str, phone: &str) -> NewOtp {
    let limit = Limit { name: "hour".into(), kind: Kind::User, per: Duration::from_secs(3600), most: 2 };
    let outlook = Outlook { rich: [("IN".to_owned(), 5000.0)].into(), ..Outlook::default() };
    NewOtp {
        subjects: vec![Subject { kind: Kind::User, name: user.into() }],
        limits: [limit].into(),
        ..start_to(app, key, &Arc::new(outlook), phone)
    }
}

/// Sessions, messages and decisions there are, and codes that users were sent by their windows.
async fn stored(app: &TestApp) -> [i64; 4] {
    let counts: Vec<i64> = sqlx::query_scalar(
        "select array[(select count(*) from public.sms_otp_sessions), (select count(*) from smsgw.sms_outbox),
                      (select count(*) from smsgw.guard_decisions),
                      (select coalesce(sum(cardinality(times)), 0) from smsgw.otp_windows)]",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    counts.try_into().unwrap()
}

#[tokio::test]
async fn a_start_that_comes_alone_is_counted_and_stored_by_itself() {
    let app = TestApp::without_worker().await;
    let key = a_key(&app).await;
    let mut db = app.pool.acquire().await.unwrap();
    for n in 1..=3 {
        let start = a_limited_start(&app, key, "ann", &a_number());
        let (started, claimed) = intake::start_session_at_once(&mut db, &start, None)
            .await
            .unwrap()
            .expect("nobody else is there");
        assert_eq!(claimed.map(|one| one.message.id), None);
        match started {
            Ok(counted) => assert_eq!((n < 3, counted.standings[0].remaining), (true, 2 - n)),
            Err(exceeded) => assert_eq!((n, &*exceeded.0.limit.name), (3, "hour")),
        }
        let sent = i64::from(n.min(2));
        assert_eq!(stored(&app).await, [sent; 4]);
    }
}

/// Of the same user, or of a neighbouring number, who have or have not been sent a code before. Seen red with a statement that
/// does not ask for the versions of users' rows, or of the guard's, and with one that does not insist.
#[tokio::test]
async fn a_start_is_not_stored_by_what_another_has_changed_meanwhile() {
    let app = TestApp::without_worker().await;
    let key = a_key(&app).await;
    for case in 0..8_u16 {
        let (is_first, is_neighbour, commits) = (case & 1 == 0, case & 2 == 0, case & 4 == 0);
        let case = format!("first {is_first}, neighbour {is_neighbour}, commits {commits}");
        let (user, phone) = (format!("user, {case}"), a_number_apart());
        let (mut one, mut two) = (app.pool.acquire().await.unwrap(), app.pool.acquire().await.unwrap());
        if !is_first {
            let before = a_limited_start(&app, key, &user, &phone);
            let stored = intake::start_session_at_once(&mut one, &before, None).await.unwrap();
            assert!(stored.is_some(), "nobody else is there");
        }
        let before = stored(&app).await;
        let other = if is_neighbour {
            a_limited_start(
                &app,
                key,
                &format!("neighbour of {user}"),
                &format!("{}1", &phone[..phone.len() - 1]),
            )
        } else {
            a_limited_start(&app, key, &user, &a_number_apart())
        };
        let start = a_limited_start(&app, key, &user, &phone);
        let mut held = one.begin().await.unwrap();
        assert!(intake::start_sessions(&mut held, &[&other]).await.unwrap()[0].is_ok());
        let going = async {
            app.waiter().await;
            if commits { held.commit().await.unwrap() } else { held.rollback().await.unwrap() }
        };
        let (at_once, ()) = tokio::join!(intake::start_session_at_once(&mut two, &start, None), going);
        assert_eq!(at_once.unwrap().is_none(), commits, "{case}");
        // One of them, whole.
        assert_eq!(stored(&app).await, before.map(|count| count + 1), "{case}");
    }
}

/// A number with a prefix of its own.
fn a_number_apart() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(1000);
    format!("+9197{:04}0000", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whoever looks what became of it waits for the worker's row: a code must not be stored in its name after that. Seen red with a
/// statement that takes the worker last.
#[tokio::test]
async fn a_start_that_waits_holds_its_worker() {
    let app = TestApp::without_worker().await;
    let (key, worker) = (a_key(&app).await, app.a_dead_worker().await);
    let (mut one, mut two) = (app.pool.begin().await.unwrap(), app.pool.acquire().await.unwrap());
    let (other, start) =
        (a_limited_start(&app, key, "ann", &a_number()), a_limited_start(&app, key, "ann", &a_number()));
    assert!(intake::start_sessions(&mut one, &[&other]).await.unwrap()[0].is_ok());
    let held = async {
        app.waiter().await;
        let free = sqlx::query("select from smsgw.sms_workers for update skip locked");
        assert!(free.fetch_optional(&app.pool).await.unwrap().is_none());
        one.rollback().await.unwrap();
    };
    let (at_once, ()) = tokio::join!(intake::start_session_at_once(&mut two, &start, Some(worker)), held);
    let (_, claimed) = at_once.unwrap().expect("the other is gone");
    assert_eq!(claimed.map(|claimed| claimed.message.id), Some(start.message.id));
}

/// Seen red with a connection that waits as long as it takes.
#[tokio::test]
async fn a_start_that_comes_alone_does_not_wait_long_for_others() {
    let app = TestApp::without_worker().await;
    let key = a_key(&app).await;
    let mut one = app.pool.begin().await.unwrap();
    let mut two = app.database.connect(Use::Codes("codes of this test")).await.unwrap();
    let (other, start) =
        (a_limited_start(&app, key, "ann", &a_number()), a_limited_start(&app, key, "ann", &a_number()));
    assert!(intake::start_sessions(&mut one, &[&other]).await.unwrap()[0].is_ok());
    let waits = intake::start_session_at_once(&mut two, &start, None);
    let waited = timeout(Duration::from_secs(5), waits).await.expect("an end to the wait");
    assert!(waited.unwrap().is_none());
    one.rollback().await.unwrap();
    assert!(intake::start_session_at_once(&mut two, &start, None).await.unwrap().is_some());
}

/// Counts of keys and countries are taken before the guard's rows, by everybody. Seen red the other way round.
#[tokio::test]
async fn a_start_waits_for_a_count_before_it_holds_a_prefix() {
    let app = TestApp::without_worker().await;
    let key = a_key(&app).await;
    let limits = [Limit { name: "key".into(), kind: Kind::Key, per: Duration::from_secs(3600), most: 9 }];
    let subjects = vec![Subject { kind: Kind::Key, name: key.to_string() }];
    let [start, resent] = std::array::from_fn(|_| NewOtp {
        subjects: subjects.clone(),
        limits: limits.clone().into(),
        ..a_start(&app, key, &Arc::default())
    });
    let (mut one, mut two) = (app.pool.begin().await.unwrap(), app.pool.begin().await.unwrap());
    let mut held = otp_windows::hold(&mut one, &limits, &subjects).await.unwrap();
    held.ledger.count_send(&limits, &subjects, held.now).unwrap();
    otp_windows::record(&mut one, &limits, &held).await.unwrap();
    let resending = async {
        app.waiter().await;
        guard::judge(&mut one, &resent.outlook, &[(&resent.guard, false)]).await.unwrap();
        one.commit().await.unwrap();
    };
    let starts = [&start];
    let (started, ()) = tokio::join!(intake::start_sessions(&mut two, &starts), resending);
    assert!(started.unwrap()[0].is_ok());
}

/// Its caller has heard nothing of the first.
#[tokio::test]
async fn what_was_stored_at_once_is_not_stored_again() {
    let app = TestApp::without_worker().await;
    let start = a_limited_start(&app, a_key(&app).await, "ann", &a_number());
    let mut db = app.pool.acquire().await.unwrap();
    let (first, _) =
        intake::start_session_at_once(&mut db, &start, None).await.unwrap().expect("it is alone");
    let again = intake::start_sessions_again(&mut db, &[&start]).await.unwrap().remove(0).unwrap();
    assert_eq!(again, Counted { standings: Vec::new(), ..first.unwrap() });
    assert_eq!(stored(&app).await, [1; 4]);
}

/// They are counted together with others'.
#[tokio::test]
async fn a_code_whose_country_or_cost_is_limited_is_not_decided_alone() {
    let app = TestApp::without_worker().await;
    let key = a_key(&app).await;
    let capped = Arc::new(Outlook { is_capped: true, ..Outlook::default() });
    let of_a_country = NewOtp {
        subjects: vec![Subject { kind: Kind::Country, name: "IN".into() }],
        limits: [Limit {
            name: "country".into(),
            kind: Kind::Country,
            per: Duration::from_secs(60),
            most: 9,
        }]
        .into(),
        ..a_start(&app, key, &Arc::default())
    };
    for start in [a_start(&app, key, &capped), of_a_country] {
        let mut db = app.pool.acquire().await.unwrap();
        assert!(intake::start_session_at_once(&mut db, &start, None).await.unwrap().is_none());
    }
    assert_eq!(stored(&app).await, [0; 4]);
}

/// Seen red with a transaction that begins without asking for that.
#[tokio::test]
async fn who_holds_what_it_reads_waits_as_long_as_it_must() {
    let app = TestApp::without_worker().await;
    let (key, door) = (a_key(&app).await, Door::open(&app).await);
    let mut other = app.pool.begin().await.unwrap();
    let phone = a_number();
    let held = NewOtp {
        subjects: vec![Subject { kind: Kind::Phone, name: phone.clone() }],
        ..a_start(&app, key, &Arc::default())
    };
    assert!(intake::start_sessions(&mut other, &[&held]).await.unwrap()[0].is_ok());
    let waits_long = async || {
        sqlx::query_scalar::<_, i32>(
            "select pid from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'
               and application_name = 'smsgw intake' and clock_timestamp() - query_start > '400 ms'",
        )
        .fetch_optional(&mut app.owner().await)
        .await
        .unwrap()
    };
    let going = async {
        eventually("the door to wait longer than it would for a lock", waits_long).await;
        other.rollback().await.unwrap();
    };
    let body = json!({ "phone": phone });
    let (answer, ()) = tokio::join!(door.post(OTP_SEND, &body), going);
    assert_eq!(answer.status, 202);
}

#[tokio::test]
async fn sends_that_no_longer_count_are_forgotten() {
    let app = TestApp::without_worker().await;
    let key = a_key(&app).await;
    let mut db = app.pool.acquire().await.unwrap();
    for is_alone in [true, false] {
        let user = format!("alone: {is_alone}");
        let before = "insert into smsgw.otp_windows (kind, subject, times, until)
                      values ('user', $1, array[now() - interval '61 min', now() - interval '59 min'], now())";
        sqlx::query(before).bind(&user).execute(&mut *db).await.unwrap();
        let start = a_limited_start(&app, key, &user, &a_number());
        if is_alone {
            assert!(intake::start_session_at_once(&mut db, &start, None).await.unwrap().is_some());
        } else {
            assert!(intake::start_sessions(&mut db, &[&start]).await.unwrap()[0].is_ok());
        }
        let ages = "select array(select extract(epoch from now() - t)::integer / 60 from unnest(times) t)
                    from smsgw.otp_windows where subject = $1";
        let ages: Vec<i32> = sqlx::query_scalar(ages).bind(&user).fetch_one(&mut *db).await.unwrap();
        assert_eq!(ages, [59, 0], "{user}");
    }
}

/// An operator who unlocks a phone, and an erasure, forget what was counted.
#[tokio::test]
async fn a_start_goes_on_where_what_it_was_counted_in_is_forgotten_meanwhile() {
    let app = TestApp::without_worker().await;
    let key = a_key(&app).await;
    let (mut one, mut two) = (app.pool.acquire().await.unwrap(), app.pool.acquire().await.unwrap());
    let [before, start] = std::array::from_fn(|_| a_limited_start(&app, key, "ann", &a_number()));
    assert!(intake::start_session_at_once(&mut one, &before, None).await.unwrap().is_some());
    let mut forgets = one.begin().await.unwrap();
    sqlx::query("delete from smsgw.otp_windows").execute(&mut *forgets).await.unwrap();
    let going = async {
        app.waiter().await;
        forgets.commit().await.unwrap();
    };
    let (at_once, ()) = tokio::join!(intake::start_session_at_once(&mut two, &start, None), going);
    assert!(at_once.unwrap().is_some());
    assert_eq!(stored(&app).await, [2, 2, 2, 1]);
}

/// A migration that waits for its turn, for one. Seen red with a look whose wait was an error.
#[tokio::test]
async fn a_start_that_may_not_even_look_is_done_otherwise() {
    let app = TestApp::without_worker().await;
    let start = a_limited_start(&app, a_key(&app).await, "ann", &a_number());
    let mut owner = app.owner().await;
    let mut migration = owner.begin().await.unwrap();
    sqlx::query("lock table smsgw.otp_windows").execute(&mut *migration).await.unwrap();
    let mut db = app.database.connect(Use::Codes("codes of this test")).await.unwrap();
    assert!(intake::start_session_at_once(&mut db, &start, None).await.unwrap().is_none());
    migration.rollback().await.unwrap();
    assert!(intake::start_session_at_once(&mut db, &start, None).await.unwrap().is_some());
}
