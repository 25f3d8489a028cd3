//! The aliases that check codes.

use std::time::Instant;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::ids::SessionId;
use shared::otp_code::OtpCode;
use shared::store::otp_sessions;
use shared::store::reset_tokens::ResetToken;

use super::reply::{Dialect, millis_since};
use crate::app::App;
use crate::auth::{Caller, MayOtp, Who};
use crate::extract::Json;
use crate::otp::verify::{VerifyError, verify as check};
use crate::problem::Problem;

/// What an application sends to have a code checked.
trait Typed {
    /// The code, as a person typed it.
    fn otp(&self) -> &str;

    /// Whose code it should be; what is no id is an id nobody has.
    async fn session(&self, app: &App, caller: &Caller<MayOtp>) -> Result<Option<SessionId>, Problem>;
}

/// `{session_id, otp}`.
#[derive(Deserialize)]
pub(super) struct VerifyOtp {
    session_id: String,
    otp: String,
}

impl Typed for VerifyOtp {
    fn otp(&self) -> &str {
        &self.otp
    }

    async fn session(&self, _: &App, _: &Caller<MayOtp>) -> Result<Option<SessionId>, Problem> {
        Ok(self.session_id.parse().ok())
    }
}

/// `POST /api/sms/verifyOtp` → `{verified, status, message, response_time_ms}`, and the token of a code for a new password.
pub(super) async fn verify_otp(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    body: Result<Json<VerifyOtp>, Problem>,
) -> Response {
    let began = Instant::now();
    let right = || {
        json!({
            "verified": true,
            "status": "Success",
            "message": "the code is right",
            "response_time_ms": millis_since(began),
        })
    };
    answer(&app, &caller, body, Dialect::Check, right).await
}

/// `{phone, otp}`, or `{session_id, otp}`.
#[derive(Deserialize)]
pub(super) struct VerifyPhone {
    #[serde(alias = "phoneNumber")]
    phone: Option<String>,
    session_id: Option<String>,
    #[serde(alias = "code")]
    otp: String,
}

impl Typed for VerifyPhone {
    fn otp(&self) -> &str {
        &self.otp
    }

    async fn session(&self, app: &App, caller: &Caller<MayOtp>) -> Result<Option<SessionId>, Problem> {
        if let Some(id) = &self.session_id {
            return Ok(id.parse().ok());
        }
        // All visitors of a page share its key: one of them must show that the session is theirs.
        if caller.who == Who::Browser {
            return Err(Problem::field("session_id", "is required of pages: that of the answer to send-otp"));
        }
        let Some(phone) = &self.phone else {
            return Err(Problem::field("phone", "is required, unless session_id is given"));
        };
        let phone = app.reach.phone(phone).map_err(|error| Problem::field("phone", error.to_string()))?;
        Ok(otp_sessions::find_newest_open(&app.pool, &phone, caller.key, caller.who.user()).await?)
    }
}

/// `POST /api/verify-otp` → `{success, message}`, and the token of a code for a new password. By a phone alone it means
/// the newest code that the same caller has sent there.
pub(super) async fn verify(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    body: Result<Json<VerifyPhone>, Problem>,
) -> Response {
    let right = || json!({ "success": true, "message": "the number is verified" });
    answer(&app, &caller, body, Dialect::Success, right).await
}

/// Checks a code: the answer is `right`, or what was wrong in the words of `dialect`.
async fn answer<T: Typed>(
    app: &App,
    caller: &Caller<MayOtp>,
    body: Result<Json<T>, Problem>,
    dialect: Dialect,
    right: impl FnOnce() -> Value,
) -> Response {
    let proven = async {
        let Json { value: typed, .. } = body?;
        let code = OtpCode::parse(typed.otp()).map_err(|error| Problem::field("otp", error.to_string()))?;
        let id = typed.session(app, caller).await?.ok_or(VerifyError::Expired)?;
        Ok(check(app, &caller.who, id, &code).await?)
    };
    match proven.await {
        Ok(proven) => axum::Json(with_reset(right(), proven.reset.as_ref())).into_response(),
        Err(problem) => dialect.refuse(problem),
    }
}

/// Adds the token of a code for a new password, as `/otp/verify` gives it: the code is used up, so it is now or never.
fn with_reset(mut body: Value, reset: Option<&ResetToken>) -> Value {
    if let Some(reset) = reset {
        body["reset_token"] = reset.token.expose_secret().into();
        body["reset_expires_at"] = json!(reset.expires_at);
    }
    body
}
