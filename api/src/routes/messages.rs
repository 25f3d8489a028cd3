//! `GET /sms/messages`, `GET /sms/messages/{id}`, `POST /sms/messages/{id}/cancel`.

use axum::extract::State;
use axum::http::header::LINK;
use axum::response::{AppendHeaders, IntoResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::ids::{BatchId, CampaignId, MessageId, SessionId};
use shared::lane::Lane;
use shared::message::Status;
use shared::phone::PhoneNumber;
use shared::store::guard;
use shared::store::messages::{self, Cancel, Filter, ListedAttempt, Message, Stretch};
use shared::store::receipts;

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayReadOwn, MaySend, Who};
use crate::extract::{Path, Query};
use crate::fields::{self, Faults};
use crate::problem::Problem;

const USUAL_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;
pub(super) const LIMITS: (u16, u16) = (USUAL_LIMIT, MAX_LIMIT);
/// Messages one page looks at. A filter that few pass gives short pages, even empty ones, with a
/// cursor to go on: so the cost of a page does not grow with the log.
const MAX_LOOKED_AT: i64 = 50_000;

/// Which messages to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListRequest {
    /// Where the page before ended.
    cursor: Option<String>,
    limit: Option<u16>,
    status: Option<Status>,
    lane: Option<Lane>,
    to: Option<String>,
    user_id: Option<String>,
}

/// A page of messages. There are more exactly as long as there is a `next_cursor`.
#[derive(Serialize)]
struct Page {
    messages: Vec<MessageView>,
    next_cursor: Option<MessageId>,
}

/// A message as its reader sees it.
#[derive(Serialize)]
struct MessageView {
    message_id: MessageId,
    status: Status,
    lane: Lane,
    to: String,
    text: Option<String>,
    user_id: Option<String>,
    provider_name: Option<String>,
    reason: Option<String>,
    segments: i16,
    attempt_count: i16,
    copies: i16,
    sender: Option<String>,
    template: Option<String>,
    session_id: Option<SessionId>,
    batch_id: Option<BatchId>,
    campaign_id: Option<CampaignId>,
    created_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<Message> for MessageView {
    fn from(message: Message) -> Self {
        Self {
            created_at: message.id.created_at(),
            message_id: message.id,
            status: message.status,
            lane: message.lane,
            to: message.to,
            text: message.text,
            user_id: message.user_id,
            provider_name: message.provider_name,
            reason: message.reason,
            segments: message.segments,
            attempt_count: message.attempts,
            copies: message.copies,
            sender: message.sender,
            template: message.template,
            session_id: message.session_id,
            batch_id: message.batch_id,
            campaign_id: message.campaign_id,
            due_at: message.due_at,
            expires_at: message.expires_at,
            finished_at: message.finished_at,
        }
    }
}

/// A message with every provider call made for it.
#[derive(Serialize)]
pub(super) struct MessageDetail {
    #[serde(flatten)]
    message: MessageView,
    attempts: Vec<ListedAttempt>,
    /// When the receipt came that moved it last.
    receipt_at: Option<DateTime<Utc>>,
    /// The vendor's code in it.
    receipt_code: Option<String>,
}

/// Lists messages, newest first.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller<MayReadOwn>,
    Query(request): Query<ListRequest>,
) -> Result<impl IntoResponse, Problem> {
    let limit = request.limit.unwrap_or(USUAL_LIMIT);
    let (filter, before) = filter(&app, &caller.who, &request, limit)?;
    let Found { messages, next_cursor } = find(&app, &filter, before, limit).await?;
    let link = next_cursor.map(|cursor| (LINK, next_link(cursor, limit, &filter)));
    let messages = messages.into_iter().map(MessageView::from).collect();
    Ok((AppendHeaders(link), axum::Json(Page { messages, next_cursor })))
}

/// A page of messages as they were found. There are more exactly as long as there is a `next_cursor`.
pub(crate) struct Found {
    pub(crate) messages: Vec<Message>,
    pub(crate) next_cursor: Option<MessageId>,
}

/// Finds up to `limit` messages older than `before`, newest first, at a cost that does not grow with the log.
pub(crate) async fn find(
    app: &App,
    filter: &Filter,
    before: Option<MessageId>,
    limit: u16,
) -> sqlx::Result<Found> {
    let since = match *filter == Filter::default() {
        true => None,
        false => messages::find_since(&app.pool, before, MAX_LOOKED_AT).await?,
    };
    // One more than is shown tells whether there is a next page.
    let mut found =
        messages::list(&app.pool, filter, Stretch { before, since }, i64::from(limit) + 1).await?;
    let has_more = found.len() > usize::from(limit);
    found.truncate(usize::from(limit));
    let next_cursor = if has_more { found.last().map(|message| message.id) } else { since };
    Ok(Found { messages: found, next_cursor })
}

