//! `POST /webhooks/{provider}/status` and `/webhooks/{provider}/inbound`: what vendors tell us, believed only with
//! their signature.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use chrono::SubsecRound as _;
use shared::ids::{ApiKeyId, MessageId};
use shared::lane::Lane;
use shared::message::{Body, NewMessage};
use shared::provider::twilio::webhook;
use shared::store::inbound::{self, CarriedOut, Inbound, Wish};
use shared::store::{consents, receipts};
use shared::text::SenderId;

use crate::app::App;
use crate::extract::{Form, Path};
use crate::fields;
use crate::measures::WebhookMeasures;
use crate::problem::Problem;
use crate::signers::Signed;

const SIGNATURE: &str = "x-twilio-signature";
/// 47 CFR 64.1200(a)(12): within five minutes.
const CONFIRMATION_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Nothing to say back: the sender of the text gets no answer from us.
const NO_REPLY: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";

/// Takes a receipt. `204` also for what is not new or not known: the vendor need not tell us again.
pub(super) async fn status(
    State(app): State<App>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Form(fields): Form,
) -> Result<StatusCode, Problem> {
    let measures = check(&app, &provider, "status", query.as_deref(), &headers, &fields).await?;
    let receipt = message_id(query.as_deref()).and_then(|id| webhook::receipt(&provider, id, &fields));
    if let Some(receipt) = receipt {
        let applied = receipts::apply(&app.pool, &receipt).await?;
        measures.receipt(receipt.status);
        if applied.settled > 0 {
            app.measures.settled_by_receipt.increment(1);
        }
    }
    let stops = webhook::stops(&provider, &fields);
    if !stops.is_empty() {
        let mut db = app.pool.acquire().await?;
        consents::record(&mut db, &stops).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a text that somebody sent to one of our numbers. Once this has answered, a stop holds.
pub(super) async fn inbound(
    State(app): State<App>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Form(fields): Form,
) -> Result<impl IntoResponse, Problem> {
    let measures = check(&app, &provider, "inbound", query.as_deref(), &headers, &fields).await?;
    if let Some(text) = webhook::inbound(&fields) {
        let mut db = app.pool.acquire().await?;
        let confirmation = confirmation(&app, &provider, &text);
        let people = app.keyring.people();
        let done = inbound::carry_out(&mut db, people, &provider, &text, confirmation.as_ref()).await?;
        if done == CarriedOut::Confirmed {
            app.wake.notify(Lane::Transactional);
            app.measures.accepted(Lane::Transactional, 1);
        }
    }
    measures.inbound.increment(1);
    Ok(([(CONTENT_TYPE, "text/xml; charset=utf-8")], NO_REPLY))
}

/// What tells a person that their stop was heard: from the number they wrote to, by the provider they wrote by, and soon
/// or not at all.
fn confirmation(app: &App, provider: &str, text: &Inbound) -> Option<NewMessage> {
    let reply = app.stop_reply.as_ref().filter(|_| text.wish == Wish::Stop)?;
    let now = app.clock.now();
    let number = text.to.iter().find_map(|stop| SenderId::parse(stop.sender()).ok());
    Some(NewMessage {
        id: MessageId::new(now),
        lane: Lane::Transactional,
        due_at: None,
        expires_at: now.trunc_subsecs(3) + CONFIRMATION_LIFETIME,
        to: text.from.as_str().to_owned(),
        body: Body::Clear(reply.as_str().to_owned()),
        segments: i16::try_from(reply.segments().count).unwrap_or(i16::MAX),
        sender: number.map(|number| number.as_str().to_owned()),
        template: None,
        variables: None,
        hint: Some(provider.to_owned()),
        preferred: None,
        at_most_once: true,
        user_id: None,
        api_key_id: Some(ApiKeyId::USERS),
        session_id: None,
        batch_id: None,
        campaign_id: None,
        trace: None,
    })
}

async fn check(
    app: &App,
    provider: &str,
    door: &'static str,
    query: Option<&str>,
    headers: &HeaderMap,
    fields: &[(String, String)],
) -> Result<WebhookMeasures, Problem> {
    fields::provider(provider.to_owned())
        .map_err(|_| Problem::not_found("no provider can have this name"))?;
    let signature = headers.get(SIGNATURE).map(HeaderValue::as_bytes);
    let request = Signed { provider, door, query, fields, signature };
    app.signers.check(&app.pool, &app.keyring, &request).await
}

/// The message that a receipt is for, as the callback's address names it.
fn message_id(query: Option<&str>) -> Option<MessageId> {
    let mut pairs = form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(name, _)| name == "message_id").and_then(|(_, id)| id.parse().ok())
}
