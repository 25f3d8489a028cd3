//! Settings → SMS & OTP: who sends, what codes allow and how often, and whether it works.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::{get, post};
use shared::limits::Kind;
use shared::otp_policy::Purpose;
use shared::provider::catalogue::ProviderKind;
use shared::store::messages::Filter;
use shared::store::otp_policies::{self, LimitRow, PolicyRow};

use self::providers::Entry;
use super::form::{Faults, Values};
use super::live::{self, Watcher};
use super::messages::{self, Rows};
use super::operator::{Admin, Operator};
use super::page::{self, Frame};
use super::refusal::Refusal;
use crate::app::App;
use crate::problem::Problem;

mod code_test;
mod limits;
mod order;
mod provider_form;
mod provider_trial;
mod providers;
mod purposes;

/// Where this page is.
pub(super) const HERE: &str = "/console/settings/sms-otp";
/// Messages of the preview of the log.
const PREVIEW: u16 = 10;

/// The doors of the settings.
pub(super) fn all() -> Router<App> {
    Router::new()
        .route("/settings/sms-otp", get(lead))
        .route("/console/settings/sms-otp", get(show))
        .route("/console/settings/sms-otp/live", get(watch))
        .route("/console/settings/providers", get(providers::new).post(providers::add))
        .route("/console/settings/providers/{name}", get(providers::show).post(providers::save))
        .route("/console/settings/providers/{name}/move", post(providers::move_before))
        .route("/console/settings/providers/{name}/delete", post(providers::delete))
        .route("/console/settings/providers/{name}/test", post(provider_trial::run))
        .route("/console/settings/purposes/{purpose}", get(purposes::show).post(purposes::save))
        .route("/console/settings/limits", post(limits::save))
        .route("/console/settings/limits/delete", post(limits::delete))
        .route("/console/settings/tests", post(code_test::send))
        .route("/console/settings/tests/{id}", get(code_test::show).post(code_test::check))
        .route("/console/settings/tests/{id}/live", get(code_test::watch))
}

#[derive(Template)]
#[template(path = "console/settings.html")]
struct SettingsPage {
    frame: Frame,
    providers: Vec<Entry>,
    purposes: Vec<PolicyRow>,
    limits: Vec<LimitRow>,
    latest: Rows,
    /// What was sent and cannot be used: a number to test with, or a limit.
    values: Values,
    faults: Faults,
}

impl SettingsPage {
    fn kinds(&self) -> [&'static str; 4] {
        ProviderKind::ALL.map(ProviderKind::as_str)
    }

    fn all_purposes(&self) -> [&'static str; 5] {
        Purpose::ALL.map(Purpose::as_str)
    }

    /// What limits can be counted by; those of purposes are set with them.
    fn limit_kinds(&self) -> impl Iterator<Item = &'static str> {
        Kind::ALL.into_iter().filter(|kind| *kind != Kind::Purpose).map(Kind::as_str)
    }

    /// The providers that carry codes, and so can be tried with one.
    fn senders(&self) -> impl Iterator<Item = &str> {
        self.providers.iter().filter(|one| one.carries_codes).map(|one| one.name.as_str())
    }
}

/// The address that plans and manuals know.
async fn lead() -> Redirect {
    Redirect::to(HERE)
}

/// Shows the page.
async fn show(State(app): State<App>, operator: Operator<Admin>) -> Result<Response<Body>, Refusal> {
    page(&app, &operator, StatusCode::OK, Values::default(), Faults::default()).await
}

/// The page, with a form that was sent and what is wrong with it.
async fn page(
    app: &App,
    operator: &Operator<Admin>,
    status: StatusCode,
    values: Values,
    faults: Faults,
) -> Result<Response<Body>, Refusal> {
    let page = SettingsPage {
        frame: Frame::new(app, operator, HERE),
        providers: providers::list(app).await?,
        purposes: otp_policies::list_policies(&app.pool).await?,
        limits: otp_policies::list_limits(&app.pool).await?,
        latest: messages::newest(app, &Filter::default(), PREVIEW, operator.who.role, None).await?,
        values,
        faults,
    };
    Ok(page::respond(status, &page))
}

/// The page with what is wrong, if the problem is about fields.
async fn refuse(
    app: &App,
    operator: &Operator<Admin>,
    values: Values,
    problem: Problem,
) -> Result<Response<Body>, Refusal> {
    let status = problem.status();
    let faults = Faults::try_from(problem)?;
    page(app, operator, status, values, faults).await
}

/// Sends the preview of the log again whenever it changes.
async fn watch(State(app): State<App>, watcher: Watcher<Admin>) -> Response<Body> {
    let role = watcher.role;
    live::stream(app, watcher, live::OFTEN, move |app| async move {
        page::fragment(&messages::newest(&app, &Filter::default(), PREVIEW, role, None).await?)
    })
}

/// Back to the page, at the part with this id.
fn back(part: &str) -> Response<Body> {
    Redirect::to(&format!("{HERE}#{part}")).into_response()
}
