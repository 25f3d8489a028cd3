//! `POST /webhooks/{provider}/status` and `/webhooks/{provider}/inbound`: what vendors tell us, believed only with
//! their signature.

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use shared::ids::MessageId;
use shared::provider::twilio::webhook;
use shared::store::receipts;
use shared::store::{consents, inbound};

use crate::app::App;
use crate::extract::{Form, Path};
use crate::fields;
use crate::measures::WebhookMeasures;
use crate::problem::Problem;
use crate::signers::Signed;

const SIGNATURE: &str = "x-twilio-signature";
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
        inbound::carry_out(&mut db, &provider, &text).await?;
    }
    measures.inbound.increment(1);
    Ok(([(CONTENT_TYPE, "text/xml; charset=utf-8")], NO_REPLY))
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
