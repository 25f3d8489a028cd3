//! `POST /otp/send`, `/otp/verify`, `/otp/resend`, `GET /otp/sessions/{id}`.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::ids::{MessageId, SessionId};
use shared::lane::Lane;
use shared::limits::Standing;
use shared::message::Status;
use shared::otp_code::OtpCode;
use shared::phone::PhoneNumber;
use shared::store::intake::Counted;
use shared::store::otp_sessions::{self, Session, SessionStatus};

use crate::app::App;
use crate::auth::{Caller, MayOtp, Who};
use crate::client_address::ClientAddress;
use crate::extract::{Json, Path};
use crate::fields;
use crate::idempotency::{Answer, IdempotencyKey, Once};
use crate::otp::begin::{Begun, begin};
use crate::otp::resend::{Preparation, ResendError, ResendRequest, resend as send_again};
use crate::otp::start::{Requester, StartRequest, is_told, told};
use crate::otp::verify::{Proven, VerifyError, VerifyRequest, verify as check};
use crate::outcomes::Waited;
use crate::prefer::Prefer;
use crate::problem::Problem;
use crate::rate_limit::Limited;
use crate::tokens::Verification;
use crate::trace::Trace;
use crate::two_factor::{Remembered, devices};

/// Starts a challenge.
pub(super) async fn send(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    address: ClientAddress,
    key: IdempotencyKey,
    prefer: Prefer,
    trace: Trace,
    Json { value: request, raw }: Json<StartRequest>,
) -> Result<impl IntoResponse, Problem> {
    let once = Once::of(&caller, &key, "POST /otp/send", &raw)?;
    let requester = Requester { who: &caller.who, key: caller.key, address };
    let answered = |begun: &Begun| Answer::accepted(&begun.sent);
    let (answer, begun) = begin(&app, &requester, &once, &trace, request, answered).await?;
    drop(trace);
    let message = begun.as_ref().filter(|begun| !begun.is_withheld).map(|begun| begun.message);
    let standings = begun.map(|begun| begun.standings).unwrap_or_default();
    with_outcome(&app, &caller.who, prefer, message, standings, answer).await
}

/// A code's answer, with how its message fared if the caller would wait for that.
#[derive(Serialize, Deserialize)]
struct Fared {
    #[serde(flatten)]
    sent: Map<String, Value>,
    status: Status,
}

/// Waits for the outcome if the caller would; `message` is that of the code, unless it is withheld. Also an answer that
/// is a repeated one waits: for the message of its session, or, as that would show which codes are withheld, for users as
/// long as codes usually take.
async fn with_outcome(
    app: &App,
    who: &Who,
    prefer: Prefer,
    message: Option<MessageId>,
    standings: Vec<Standing>,
    answer: Answer,
) -> Result<(Waited, Limited<Answer>), Problem> {
    if prefer.wait().is_none() {
        return Ok((Waited::default(), Limited(standings, answer)));
    }
    let sent: Map<String, Value> = answer.read()?;
    let message = match answer.is_replayed() {
        true if *who != Who::Server => None,
        true => {
            let id: Option<SessionId> = sent["session_id"].as_str().and_then(|id| id.parse().ok());
            let session = otp_sessions::find(&app.pool, id.unwrap_or_else(SessionId::random)).await?;
            session.filter(|session| session.withheld.is_none()).and_then(|session| session.message_id)
        }
        false => message,
    };
    // Boxed, as few requests wait.
    let waited = Box::pin(Waited::for_code(&app.outcomes, prefer, message)).await;
    let answer = match &waited.outcome {
        // That a number cannot be reached is for servers alone.
        Some(outcome) => {
            let status = if *who == Who::Server { outcome.status } else { Status::Sent };
            answer.saying(&Fared { sent, status })?
        }
        None => answer,
    };
    Ok((waited, Limited(standings, answer)))
}

#[derive(Serialize)]
pub(super) struct Verified {
    verified: bool,
    /// Signed proof of it, for whoever trusts this gateway's keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// What the application's server redeems, once, before it lets a new password be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reset_expires_at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    device: Option<Remembered>,
}

/// Checks a code.
pub(super) async fn verify(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    Json { value: request, .. }: Json<VerifyRequest>,
) -> Result<axum::Json<Verified>, Problem> {
    let code = OtpCode::parse(&request.otp).map_err(|error| Problem::field("otp", error.to_string()))?;
    // What is no id is an id nobody has.
    let id: SessionId = request.session_id.parse().map_err(|_| VerifyError::Expired)?;
    let device = request.remember_device.map(fields::device_name).transpose();
    let device = device.map_err(|fault| Problem::field("remember_device", fault))?;
    if device.is_some() {
        needs_user(&app, &caller.who, id).await?;
    }
    let proven = check(&app, &caller.who, id, &code).await?;
    let token = request.token.then(|| {
        let verification = Verification {
            user_id: proven.user_id.as_deref(),
            phone: &proven.phone,
            purpose: &proven.purpose,
            session: id,
        };
        app.tokens.issue(&verification, app.clock.now())
    });
    let device = match device {
        Some(name) => remembered(&app, &proven, &name).await,
        None => None,
    };
    let reset = proven.reset.as_ref();
    Ok(axum::Json(Verified {
        verified: true,
        token,
        reset_token: reset.map(|reset| reset.token.expose_secret().to_owned()),
        reset_expires_at: reset.map(|reset| reset.expires_at),
        device,
    }))
}

