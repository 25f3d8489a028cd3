//! `GET|PUT /settings/guard`, `GET /guard/decisions`, `GET /guard/explain`, `POST /guard/release`: the pumping guard, as
//! operators look at it and set it.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::guard::{Mode, Outcome, Settings, parse_client, parse_released};
use shared::ids::GuardDecisionId;
use shared::store::guard::{self, Decided, Explanation, Wanted};

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayAdmin};
use crate::extract::{Json, Query};
use crate::fields::Faults;
use crate::problem::Problem;

const USUAL_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;
pub(super) const LIMITS: (u16, u16) = (USUAL_LIMIT, MAX_LIMIT);

/// Shows how much passes.
pub(super) async fn settings(
    State(app): State<App>,
    _: Caller<MayAdmin>,
) -> Result<axum::Json<Settings>, Problem> {
    Ok(axum::Json(guard::find_settings(&app.pool).await?))
}

/// Settings as they are wanted; what is left out stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedSettings {
    mode: Option<Mode>,
    neighbours: Option<u32>,
    near: Option<u32>,
    credits_prefix: Option<u32>,
    credits_ip: Option<u32>,
    credits_country: Option<u32>,
    default_rate: Option<f64>,
}

impl WantedSettings {
    /// `present` with what is wanted.
    ///
    /// # Errors
    /// Every field that is out of its bounds.
    fn of(self, present: &Settings) -> Result<Settings, Refusal> {
        let mut faults = Faults::default();
        let mut number = |field: &str, wanted: Option<u32>, present: u32, (least, most): (u32, u32)| {
            if wanted.is_some_and(|wanted| !(least..=most).contains(&wanted)) {
                faults.note(field, format_args!("must be {least} to {most}"));
            }
            wanted.unwrap_or(present)
        };
        let credits = (1, 10_000);
        let settings = Settings {
            mode: self.mode.unwrap_or(present.mode),
            neighbours: number("neighbours", self.neighbours, present.neighbours, (2, 1000)),
            near: number("near", self.near, present.near, (2, 20)),
            credits_prefix: number("credits_prefix", self.credits_prefix, present.credits_prefix, credits),
            credits_ip: number("credits_ip", self.credits_ip, present.credits_ip, credits),
            credits_country: number(
                "credits_country",
                self.credits_country,
                present.credits_country,
                credits,
            ),
            default_rate: self.default_rate.unwrap_or(present.default_rate),
        };
        if !(0.3..=1.0).contains(&settings.default_rate) {
            faults.note("default_rate", "must be 0.3 to 1");
        }
        if faults.is_empty() { Ok(settings) } else { Err(faults.into()) }
    }
}

/// Sets how much passes. This API goes by it at once, others within two seconds.
pub(super) async fn replace_settings(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Json { value: wanted, .. }: Json<WantedSettings>,
) -> Result<axum::Json<Settings>, Problem> {
    let settings = wanted.of(&guard::find_settings(&app.pool).await?)?;
    guard::replace_settings(&app.pool, &settings).await?;
    app.guard.forget();
    Ok(axum::Json(settings))
}

/// Which decisions to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListRequest {
    prefix: Option<String>,
    outcome: Option<Outcome>,
    /// Where the page before ended.
    cursor: Option<GuardDecisionId>,
    limit: Option<u16>,
}

/// A page of decisions. There are more exactly as long as there is a `next_cursor`.
#[derive(Serialize)]
pub(super) struct Page {
    decisions: Vec<Decided>,
    next_cursor: Option<GuardDecisionId>,
}

/// Lists what the guard said, the newest first.
pub(super) async fn decisions(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Query(request): Query<ListRequest>,
) -> Result<axum::Json<Page>, Problem> {
    let limit = request.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::field("limit", format!("must be 1 to {MAX_LIMIT}")));
    }
    let wanted = Wanted {
        prefix: request.prefix,
        outcome: request.outcome,
        before: request.cursor,
        limit: i64::from(limit) + 1,
    };
    let mut found = guard::list_decisions(&app.pool, &wanted).await?;
    let is_more = found.len() > usize::from(limit);
    found.truncate(usize::from(limit));
    let next_cursor = found.last().filter(|_| is_more).map(|last| last.id);
    Ok(axum::Json(Page { decisions: found, next_cursor }))
}

/// Whose code would be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainRequest {
    phone: String,
    /// From where.
    client_ip: Option<String>,
}

/// Says what would become of a code to a number, and why. Nothing is counted.
pub(super) async fn explain(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Query(ExplainRequest { phone, client_ip }): Query<ExplainRequest>,
) -> Result<axum::Json<Explanation>, Problem> {
    let phone = app.reach.phone(&phone).map_err(|fault| Problem::field("phone", fault.to_string()))?;
    let client = client_ip.as_deref().map(parse_client).transpose();
    let client = client.map_err(|fault| Problem::field("client_ip", fault))?;
    let outlook = app.guard.outlook(&app.pool).await?;
    let mut db = app.pool.acquire().await?;
    Ok(axum::Json(guard::explain(&mut db, &outlook, &phone, client).await?))
}

/// What to release.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseRequest {
    /// What numbers begin with, a country's code, or a client's address.
    prefix: String,
}

/// What was released.
#[derive(Serialize)]
pub(super) struct Released {
    released: Vec<String>,
}

/// Ends the blocks of prefixes, a country or an address, fills their credits and forgets what was against them.
pub(super) async fn release(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Json { value: ReleaseRequest { prefix }, .. }: Json<ReleaseRequest>,
) -> Result<axum::Json<Released>, Problem> {
    let subject = parse_released(&prefix).map_err(|fault| Problem::field("prefix", fault))?;
    let released = guard::release(&app.pool, &subject).await?;
    app.guard.forget();
    if released.is_empty() {
        return Err(Problem::not_found("the guard remembers nothing of it"));
    }
    Ok(axum::Json(Released { released }))
}
