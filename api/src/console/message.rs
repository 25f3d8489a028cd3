//! One message: a timeline of what happened to it, and why.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use serde_json::json;
use shared::ids::MessageId;
use shared::message::Status;
use shared::store::messages::{self, Cancel, ListedAttempt, Message};
use shared::store::receipts;

use super::messages::number;
use super::operator::{Admin, Operator, Viewer};
use super::page::{self, Frame, Moment};
use super::refusal::Refusal;
use super::users;
use crate::app::App;
use crate::extract::Path;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/message.html")]
struct MessagePage {
    frame: Frame,
    message: Message,
    to: String,
    user_page: Option<String>,
    may_cancel: bool,
    timeline: Vec<Event>,
}

/// Something that happened to a message, in words.
pub(super) struct Event {
    pub(super) at: Moment,
    pub(super) title: String,
    pub(super) detail: String,
}

impl Event {
    pub(super) fn new(at: impl Into<Moment>, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { at: at.into(), title: title.into(), detail: detail.into() }
    }

    fn attempt(attempt: ListedAttempt) -> Self {
        let outcome = match attempt.outcome.as_str() {
            "accepted" => "took it",
            "throttled" => "asked for a pause",
            "not_sent" => "could not be reached",
            "rejected" => "refused it",
            "in_doubt" => "gave no clear answer",
            other => other,
        };
        let duplicate =
            attempt.possible_duplicate.then(|| "an earlier call may have sent it already".to_owned());
        let facts = [
            attempt.reason,
            attempt.code.map(|code| format!("code {code}")),
            attempt.status_code.map(|status| format!("HTTP {status}")),
            Some(format!("{} ms", attempt.response_time_ms)),
            attempt.provider_message_id.map(|id| format!("its id {id}")),
            duplicate,
        ];
        let facts: Vec<_> = facts.into_iter().flatten().collect();
        Self::new(attempt.started_at, format!("{} {outcome}", attempt.provider_name), facts.join(" · "))
    }
}

/// Shows a message.
pub(super) async fn show(
    State(app): State<App>,
    operator: Operator<Viewer>,
    Path(id): Path<MessageId>,
) -> Result<Response<Body>, Refusal> {
    let message = messages::find(&app.pool, id).await?.ok_or_else(no_such_message)?;
    let timeline = timeline(&app, &message).await?;
    let to = number(message.to.clone(), operator.may_see_numbers());
    let may_cancel = message.status == Status::Queued && operator.may_change();
    let user_page = message.user_id.as_deref().map(users::address);
    let frame = Frame::new(&app, &operator, "/console/messages");
    Ok(page::respond(StatusCode::OK, &MessagePage { frame, message, to, user_page, may_cancel, timeline }))
}

/// What happened to a message so far.
pub(super) async fn timeline(app: &App, message: &Message) -> sqlx::Result<Vec<Event>> {
    let mut events = vec![Event::new(message.id.created_at(), "Accepted", "")];
    let attempts = messages::list_attempts(&app.pool, message.id).await?;
    events.extend(attempts.into_iter().map(Event::attempt));
    let reason = message.reason.clone().unwrap_or_default();
    if let Some(due_at) = message.due_at {
        events.push(Event::new(due_at, "Due", reason.clone()));
    }
    if let Some(finished_at) = message.finished_at {
        events.push(Event::new(finished_at, format!("Ended as {}", message.status.as_str()), reason));
    }
    if let Some(receipt) = receipts::find_last(&app.pool, message.id).await?
        && let Some(at) = receipt.receipt_at
    {
        let code = receipt.receipt_code.map(|code| format!("code {code}")).unwrap_or_default();
        events.push(Event::new(at, "The provider reported", code));
    }
    Ok(events)
}

/// Cancels a message that still waits. After this answer it is not sent.
pub(super) async fn cancel(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(id): Path<MessageId>,
) -> Result<Response<Body>, Refusal> {
    let mut tx = app.pool.begin().await?;
    match messages::cancel(&mut tx, id).await? {
        Cancel::Done(status) => {
            let detail = json!({ "status": status });
            operator.record(&mut *tx, "message.cancel", &id.to_string(), Some(detail)).await?;
            tx.commit().await?;
            Ok(Redirect::to(&format!("/console/messages/{id}")).into_response())
        }
        Cancel::Refused(status) => Err(Problem::not_cancellable(status).into()),
        Cancel::Unknown => Err(no_such_message().into()),
    }
}

fn no_such_message() -> Problem {
    Problem::not_found("there is no such message")
}
