//! A provider's own test: one real message through it alone, past queue and route.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde_json::json;
use shared::lane::Lane;
use shared::provider::catalogue::{Catalogue, ProviderSettings};
use shared::provider::trial::{Trial, Tried};
use shared::store::integrations;

use super::HERE;
use super::providers::no_such_provider;
use crate::app::App;
use crate::console::form::Values;
use crate::console::operator::{Admin, Operator};
use crate::console::page::{self, Frame};
use crate::console::refusal::Refusal;
use crate::extract::{Form, Path};
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/provider_trial.html")]
struct TrialPage {
    frame: Frame,
    name: String,
    to: String,
    /// None if the provider took it.
    fault: Option<String>,
    facts: Vec<(&'static str, String)>,
}

/// Sends one message by this provider and shows what it answered.
pub(super) async fn run(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(name): Path<String>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let values = Values::from(sent);
    let to =
        app.reach.phone(values.get("phone")).map_err(|fault| Problem::field("phone", fault.to_string()))?;
    app.reach.allow("phone", &to).map_err(Problem::from)?;
    let lane: Lane = values.get("lane").parse().unwrap_or(Lane::Transactional);
    let settings = find(&app, &name).await?;
    if !settings.vendor.is_sandbox() && !values.has("is_paid") {
        let fault = "must be ticked: this sends a real message, which costs money";
        return Err(Problem::field("is_paid", fault).into());
    }
    let masked = to.masked();
    let detail = json!({ "to": masked, "lane": lane.as_str() });
    operator.record(&app.pool, "provider.test", &name, Some(detail)).await?;
    let trial = Trial { lane, to, text: None };
    let tried = trial.run(&settings, &app.trials, app.clock.now()).await;
    let tried = tried.map_err(|error| Problem::field("provider", error.to_string()))?;
    let page = TrialPage {
        frame: Frame::new(&app, &operator, HERE),
        to: masked,
        fault: tried.answer.as_ref().err().map(ToString::to_string),
        facts: facts(tried),
        name,
    };
    Ok(page::respond(StatusCode::OK, &page))
}

/// The provider as workers have it, also a disabled one: it is tried before it is put to use.
async fn find(app: &App, name: &str) -> Result<ProviderSettings, Problem> {
    let rows = integrations::list(&app.pool).await?;
    let catalogue = Catalogue::load(&app.providers, &rows, app.keyring.credentials(), app.environment);
    if let Some(broken) = catalogue.broken.iter().find(|broken| broken.name == name) {
        return Err(Problem::field("provider", broken.problem.clone()));
    }
    catalogue.providers.into_iter().find(|one| one.name == name).ok_or_else(no_such_provider)
}

fn facts(tried: Tried) -> Vec<(&'static str, String)> {
    let took = Some(("Time", format!("{} ms", tried.took.as_millis())));
    let facts = match tried.answer {
        Ok(reference) => [
            Some(("Its id", reference.id)),
            reference.status_code.map(|status| ("HTTP status", status.to_string())),
            None,
            took,
        ],
        Err(error) => {
            let answer = error.answer();
            [
                Some(("Reason", answer.reason.to_owned())),
                answer.status_code.map(|status| ("HTTP status", status.to_string())),
                answer.code.as_ref().map(|code| ("Its code", code.clone())),
                took,
            ]
        }
    };
    facts.into_iter().flatten().collect()
}
