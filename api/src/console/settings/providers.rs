//! Providers: the list in the order they are tried, and the form of each.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use shared::lane::Lane;
use shared::provider::catalogue::{Catalogue, ProviderKind, ProviderSettings};
use shared::store::integrations::{self, Integration, IntegrationView};
use shared::store::pauses::{self, PauseScope};
use sqlx::{Postgres, Transaction};

use super::order::{Place, moved, priorities};
use super::provider_form::{self as fields, Shape};
use super::{HERE, back};
use crate::app::App;
use crate::console::form::{Faults, Values};
use crate::console::operator::{Admin, Operator};
use crate::console::page::{self, Frame};
use crate::console::refusal::Refusal;
use crate::extract::{Form, Path, Query};
use crate::integrations::{changed, check};
use crate::problem::Problem;

/// A provider as the list shows it.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) state: &'static str,
    pub(super) problem: Option<String>,
    pub(super) lanes: String,
    pub(super) countries: String,
    pub(super) carries_codes: bool,
    /// Its priority, unless it is set here.
    pub(super) fixed: Option<i32>,
    /// Why it is there, unless it is set here.
    pub(super) origin: Option<&'static str>,
    priority: i32,
    /// Whom it is moved before by the buttons; none for the end.
    pub(super) up: Option<String>,
    pub(super) down: Option<String>,
}

impl Entry {
    fn new(settings: &ProviderSettings, row: Option<&Integration>, is_paused: bool) -> Self {
        let state = match (settings.enabled, is_paused) {
            (false, _) => "off",
            (true, true) => "paused",
            (true, false) => "in use",
        };
        let lanes: Vec<_> = settings.lanes.iter().map(|lane| lane.as_str()).collect();
        let countries = settings.countries.as_ref();
        let countries =
            countries.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        Self {
            name: settings.name.clone(),
            // Those of the environment are called as their kind is.
            kind: row.map_or(&settings.name, |row| &row.kind).clone(),
            state,
            problem: None,
            lanes: lanes.join(", "),
            countries: countries.unwrap_or_else(|| "all countries".to_owned()),
            carries_codes: settings.enabled && settings.lanes.contains(&Lane::Otp),
            fixed: row.is_none().then_some(settings.priority),
            origin: row.is_none().then_some(match settings.vendor.is_sandbox() {
                true => "since nothing else is set",
                false => "set by the environment",
            }),
            priority: settings.priority,
            up: None,
            down: None,
        }
    }

    fn broken(row: &Integration, problem: String) -> Self {
        Self {
            name: row.name.clone(),
            kind: row.kind.clone(),
            state: "cannot be used",
            problem: Some(problem),
            lanes: row.lanes.join(", "),
            countries: String::new(),
            carries_codes: false,
            fixed: None,
            origin: None,
            priority: row.priority,
            up: None,
            down: None,
        }
    }

    fn place(&self) -> Place {
        Place { name: self.name.clone(), fixed: self.fixed }
    }
}

/// All providers, in the order they are tried.
pub(super) async fn list(app: &App) -> sqlx::Result<Vec<Entry>> {
    let rows = integrations::list(&app.pool).await?;
    let paused = pauses::list(&app.pool).await?;
    let is_paused =
        |name: &str| paused.iter().any(|one| one.scope == PauseScope::Provider && one.name == name);
    let row = |name: &str| rows.iter().find(|row| row.name == name);
    let catalogue = Catalogue::load(&app.providers, &rows, app.keyring.credentials(), app.environment);
    let usable = catalogue.providers.iter().map(|one| Entry::new(one, row(&one.name), is_paused(&one.name)));
    let broken =
        catalogue.broken.iter().filter_map(|one| Some(Entry::broken(row(&one.name)?, one.problem.clone())));
    let mut all: Vec<_> = usable.chain(broken).collect();
    all.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    let names: Vec<_> = all.iter().map(|one| one.name.clone()).collect();
    for (at, one) in all.iter_mut().enumerate() {
        one.up = at.checked_sub(1).and_then(|at| names.get(at)).cloned();
        one.down = names.get(at + 2).cloned();
    }
    Ok(all)
}

/// Which kind of provider is wanted.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    kind: String,
}

