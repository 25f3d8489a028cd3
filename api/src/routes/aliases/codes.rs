//! The aliases of codes.

use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::ids::SessionId;
use shared::otp_code::OtpCode;
use shared::otp_policy::Purpose;
use shared::store::otp_sessions;

use super::reply::Dialect;
use super::{Fate, PATIENCE, indian};
use crate::app::App;
use crate::auth::{Caller, MayOtp, Who};
use crate::client_address::ClientAddress;
use crate::extract::Json;
use crate::otp::begin::{Begun, begin};
use crate::otp::start::{Requester, StartRequest};
use crate::otp::verify::{VerifyError, verify as check};
use crate::problem::Problem;
use crate::rate_limit::Limited;
use crate::trace::Trace;

/// Who the person is, as far as a server says so: for limits by user and address.
#[derive(Deserialize)]
pub(super) struct Person {
    user_id: Option<String>,
    client_ip: Option<String>,
}

impl Person {
    fn asks(self, phone: String, purpose: Purpose) -> StartRequest {
        StartRequest::of(phone, purpose, self.user_id, self.client_ip)
    }
}

/// `{phone, name?}`; the name is not used.
#[derive(Deserialize)]
pub(super) struct SendOtp {
    phone: String,
    #[serde(flatten)]
    person: Person,
}

/// `POST /api/sms/sendOtp` → `{session_id, status, message, response_time_ms}`.
pub(super) async fn send_otp(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    address: ClientAddress,
    trace: Trace,
    body: Result<Json<SendOtp>, Problem>,
) -> Response {
    let began = Instant::now();
    let request = body.map(|Json { value, .. }| value.person.asks(indian(&value.phone), Purpose::Login));
    start(&app, &caller, address, trace, request, Dialect::Words, |begun, status| {
        let took = begun.outcome.as_ref().and_then(|outcome| outcome.response_time_ms);
        let took = took.unwrap_or_else(|| i32::try_from(began.elapsed().as_millis()).unwrap_or(i32::MAX));
        json!({ "session_id": begun.session, "status": status, "message": said(status), "response_time_ms": took })
    })
    .await
}

/// `{phoneNumber, code?}`: the code is ours, whatever the application made up.
#[derive(Deserialize)]
pub(super) struct SendTo {
    #[serde(alias = "phoneNumber")]
    phone: String,
    #[serde(flatten)]
    person: Person,
}

/// `POST /api/sms/send-verification` → `{success, messageSid, session_id, status}`.
pub(super) async fn send_verification(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    address: ClientAddress,
    trace: Trace,
    body: Result<Json<SendTo>, Problem>,
) -> Response {
    send_for(&app, &caller, address, trace, body, Purpose::VerifyPhone).await
}

/// `POST /api/sms/send-2fa` → as `send-verification`.
pub(super) async fn send_second_factor(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    address: ClientAddress,
    trace: Trace,
    body: Result<Json<SendTo>, Problem>,
) -> Response {
    send_for(&app, &caller, address, trace, body, Purpose::TwoFactor).await
}

async fn send_for(
    app: &App,
    caller: &Caller<MayOtp>,
    address: ClientAddress,
    trace: Trace,
    body: Result<Json<SendTo>, Problem>,
    purpose: Purpose,
) -> Response {
    let request = body.map(|Json { value, .. }| value.person.asks(value.phone, purpose));
    start(app, caller, address, trace, request, Dialect::Success, |begun, status| {
        // Ours, never the vendor's: a code that is withheld has none of a vendor.
        json!({ "success": true, "messageSid": begun.message, "session_id": begun.session, "status": status })
    })
    .await
}

/// `POST /api/send-otp` `{phone}` → `{success, message, session_id, status}`.
pub(super) async fn send(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    address: ClientAddress,
    trace: Trace,
    body: Result<Json<SendTo>, Problem>,
) -> Response {
    let request = body.map(|Json { value, .. }| value.person.asks(value.phone, Purpose::Login));
    start(&app, &caller, address, trace, request, Dialect::Success, |begun, status| {
        json!({ "success": true, "message": said(status), "session_id": begun.session, "status": status })
    })
    .await
}

