//! The alias of texts: `POST /api/sms/sendTemplate` `{to, template, vars}` → `{status, message, details}`.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::ids::MessageId;
use shared::lane::Lane;
use shared::message::NewMessage;

use super::reply::Dialect;
use super::{Fate, PATIENCE, indian};
use crate::accept::{self, Origin, SendRequest};
use crate::app::App;
use crate::auth::{Caller, MaySend};
use crate::country_rules;
use crate::extract::Json;
use crate::idempotency::{Answer, IdempotencyKey, Once};
use crate::problem::Problem;
use crate::routes::sms;
use crate::trace::Trace;

/// A text of a template: one of ours, or else one that the provider knows by this name.
#[derive(Deserialize)]
pub(super) struct SendTemplate {
    to: String,
    template: String,
    #[serde(default)]
    vars: Map<String, Value>,
}

/// What is kept of it under an `Idempotency-Key`.
#[derive(Serialize, Deserialize)]
struct Accepted {
    message_id: MessageId,
}

/// Sends it, and says what became of it; also of one that was sent by an earlier request with the same key.
pub(super) async fn send(
    State(app): State<App>,
    caller: Caller<MaySend>,
    key: Result<IdempotencyKey, Problem>,
    trace: Trace,
    body: Result<Json<SendTemplate>, Problem>,
) -> Response {
    let accepted = async {
        let (key, Json { value, raw }) = (key?, body?);
        let once = Once::of(&caller, &key, "POST /api/sms/sendTemplate", &raw)?;
        let message = check(&app, &caller, &trace, value).await?;
        let answer = Answer::accepted(&Accepted { message_id: message.id })?;
        let (answer, _) = sms::store(&app, &once, message, answer, &trace).await?;
        Ok((answer.read()?, answer))
    };
    let (id, answer) = match accepted.await {
        Ok((Accepted { message_id }, answer)) => (message_id, answer),
        Err(problem) => return Dialect::Words.refuse(problem),
    };
    drop(trace);
    let outcome = app.outcomes.first(id, PATIENCE).await;
    let vendors = outcome.as_ref().and_then(|outcome| outcome.provider_message_id.clone());
    let details = vendors.unwrap_or_else(|| id.to_string());
    let mut response = Dialect::Words.tell(Fate::of(outcome.as_ref(), &caller.who), |status| {
        let message = if status == "Queued" { "the message is on its way" } else { "the message was sent" };
        json!({ "status": status, "message": message, "details": details })
    });
    answer.mark(&mut response);
    response
}

async fn check(
    app: &App,
    caller: &Caller<MaySend>,
    trace: &Trace,
    wanted: SendTemplate,
) -> Result<NewMessage, Problem> {
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
    country_rules::allow(app.rules.in_force(&app.pool).await?.as_deref(), &message)?;
    Ok(message)
}