/// Says so before a code is used up for a device that is nobody's.
async fn needs_user(app: &App, who: &Who, id: SessionId) -> Result<(), Problem> {
    let session = otp_sessions::find(&app.pool, id).await?;
    match session.filter(|session| who.may_see(session.user_id.as_deref())) {
        Some(Session { user_id: None, .. }) => {
            Err(Problem::field("remember_device", "needs a session that was started with a user_id"))
        }
        Some(Session { user_id: Some(_), .. }) | None => Ok(()),
    }
}

/// The code was right and is used up, whatever becomes of the device.
async fn remembered(app: &App, proven: &Proven, name: &str) -> Option<Remembered> {
    let done = devices::remember(app, proven, name).await;
    done.unwrap_or_else(|error| {
        tracing::warn!(%error, "a device could not be remembered");
        None
    })
}

/// Sends another code for a running session.
pub(super) async fn resend(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    address: ClientAddress,
    key: IdempotencyKey,
    prefer: Prefer,
    trace: Trace,
    Json { value: request, raw }: Json<ResendRequest>,
) -> Result<impl IntoResponse, Problem> {
    let id: SessionId = request.session_id.parse().map_err(|_| ResendError::Ended(VerifyError::Expired))?;
    let once = Once::of(&caller, &key, "POST /otp/resend", &raw)?;
    let requester = Requester { who: &caller.who, key: caller.key, address };
    let client = request.client_ip.as_deref().map(fields::address).transpose();
    let client = client.and_then(|given| requester.client(given));
    let client = client.map_err(|fault| Problem::field("client_ip", fault))?;
    let challenged = requester.challenged(request.challenged);
    let challenged = challenged.map_err(|fault| Problem::field("challenged", fault))?;
    let prepared = Preparation::of(&app, id, &requester, client, challenged).await?;
    let (mut counted, mut message) = (Counted::default(), None);
    let answer = once
        .run(&app.pool, async |db| {
            let resent = send_again(&app, db, id, &prepared, &trace).await;
            let resent = resent.map_err(|refused| Problem::from(refused).telling(is_told(&caller.who)))?;
            message = resent.message;
            counted = told(Ok(resent.counted), &caller.who)?;
            Ok::<_, Problem>(Answer::accepted(&resent.sent)?)
        })
        .await?;
    counted.verdict.iter().for_each(|verdict| app.guard.note(verdict));
    app.committed(Lane::Otp, 1, &answer, &trace);
    drop(trace);
    with_outcome(&app, &caller.who, prefer, message, counted.standings, answer).await
}

/// A session as its countdown shows it.
#[derive(Serialize)]
pub(super) struct SessionView {
    session_id: SessionId,
    status: SessionStatus,
    purpose: String,
    /// Masked: whoever started the session knows the number.
    phone: Option<String>,
    attempts_remaining: i16,
    sends: i16,
    /// Seconds until another code can be asked for.
    resend_after: i64,
    /// Seconds until the code is worth nothing.
    expires_in: i64,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    verified_at: Option<DateTime<Utc>>,
    /// Why no code was sent, which only servers learn.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl SessionView {
    /// What `who` may know of a session: how its message fared and why there is none is for servers alone.
    fn of(session: Session, who: &Who) -> Self {
        let is_over = session.expires_at <= session.now;
        let is_open = matches!(session.status, SessionStatus::Pending | SessionStatus::Sent);
        let is_running = is_open || session.status == SessionStatus::SendFailed;
        let status = match (who, &session.withheld) {
            _ if is_open && is_over => SessionStatus::Expired,
            (Who::Server, Some(_)) if is_open => SessionStatus::SendFailed,
            (Who::Browser | Who::User(_), _) if is_running && is_over => SessionStatus::Expired,
            (Who::Browser | Who::User(_), _) if is_running => SessionStatus::Sent,
            _ => session.status,
        };
        // Also a session whose code could not be sent takes codes and sends others, at its time.
        let runs = is_running && !is_over;
        let seconds_until = |time: DateTime<Utc>| match runs {
            true => ((time - session.now).num_milliseconds() + 999).max(0) / 1000,
            false => 0,
        };
        Self {
            session_id: session.id,
            status,
            phone: PhoneNumber::try_from(session.phone).ok().map(|phone| phone.masked()),
            purpose: session.purpose,
            attempts_remaining: session.max_attempts - session.attempts,
            sends: session.sends,
            resend_after: seconds_until(session.resend_at),
            expires_in: seconds_until(session.expires_at),
            expires_at: session.expires_at,
            created_at: session.created_at,
            verified_at: session.verified_at,
            reason: session.withheld.filter(|_| *who == Who::Server),
        }
    }
}

/// Tells where a session stands.
pub(super) async fn session(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    Path(id): Path<SessionId>,
) -> Result<axum::Json<SessionView>, Problem> {
    let session = otp_sessions::find(&app.pool, id).await?;
    let session = session.filter(|session| caller.who.may_see(session.user_id.as_deref()));
    let session = session.ok_or_else(|| Problem::not_found("there is no such session"))?;
    Ok(axum::Json(SessionView::of(session, &caller.who)))
}
