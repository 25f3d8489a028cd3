//! The sandbox inbox: messages as telephones would show them, with codes. In development alone.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use shared::config::Environment;
use shared::store::sandbox_inbox::{self, InboxMessage};

use super::operator::{Operator, Viewer};
use super::page::{self, Frame, Moment};
use super::refusal::Refusal;
use crate::app::App;
use crate::extract::Query;
use crate::problem::Problem;

const PAGE: i64 = 50;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "console/inbox.html")]
struct InboxPage {
    frame: Frame,
    bubbles: Vec<Bubble>,
    older: Option<i64>,
}

/// A message on a telephone.
struct Bubble {
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

/// Shows the inbox.
pub(super) async fn show(
    State(app): State<App>,
    operator: Operator<Viewer>,
    Query(wanted): Query<Wanted>,
) -> Result<Response<Body>, Refusal> {
    match app.environment {
        Environment::Development => {}
        Environment::Production => {
            return Err(Problem::not_found("the sandbox inbox exists in development alone").into());
        }
    }
    let found = sandbox_inbox::list(&app.pool, wanted.before, PAGE).await?;
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == PAGE);
    let older = found.last().filter(|_| is_full).map(|last| last.id);
    let bubbles = found.into_iter().map(Bubble::from).collect();
    let frame = Frame::new(&app, &operator, "/console/inbox");
    Ok(page::respond(StatusCode::OK, &InboxPage { frame, bubbles, older }))
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
