//! The aliases that send codes.

use std::time::Instant;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::otp_policy::Purpose;

use super::reply::{Dialect, millis_since};
use super::{Fate, PATIENCE, indian};
use crate::app::App;
use crate::auth::{Caller, MayOtp};
use crate::client_address::ClientAddress;
use crate::extract::Json;
use crate::otp::begin::{Begun, begin};
use crate::otp::start::{Requester, StartRequest};
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
        let took = took.unwrap_or_else(|| millis_since(began));
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
    let fate = Fate::of(begun.outcome.as_ref(), &caller.who);
    let answer = dialect.tell(fate, |status| body(&begun, status));
    Limited(begun.standings, answer).into_response()
}
