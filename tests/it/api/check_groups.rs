//! Checks that come together are taken and ended together, as far as they are in nobody's way.

use futures::future::join_all;
use serde_json::{Value, json};
use shared::store::otp_sessions::{self, AttemptClaim, ClaimedAttempt, RightCode};
use tests::builders::a_number;
use tests::door::Answer;
use tests::wait::{PATIENCE, eventually};
use tests::{Door, TestApp};
use tokio::time::timeout;

use super::phone_locks::failures;
use super::{Challenge, OTP_SEND, OTP_VERIFY, code_in};

/// A challenge at `phone`; those of other purposes leave it open.
async fn ask(app: &TestApp, door: &Door, phone: &str, purpose: &str) -> Challenge {
    Challenge::ask(app, door, &json!({ "phone": phone, "purpose": purpose })).await
}

fn claim(challenge: &Challenge) -> AttemptClaim {
    AttemptClaim { session: challenge.id.parse().unwrap(), user_id: None, digits: 6 }
}

fn right_code(challenge: &Challenge) -> RightCode {
    RightCode { session: challenge.id.parse().unwrap(), sends: 1 }
}

async fn take(app: &TestApp, of: &[&Challenge]) -> Vec<Option<ClaimedAttempt>> {
    let claims: Vec<_> = of.iter().map(|challenge| claim(challenge)).collect();
    otp_sessions::claim_attempts(&app.pool, &claims.iter().collect::<Vec<_>>()).await.unwrap()
}

async fn end(app: &TestApp, of: &[RightCode]) -> Vec<bool> {
    otp_sessions::consume_sent(&app.pool, &of.iter().collect::<Vec<_>>()).await.unwrap()
}

/// Lets no message wait any more.
async fn all_sent(app: &TestApp) {
    sqlx::query("delete from smsgw.sms_outbox").execute(&app.pool).await.unwrap();
}

/// Seen red with one for each session: two sessions' failures of one phone cannot be counted in one statement.
#[tokio::test]
async fn a_group_takes_one_check_of_each_phone() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (phone, other) = (a_number(), a_number());
    let login = ask(&app, &door, &phone, "login").await;
    let reset = ask(&app, &door, &phone, "password_reset").await;
    let elsewhere = ask(&app, &door, &other, "login").await;
    let taken = take(&app, &[&login, &reset, &elsewhere, &login]).await;
    let attempts: Vec<_> = taken.iter().map(|taken| taken.as_ref().map(|taken| taken.attempts)).collect();
    assert_eq!(attempts, [Some(1), None, Some(1), None]);
    assert!(taken.iter().flatten().all(|attempt| attempt.may_compare));
    assert_eq!((login.attempts(&app).await, reset.attempts(&app).await), (1, 0));
    assert_eq!((failures(&app, &phone).await, failures(&app, &other).await), (Some(1), Some(1)));
}

#[tokio::test]
async fn a_group_takes_no_check_that_is_not_to_be_had() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (over, used_up, open) = (
        Challenge::start(&app, &door).await,
        Challenge::start(&app, &door).await,
        Challenge::start(&app, &door).await,
    );
    over.expire(&app).await;
    used_up.set(&app, "attempts = max_attempts").await;
    assert!(take(&app, &[&over, &used_up]).await.iter().all(Option::is_none));
    let session = claim(&open);
    let anothers = AttemptClaim { user_id: Some("somebody".into()), ..session.clone() };
    let longer = AttemptClaim { digits: 8, ..session };
    let taken = otp_sessions::claim_attempts(&app.pool, &[&anothers, &longer]).await.unwrap();
    assert!(taken.iter().all(Option::is_none), "{taken:?}");
    assert_eq!(open.attempts(&app).await, 0);
}

