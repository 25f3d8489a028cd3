//! How often codes may be sent, and to whom: forms of one line each.

use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use serde_json::Value;
use shared::store::otp_policies::{self, LimitRow};

use super::{back, refuse};
use crate::app::App;
use crate::console::form::Values;
use crate::console::operator::{Admin, Operator};
use crate::console::refusal::Refusal;
use crate::extract::{self, Form};
use crate::otp_settings::WantedLimit;
use crate::problem::Problem;

/// Stores a limit, in place of one of the same name.
pub(super) async fn save(
    State(app): State<App>,
    operator: Operator<Admin>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let values = Values::from(sent);
    let row = match read(&app, &values).await {
        Ok(row) => row,
        Err(problem) => return refuse(&app, &operator, values, problem).await,
    };
    let mut tx = app.pool.begin().await?;
    otp_policies::replace_limit(&mut *tx, &row).await?;
    let detail = serde_json::to_value(&row).ok();
    operator.record(&mut *tx, "otp_limit.change", &row.name, detail).await?;
    tx.commit().await?;
    app.policies.forget();
    Ok(back("limits"))
}

/// What the form asks for; another limit cannot be called as one that is there.
async fn read(app: &App, values: &Values) -> Result<LimitRow, Problem> {
    let document = Value::Object(values.document(&["kind"], &["most", "per_seconds"]));
    let wanted = extract::parse::<WantedLimit>(document.to_string().as_bytes())?;
    let row = wanted.check(values.get("name").to_owned())?;
    if values.has("is_new") {
        let taken = otp_policies::list_limits(&app.pool).await?.iter().any(|one| one.name == row.name);
        if taken {
            return Err(Problem::field("name", "is taken: change that limit, or choose another name"));
        }
    }
    Ok(row)
}

/// Removes a limit.
pub(super) async fn delete(
    State(app): State<App>,
    operator: Operator<Admin>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let values = Values::from(sent);
    let name = values.get("name");
    let mut tx = app.pool.begin().await?;
    if !otp_policies::delete_limit(&mut *tx, name).await? {
        return Err(Problem::not_found("there is no such limit").into());
    }
    operator.record(&mut *tx, "otp_limit.remove", name, None).await?;
    tx.commit().await?;
    app.policies.forget();
    Ok(back("limits"))
}
