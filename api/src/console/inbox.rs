//! The sandbox inbox: messages as telephones would show them, with codes. In development alone.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use shared::config::Environment;
use shared::store::sandbox_inbox::{self, InboxMessage};

use super::live::{self, Watcher};
use super::operator::{Operator, Viewer};
use super::page::{self, Frame, Moment, Place, ROWS};
use super::refusal::Refusal;
use crate::app::App;
use crate::extract::Query;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/inbox.html")]
struct InboxPage {
    frame: Frame,
    bubbles: Vec<Bubble>,
    older: Option<i64>,
    is_newest: bool,
}

/// The part that stays fresh.
#[derive(Template)]
#[template(path = "console/inbox_bubbles.html")]
struct Bubbles {
    bubbles: Vec<Bubble>,
    older: Option<i64>,
}

/// A message on a telephone.
struct Bubble {
    id: i64,
    at: Moment,
    to: String,
    sender: String,
    text: String,
    /// The code in it, to be copied.
    code: Option<String>,
}

impl From<InboxMessage> for Bubble {
    fn from(message: InboxMessage) -> Self {
        let is_code = message.lane == "otp";
        Self {
            id: message.id,
            at: message.received_at.into(),
            code: is_code.then(|| code(&message.text)).flatten(),
            to: message.to,
            sender: message.sender.unwrap_or_else(|| "smsgw".to_owned()),
            text: message.text,
        }
    }
}

/// The first run of digits that is as long as our codes are.
fn code(text: &str) -> Option<String> {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.into_iter().find(|run| (4..=10).contains(&run.len())).map(str::to_owned)
}

/// Shows the inbox; its newest page stays fresh.
pub(super) async fn show(
    State(app): State<App>,
    operator: Operator<Viewer>,
    Query(place): Query<Place>,
) -> Result<Response<Body>, Refusal> {
    is_there(&app)?;
    let (bubbles, older) = list(&app, place.before).await?;
    let frame = Frame::new(&app, &operator, "/console/inbox");
    let is_newest = place.before.is_none();
    Ok(page::respond(StatusCode::OK, &InboxPage { frame, bubbles, older, is_newest }))
}

/// Sends the newest page again whenever it changes.
pub(super) async fn watch(
    State(app): State<App>,
    watcher: Watcher<Viewer>,
) -> Result<Response<Body>, Refusal> {
    is_there(&app)?;
    Ok(live::stream(app, watcher, live::OFTEN, |app| async move {
        let (bubbles, older) = list(&app, None).await?;
        page::fragment(&Bubbles { bubbles, older })
    }))
}

fn is_there(app: &App) -> Result<(), Problem> {
    match app.environment {
        Environment::Development => Ok(()),
        Environment::Production => Err(Problem::not_found("the sandbox inbox exists in development alone")),
    }
}

async fn list(app: &App, before: Option<i64>) -> sqlx::Result<(Vec<Bubble>, Option<i64>)> {
    let found = sandbox_inbox::list(&app.pool, before, ROWS).await?;
    let older = page::older(&found, |row| row.id);
    Ok((found.into_iter().map(Bubble::from).collect(), older))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_text_is_its_first_long_run_of_digits() {
        assert_eq!(code("Your code is 012345. It is valid for 10 minutes."), Some("012345".to_owned()));
        assert_eq!(code("In 10 minutes: 12345678\n@shop.example #12345678"), Some("12345678".to_owned()));
        assert_eq!(code("No code in 3 words"), None);
    }
}
