//! Checks of codes that a provider made, through whoever finds that provider.

use std::time::Duration;

use mock_provider::{Credentials, Fault, FaultRule, RetryAfter, Vendor};
use serde_json::json;
use shared::config::Environment;
use shared::phone::PhoneNumber;
use shared::provider::catalogue::{self, BuildContext};
use shared::provider::checkers::Checkers;
use shared::provider::{CheckError, Checked, OtpCheck, http};
use tests::builders::a_number;
use tests::wait::becomes;
use tests::{Door, TestApp};

use super::{a_session, left, makers, with_makers};

fn checkers(app: &TestApp) -> Checkers {
    let providers = makers(&app.mock.url(), |env| {
        env.twilio_verify_service_sid = Some(Credentials::VERIFY_SERVICE_SID.to_owned());
    });
    let context = BuildContext {
        client: http::client().unwrap(),
        public_url: None,
        pool: app.pool.clone(),
        environment: Environment::Production,
    };
    Checkers::new(providers, app.keyring.clone(), context)
}

/// A code that `provider` made and sent.
struct Sent {
    provider: String,
    session: String,
    phone: PhoneNumber,
    code: String,
}

impl Sent {
    async fn by(app: &TestApp, door: &Door) -> Self {
        let phone = a_number();
        let id = a_session(door, &phone).await;
        let known = left(app, &id).await;
        let code = app.mock.arrivals_to(&phone)[0].body.clone();
        Self {
            provider: known.provider_name.unwrap(),
            session: known.provider_session_id.unwrap(),
            phone: PhoneNumber::parse(&phone, None).unwrap(),
            code,
        }
    }

    fn wrong(&self) -> &'static str {
        if self.code == "000000" { "111111" } else { "000000" }
    }

    async fn check(&self, checkers: &Checkers, code: &str) -> Result<Checked, CheckError> {
        let check = OtpCheck { session: &self.session, phone: &self.phone, code };
        checkers.check(&self.provider, &check).await
    }
}

#[tokio::test]
async fn either_vendor_knows_its_own_code_once() {
    for first in ["2factor", "twilio"] {
        let (app, door) = with_makers(|env| {
            env.twilio_verify_service_sid = Some(Credentials::VERIFY_SERVICE_SID.to_owned());
            env.provider_order = vec![first.to_owned()];
        })
        .await;
        let (checkers, sent) = (checkers(&app), Sent::by(&app, &door).await);
        assert_eq!(sent.provider, first);
        assert_eq!(sent.check(&checkers, sent.wrong()).await, Ok(Checked::Wrong), "{first}");
        assert_eq!(sent.check(&checkers, &sent.code).await, Ok(Checked::Right), "{first}");
        assert_eq!(sent.check(&checkers, &sent.code).await, Ok(Checked::Ended), "{first}");
        door.close().await;
        app.stop().await;
    }
}

#[tokio::test]
async fn a_vendor_that_is_away_can_be_asked_again() {
    let (app, door) = with_makers(|_| ()).await;
    let (checkers, sent) = (checkers(&app), Sent::by(&app, &door).await);
    let slow_down = Fault::Throttle { retry_after: Some(RetryAfter::Seconds(3)) };
    for (fault, retry_after, reason) in
        [(slow_down, Some(Duration::from_secs(3)), "rate_limited"), (Fault::Reset, None, "reset")]
    {
        app.mock.fail_by(FaultRule::new(Vendor::TwoFactor, fault).on_checks().times(1)).unwrap();
        let away = Err(CheckError::Away { retry_after, reason });
        assert_eq!(sent.check(&checkers, &sent.code).await, away);
    }
    assert_eq!(sent.check(&checkers, &sent.code).await, Ok(Checked::Right));
    door.close().await;
    app.stop().await;
}

/// A row hides the environment's provider, within a second or two; a disabled one still checks what it has sent.
#[tokio::test]
async fn the_provider_is_the_one_that_is_set_up_now() {
    let (app, door) = with_makers(|_| ()).await;
    let (checkers, sent) = (checkers(&app), Sent::by(&app, &door).await);
    assert_eq!(sent.check(&checkers, sent.wrong()).await, Ok(Checked::Wrong));
    let set = async |key: &str, enabled: bool| {
        let row = json!({
            "kind": "2factor", "priority": 1, "enabled": enabled, "sender": "TFCTOR",
            "settings": { "base_url": app.mock.url() }, "credentials": { "api_key": key },
        });
        assert!(door.put("/settings/api/2factor", &row).await.status.is_success());
    };
    set("another-key", true).await;
    let refused = Err(CheckError::Unusable { reason: "credentials" });
    becomes(refused, async || sent.check(&checkers, sent.wrong()).await).await;
    set(Credentials::TWO_FACTOR_KEY, false).await;
    becomes(Ok(Checked::Wrong), async || sent.check(&checkers, sent.wrong()).await).await;
    assert_eq!(sent.check(&checkers, &sent.code).await, Ok(Checked::Right));
    door.close().await;
    app.stop().await;
}

#[tokio::test]
async fn a_provider_that_is_set_up_no_more_cannot_check() {
    let app = TestApp::without_worker().await;
    let (checkers, phone) = (checkers(&app), PhoneNumber::parse(&a_number(), None).unwrap());
    let check = OtpCheck { session: "s-1", phone: &phone, code: "123456" };
    let gone = Err(CheckError::Unusable { reason: "no_such_provider" });
    assert_eq!(checkers.check("nobody", &check).await, gone);
    let sealer = app.keyring.credentials();
    assert!(catalogue::find(&app.pool, &[], sealer, "2factor").await.unwrap().is_none());
}
