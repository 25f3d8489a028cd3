//! A whole login over HTTP: send, wrong code, resend, right code, replay refused, expiry, lock. With codes that we make,
//! with codes that the provider makes, and with a fallback from the one to the other in between.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use mock_provider::{FaultRule, Vendor};
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::wait::eventually;
use tests::{Door, TestApp};

use crate::provider_codes::{code_in, unavailable, with_makers};

/// One person who signs in.
struct Login<'a> {
    app: &'a TestApp,
    door: &'a Door,
    phone: String,
    session: String,
    /// Codes that have arrived.
    codes: usize,
}

impl<'a> Login<'a> {
    async fn start(app: &'a TestApp, door: &'a Door) -> Self {
        let phone = a_number();
        let request = json!({ "phone": phone, "user_id": "ann", "client_ip": "192.0.2.7" });
        let sent = door.post("/otp/send", &request).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
        let session = sent.body["session_id"].as_str().unwrap().to_owned();
        let mut login = Self { app, door, phone, session, codes: 0 };
        login.next_code().await;
        login
    }

    /// Waits for one more code, and for the session to know who sent it.
    async fn next_code(&mut self) {
        self.codes += 1;
        eventually("the code to arrive", async || {
            (self.app.mock.arrivals_to(&self.phone).len() == self.codes).then_some(())
        })
        .await;
        eventually("the session to know", async || (self.look().await["status"] == "sent").then_some(()))
            .await;
    }

    fn code(&self) -> String {
        code_in(&self.app.mock.arrivals_to(&self.phone).last().unwrap().body)
    }

    fn wrong(&self) -> &'static str {
        if self.code() == "000000" { "111111" } else { "000000" }
    }

    async fn look(&self) -> Value {
        self.door.get(&format!("/otp/sessions/{}", self.session)).await.body
    }

    async fn verify(&self, code: &str) -> Answer {
        let body = json!({ "session_id": self.session, "otp": code, "token": true });
        self.door.post("/otp/verify", &body).await
    }

    async fn set(&self, what: &str) {
        let change = format!("update sms_otp_sessions set {what} where id = $1::uuid");
        sqlx::query(sqlx::AssertSqlSafe(change)).bind(&self.session).execute(&self.app.pool).await.unwrap();
    }

    async fn resend(&self) -> Answer {
        self.door.post("/otp/resend", &json!({ "session_id": self.session })).await
    }
}

/// The script; `between` happens before the second code is sent.
async fn log_in(app: &TestApp, door: &Door, between: impl AsyncFnOnce(&TestApp)) {
    let mut login = Login::start(app, door).await;
    let wrong = login.verify(login.wrong()).await;
    assert_eq!((wrong.refusal(), &wrong.body["attempts_remaining"]), ((400, "otp-wrong"), &json!(4)));
    assert_eq!(login.resend().await.refusal(), (429, "otp-cool-down"));
    let first = login.code();
    login.set("resend_at = clock_timestamp()").await;
    between(app).await;
    assert_eq!(login.resend().await.status, 202);
    login.next_code().await;
    if login.code() != first {
        assert_eq!(login.verify(&first).await.refusal(), (400, "otp-wrong"));
    }
    let right = login.verify(&login.code()).await;
    assert_eq!((right.status.as_u16(), &right.body["verified"]), (200, &json!(true)), "{}", right.body);
    let claims = right.body["token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!((&claims["sub"], &claims["phone_number"]), (&json!("ann"), &json!(login.phone)));
    assert_eq!(login.verify(&login.code()).await.refusal(), (410, "otp-used"));
    let requirement = door.get("/users/ann/otp-requirement").await.body;
    assert_eq!((&requirement["required"], &requirement["reason"]), (&json!(false), &json!("disabled")));

    let late = Login::start(app, door).await;
    late.set("expires_at = clock_timestamp()").await;
    assert_eq!(late.verify(&late.code()).await.refusal(), (410, "otp-expired"));

    let locked = Login::start(app, door).await;
    for left in (0..5).rev() {
        assert_eq!(locked.verify(locked.wrong()).await.body["attempts_remaining"], left);
    }
    assert_eq!(locked.verify(&locked.code()).await.refusal(), (429, "otp-locked"));
    assert_eq!(locked.resend().await.refusal(), (429, "otp-locked"));
}

#[tokio::test]
async fn with_codes_that_we_make() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    log_in(&app, &door, async |_| ()).await;
    app.stop().await;
}

#[tokio::test]
async fn with_codes_that_the_provider_makes() {
    let (app, door) = with_makers(|_| ()).await;
    log_in(&app, &door, async |_| ()).await;
    assert!(app.mock.arrivals().iter().all(|arrival| arrival.vendor == Vendor::TwoFactor));
    app.stop().await;
}

#[tokio::test]
async fn with_a_fallback_from_the_providers_codes_to_ours() {
    let (app, door) = with_makers(|_| ()).await;
    let fall = async |app: &TestApp| {
        app.mock.fail_by(FaultRule::new(Vendor::TwoFactor, unavailable())).unwrap();
    };
    log_in(&app, &door, fall).await;
    let kinds: Vec<_> = app.mock.arrivals().iter().map(|arrival| arrival.vendor).collect();
    assert!(kinds.contains(&Vendor::TwoFactor) && kinds.contains(&Vendor::Twilio), "{kinds:?}");
    app.stop().await;
}
