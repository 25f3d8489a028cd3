//! The pumping guard: whether it withholds, what it said, and what is to be released.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use serde::Deserialize;
use serde_json::json;
use shared::guard::{Mode, Outcome, Rule, parse_released};
use shared::ids::GuardDecisionId;
use shared::store::guard::{self, Decided, Wanted};

use super::form::Values;
use super::operator::{Admin, Operator, Viewer};
use super::page::{self, Frame, Moment, ROWS};
use super::refusal::Refusal;
use crate::app::App;
use crate::extract::{Form, Query};
use crate::problem::Problem;

/// Where this part of the console is.
const HERE: &str = "/console/guard";

#[derive(Template)]
#[template(path = "console/guard.html")]
struct GuardPage {
    frame: Frame,
    enforces: bool,
    may_change: bool,
    outcome: &'static str,
    rows: Vec<Row>,
    older: Option<GuardDecisionId>,
}

impl GuardPage {
    fn outcomes(&self) -> impl Iterator<Item = (&'static str, bool)> {
        Outcome::ALL.into_iter().map(|one| (one.as_str(), one.as_str() == self.outcome))
    }
}

struct Row {
    at: Moment,
    phone: String,
    prefix: String,
    country: String,
    client: String,
    outcome: String,
    rule: String,
    fate: &'static str,
    /// What is to be released if that was wrong.
    against: String,
}

impl From<Decided> for Row {
    fn from(decided: Decided) -> Self {
        Self {
            fate: decided.fate(),
            against: against(&decided),
            at: decided.at.into(),
            phone: decided.phone,
            prefix: decided.prefix,
            country: decided.country,
            client: decided.client.unwrap_or_default(),
            outcome: decided.outcome,
            rule: decided.rule,
        }
    }
}

/// Which of its subjects spoke against a code; none where there is nothing that a release would change.
fn against(decided: &Decided) -> String {
    let of_no_subject = [Rule::SpendCap, Rule::Unmeasured].map(Rule::as_str);
    if decided.outcome == Outcome::Allow.as_str() || of_no_subject.contains(&decided.rule.as_str()) {
        return String::new();
    }
    let Decided { prefix, country, client, rule, inputs, .. } = decided;
    let is_held = |subject: &str| inputs.pointer(subject).is_some();
    let client_is = match rule.as_str() {
        "ratio_ip" | "credits_ip" => true,
        "blocked" => is_held("/ip/held_by") && !is_held("/prefix/held_by"),
        "probe_spent" => is_held("/ip/probes") && !is_held("/prefix/probes"),
        _ => false,
    };
    match client.as_ref().filter(|_| client_is) {
        Some(client) => client.clone(),
        None if rule == "credits_country" => country.clone(),
        None => prefix.clone(),
    }
}

/// Which decisions are looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    outcome: Option<String>,
    before: Option<GuardDecisionId>,
}

/// Shows the mode and a page of decisions. A filter that says nothing shows all.
pub(super) async fn show(
    State(app): State<App>,
    operator: Operator<Viewer>,
    Query(asked): Query<Asked>,
) -> Result<Response<Body>, Refusal> {
    let outcome = asked.outcome.as_deref().and_then(|word| word.parse::<Outcome>().ok());
    let wanted = Wanted { prefix: None, outcome, before: asked.before, limit: ROWS };
    let found = guard::list_decisions(&app.pool, &wanted).await?;
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == ROWS);
    let page = GuardPage {
        enforces: guard::find_settings(&app.pool).await?.mode == Mode::Enforce,
        may_change: operator.may_change(),
        outcome: outcome.map(Outcome::as_str).unwrap_or_default(),
        older: found.last().filter(|_| is_full).map(|last| last.id),
        rows: found.into_iter().map(Row::from).collect(),
        frame: Frame::new(&app, &operator, HERE),
    };
    Ok(page::respond(StatusCode::OK, &page))
}

/// Ends the blocks of prefixes, a country or an address.
pub(super) async fn release(
    State(app): State<App>,
    operator: Operator<Admin>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let values = Values::from(sent);
    let subject = parse_released(values.get("prefix")).map_err(|fault| Problem::field("prefix", fault))?;
    let found = guard::count_releasable(&app.pool, &subject).await?;
    if found == 0 {
        return Err(Problem::not_found("the guard remembers nothing of it").into());
    }
    // Before the first: a release that is broken off has been made, too.
    operator.record(&app.pool, "guard.release", &subject.name, Some(json!({ "released": found }))).await?;
    guard::release(&app.pool, &subject).await?;
    app.guard.forget();
    Ok(Redirect::to(HERE).into_response())
}

/// Lets the guard observe or enforce.
pub(super) async fn set_mode(
    State(app): State<App>,
    operator: Operator<Admin>,
    Form(sent): Form,
) -> Result<Response<Body>, Refusal> {
    let values = Values::from(sent);
    let mode: Mode =
        values.get("mode").parse().map_err(|fault| Problem::field("mode", format!("{fault}")))?;
    let mut tx = app.pool.begin().await?;
    guard::set_mode(&mut *tx, mode).await?;
    operator.record(&mut *tx, "guard.mode", mode.as_str(), None).await?;
    tx.commit().await?;
    app.guard.forget();
    Ok(Redirect::to(HERE).into_response())
}
