//! `POST /sms/campaigns/{id}/test`: the campaign's text to one number, outside of the campaign.

use shared::campaign;
use shared::ids::MessageId;
use shared::lane::Lane;
use shared::message::{Body, NewMessage, Status};

use super::*;
use crate::routes::sms;
use crate::trace::Trace;

/// To whom, and what is filled in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct TestRequest {
    to: String,
    #[serde(default)]
    variables: Map<String, Value>,
}

#[derive(Serialize)]
struct Sent {
    message_id: MessageId,
    status: Status,
    text: String,
}

/// Sends the text to one number.
pub(in crate::routes) async fn send_test(
    State(app): State<App>,
    caller: Caller<MaySend>,
    Path(id): Path<CampaignId>,
    key: IdempotencyKey,
    trace: Trace,
    Json { value: request, raw }: Json<TestRequest>,
) -> Result<impl IntoResponse, Problem> {
    let campaign = find(&mut *app.pool.acquire().await?, id).await?;
    let message = test_message(&app, &caller, &campaign, request, &trace)?;
    let text = match &message.body {
        Body::Clear(text) => text.clone(),
        Body::Sealed(_) => String::new(),
    };
    let answer = Answer::accepted(&Sent { message_id: message.id, status: Status::Queued, text })?;
    let once = Once::of(&caller, &key, "POST /sms/campaigns/{id}/test", &raw)?;
    let (answer, standings) = sms::store(&app, &once, message, answer, &trace).await?;
    Ok(crate::rate_limit::Limited(standings, answer))
}

fn test_message(
    app: &App,
    caller: &Caller<MaySend>,
    campaign: &Campaign,
    request: TestRequest,
    trace: &Trace,
) -> Result<NewMessage, Problem> {
    let text = campaign::CampaignText::compile(&campaign.text).map_err(|error| Problem::internal(&error))?;
    let to = app.reach.phone(&request.to).map_err(|fault| Problem::field("to", fault.to_string()))?;
    app.reach.allow("to", &to)?;
    let enlisted = campaign::enlist(&text, &app.reach.allowed, &links(app), &to, request.variables)
        .map_err(|error| Problem::field("variables", error.to_string()))?;
    let now = app.clock.now();
    Ok(NewMessage {
        id: MessageId::new(now),
        // A test is looked at by who waits for it.
        lane: Lane::Transactional,
        due_at: None,
        expires_at: now + Lane::Transactional.lifetime(),
        to: enlisted.recipient.phone,
        body: Body::Clear(enlisted.text),
        segments: enlisted.recipient.segments,
        sender: campaign.sender.clone(),
        template: campaign.template.clone(),
        variables: campaign.template.as_ref().and(enlisted.recipient.variables),
        hint: campaign.provider_hint.clone(),
        preferred: None,
        at_most_once: false,
        user_id: None,
        api_key_id: Some(caller.key),
        session_id: None,
        batch_id: None,
        campaign_id: None,
        trace: trace.parent().map(str::to_owned),
    })
}
