//! The alias of texts: `POST /api/sms/sendTemplate` `{to, template, vars}` → `{status, message, details}`.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use shared::ids::MessageId;
use shared::lane::Lane;

use super::reply::Dialect;
use super::{Fate, PATIENCE, indian};
use crate::accept::{self, Origin, SendRequest};
use crate::app::App;
use crate::auth::{Caller, MaySend};
use crate::extract::Json;
use crate::key_limits;
use crate::problem::Problem;
use crate::trace::Trace;

/// A text of a template: one of ours, or else one that the provider knows by this name.
#[derive(Deserialize)]
pub(super) struct SendTemplate {
    to: String,
    template: String,
    #[serde(default)]
    vars: Map<String, Value>,
}

/// Sends it, and says what became of it.
pub(super) async fn send(
    State(app): State<App>,
    caller: Caller<MaySend>,
    trace: Trace,
    body: Result<Json<SendTemplate>, Problem>,
) -> Response {
    let accepted = async {
        let Json { value, .. } = body?;
        accept(&app, &caller, &trace, value).await
    };
    let id = match accepted.await {
        Ok(id) => id,
        Err(problem) => return Dialect::Words.refuse(problem),
    };
    drop(trace);
    let outcome = app.outcomes.first(id, PATIENCE).await;
    let vendors = outcome.as_ref().and_then(|outcome| outcome.provider_message_id.clone());
    let details = vendors.unwrap_or_else(|| id.to_string());
    Dialect::Words.tell(Fate::of(outcome.as_ref(), &caller.who), |status| {
        let message = if status == "Queued" { "the message is on its way" } else { "the message was sent" };
        json!({ "status": status, "message": message, "details": details })
    })
}

async fn accept(
    app: &App,
    caller: &Caller<MaySend>,
    trace: &Trace,
    wanted: SendTemplate,
) -> Result<MessageId, Problem> {
    let ours = app.templates.find(&app.pool, &wanted.template, None).await?;
    let lane = Lane::Transactional;
    let origin = Origin { lane, key: caller.key, batch: None, trace: trace.parent(), now: app.clock.now() };
    let to = indian(&wanted.to);
    let message = match ours {
        Some(template) => {
            let request = SendRequest::of_template(to, wanted.template, wanted.vars);
            accept::check(request, Some(&template), &app.reach, origin)?
        }
        None => accept::check_vendors(&to, &wanted.template, wanted.vars, &app.reach, origin)?,
    };
    key_limits::count(app, caller.key, 1).await?;
    let id = message.id;
    trace.message(id);
    app.intake.store(message).await?;
    app.accepted(lane, 1, trace);
    Ok(id)
}