#[tokio::test]
async fn a_group_waits_for_nobody() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (held, free) = (Challenge::start(&app, &door).await, Challenge::start(&app, &door).await);
    all_sent(&app).await;
    let mut holder = app.pool.begin().await.unwrap();
    sqlx::query("select from sms_otp_sessions where id = $1::uuid for update")
        .bind(&held.id)
        .execute(&mut *holder)
        .await
        .unwrap();
    let taken = timeout(PATIENCE, take(&app, &[&held, &free])).await.expect("a group waits");
    assert!(taken[0].is_none() && taken[1].is_some(), "{taken:?}");
    assert_eq!(end(&app, &[right_code(&held), right_code(&free)]).await, [false, true]);
    // Alone it waits for its turn, and nobody has to ask again.
    let (answer, ()) =
        tokio::join!(held.verify(&door, &held.code), async { holder.rollback().await.unwrap() });
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// A late result, which ends a message that waits again, locks the message before its session; a check the other way
/// round. Seen red with a withdrawal that waits for the message: a deadlock, and a 500.
#[tokio::test]
async fn a_right_code_does_not_wait_for_a_late_result_of_its_message() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    let mut settling = app.pool.begin().await.unwrap();
    sqlx::query("select from smsgw.sms_outbox where session_id = $1::uuid for update")
        .bind(&challenge.id)
        .execute(&mut *settling)
        .await
        .unwrap();
    let settle = async {
        eventually("the check to hold its session or to be done", async || {
            let free = "select from sms_otp_sessions where id = $1::uuid and status <> 'verified' for update skip locked";
            let free = sqlx::query(free).bind(&challenge.id).fetch_optional(&app.pool).await.unwrap();
            (free.is_none() && (!app.lock_waiters().await.is_empty() || challenge.look(&door).await["status"] == "verified"))
                .then_some(())
        })
        .await;
        sqlx::query("update sms_otp_sessions set message_id = message_id where id = $1::uuid")
            .bind(&challenge.id)
            .execute(&mut *settling)
            .await
            .unwrap();
        settling.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(challenge.verify(&door, &challenge.code), settle);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Seen red without the look at the outbox: a code that waits was sent after its session had ended.
#[tokio::test]
async fn a_group_ends_each_session_once_and_only_by_its_present_code() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phones = [a_number(), a_number()];
    let (ended, replaced) =
        (ask(&app, &door, &phones[0], "login").await, ask(&app, &door, &phones[1], "login").await);
    let of = [right_code(&ended), right_code(&replaced), right_code(&ended)];
    assert_eq!(end(&app, &of).await, [false; 3], "their messages wait");
    all_sent(&app).await;
    replaced.set(&app, "sends = 2").await;
    take(&app, &[&ended, &replaced]).await;
    assert_eq!(end(&app, &of).await, [true, false, false]);
    assert_eq!(end(&app, &of).await, [false; 3]);
    assert_eq!((failures(&app, &phones[0]).await, failures(&app, &phones[1]).await), (None, Some(1)));
}

/// Seen red with a repetition that does not look: 503, and the code is used up or not.
#[tokio::test]
async fn a_right_code_counts_though_the_connections_for_checks_were_cut() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for round in 0..5 {
        let challenge = Challenge::start(&app, &door).await;
        all_sent(&app).await;
        assert_eq!(challenge.verify(&door, &challenge.wrong(round)).await.status, 400);
        let cut: i64 = sqlx::query_scalar(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and application_name = 'smsgw checks'",
        )
        .fetch_one(&mut app.owner().await)
        .await
        .unwrap();
        assert_eq!(cut, 2);
        let answer = challenge.verify(&door, &challenge.code).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(challenge.verify(&door, &challenge.code).await.refusal(), (410, "otp-used"));
        assert!((2..=3).contains(&challenge.attempts(&app).await));
    }
}

/// Each of a crowd, sent its code and checking it at the same moment, is let in once.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_let_in_each_once() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let phones: Vec<_> = (0..60).map(|_| a_number()).collect();
    let bodies: Vec<_> = phones.iter().map(|phone| json!({ "phone": phone })).collect();
    let sent = join_all(bodies.iter().map(|body| door.post(OTP_SEND, body))).await;
    app.drained(PATIENCE).await;
    let arrivals = app.arrivals_by_number();
    let checks: Vec<Value> = phones
        .iter()
        .zip(&sent)
        .map(|(phone, sent)| {
            json!({ "session_id": sent.body["session_id"], "otp": code_in(&arrivals[phone][0].body) })
        })
        .collect();
    let twice = join_all(checks.iter().chain(&checks).map(|check| door.post(OTP_VERIFY, check))).await;
    let (first, second) = twice.split_at(checks.len());
    for (first, second) in first.iter().zip(second) {
        let mut both: Vec<_> = [first, second].map(Answer::refusal).into();
        both.sort_unstable();
        assert_eq!(both, [(200, ""), (410, "otp-used")]);
    }
}
