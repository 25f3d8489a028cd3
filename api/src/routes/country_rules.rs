//! `GET /settings/country-rules`, `GET/PUT /settings/country-rules/{country}`: what countries ask of texts, off until an
//! operator enables it.

use axum::extract::State;
use serde::{Deserialize, Deserializer, Serialize};
use shared::country_rules::SenderType;
use shared::phone::Region;
use shared::quiet_hours::Hours;
use shared::store::country_rules::{self, Change, RulesRow};

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayAdmin, MayRead};
use crate::extract::{Json, Path};
use crate::fields::{self, Faults};
use crate::problem::Problem;

/// Longest note of where rules were read.
const MAX_SOURCE_BYTES: usize = 200;

/// The rules of all countries that have some, enabled or not.
#[derive(Serialize)]
pub(super) struct AllRules {
    rules: Vec<RulesRow>,
}

/// Lists the rules of all countries as they are now.
pub(super) async fn list(
    State(app): State<App>,
    _: Caller<MayRead>,
) -> Result<axum::Json<AllRules>, Problem> {
    Ok(axum::Json(AllRules { rules: country_rules::list(&app.pool).await? }))
}

/// A country's rules, with what they were before.
#[derive(Serialize)]
pub(super) struct Versions {
    #[serde(flatten)]
    present: RulesRow,
    /// All versions, the newest first.
    versions: Vec<RulesRow>,
}

/// Shows one country's rules and all their versions: refusals name the one they were made by.
pub(super) async fn show(
    State(app): State<App>,
    _: Caller<MayRead>,
    Path(country): Path<String>,
) -> Result<axum::Json<Versions>, Problem> {
    let versions = country_rules::list_versions(&app.pool, region(&country)?).await?;
    let present = versions.first().cloned().ok_or_else(|| Problem::not_found("this country has no rules"))?;
    Ok(axum::Json(Versions { present, versions }))
}

/// Rules as they are wanted; what is left out stays, and `null` takes a rule away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    enabled: bool,
    #[serde(default, deserialize_with = "given")]
    promo_hours: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    senders: Option<Option<Vec<SenderType>>>,
    dlt: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    source: Option<Option<String>>,
}

/// Tells a field that is `null` from one that is left out.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// Makes the next version of one country's rules. Workers go by it within a second, this API at once, others within two.
pub(super) async fn replace(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(country): Path<String>,
    Json { value: wanted, .. }: Json<Wanted>,
) -> Result<axum::Json<RulesRow>, Problem> {
    let country = region(&country)?;
    let change = check(country, wanted)?;
    let row = country_rules::change(&mut *app.pool.acquire().await?, country, &change).await?;
    app.rules.forget();
    Ok(axum::Json(row))
}

fn region(country: &str) -> Result<Region, Problem> {
    country
        .parse()
        .map_err(|_| Problem::not_found("there is no such country; write its ISO 3166 code, such as IN"))
}

fn check(country: Region, wanted: Wanted) -> Result<Change, Problem> {
    let mut faults = Faults::default();
    let hours = wanted.promo_hours.map(|hours| hours.as_deref().map(str::parse::<Hours>).transpose());
    let promo_hours = faults.take("promo_hours", hours.transpose()).flatten();
    let source =
        wanted.source.map(|source| source.map(|text| fields::label(text, MAX_SOURCE_BYTES)).transpose());
    let source = faults.take("source", source.transpose()).flatten();
    if wanted.senders.as_ref().and_then(Option::as_ref).is_some_and(Vec::is_empty) {
        faults.note("senders", "must name a kind, or be null for all");
    }
    if wanted.dlt == Some(true) && country.as_str() != "IN" {
        faults.note("dlt", "is India's registry; no other country has it");
    }
    if !faults.is_empty() {
        return Err(Refusal::from(faults).into());
    }
    Ok(Change { enabled: wanted.enabled, promo_hours, senders: wanted.senders, dlt: wanted.dlt, source })
}