fn said(status: &str) -> &'static str {
    if status == "Queued" { "the code is on its way" } else { "the code was sent" }
}

/// Starts a challenge, waits for how its message fares, and answers as `body` says.
async fn start(
    app: &App,
    caller: &Caller<MayOtp>,
    address: ClientAddress,
    trace: Trace,
    request: Result<StartRequest, Problem>,
    dialect: Dialect,
    body: impl FnOnce(&Begun, &'static str) -> Value,
) -> Response {
    let requester = Requester { who: &caller.who, key: caller.key, address };
    let begun = match request {
        Ok(request) => begin(app, &requester, trace, request, PATIENCE).await,
        Err(problem) => Err(problem),
    };
    let begun = match begun {
        Ok(begun) => begun,
        Err(problem) => return dialect.refuse(problem),
    };
    let answer = match Fate::of(begun.outcome.as_ref(), &caller.who) {
        Fate::Queued => axum::Json(body(&begun, "Queued")).into_response(),
        Fate::Sent => axum::Json(body(&begun, "Success")).into_response(),
        Fate::NoProvider => {
            let message = "no SMS provider is set up for this number";
            dialect.fail(StatusCode::INTERNAL_SERVER_ERROR, "missing_api_key", message, None)
        }
        Fate::Failed { message, status_code } => {
            dialect.fail(StatusCode::BAD_REQUEST, "send_failed", &message, status_code)
        }
    };
    Limited(begun.standings, answer).into_response()
}

/// `{session_id, otp}`.
#[derive(Deserialize)]
pub(super) struct VerifyOtp {
    session_id: String,
    otp: String,
}

/// `POST /api/sms/verifyOtp` → `{verified, status, message, response_time_ms}`.
pub(super) async fn verify_otp(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    body: Result<Json<VerifyOtp>, Problem>,
) -> Response {
    let began = Instant::now();
    let proven = async {
        let Json { value, .. } = body?;
        let code = code(&value.otp)?;
        let id = value.session_id.parse().map_err(|_| VerifyError::Expired)?;
        Ok::<_, Problem>(check(&app, &caller.who, id, &code).await?)
    };
    match proven.await {
        Ok(_) => axum::Json(json!({
            "verified": true,
            "status": "Success",
            "message": "the code is right",
            "response_time_ms": i32::try_from(began.elapsed().as_millis()).unwrap_or(i32::MAX),
        }))
        .into_response(),
        Err(problem) => Dialect::Check.refuse(problem),
    }
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

/// `POST /api/verify-otp` → `{success, message}`. By a phone alone it means the newest code that the same caller
/// has sent there.
pub(super) async fn verify(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    body: Result<Json<VerifyPhone>, Problem>,
) -> Response {
    let proven = async {
        let Json { value, .. } = body?;
        let code = code(&value.otp)?;
        let id = session(&app, &caller, &value).await?.ok_or(VerifyError::Expired)?;
        Ok::<_, Problem>(check(&app, &caller.who, id, &code).await?)
    };
    match proven.await {
        Ok(_) => axum::Json(json!({ "success": true, "message": "the number is verified" })).into_response(),
        Err(problem) => Dialect::Success.refuse(problem),
    }
}

fn code(typed: &str) -> Result<OtpCode, Problem> {
    OtpCode::parse(typed).map_err(|error| Problem::field("otp", error.to_string()))
}

async fn session(
    app: &App,
    caller: &Caller<MayOtp>,
    wanted: &VerifyPhone,
) -> Result<Option<SessionId>, Problem> {
    if let Some(id) = &wanted.session_id {
        return Ok(id.parse().ok());
    }
    // All visitors of a page share its key: one of them must show that the session is theirs.
    if caller.who == Who::Browser {
        return Err(Problem::field("session_id", "is required of pages: that of the answer to send-otp"));
    }
    let Some(phone) = &wanted.phone else {
        return Err(Problem::field("phone", "is required, unless session_id is given"));
    };
    let phone = app.reach.phone(phone).map_err(|error| Problem::field("phone", error.to_string()))?;
    Ok(otp_sessions::find_newest_open(&app.pool, &phone, caller.key, caller.who.user()).await?)
}
