//! `POST /otp/send`, `/otp/verify`, `/otp/resend`, `GET /otp/sessions/{id}`.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::ids::SessionId;
use shared::lane::Lane;
use shared::otp_code::OtpCode;
use shared::phone::PhoneNumber;
use shared::store::intake;
use shared::store::otp_sessions::{self, Session, SessionStatus};

use crate::app::App;
use crate::auth::{Caller, MayOtp};
use crate::extract::{Json, Path};
use crate::idempotency::{Answer, IdempotencyKey, Once};
use crate::otp::resend::{ResendError, ResendRequest, resend as send_again};
use crate::otp::start::{self, StartRequest};
use crate::otp::verify::{VerifyError, VerifyRequest, verify as check};
use crate::problem::Problem;
use crate::rate_limit::Limited;
use crate::trace::Trace;

/// Starts a challenge.
pub(super) async fn send(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    key: IdempotencyKey,
    trace: Trace,
    Json { value: request, raw }: Json<StartRequest>,
) -> Result<Limited<Answer>, Problem> {
    let (start, sent) = start::prepare(&app, caller.key, &trace, request).await?;
    let answer = Answer::accepted(&sent)?;
    if key.is_absent() {
        trace.message(start.message.id);
        let standings = app.intake.start_session(start).await??;
        app.accepted(Lane::Otp, 1, &trace);
        return Ok(Limited(standings, answer));
    }
    let once = Once { caller: caller.holder(), key: &key, door: "POST /otp/send", body: &raw };
    let mut standings = Vec::new();
    let answer = once
        .run(&app.pool, async |db| {
            trace.message(start.message.id);
            for started in intake::start_sessions(db, &[&start]).await? {
                standings = started?;
            }
            Ok::<_, Problem>(answer)
        })
        .await?;
    app.committed(Lane::Otp, 1, &answer, &trace);
    Ok(Limited(standings, answer))
}

#[derive(Serialize)]
pub(super) struct Verified {
    verified: bool,
}

/// Checks a code.
pub(super) async fn verify(
    State(app): State<App>,
    _: Caller<MayOtp>,
    Json { value: request, .. }: Json<VerifyRequest>,
) -> Result<axum::Json<Verified>, Problem> {
    let code = OtpCode::parse(&request.otp).map_err(|error| Problem::field("otp", error.to_string()))?;
    // What is no id is an id nobody has.
    let id: SessionId = request.session_id.parse().map_err(|_| VerifyError::Expired)?;
    check(&app, id, &code).await?;
    Ok(axum::Json(Verified { verified: true }))
}

/// Sends another code for a running session.
pub(super) async fn resend(
    State(app): State<App>,
    caller: Caller<MayOtp>,
    key: IdempotencyKey,
    trace: Trace,
    Json { value: request, raw }: Json<ResendRequest>,
) -> Result<Limited<Answer>, Problem> {
    let id: SessionId = request.session_id.parse().map_err(|_| ResendError::Ended(VerifyError::Expired))?;
    let rules = app.policies.all(&app.pool).await?;
    let once = Once { caller: caller.holder(), key: &key, door: "POST /otp/resend", body: &raw };
    let mut standings = Vec::new();
    let answer = once
        .run(&app.pool, async |db| {
            let (sent, stands) = send_again(&app, db, &rules, id, caller.key, &trace).await?;
            standings = stands;
            Ok::<_, Problem>(Answer::accepted(&sent)?)
        })
        .await?;
    app.committed(Lane::Otp, 1, &answer, &trace);
    Ok(Limited(standings, answer))
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

impl From<Session> for SessionView {
    fn from(session: Session) -> Self {
        let is_open = matches!(session.status, SessionStatus::Pending | SessionStatus::Sent);
        let seconds_until =
            |time: DateTime<Utc>| ((time - session.now).num_milliseconds() + 999).max(0) / 1000;
        Self {
            session_id: session.id,
            status: match session.withheld {
                _ if is_open && session.expires_at <= session.now => SessionStatus::Expired,
                Some(_) if is_open => SessionStatus::SendFailed,
                _ => session.status,
            },
            phone: PhoneNumber::try_from(session.phone).ok().map(|phone| phone.masked()),
            purpose: session.purpose,
            attempts_remaining: session.max_attempts - session.attempts,
            sends: session.sends,
            resend_after: if is_open { seconds_until(session.resend_at) } else { 0 },
            expires_in: if is_open { seconds_until(session.expires_at) } else { 0 },
            expires_at: session.expires_at,
            created_at: session.created_at,
            verified_at: session.verified_at,
            reason: session.withheld,
        }
    }
}

/// Tells where a session stands.
pub(super) async fn session(
    State(app): State<App>,
    _: Caller<MayOtp>,
    Path(id): Path<SessionId>,
) -> Result<axum::Json<SessionView>, Problem> {
    let session = otp_sessions::find(&app.pool, id).await?;
    let session = session.ok_or_else(|| Problem::not_found("there is no such session"))?;
    Ok(axum::Json(session.into()))
}
