//! What the codes of one purpose allow.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use shared::otp_policy::Purpose;
use shared::store::otp_policies::{self, PolicyRow};

use super::{HERE, back};
use crate::app::App;
use crate::console::form::{Faults, Values};
use crate::console::operator::{Admin, Operator};
use crate::console::page::{self, Frame};
use crate::console::refusal::Refusal;
use crate::extract::{self, Form, Path};
use crate::otp_settings::WantedPolicy;
use crate::problem::Problem;

const TEXTS: [&str; 3] = ["resend", "template", "origin"];
const NUMBERS: [&str; 6] = [
    "code_length",
    "lifetime_seconds",
    "max_attempts",
    "cool_down_seconds",
    "max_sends",
    "send_window_seconds",
];

#[derive(Template)]
#[template(path = "console/purpose.html")]
struct PurposePage {
    frame: Frame,
    purpose: Purpose,
    values: Values,
    faults: Faults,
}

/// Shows the form of a purpose.
pub(super) async fn show(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(purpose): Path<String>,
) -> Result<Response<Body>, Refusal> {
    let purpose = parse(&purpose)?;
    let rows = otp_policies::list_policies(&app.pool).await?;
    let row = rows.into_iter().find(|row| row.purpose == purpose.as_str()).ok_or_else(no_such_purpose)?;
    let frame = Frame::new(&app, &operator, HERE);
    let page = PurposePage { frame, purpose, values: filled(&row), faults: Faults::default() };
    Ok(page::respond(StatusCode::OK, &page))
}

/// Stores what a purpose allows; sessions that run keep what they were started with.
pub(super) async fn save(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(purpose): Path<String>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let purpose = parse(&purpose)?;
    let values = Values::from(sent);
    let row = match read(purpose, &values) {
        Ok(row) => row,
        Err(problem) => {
            let status = problem.status();
            let (frame, faults) = (Frame::new(&app, &operator, HERE), Faults::try_from(problem)?);
            return Ok(page::respond(status, &PurposePage { frame, purpose, values, faults }));
        }
    };
    let mut tx = app.pool.begin().await?;
    otp_policies::replace_policy(&mut *tx, &row).await?;
    let detail = serde_json::to_value(&row).ok();
    operator.record(&mut *tx, "otp_purpose.change", purpose.as_str(), detail).await?;
    tx.commit().await?;
    app.policies.forget();
    Ok(back("purposes"))
}

fn read(purpose: Purpose, values: &Values) -> Result<PolicyRow, Problem> {
    let document = serde_json::Value::Object(values.document(&TEXTS, &NUMBERS));
    extract::parse::<WantedPolicy>(document.to_string().as_bytes())?.check(purpose)
}

fn filled(row: &PolicyRow) -> Values {
    let mut values = Values::default();
    for (name, number) in [
        ("code_length", i32::from(row.code_length)),
        ("lifetime_seconds", row.lifetime_seconds),
        ("max_attempts", i32::from(row.max_attempts)),
        ("cool_down_seconds", row.cool_down_seconds),
        ("max_sends", i32::from(row.max_sends)),
        ("send_window_seconds", row.send_window_seconds),
    ] {
        values.set(name, number.to_string());
    }
    values.set("resend", row.resend.as_str());
    values.set("template", row.template.as_str());
    values.set("origin", row.origin.as_deref().unwrap_or_default());
    values
}

fn parse(purpose: &str) -> Result<Purpose, Problem> {
    purpose.parse().map_err(|_| no_such_purpose())
}

fn no_such_purpose() -> Problem {
    Problem::not_found("there is no such purpose")
}
