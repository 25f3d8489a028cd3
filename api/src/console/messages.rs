//! The list of messages: filters, pages, and numbers that are masked unless the role may see them.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use shared::ids::MessageId;
use shared::lane::Lane;
use shared::message::Status;
use shared::operator::Role;
use shared::phone::PhoneNumber;
use shared::store::messages::{Filter, Message};

use super::live::{self, Watcher};
use super::operator::{self, Operator, Viewer};
use super::page::{self, Frame, Moment};
use super::refusal::Refusal;
use crate::app::App;
use crate::extract::Query;
use crate::fields;
use crate::problem::Problem;
use crate::routes::messages;

/// Messages on a page.
const PAGE: u16 = 50;

/// What the form of filters sends. A field that is empty filters nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    status: String,
    lane: String,
    to: String,
    user_id: String,
    cursor: String,
}

#[derive(Template)]
#[template(path = "console/messages.html")]
struct MessagesPage {
    frame: Frame,
    wanted: Wanted,
    fault: Option<String>,
    filtered: bool,
    rows: Vec<Row>,
    older: Option<String>,
}

/// The inside of the table: the part that stays fresh.
#[derive(Template)]
#[template(path = "console/messages_rows.html")]
pub(super) struct Rows {
    rows: Vec<Row>,
    filtered: bool,
    older: Option<String>,
}

/// A message as a row shows it.
struct Row {
    id: MessageId,
    at: Moment,
    to: String,
    lane: Lane,
    text: String,
    status: Status,
    reason: String,
    provider: String,
}

impl Row {
    fn new(message: Message, whole_number: bool) -> Self {
        Self {
            at: message.id.created_at().into(),
            id: message.id,
            to: number(message.to, whole_number),
            lane: message.lane,
            text: message.text.unwrap_or_default(),
            status: message.status,
            reason: message.reason.unwrap_or_default(),
            provider: message.provider_name.unwrap_or_default(),
        }
    }
}

/// A number as this operator may see it.
pub(super) fn number(to: String, whole: bool) -> String {
    if whole { to } else { PhoneNumber::stored(to).masked() }
}

impl MessagesPage {
    fn statuses(&self) -> impl Iterator<Item = (&'static str, bool)> {
        Status::ALL.iter().map(|status| (status.as_str(), status.as_str() == self.wanted.status))
    }

    fn lanes(&self) -> impl Iterator<Item = (&'static str, bool)> {
        Lane::ALL.iter().map(|lane| (lane.as_str(), lane.as_str() == self.wanted.lane))
    }

    /// Where the newest of these messages are sent again; older ones do not change much.
    fn live(&self) -> Option<String> {
        let is_newest = self.wanted.cursor.is_empty();
        is_newest.then(|| address(&self.wanted, "/console/messages/live", None))
    }
}

impl Wanted {
    fn is_filtered(&self) -> bool {
        let Self { status, lane, to, user_id, cursor: _ } = self;
        [status, lane, to, user_id].into_iter().any(|field| !field.is_empty())
    }
}

/// Shows a page of messages; the newest stays fresh.
pub(super) async fn list(
    State(app): State<App>,
    operator: Operator<Viewer>,
    Query(wanted): Query<Wanted>,
) -> Result<Response<Body>, Refusal> {
    let frame = Frame::new(&app, &operator, "/console/messages");
    let (filter, before) = match filter(&app, &wanted) {
        Ok(found) => found,
        Err(fault) => {
            let (filtered, rows) = (wanted.is_filtered(), Vec::new());
            let page = MessagesPage { frame, wanted, fault: Some(fault), filtered, rows, older: None };
            return Ok(page::respond(StatusCode::BAD_REQUEST, &page));
        }
    };
    let found = find(&app, &filter, before, PAGE, operator.who.role, Some(&wanted)).await?;
    let Rows { rows, filtered, older } = found;
    Ok(page::respond(StatusCode::OK, &MessagesPage { frame, wanted, fault: None, filtered, rows, older }))
}

/// Sends the newest page again whenever it changes.
pub(super) async fn watch(
    State(app): State<App>,
    watcher: Watcher<Viewer>,
    Query(wanted): Query<Wanted>,
) -> Result<Response<Body>, Refusal> {
    let (filter, _) = filter(&app, &wanted).map_err(|fault| Problem::field("filter", fault))?;
    let role = watcher.role;
    let every = if wanted.is_filtered() { live::SELDOM } else { live::OFTEN };
    let wanted = Arc::new(wanted);
    Ok(live::stream(app, watcher, every, move |app| {
        let (filter, wanted) = (filter.clone(), wanted.clone());
        async move { page::fragment(&newest(&app, &filter, PAGE, role, Some(&wanted)).await?) }
    }))
}

/// The newest messages as the inside of a table; with `wanted`, it leads to the older ones.
pub(super) async fn newest(
    app: &App,
    filter: &Filter,
    most: u16,
    role: Role,
    wanted: Option<&Wanted>,
) -> sqlx::Result<Rows> {
    find(app, filter, None, most, role, wanted).await
}

async fn find(
    app: &App,
    filter: &Filter,
    before: Option<MessageId>,
    most: u16,
    role: Role,
    wanted: Option<&Wanted>,
) -> sqlx::Result<Rows> {
    let found = messages::find(app, filter, before, most).await?;
    let older = wanted.zip(found.next_cursor);
    let older = older.map(|(wanted, cursor)| address(wanted, "/console/messages", Some(cursor)));
    let row = |message| Row::new(message, operator::sees_numbers(role));
    let rows = found.messages.into_iter().map(row).collect();
    Ok(Rows { rows, filtered: *filter != Filter::default(), older })
}

/// What is asked for, or what is wrong with it.
fn filter(app: &App, wanted: &Wanted) -> Result<(Filter, Option<MessageId>), String> {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let status = given(&wanted.status).map(|text| text.parse()).transpose();
    let lane = given(&wanted.lane).map(|text| text.parse()).transpose();
    let to = given(&wanted.to).map(|text| app.reach.phone(&text)).transpose();
    let user_id = given(&wanted.user_id).map(fields::user_id).transpose();
    let before = given(&wanted.cursor).map(|text| text.parse()).transpose();
    let filter = Filter {
        status: status.map_err(|_| "There is no such status.")?,
        lane: lane.map_err(|_| "There is no such lane.")?,
        to: to.map_err(|fault| format!("The number {fault}."))?.map(|phone| phone.as_str().to_owned()),
        user_id: user_id.map_err(|fault| format!("The user {fault}."))?,
        without_codes: false,
    };
    Ok((filter, before.map_err(|_| "This page is not one that was linked to; begin at the newest.")?))
}

/// Where these messages are found, from `cursor` on.
fn address(wanted: &Wanted, path: &str, cursor: Option<MessageId>) -> String {
    let Wanted { status, lane, to, user_id, cursor: _ } = wanted;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("status", status), ("lane", lane), ("to", to), ("user_id", user_id)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    if let Some(cursor) = cursor {
        query.append_pair("cursor", &cursor.to_string());
    }
    format!("{path}?{}", query.finish())
}
