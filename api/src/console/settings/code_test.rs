//! The test sender: a real code to a telephone, typed in again, with what became of its message meanwhile.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use serde_json::json;
use shared::ids::{ApiKeyId, SessionId};
use shared::lane::Lane;
use shared::otp_code::OtpCode;
use shared::otp_policy::Purpose;
use shared::store::messages;
use shared::store::otp_sessions::{self, Session, SessionStatus};

use super::{HERE, refuse};
use crate::app::App;
use crate::auth::Who;
use crate::client_address::ClientAddress;
use crate::console::form::Values;
use crate::console::live::{self, Watcher};
use crate::console::message::{Event, timeline};
use crate::console::operator::{Admin, Operator};
use crate::console::page::{self, Frame, Moment};
use crate::console::refusal::Refusal;
use crate::extract::{Form, Path};
use crate::otp::start::{self, Requester, StartRequest, told};
use crate::otp::verify::{VerifyError, verify};
use crate::problem::Problem;
use crate::trace::Trace;

#[derive(Template)]
#[template(path = "console/code_test.html")]
struct TestPage {
    frame: Frame,
    id: SessionId,
    phone: String,
    standing: Standing,
    fault: Option<String>,
}

/// Where a test stands: the part of the page that stays fresh.
#[derive(Template)]
#[template(path = "console/code_test_standing.html")]
struct Standing {
    status: &'static str,
    is_open: bool,
    expires_at: Moment,
    timeline: Vec<Event>,
}

/// Sends a code as an application would, and leads to where it stands.
pub(super) async fn send(
    State(app): State<App>,
    operator: Operator<Admin>,
    address: ClientAddress,
    trace: Trace,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let values = Values::from(sent);
    match begin(&app, &operator, address, &trace, &values).await {
        Ok(id) => Ok(Redirect::to(&format!("/console/settings/tests/{id}")).into_response()),
        Err(problem) => refuse(&app, &operator, values, problem).await,
    }
}

async fn begin(
    app: &App,
    operator: &Operator<Admin>,
    address: ClientAddress,
    trace: &Trace,
    values: &Values,
) -> Result<SessionId, Problem> {
    let purpose = values.get("purpose").parse::<Purpose>();
    let purpose = purpose.map_err(|unknown| Problem::field("purpose", unknown.to_string()))?;
    let hint = values.text("provider_hint").map(str::to_owned);
    let request = StartRequest::of(values.get("phone").to_owned(), purpose, None, None).hinting(hint);
    let requester = Requester { who: &Who::Server, key: ApiKeyId::CONSOLE, address };
    let (new, _) = start::prepare(app, &requester, trace, request).await?;
    let (id, message) = (new.session.id, new.message.id);
    trace.message(message);
    told(app.intake.start_session(new).await?, requester.who)?;
    app.accepted(Lane::Otp, 1, trace);
    let detail = json!({ "purpose": purpose.as_str(), "message_id": message });
    operator.record(&app.pool, "otp.test", &id.to_string(), Some(detail)).await?;
    Ok(id)
}

/// Shows where a test stands.
pub(super) async fn show(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(id): Path<SessionId>,
) -> Result<Response<Body>, Refusal> {
    page(&app, &operator, id, StatusCode::OK, None).await
}

async fn page(
    app: &App,
    operator: &Operator<Admin>,
    id: SessionId,
    status: StatusCode,
    fault: Option<String>,
) -> Result<Response<Body>, Refusal> {
    let session = find(app, id).await?;
    let page = TestPage {
        frame: Frame::new(app, operator, HERE),
        id,
        phone: session.phone.clone(),
        standing: standing(app, session).await?,
        fault,
    };
    Ok(page::respond(status, &page))
}

/// Checks the code that was typed in.
pub(super) async fn check(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(id): Path<SessionId>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    find(&app, id).await?;
    let values = Values::from(sent);
    let code = match OtpCode::parse(values.get("otp")) {
        Ok(code) => code,
        Err(error) => {
            let fault = format!("The code {error}.");
            return page(&app, &operator, id, StatusCode::BAD_REQUEST, Some(fault)).await;
        }
    };
    match verify(&app, &Who::Server, id, &code).await {
        Ok(_) => Ok(Redirect::to(&format!("/console/settings/tests/{id}")).into_response()),
        Err(VerifyError::Wrong { attempts_remaining }) => {
            let fault = format!("That is not the code; {attempts_remaining} more tries.");
            page(&app, &operator, id, StatusCode::BAD_REQUEST, Some(fault)).await
        }
        Err(refused) => {
            let problem = Problem::from(refused);
            if problem.cause().is_some() {
                return Err(problem.into());
            }
            page(&app, &operator, id, problem.status(), Some(problem.detail().to_owned())).await
        }
    }
}

/// Sends the standing again whenever it changes.
pub(super) async fn watch(
    State(app): State<App>,
    watcher: Watcher<Admin>,
    Path(id): Path<SessionId>,
) -> Response<Body> {
    live::stream(app, watcher, live::OFTEN, move |app| async move {
        page::fragment(&standing(&app, find(&app, id).await?).await?)
    })
}

/// The session of a test; those of applications are none of the console's to check.
async fn find(app: &App, id: SessionId) -> Result<Session, Problem> {
    let found = otp_sessions::find(&app.pool, id).await?;
    let found = found.filter(|session| session.api_key_id == Some(ApiKeyId::CONSOLE));
    found.ok_or_else(|| Problem::not_found("there is no such test; it is forgotten a day after its end"))
}

async fn standing(app: &App, session: Session) -> sqlx::Result<Standing> {
    let waits =
        matches!(session.status, SessionStatus::Pending | SessionStatus::Sent | SessionStatus::SendFailed);
    let is_open = waits && session.expires_at > session.now;
    let status = match session.status {
        _ if waits && !is_open => "expired",
        SessionStatus::Pending => "the code is on its way",
        SessionStatus::Sent => "a provider took the code",
        SessionStatus::SendFailed => "no provider took the code",
        SessionStatus::Verified => "verified",
        SessionStatus::Expired => "expired",
        SessionStatus::Locked => "locked after too many wrong codes",
        SessionStatus::Superseded => "another took its place",
    };
    let mut events = match session.message_id {
        Some(id) => match messages::find(&app.pool, id).await? {
            Some(message) => timeline(app, &message).await?,
            None => Vec::new(),
        },
        None => Vec::new(),
    };
    if let Some(reason) = session.withheld {
        events.push(Event::new(session.created_at, "Not sent", reason));
    }
    if let Some(at) = session.verified_at {
        events.push(Event::new(at, "The right code was typed in", ""));
    }
    Ok(Standing { status, is_open, expires_at: session.expires_at.into(), timeline: events })
}
