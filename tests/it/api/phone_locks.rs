//! Wrong codes in a row lock a phone, over all its sessions; nobody outside is told.

use futures::future::join_all;
use serde_json::json;
use tests::builders::a_number;
use tests::{Door, TestApp};

use super::{Challenge, OTP_SEND, assert_refused, unsent};

/// Sets what is counted of `phone`.
async fn set_failures(app: &TestApp, phone: &str, failures: i32) {
    sqlx::query(
        "insert into smsgw.otp_phone_failures (phone, failures, locked_until) values ($1, $2, clock_timestamp())
         on conflict (phone) do update set failures = $2, locked_until = clock_timestamp()",
    )
    .bind(phone)
    .bind(failures)
    .execute(&app.pool)
    .await
    .unwrap();
}

pub(super) async fn failures(app: &TestApp, phone: &str) -> Option<i32> {
    sqlx::query_scalar("select failures from smsgw.otp_phone_failures where phone = $1")
        .bind(phone)
        .fetch_optional(&app.pool)
        .await
        .unwrap()
}

async fn ask(app: &TestApp, door: &Door, phone: &str) -> Challenge {
    Challenge::ask(app, door, &json!({ "phone": phone })).await
}

/// Lets nothing but failures count.
async fn without_limits(door: &Door) {
    for name in ["phone-hour", "phone-day"] {
        assert_eq!(door.delete(&format!("/settings/otp/limits/{name}")).await.status, 204);
    }
    let mut login = door.get("/settings/otp").await.body["purposes"][1].clone();
    assert_eq!(login["purpose"], "login", "{login}");
    login.as_object_mut().unwrap().remove("purpose");
    login["max_sends"] = json!(20);
    assert_eq!(door.put("/settings/otp/purposes/login", &login).await.status, 200);
}

#[tokio::test]
async fn ten_wrong_codes_over_several_sessions_lock_a_phone_for_half_an_hour() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    for _ in 0..2 {
        let challenge = ask(&app, &door, &phone).await;
        for n in 0..5 {
            assert_refused(&challenge.verify(&door, &challenge.wrong(n)).await, 400, "otp-wrong");
        }
    }
    assert_eq!(failures(&app, &phone).await, Some(10));
    // Another process, another session: the phone stays locked, and its session looks like any other.
    let elsewhere = Door::open(&app).await;
    let (locked, free) = (json!({ "phone": phone }), json!({ "phone": a_number() }));
    let (locked, free) = (elsewhere.post(OTP_SEND, &locked).await, elsewhere.post(OTP_SEND, &free).await);
    let fields = |answer: &tests::door::Answer| -> Vec<String> {
        answer.body.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!((locked.status, fields(&locked)), (free.status, fields(&free)));
    for field in ["resend_after", "attempts_remaining"] {
        assert_eq!(locked.body[field], free.body[field]);
    }
    let id = locked.body["session_id"].as_str().unwrap();
    assert!(unsent(&app, id).await.is_empty(), "no code is sent to a locked phone");
    let tried = door.post("/otp/verify", &json!({ "session_id": id, "otp": "123456" })).await;
    assert_refused(&tried, 429, "otp-locked");
    let wait: i64 = tried.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1750..=1800).contains(&wait), "{wait}");
    assert_eq!(failures(&app, &phone).await, Some(10), "nothing was compared");
}

#[tokio::test]
async fn each_further_failure_doubles_the_lock_and_the_hundredth_needs_an_operator() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    without_limits(&door).await;
    let phone = a_number();
    for (before, wait) in [(10, 3600), (11, 7200), (15, 86_400), (98, 86_400), (99, 300_000_000)] {
        set_failures(&app, &phone, before).await;
        let challenge = ask(&app, &door, &phone).await;
        assert_refused(&challenge.verify(&door, &challenge.wrong(0)).await, 400, "otp-wrong");
        let right = challenge.verify(&door, &challenge.code).await;
        assert_refused(&right, 429, "otp-locked");
        let seconds: i64 = right.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!(seconds > wait - 60 && (before == 99 || seconds <= wait), "after {before}: {seconds}");
    }
}

#[tokio::test]
async fn a_right_code_forgets_the_failures() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let challenge = ask(&app, &door, &phone).await;
    for n in 0..4 {
        challenge.verify(&door, &challenge.wrong(n)).await;
    }
    assert_eq!(failures(&app, &phone).await, Some(4));
    assert_eq!(challenge.verify(&door, &challenge.code).await.status, 200);
    assert_eq!(failures(&app, &phone).await, None);
}

/// One guess at each of these sessions, all at once at the two processes; says how many were compared.
async fn guess_at_once(doors: &[Door; 2], challenges: &[Challenge], n: u32) -> usize {
    // Sockets and connections are there before: opened one by one, they would let the guesses pass one by one as well.
    join_all((0..60).map(|n| challenges[0].look(&doors[n % 2]))).await;
    let guesses: Vec<_> = challenges.iter().map(|challenge| (challenge, challenge.wrong(n))).collect();
    let tried =
        guesses.iter().enumerate().map(|(n, (challenge, guess))| challenge.verify(&doors[n % 2], guess));
    let answers = join_all(tried).await;
    answers.iter().filter(|answer| answer.refusal() == (400, "otp-wrong")).count()
}

/// A lock whose time is over lets one guess through, not all that wait.
///
/// Seen red with a claim that looks at the lock before it counts, in a snapshot of its own.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_guesses_at_once_over_many_sessions_ten_are_compared() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    without_limits(&doors[0]).await;
    let phone = a_number();
    let mut challenges = Vec::new();
    for _ in 0..20 {
        challenges.push(ask(&app, &doors[0], &phone).await);
    }
    assert_eq!(guess_at_once(&doors, &challenges, 0).await, 10);
    assert_eq!(failures(&app, &phone).await, Some(10));
    for n in 1..5 {
        set_failures(&app, &phone, 10).await;
        assert_eq!(guess_at_once(&doors, &challenges, n).await, 1);
        assert_eq!(failures(&app, &phone).await, Some(11));
    }
}
