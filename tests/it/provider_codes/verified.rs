//! `POST /otp/verify` of codes that a provider made: it goes to whoever made the newest code, and costs what any does.

use mock_provider::{Credentials, Fault, FaultRule, RetryAfter, Vendor};
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{a_session, code_in, knows, left, session, unavailable, with_makers};

/// A session whose codes 2Factor.in makes, as long as it takes them; else Twilio sends ours.
struct Stage {
    app: TestApp,
    door: Door,
    phone: String,
    id: String,
}

impl Stage {
    async fn set() -> Self {
        let (app, door) = with_makers(|_| ()).await;
        let phone = a_number();
        let id = a_session(&door, &phone).await;
        left(&app, &id).await;
        Self { app, door, phone, id }
    }

    /// The newest code that arrived.
    fn code(&self) -> String {
        code_in(&self.app.mock.arrivals_to(&self.phone).last().unwrap().body)
    }

    fn wrong(&self) -> &'static str {
        if self.code() == "000000" { "111111" } else { "000000" }
    }

    async fn verify(&self, code: &str) -> Answer {
        self.door.post("/otp/verify", &json!({ "session_id": self.id, "otp": code })).await
    }

    /// Asks for another code as soon as may be.
    async fn resend(&self) {
        let cooled = "update sms_otp_sessions set resend_at = clock_timestamp() where id = $1::uuid";
        sqlx::query(cooled).bind(&self.id).execute(&self.app.pool).await.unwrap();
        let resent = self.door.post("/otp/resend", &json!({ "session_id": self.id })).await;
        assert_eq!(resent.status, 202, "{}", resent.body);
    }

    /// As [`Stage::resend`], and waits until the code has left.
    async fn resend_and_arrive(&self) {
        self.resend().await;
        left(&self.app, &self.id).await;
    }

    /// Checks taken from the session, and failures counted of the phone.
    async fn spent(&self) -> (i16, Option<i32>) {
        sqlx::query_as(
            "select s.attempts, f.failures from sms_otp_sessions s
             left join smsgw.otp_phone_failures f on f.phone = s.phone where s.id = $1::uuid",
        )
        .bind(&self.id)
        .fetch_one(&self.app.pool)
        .await
        .unwrap()
    }

    /// Requests that 2Factor.in has had.
    fn asked(&self) -> u64 {
        self.app.mock.requests().twofactor.total
    }

    fn fail_checks(&self, fault: Fault) {
        self.app.mock.fail_by(FaultRule::new(Vendor::TwoFactor, fault).on_checks()).unwrap();
    }

    async fn stop(self) {
        self.door.close().await;
        self.app.stop().await;
    }
}

fn assert_wrong(answer: &Answer, left: i16) {
    assert_eq!(answer.refusal(), (400, "otp-wrong"), "{}", answer.body);
    assert_eq!(answer.body["attempts_remaining"], left);
}

#[tokio::test]
async fn a_wrong_code_costs_a_check_and_the_right_one_is_good_once() {
    let stage = Stage::set().await;
    assert_wrong(&stage.verify(stage.wrong()).await, 4);
    assert_wrong(&stage.verify("1234567890").await, 3);
    assert_eq!(stage.spent().await, (2, Some(2)), "how long its codes are is for the vendor to say");
    let verified = stage.verify(&stage.code()).await;
    assert_eq!((verified.status.as_u16(), &verified.body["verified"]), (200, &json!(true)));
    assert_eq!(stage.spent().await, (3, None), "a right code forgets the failures");
    let asked = stage.asked();
    assert_eq!(stage.verify(&stage.code()).await.refusal(), (410, "otp-used"));
    assert_eq!(stage.asked(), asked, "a code that was used is asked about no more");
    stage.stop().await;
}

/// The vendor would answer on and on; the gateway does not.
#[tokio::test]
async fn five_wrong_codes_lock_the_session_before_the_vendor_is_asked_again() {
    let stage = Stage::set().await;
    for remaining in (0..5).rev() {
        assert_wrong(&stage.verify(stage.wrong()).await, remaining);
    }
    let asked = stage.asked();
    assert_eq!(stage.verify(&stage.code()).await.refusal(), (429, "otp-locked"));
    assert_eq!((stage.asked(), stage.spent().await), (asked, (5, Some(5))));
    stage.stop().await;
}

