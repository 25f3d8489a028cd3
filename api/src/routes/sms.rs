//! `POST /sms/send-transactional`, `POST /sms/send-batch`.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::ids::{BatchId, MessageId};
use shared::lane::Lane;
use shared::limits::Standing;
use shared::message::{NewMessage, Status};
use shared::store::intake;

use crate::accept::{self, Origin, SendRequest};
use crate::accept_batch::{self, Batch, CheckedBatch};
use crate::app::App;
use crate::auth::{Caller, MaySend};
use crate::country_rules;
use crate::extract::{Json, LargeJson};
use crate::idempotency::{Answer, IdempotencyKey, Once};
use crate::intake::IntakeError;
use crate::key_limits;
use crate::measures::Measures;
use crate::otp::guarded;
use crate::outcomes::Waited;
use crate::prefer::Prefer;
use crate::problem::Problem;
use crate::rate_limit::Limited;
use crate::streamed::aside;
use crate::trace::Trace;

/// How long a batch waits for its turn. With the database away a turn lasts as long as a connection is
/// waited for, and those far back would wait for minutes.
const TURN_PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize, Deserialize)]
struct Accepted {
    message_id: MessageId,
    status: Status,
}

/// One message to one person.
pub(super) async fn send_transactional(
    State(app): State<App>,
    caller: Caller<MaySend>,
    key: IdempotencyKey,
    prefer: Prefer,
    trace: Trace,
    Json { value: request, raw }: Json<SendRequest>,
) -> Result<impl IntoResponse, Problem> {
    let template = match &request.template {
        Some(name) => app.templates.find(&app.pool, name, None).await?,
        None => None,
    };
    let lane = Lane::Transactional;
    let origin = Origin { lane, key: caller.key, batch: None, trace: trace.parent(), now: app.clock.now() };
    let is_guarded = request.guarded == Some(true);
    let message = accept::check(request, template.as_deref(), &app.reach, origin)?;
    country_rules::allow(app.rules.in_force(&app.pool).await?.as_deref(), &message)?;
    let (due_at, answer) =
        (message.due_at, Answer::accepted(&Accepted { message_id: message.id, status: Status::Queued })?);
    let once = Once::of(&caller, &key, "POST /sms/send-transactional", &raw)?;
    let (answer, standings) = match is_guarded {
        false => store(&app, &once, message, answer, &trace).await?,
        // Boxed, as few are.
        true => Box::pin(guarded::store(&app, &once, message, &trace, accepted)).await?,
    };
    drop(trace);
    Ok(Limited(standings, with_outcome(&app, prefer, due_at, answer).await?))
}

fn accepted(message_id: MessageId, status: Status) -> serde_json::Result<Answer> {
    Answer::accepted(&Accepted { message_id, status })
}

/// Stores one message, once for each `Idempotency-Key`: gives `answer`, or that which was given before.
pub(super) async fn store(
    app: &App,
    once: &Once<'_>,
    message: NewMessage,
    answer: Answer,
    trace: &Trace,
) -> Result<(Answer, Vec<Standing>), Problem> {
    let lane = message.lane;
    if once.key.is_absent() {
        let standings = key_limits::count(app, once.caller.key, 1).await?;
        trace.message(message.id);
        app.intake.store(message).await?;
        app.accepted(lane, 1, trace);
        return Ok((answer, standings));
    }
    let (limits, mut standings) = (key_limits::limits(app).await?, Vec::new());
    // Boxed: requests without a key, most of them, need not carry the room for this.
    let answer = Box::pin(once.run(&app.pool, async |db| {
        standings = key_limits::count_within(db, &limits, once.caller.key, 1).await?;
        trace.message(message.id);
        intake::insert(db, &[&message]).await?;
        Ok::<_, Problem>(answer)
    }))
    .await?;
    app.committed(lane, 1, &answer, trace);
    Ok((answer, standings))
}

/// Waits for the outcome if the caller would, also when the answer is a repeated one; what is stored is the answer without
/// it.
async fn with_outcome(
    app: &App,
    prefer: Prefer,
    due_at: Option<DateTime<Utc>>,
    answer: Answer,
) -> Result<(Waited, Answer), Problem> {
    let Some(patience) = prefer.wait() else { return Ok((Waited::default(), answer)) };
    if due_at.is_some_and(|due_at| due_at > app.clock.now() + patience) {
        return Ok((Waited::in_vain(prefer), answer));
    }
    let accepted: Accepted = answer.read()?;
    // Boxed, as few requests wait.
    let waited = Box::pin(Waited::for_message(&app.outcomes, prefer, accepted.message_id)).await;
    let answer = match &waited.outcome {
        Some(outcome) => answer.saying(&Accepted { status: outcome.status, ..accepted })?,
        None => answer,
    };
    Ok((waited, answer))
}

/// Up to 10,000 messages, committed together.
pub(super) async fn send_batch(
    State(app): State<App>,
    caller: Caller<MaySend>,
    key: IdempotencyKey,
    trace: Trace,
    LargeJson { raw, place: _place }: LargeJson,
) -> Result<Limited<Answer>, Problem> {
    let turn = tokio::time::timeout(TURN_PATIENCE, app.batches.acquire()).await;
    let _turn = turn.map_err(|_| IntakeError::Full)?.map_err(|error| Problem::internal(&error))?;
    let text = raw.clone();
    let batch = aside(move || Batch::parse(&text)).await??;
    let mut templates = HashMap::new();
    for name in batch.templates() {
        if let Some(template) = app.templates.find(&app.pool, &name, None).await? {
            templates.insert(name, template);
        }
    }
    let rules = app.rules.in_force(&app.pool).await?;
    let (now, reach, parent) = (app.clock.now(), app.reach.clone(), trace.parent().map(str::to_owned));
    let checked = aside(move || {
        let id = BatchId::new(now);
        let origin =
            Origin { lane: batch.lane(), key: caller.key, batch: Some(id), trace: parent.as_deref(), now };
        batch.check(id, &templates, &reach, rules.as_deref(), origin)
    });
    let CheckedBatch { lane, messages, answer: told } = checked.await?;
    let (limits, mut standings) = (key_limits::limits(&app).await?, Vec::new());
    let answer = Answer::accepted(&told)?;
    let once = Once::of(&caller, &key, "POST /sms/send-batch", &raw)?;
    let answer = once
        .run(&app.pool, async |db| {
            standings = key_limits::count_within(db, &limits, caller.key, told.accepted).await?;
            accept_batch::store(db, &messages).await?;
            Ok::<_, Problem>(answer)
        })
        .await?;
    app.committed(lane, told.accepted, &answer, &trace);
    told.refusals().for_each(Measures::refused);
    Ok(Limited(standings, answer))
}