#[derive(Template)]
#[template(path = "console/provider.html")]
struct ProviderPage {
    frame: Frame,
    name: String,
    kind: ProviderKind,
    /// As it is stored; nothing yet if it is new.
    stored: Option<IntegrationView>,
    shape: &'static Shape,
    values: Values,
    faults: Faults,
}

impl ProviderPage {
    fn lanes(&self) -> [(String, &'static str); 3] {
        Lane::ALL.map(|lane| (fields::lane_field(lane), lane.as_str()))
    }

    /// What there is to say of a secret.
    fn about(&self, line: &fields::Line) -> String {
        let name = line.name.strip_prefix("credentials.").unwrap_or_default();
        match self.stored.as_ref().and_then(|stored| stored.credentials.get(name)) {
            Some(shown) => format!("Set, {shown}. Empty leaves it as it is."),
            None => line.hint.to_owned(),
        }
    }

    /// The box that takes this secret away, if there is one.
    fn removal(&self, line: &fields::Line) -> Option<String> {
        let name = line.name.strip_prefix("credentials.")?;
        let is_set = self.stored.as_ref()?.credentials.contains_key(name);
        is_set.then(|| fields::removal_field(line.name))
    }

    fn is_new(&self) -> bool {
        self.stored.is_none()
    }

    fn answer(&self, status: StatusCode) -> Response<Body> {
        page::respond(status, self)
    }
}

/// Shows the form of a new provider.
pub(super) async fn new(
    State(app): State<App>,
    operator: Operator<Admin>,
    Query(wanted): Query<Wanted>,
) -> Result<Response<Body>, Refusal> {
    let kind: ProviderKind = wanted.kind.parse().map_err(|_| no_such_kind())?;
    let page = blank(&app, &operator, kind, fields::blank(), Faults::default());
    Ok(page.answer(StatusCode::OK))
}

fn blank(
    app: &App,
    operator: &Operator<Admin>,
    kind: ProviderKind,
    values: Values,
    faults: Faults,
) -> ProviderPage {
    let frame = Frame::new(app, operator, HERE);
    ProviderPage {
        frame,
        name: String::new(),
        kind,
        stored: None,
        shape: fields::shape(kind),
        values,
        faults,
    }
}

/// Stores a new provider, tried after all others.
pub(super) async fn add(
    State(app): State<App>,
    operator: Operator<Admin>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let values = Values::from(sent);
    let kind: ProviderKind = values.get("kind").parse().map_err(|_| no_such_kind())?;
    match added(&app, &operator, kind, &values).await {
        Ok(name) => Ok(back(&format!("provider-{name}"))),
        Err(problem) => {
            let status = problem.status();
            let page = blank(&app, &operator, kind, values, Faults::try_from(problem)?);
            Ok(page.answer(status))
        }
    }
}

async fn added(
    app: &App,
    operator: &Operator<Admin>,
    kind: ProviderKind,
    values: &Values,
) -> Result<String, Problem> {
    let name = crate::fields::provider(values.get("name").to_owned());
    let name = name.map_err(|fault| Problem::field("name", fault))?;
    let mut tx = app.pool.begin().await?;
    integrations::lock(&mut *tx).await?;
    if integrations::find(&mut *tx, &name).await?.is_some() {
        return Err(Problem::field("name", "is taken: change that provider, or choose another name"));
    }
    let last = list(app).await?.last().map_or(0, |last| last.priority);
    let wanted = fields::wanted(kind, values, None, last.saturating_add(10))?;
    let row = check(name, wanted, None, app.keyring.credentials())?;
    store(app, operator, tx, &row, "provider.add", values).await?;
    Ok(row.name)
}

/// Shows the form of a provider.
pub(super) async fn show(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(name): Path<String>,
) -> Result<Response<Body>, Refusal> {
    let row = find(&app, &name).await?;
    let values = fields::filled(&row);
    Ok(stored(&app, &operator, &row, values, Faults::default())?.answer(StatusCode::OK))
}

fn stored(
    app: &App,
    operator: &Operator<Admin>,
    row: &Integration,
    values: Values,
    faults: Faults,
) -> Result<ProviderPage, Problem> {
    let kind: ProviderKind = row.kind.parse().map_err(|_| no_such_kind())?;
    let view = row.view(app.keyring.credentials());
    Ok(ProviderPage {
        frame: Frame::new(app, operator, HERE),
        name: row.name.clone(),
        kind,
        stored: Some(view),
        shape: fields::shape(kind),
        values,
        faults,
    })
}

/// Stores what was changed of a provider.
pub(super) async fn save(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(name): Path<String>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let mut values = Values::from(sent);
    match saved(&app, &operator, &name, &values).await {
        Ok(()) => Ok(back(&format!("provider-{name}"))),
        Err(problem) => {
            let (status, faults) = (problem.status(), Faults::try_from(problem)?);
            let row = find(&app, &name).await?;
            let kept = fields::filled(&row);
            for line in fields::shape(row.kind.parse().map_err(|_| no_such_kind())?).lasting {
                values.set(line.name, kept.get(line.name));
            }
            Ok(stored(&app, &operator, &row, values, faults)?.answer(status))
        }
    }
}

async fn saved(app: &App, operator: &Operator<Admin>, name: &str, values: &Values) -> Result<(), Problem> {
    let mut tx = app.pool.begin().await?;
    integrations::lock(&mut *tx).await?;
    let before = integrations::find(&mut *tx, name).await?.ok_or_else(no_such_provider)?;
    let kind: ProviderKind = before.kind.parse().map_err(|_| no_such_kind())?;
    let wanted = fields::wanted(kind, values, Some(&before), before.priority)?;
    let row = check(name.to_owned(), wanted, Some(before), app.keyring.credentials())?;
    store(app, operator, tx, &row, "provider.change", values).await
}

/// Stores a row together with who changed what; of secrets only whether some are others.
async fn store(
    app: &App,
    operator: &Operator<Admin>,
    mut tx: Transaction<'_, Postgres>,
    row: &Integration,
    action: &'static str,
    values: &Values,
) -> Result<(), Problem> {
    let detail = json!({
        "kind": row.kind, "enabled": row.enabled, "lanes": row.lanes, "countries": row.countries,
        "max_per_second": row.max_per_second, "max_in_flight": row.max_in_flight, "sender": row.sender,
        "settings": row.settings, "new_secrets": values.has_any("credentials"),
        "removed_secrets": values.has_any("remove."),
    });
    integrations::upsert(&mut *tx, row).await?;
    operator.record(&mut *tx, action, &row.name, Some(detail)).await?;
    tx.commit().await?;
    changed(app, &row.name);
    Ok(())
}

/// Moves a provider before another in the order they are tried, or to its end.
pub(super) async fn move_before(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(name): Path<String>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let values = Values::from(sent);
    let mut tx = app.pool.begin().await?;
    integrations::lock(&mut *tx).await?;
    let order = list(&app).await?.iter().map(Entry::place).collect();
    let order = moved(order, &name, values.text("before")).ok_or_else(no_such_provider)?;
    let priorities = match priorities(&order) {
        Ok(priorities) => priorities,
        Err(error) => {
            tx.rollback().await?;
            let problem = Problem::field("order", error.to_string());
            return super::refuse(&app, &operator, values, problem).await;
        }
    };
    let names: Vec<_> = order.iter().map(|place| &place.name).collect();
    integrations::set_priorities(&mut *tx, &priorities).await?;
    operator.record(&mut *tx, "provider.move", &name, Some(json!({ "order": names }))).await?;
    tx.commit().await?;
    Ok(back(&format!("provider-{name}")))
}

/// Removes a provider.
pub(super) async fn delete(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(name): Path<String>,
) -> Result<Response<Body>, Refusal> {
    let mut tx = app.pool.begin().await?;
    if !integrations::delete(&mut *tx, &name).await? {
        return Err(no_such_provider().into());
    }
    operator.record(&mut *tx, "provider.remove", &name, None).await?;
    tx.commit().await?;
    changed(&app, &name);
    Ok(back("providers"))
}

/// A provider that is set here.
pub(super) async fn find(app: &App, name: &str) -> Result<Integration, Problem> {
    integrations::find(&app.pool, name).await?.ok_or_else(no_such_provider)
}

fn no_such_kind() -> Problem {
    Problem::not_found("there is no such kind of provider")
}

pub(super) fn no_such_provider() -> Problem {
    Problem::not_found("there is no such provider; those of the environment are set there")
}