/// Seen red with a check that is not given back.
#[tokio::test]
async fn while_the_vendor_is_away_checks_cost_nothing_and_can_be_repeated() {
    let stage = Stage::set().await;
    assert_wrong(&stage.verify(stage.wrong()).await, 4);
    let throttled = Fault::Throttle { retry_after: Some(RetryAfter::Seconds(7)) };
    for (fault, wait) in [(unavailable(), "1"), (Fault::Reset, "1"), (throttled, "7")] {
        stage.app.mock.clear_faults();
        stage.fail_checks(fault);
        // More of them than the session has checks, and than a phone has before it is locked.
        for code in [stage.wrong().to_owned(), stage.code()].iter().cycle().take(12) {
            let away = stage.verify(code).await;
            assert_eq!(away.refusal(), (503, "unavailable"), "{}", away.body);
            assert_eq!(away.headers["retry-after"], wait);
            assert_eq!(away.body.get("attempts_remaining"), None);
        }
        assert_eq!(stage.spent().await, (1, Some(1)));
    }
    stage.app.mock.clear_faults();
    assert_eq!(stage.verify(&stage.code()).await.status, 200);
    let made = eventually("all checks to be written down", async || {
        let made: Vec<(String, i64)> = sqlx::query_as(
            "select outcome, count(*) from sms_otp_checks where provider_name = '2factor' group by 1 order by 1",
        )
        .fetch_all(&stage.app.pool)
        .await
        .unwrap();
        (made.iter().map(|(_, count)| count).sum::<i64>() == 38).then_some(made)
    })
    .await;
    assert_eq!(made, [("away".to_owned(), 36), ("right".to_owned(), 1), ("wrong".to_owned(), 1)]);
    stage.stop().await;
}

/// A key that was changed at the vendor is no wrong code.
#[tokio::test]
async fn a_vendor_that_cannot_be_asked_costs_nothing_either() {
    let stage = Stage::set().await;
    let row = |key: &str| -> Value {
        json!({ "kind": "2factor", "priority": 1, "enabled": true, "sender": "TFCTOR",
            "settings": { "base_url": stage.app.mock.url() }, "credentials": { "api_key": key } })
    };
    let set = async |key: &str| {
        assert!(stage.door.put("/settings/api/2factor", &row(key)).await.status.is_success());
    };
    set("another-key").await;
    let away = stage.verify(&stage.code()).await;
    assert_eq!(away.refusal(), (503, "unavailable"), "{}", away.body);
    assert!(away.headers.contains_key("retry-after"));
    assert_eq!(stage.spent().await, (0, None));
    set(Credentials::TWO_FACTOR_KEY).await;
    assert_eq!(stage.verify(&stage.code()).await.status, 200);
    stage.stop().await;
}

#[tokio::test]
async fn a_resend_that_falls_back_is_checked_here_and_the_vendors_code_is_worth_nothing() {
    let stage = Stage::set().await;
    let vendors = stage.code();
    stage.app.mock.fail(Vendor::TwoFactor, unavailable()).unwrap();
    stage.fail_checks(Fault::Reset);
    stage.resend_and_arrive().await;
    assert_eq!(session(&stage.app, &stage.id).await, knows("sent", "twilio", None));
    let asked = stage.asked();
    // One code in a million is the vendor's again.
    assert_wrong(&stage.verify(&vendors).await, 4);
    let verified = stage.verify(&stage.code()).await;
    assert_eq!(verified.status, 200, "{}", verified.body);
    assert_eq!((stage.asked(), stage.spent().await), (asked, (2, None)));
    stage.stop().await;
}

#[tokio::test]
async fn a_resend_that_the_vendor_makes_is_checked_by_its_own_session() {
    let stage = Stage::set().await;
    let (first, known) = (stage.code(), session(&stage.app, &stage.id).await);
    stage.resend_and_arrive().await;
    assert_ne!(session(&stage.app, &stage.id).await, known, "a session of its own");
    assert_wrong(&stage.verify(&first).await, 4);
    assert_eq!(stage.verify(&stage.code()).await.status, 200);
    stage.stop().await;
}

#[tokio::test]
async fn after_a_fallback_a_resend_goes_to_the_vendor_again_and_so_does_its_check() {
    let (app, door) = with_makers(|_| ()).await;
    let phone = a_number();
    app.mock.fail(Vendor::TwoFactor, unavailable()).unwrap();
    let id = a_session(&door, &phone).await;
    assert_eq!(left(&app, &id).await, knows("sent", "twilio", None));
    app.mock.clear_faults();
    let stage = Stage { app, door, phone, id };
    let ours = stage.code();
    stage.resend_and_arrive().await;
    let known = session(&stage.app, &stage.id).await;
    assert_eq!(known.provider_name.as_deref(), Some("2factor"));
    let made = stage.app.mock.arrivals_to(&stage.phone).last().unwrap().provider_id.clone();
    assert_eq!(known.provider_session_id, Some(made));
    assert_wrong(&stage.verify(&ours).await, 4);
    let asked = stage.asked();
    assert_eq!(stage.verify(&stage.code()).await.status, 200);
    assert_eq!(stage.asked(), asked + 1);
    stage.stop().await;
}

/// The vendor still has the code before; but it was replaced when its successor was asked for, not when that left.
#[tokio::test]
async fn from_a_resend_on_the_vendors_older_code_is_worth_nothing() {
    let mut stage = Stage::set().await;
    let older = stage.code();
    stage.app.stop_workers().await;
    stage.resend().await;
    let asked = stage.asked();
    assert_wrong(&stage.verify(&older).await, 4);
    assert_eq!(stage.asked(), asked);
    stage.stop().await;
}
