//! What an operator is told who cannot have a page.

use askama::Template;
use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Response, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect};
use shared::operator::Role;
use tower_http::csrf::ProtectionError;

use super::page;
use crate::problem::Problem;

/// Why a page is not shown.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Nobody is signed in; afterwards the page that was asked for is shown.
    SignInFirst(Option<Uri>),
    /// The page is not for this operator.
    RoleTooSmall {
        /// What they are.
        has: Role,
        /// What they would have to be.
        needs: Role,
    },
    /// As the API refuses it.
    Problem(Box<Problem>),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Problem::from(error).into()
    }
}

#[derive(Template)]
#[template(path = "console/refusal.html")]
struct RefusalPage {
    title: String,
    text: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        match self {
            Self::SignInFirst(wanted) => {
                let wanted = wanted.and_then(|uri| Some(uri.path_and_query()?.to_string()));
                let query = wanted.map(|next| {
                    let mut query = form_urlencoded::Serializer::for_suffix(String::from("?"), 1);
                    query.append_pair("next", &next).finish()
                });
                Redirect::to(&format!("/console/sign-in{}", query.unwrap_or_default())).into_response()
            }
            Self::RoleTooSmall { has, needs } => say(
                StatusCode::FORBIDDEN,
                "This page is not open to you",
                format!(
                    "Your role is {}; it takes {}. A super admin can change it.",
                    has.title(),
                    needs.title()
                ),
            ),
            Self::Problem(problem) => tell(&problem),
        }
    }
}

fn tell(problem: &Problem) -> Response<Body> {
    if let Some(cause) = problem.cause() {
        tracing::warn!(cause, "a page of the console could not be shown");
    }
    let faults: String =
        problem.errors().iter().map(|fault| format!(" {}: {}.", fault.field, fault.message)).collect();
    say(problem.status(), problem.title(), format!("{}{faults}", problem.detail()))
}

/// An answer to whoever must wait so many seconds.
pub(super) fn wait(seconds: u64) -> Response<Body> {
    let text = format!(
        "There were too many tries to sign in. Please wait {} min and try again.",
        seconds.div_ceil(60)
    );
    let mut response = say(StatusCode::TOO_MANY_REQUESTS, "Too many tries", text);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// An answer to what another site made a browser send.
pub(super) fn forged(_: ProtectionError) -> Response<Body> {
    let text = "It came from a page of another site. Nothing was changed. Open the console and do it there.";
    say(StatusCode::FORBIDDEN, "This request did not come from the console", text.to_owned())
}

fn say(status: StatusCode, title: &str, text: String) -> Response<Body> {
    page::respond(status, &RefusalPage { title: title.to_owned(), text })
}
