//! `GET/PUT/DELETE /sms/opt-outs/{phone}`, `GET /sms/opt-outs/{phone}/history`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::consent::{Evidence, InvalidStop, OptOutScope, Statement, Stop};
use shared::phone::PhoneNumber;
use shared::store::consents::{self, Consent};
use shared::store::opt_outs::{self, OptOut};
use shared::store::suppressions;
use shared::unsubscribe::Unsubscribe;
use sqlx::PgConnection;

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayRead, MaySend};
use crate::extract::{Json, Path, Query};
use crate::fields::Faults;
use crate::problem::Problem;

/// A change of consent as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    scope: Option<OptOutScope>,
    sender: Option<String>,
    source: Option<String>,
    proof: Option<String>,
}

/// What a number has stopped.
#[derive(Serialize)]
pub(super) struct OptOuts {
    phone: PhoneNumber,
    opted_out: bool,
    opt_outs: Vec<OptOut>,
    /// By which the person stops marketing themselves; null without a public URL.
    unsubscribe_url: Option<String>,
}

/// What was ever said of a number.
#[derive(Serialize)]
pub(super) struct History {
    phone: PhoneNumber,
    history: Vec<Consent>,
}

/// Shows what a number has stopped.
pub(super) async fn show(
    State(app): State<App>,
    _: Caller<MayRead>,
    Path(phone): Path<String>,
) -> Result<axum::Json<OptOuts>, Problem> {
    let phone = read(&app, &phone)?;
    let opt_outs = stops(&app, &mut *app.pool.acquire().await?, &phone).await?;
    Ok(axum::Json(OptOuts::of(&app, phone, opt_outs)))
}

/// Shows every change of what a number has stopped, with its evidence.
pub(super) async fn history(
    State(app): State<App>,
    _: Caller<MayRead>,
    Path(phone): Path<String>,
) -> Result<axum::Json<History>, Problem> {
    let phone = read(&app, &phone)?;
    let history = consents::list(&app.pool, &phone).await?;
    Ok(axum::Json(History { phone, history }))
}

/// Records a stop. After this answer no message that it stops is taken up.
pub(super) async fn record(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(phone): Path<String>,
    Json { value: wanted, .. }: Json<Wanted>,
) -> Result<axum::Json<OptOuts>, Problem> {
    let phone = read(&app, &phone)?;
    let (stop, evidence) = wanted.check()?;
    let said = Statement::opt_out(phone, stop.unwrap_or(Stop::Marketing), evidence);
    let mut db = app.pool.acquire().await?;
    consents::record(&mut db, std::slice::from_ref(&said)).await?;
    let opt_outs = stops(&app, &mut db, &said.phone).await?;
    Ok(axum::Json(OptOuts::of(&app, said.phone, opt_outs)))
}

/// Lets a number be texted again: altogether, or what one scope stops.
pub(super) async fn lift(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(phone): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<StatusCode, Problem> {
    let phone = read(&app, &phone)?;
    let (stop, evidence) = wanted.check()?;
    let stops = stop.as_ref().map(std::slice::from_ref);
    let mut tx = app.pool.begin().await?;
    let lifted = consents::lift(&mut *tx, &phone, stops, &evidence).await?
        + suppressions::lift(&mut *tx, app.keyring.people(), &phone, stops).await?;
    tx.commit().await?;
    match (lifted, &stop) {
        (1.., _) => Ok(StatusCode::NO_CONTENT),
        (0, None) => Err(Problem::not_found("this number has stopped nothing")),
        (0, Some(_)) => Err(Problem::not_found("this number has not stopped that")),
    }
}

impl OptOuts {
    fn of(app: &App, phone: PhoneNumber, opt_outs: Vec<OptOut>) -> Self {
        let link = Unsubscribe { phone, stop: Stop::Marketing };
        let unsubscribe_url = app.public_url.as_ref().and_then(|url| link.link(app.keyring.links(), url));
        Self { phone: link.phone, opted_out: !opt_outs.is_empty(), opt_outs, unsubscribe_url }
    }
}

impl Wanted {
    /// What is meant, if that was said, and how it is known.
    fn check(self) -> Result<(Option<Stop>, Evidence), Problem> {
        let mut faults = Faults::default();
        let stop = match (self.scope, self.sender.as_deref()) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(InvalidStop::SenderNotAsked),
            (Some(scope), sender) => Stop::parse(scope, sender).map(Some),
        };
        let stop = faults.take("sender", stop);
        let source = self.source.unwrap_or_else(|| "api".to_owned());
        let source = faults.take("source", Evidence::source(source));
        let proof = faults.take("proof", self.proof.map(Evidence::proof).transpose());
        match (stop, source, proof) {
            (Some(stop), Some(source), Some(proof)) => Ok((stop, Evidence { source, proof })),
            _ => Err(Refusal::from(faults).into()),
        }
    }
}

/// What a number has stopped: what it is known by, and what is left of before it was erased.
async fn stops(app: &App, db: &mut PgConnection, phone: &PhoneNumber) -> sqlx::Result<Vec<OptOut>> {
    let mut stops = opt_outs::list(&mut *db, phone).await?;
    stops.extend(suppressions::list(db, app.keyring.people(), phone).await?);
    Ok(stops)
}

fn read(app: &App, phone: &str) -> Result<PhoneNumber, Problem> {
    app.reach.phone(phone).map_err(|fault| Problem::field("phone", fault.to_string()))
}
