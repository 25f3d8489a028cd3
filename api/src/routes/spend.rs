//! `GET /spend`, `/settings/spend-caps`, `/settings/frequency-cap`: what campaigns spend and may spend, and how often they
//! may text one person.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use shared::money::{Amount, Currency};
use shared::phone::Region;
use shared::spend::{self as money, CapScope};
use shared::store::frequency_cap::{self, FrequencyCap, MAX_HOURS, MAX_MOST};
use shared::store::spend::{self, DaySpend};
use shared::store::spend_caps::{self, NewCap, StoredCap};

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayAdmin, MayRead};
use crate::extract::{Json, Path, Query};
use crate::fields::Faults;
use crate::problem::Problem;

/// Days that are told: as usual, and at most.
const USUAL_DAYS: u16 = 1;
const MOST_DAYS: u16 = 366;
pub(super) const DAYS: (u16, u16) = (USUAL_DAYS, MOST_DAYS);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    days: Option<u16>,
}

/// What campaigns have spent, and how much of each cap is used today.
#[derive(Serialize)]
pub(super) struct Spend {
    today: NaiveDate,
    spent: Vec<DaySpend>,
    caps: Vec<StoredCap>,
}

/// Tells what was spent, today and on the days before.
pub(super) async fn show(
    State(app): State<App>,
    _: Caller<MayRead>,
    Query(Asked { days }): Query<Asked>,
) -> Result<axum::Json<Spend>, Problem> {
    let days = days.unwrap_or(USUAL_DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::field("days", format!("must be 1 to {MOST_DAYS}")));
    }
    let today = today(&app);
    let since = today.checked_sub_days(Days::new(u64::from(days - 1))).unwrap_or(today);
    let spent = spend::list_since(&app.pool, since).await?;
    Ok(axum::Json(Spend { today, spent, caps: spend_caps::list(&app.pool, today).await? }))
}

fn today(app: &App) -> NaiveDate {
    spend::day_of(app.clock.now())
}

/// All caps.
#[derive(Serialize)]
pub(super) struct Caps {
    caps: Vec<StoredCap>,
}

/// Lists all caps.
pub(super) async fn list_caps(
    State(app): State<App>,
    _: Caller<MayRead>,
) -> Result<axum::Json<Caps>, Problem> {
    Ok(axum::Json(Caps { caps: spend_caps::list(&app.pool, today(&app)).await? }))
}

/// Shows one cap.
pub(super) async fn show_cap(
    State(app): State<App>,
    _: Caller<MayRead>,
    Path(name): Path<String>,
) -> Result<axum::Json<StoredCap>, Problem> {
    Ok(axum::Json(find(&app, &name).await?))
}

async fn find(app: &App, name: &str) -> Result<StoredCap, Problem> {
    let found = match money::check_cap_name(name) {
        Ok(()) => spend_caps::find(&app.pool, name, today(app)).await?,
        Err(_) => None,
    };
    found.ok_or_else(no_such_cap)
}

fn no_such_cap() -> Problem {
    Problem::not_found("there is no such cap")
}

/// A cap as it is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedCap {
    scope: CapScope,
    country: Option<String>,
    amount: String,
    currency: String,
    thresholds: Option<Vec<i16>>,
}

/// Sets one cap. It counts what was spent before it, too: a day's and a country's from midnight (UTC).
pub(super) async fn replace_cap(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
    Json { value: wanted, .. }: Json<WantedCap>,
) -> Result<axum::Json<StoredCap>, Problem> {
    let new = check(name, wanted)?;
    spend_caps::replace(&app.pool, &new).await?;
    app.guard.forget();
    Ok(axum::Json(find(&app, &new.name).await?))
}

/// Removes one cap.
pub(super) async fn delete_cap(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let gone = money::check_cap_name(&name).is_ok() && spend_caps::delete(&app.pool, &name).await?;
    app.guard.forget();
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(no_such_cap()) }
}

fn check(name: String, wanted: WantedCap) -> Result<NewCap, Refusal> {
    let mut faults = Faults::default();
    faults.take("name", money::check_cap_name(&name));
    let country = faults.take("country", wanted.country.as_deref().map(str::parse::<Region>).transpose());
    match (wanted.scope.is_of_country(), &wanted.country) {
        (true, None) => faults.note("country", "is required: which country does it count?"),
        (false, Some(_)) => faults.note("country", "belongs to the scopes of a country: leave it out"),
        (true, Some(_)) | (false, None) => (),
    }
    let amount = faults.take("amount", wanted.amount.parse::<Amount>());
    if amount == Some(Amount::ZERO) {
        faults.note("amount", "must be more than nothing; to stop campaigns, pause the lane promo");
    }
    let currency = faults.take("currency", wanted.currency.parse::<Currency>());
    let thresholds = faults.take("thresholds", money::thresholds(wanted.thresholds));
    match (country, amount, currency, thresholds) {
        (Some(country), Some(amount), Some(currency), Some(thresholds)) if faults.is_empty() => {
            Ok(NewCap { name, scope: wanted.scope, country, amount, currency, thresholds })
        }
        _ => Err(faults.into()),
    }
}

/// Shows how often campaigns may text one person.
pub(super) async fn show_frequency(
    State(app): State<App>,
    _: Caller<MayRead>,
) -> Result<axum::Json<FrequencyCap>, Problem> {
    frequency_cap::find(&app.pool).await?.map(axum::Json).ok_or_else(no_frequency_cap)
}

fn no_frequency_cap() -> Problem {
    Problem::not_found("there is no frequency cap: campaigns may text one person as often as they come")
}

/// How often one person may be texted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedFrequency {
    most: i16,
    within_hours: i32,
}

/// Sets how often campaigns may text one person. It counts from now on.
pub(super) async fn replace_frequency(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Json { value: wanted, .. }: Json<WantedFrequency>,
) -> Result<axum::Json<FrequencyCap>, Problem> {
    let mut faults = Faults::default();
    if !(1..=MAX_MOST).contains(&wanted.most) {
        faults.note("most", format_args!("must be 1 to {MAX_MOST}"));
    }
    if !(1..=MAX_HOURS).contains(&wanted.within_hours) {
        faults.note("within_hours", format_args!("must be 1 to {MAX_HOURS}"));
    }
    if !faults.is_empty() {
        return Err(Refusal::from(faults).into());
    }
    Ok(axum::Json(frequency_cap::replace(&app.pool, wanted.most, wanted.within_hours).await?))
}

/// Lets campaigns text one person as often as they come.
pub(super) async fn delete_frequency(
    State(app): State<App>,
    _: Caller<MayAdmin>,
) -> Result<StatusCode, Problem> {
    if frequency_cap::delete(&app.pool).await? { Ok(StatusCode::NO_CONTENT) } else { Err(no_frequency_cap()) }
}