/// What is asked for; of a user never more than their own messages.
fn filter(
    app: &App,
    who: &Who,
    request: &ListRequest,
    limit: u16,
) -> Result<(Filter, Option<MessageId>), Problem> {
    let mut faults = Faults::default();
    if !(1..=MAX_LIMIT).contains(&limit) {
        faults.note("limit", format_args!("must be 1 to {MAX_LIMIT}"));
    }
    // The + of a number that was not escaped arrives as a space.
    let to = request.to.as_ref().map(|text| match text.strip_prefix(' ') {
        Some(digits) => format!("+{digits}"),
        None => text.clone(),
    });
    let to = faults.take("to", to.map(|text| app.reach.phone(&text)).transpose());
    let user_id = faults.take("user_id", request.user_id.clone().map(fields::user_id).transpose());
    let user_id = match (who.user(), user_id) {
        (Some(user), Some(asked)) if asked.as_deref().is_none_or(|asked| asked == user) => {
            Some(Some(user.to_owned()))
        }
        (Some(_), Some(_)) => {
            faults.note("user_id", "must be your own, the subject of your token, or left out");
            None
        }
        (_, user_id) => user_id,
    };
    let before = request.cursor.as_ref().map(|cursor| cursor.parse::<MessageId>());
    let before = faults.take("cursor", before.transpose().map_err(|_| "is not one that we gave"));
    let (Some(to), Some(user_id), Some(before), true) = (to, user_id, before, faults.is_empty()) else {
        return Err(Refusal::from(faults).into());
    };
    let to = to.map(|phone| phone.as_str().to_owned());
    // What became of a code tells of the number it was sent to, which may be anybody's.
    let without_codes = who.user().is_some();
    Ok((Filter { status: request.status, lane: request.lane, to, user_id, without_codes }, before))
}

fn next_link(cursor: MessageId, limit: u16, filter: &Filter) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("cursor", &cursor.to_string()).append_pair("limit", &limit.to_string());
    let filters = [
        ("status", filter.status.map(Status::as_str)),
        ("lane", filter.lane.map(Lane::as_str)),
        ("to", filter.to.as_deref()),
        ("user_id", filter.user_id.as_deref()),
    ];
    for (name, value) in filters {
        query.extend_pairs(value.map(|value| (name, value)));
    }
    format!("</sms/messages?{}>; rel=\"next\"", query.finish())
}

/// Shows one message, with every provider call made for it.
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller<MayReadOwn>,
    Path(id): Path<MessageId>,
) -> Result<axum::Json<MessageDetail>, Problem> {
    let message = messages::find(&app.pool, id).await?;
    let message = message.filter(|message| caller.who.may_see(message.user_id.as_deref()));
    let message = message.filter(|message| caller.who.user().is_none() || message.lane != Lane::Otp);
    let message = message.ok_or_else(no_such_message)?;
    let attempts = messages::list_attempts(&app.pool, id).await?;
    let receipt = receipts::find_last(&app.pool, id).await?;
    let (receipt_at, receipt_code) =
        receipt.map_or((None, None), |last| (last.receipt_at, last.receipt_code));
    Ok(axum::Json(MessageDetail { message: message.into(), attempts, receipt_at, receipt_code }))
}

#[derive(Serialize)]
pub(super) struct Cancelled {
    message_id: MessageId,
    status: Status,
}

/// Cancels a message that still waits. After this answer it is not sent.
pub(super) async fn cancel(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(id): Path<MessageId>,
) -> Result<axum::Json<Cancelled>, Problem> {
    let mut db = app.pool.acquire().await?;
    match messages::cancel(&mut db, id).await? {
        Cancel::Done(status) => Ok(axum::Json(Cancelled { message_id: id, status })),
        Cancel::Refused(status) => Err(Problem::not_cancellable(status)),
        Cancel::Unknown => Err(no_such_message()),
    }
}

/// What was reported.
#[derive(Serialize)]
pub(super) struct Converted {
    message_id: MessageId,
    converted: bool,
}

/// Takes the report that the code in a guarded text was typed in.
pub(super) async fn converted(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(id): Path<MessageId>,
) -> Result<axum::Json<Converted>, Problem> {
    let outlook = app.guard.outlook(&app.pool).await?;
    let mut tx = app.pool.begin().await?;
    let message = messages::find(&mut *tx, id).await?.ok_or_else(no_such_message)?;
    if !guard::report(&mut tx, &outlook, id, PhoneNumber::stored(message.to)).await? {
        return Err(Problem::not_found("this message was not sent with guarded: true"));
    }
    tx.commit().await?;
    Ok(axum::Json(Converted { message_id: id, converted: true }))
}

fn no_such_message() -> Problem {
    Problem::not_found("there is no such message")
}
