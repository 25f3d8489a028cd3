//! The aliases that send codes.

use std::time::Instant;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::ids::{MessageId, SessionId};
use shared::otp_policy::Purpose;
use shared::store::log::Outcome;

use super::reply::{Dialect, millis_since};
use super::{Fate, PATIENCE, indian};
use crate::app::App;
use crate::auth::{Caller, MayOtp, Who};
use crate::client_address::ClientAddress;
use crate::extract::Json;
use crate::idempotency::{Answer, IdempotencyKey, Once};
use crate::otp::begin::{Begun, begin};
use crate::otp::start::{Requester, StartRequest};
use crate::problem::Problem;
use crate::rate_limit::Limited;
use crate::trace::Trace;

/// What comes with a request for a code, whatever its body is.
pub(super) struct Head {
    caller: Caller<MayOtp>,
    address: ClientAddress,
    key: Result<IdempotencyKey, Problem>,
    trace: Trace,
}

impl FromRequestParts<App> for Head {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self {
            caller: Caller::from_request_parts(parts, app).await?,
            address: ClientAddress::from_request_parts(parts, app).await?,
            key: IdempotencyKey::from_request_parts(parts, app).await,
            trace: Trace::from_request_parts(parts, app).await.unwrap_or_else(|never| match never {}),
        })
    }
}

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
    head: Head,
    body: Result<Json<SendOtp>, Problem>,
) -> Response {
    let began = Instant::now();
    let asked = body.map(|Json { value, raw }| Asked {
        door: "POST /api/sms/sendOtp",
        request: value.person.asks(indian(&value.phone), Purpose::Login),
        raw,
    });
    start(&app, head, asked, Dialect::Words, |started, outcome, status| {
        let took = outcome.and_then(|outcome| outcome.response_time_ms).unwrap_or_else(|| millis_since(began));
        json!({ "session_id": started.session_id, "status": status, "message": said(status), "response_time_ms": took })
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

impl SendTo {
    fn asked(Json { value, raw }: Json<Self>, door: &'static str, purpose: Purpose) -> Asked {
        Asked { door, request: value.person.asks(value.phone, purpose), raw }
    }
}

/// `POST /api/sms/send-verification` → `{success, messageSid, session_id, status}`.
pub(super) async fn send_verification(
    State(app): State<App>,
    head: Head,
    body: Result<Json<SendTo>, Problem>,
) -> Response {
    let door = "POST /api/sms/send-verification";
    let asked = body.map(|body| SendTo::asked(body, door, Purpose::VerifyPhone));
    start(&app, head, asked, Dialect::Success, by_message).await
}

/// `POST /api/sms/send-2fa` → as `send-verification`.
pub(super) async fn send_second_factor(
    State(app): State<App>,
    head: Head,
    body: Result<Json<SendTo>, Problem>,
) -> Response {
    let asked = body.map(|body| SendTo::asked(body, "POST /api/sms/send-2fa", Purpose::TwoFactor));
    start(&app, head, asked, Dialect::Success, by_message).await
}

/// The id is ours, never the vendor's: a code that is withheld has none of a vendor.
fn by_message(started: &Started, _: Option<&Outcome>, status: &str) -> Value {
    json!({
        "success": true,
        "messageSid": started.message_id,
        "session_id": started.session_id,
        "status": status,
    })
}

/// `POST /api/send-otp` `{phone}` → `{success, message, session_id, status}`.
pub(super) async fn send(
    State(app): State<App>,
    head: Head,
    body: Result<Json<SendTo>, Problem>,
) -> Response {
    let asked = body.map(|body| SendTo::asked(body, "POST /api/send-otp", Purpose::Login));
    start(&app, head, asked, Dialect::Success, |started, _, status| {
        json!({ "success": true, "message": said(status), "session_id": started.session_id, "status": status })
    })
    .await
}

fn said(status: &str) -> &'static str {
    if status == "Queued" { "the code is on its way" } else { "the code was sent" }
}

/// A code as it is asked for, and the bytes it was read from.
struct Asked {
    door: &'static str,
    request: StartRequest,
    raw: Bytes,
}

/// What answers are made of, also those to a repetition: this is kept under an `Idempotency-Key`.
#[derive(Debug, Serialize, Deserialize)]
struct Started {
    session_id: SessionId,
    message_id: MessageId,
    is_withheld: bool,
    challenge_required: bool,
}

impl Started {
    fn of(begun: &Begun) -> Self {
        Self {
            session_id: begun.sent.session_id,
            message_id: begun.message,
            is_withheld: begun.is_withheld,
            challenge_required: begun.sent.challenge_required,
        }
    }
}

/// Starts a challenge, waits for how its message fares, and answers as `body` says.
async fn start(
    app: &App,
    Head { caller, address, key, trace }: Head,
    asked: Result<Asked, Problem>,
    dialect: Dialect,
    body: impl FnOnce(&Started, Option<&Outcome>, &'static str) -> Value,
) -> Response {
    let begun = async {
        let (key, Asked { door, request, raw }) = (key?, asked?);
        let once = Once::of(&caller, &key, door, &raw)?;
        let requester = Requester { who: &caller.who, key: caller.key, address };
        let kept = |begun: &Begun| Answer::accepted(&Started::of(begun));
        let (answer, begun) = begin(app, &requester, &once, &trace, request, kept).await?;
        let started = match &begun {
            Some(begun) => Started::of(begun),
            None => answer.read()?,
        };
        Ok((started, answer, begun))
    };
    let (started, answer, begun) = match begun.await {
        Ok(begun) => begun,
        Err(problem) => return dialect.refuse(problem),
    };
    drop(trace);
    // A repetition that looked at the message would show users which codes are withheld: those end at another time.
    let is_told = !answer.is_replayed() || caller.who == Who::Server;
    let message = Some(started.message_id).filter(|_| is_told && !started.is_withheld);
    let outcome = app.outcomes.first_of_code(message, PATIENCE).await;
    let mut response = dialect.tell(Fate::of(outcome.as_ref(), &caller.who), |status| {
        let mut body = body(&started, outcome.as_ref(), status);
        if started.challenge_required {
            body["challenge_required"] = true.into();
        }
        body
    });
    answer.mark(&mut response);
    Limited(begun.map(|begun| begun.standings).unwrap_or_default(), response).into_response()
}
