//! `/sms/campaigns`: one text for many people.

use axum::extract::State;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::campaign::{CampaignStatus, Links};
use shared::ids::CampaignId;
use shared::store::campaigns::{self, Campaign, Moved, progress};
use sqlx::PgConnection;

use crate::app::App;
use crate::auth::{Caller, MayRead, MaySend};
use crate::campaigns::create::{self, CampaignRequest};
use crate::campaigns::preview::Preview;
use crate::campaigns::results::{self, ResultsFormat};
use crate::campaigns::view::CampaignView;
use crate::extract::{Json, Path, Query};
use crate::idempotency::{Answer, IdempotencyKey, Once};
use crate::intake::IntakeError;
use crate::problem::Problem;

mod recipients;
mod trial;

pub(super) use recipients::add;
pub(super) use trial::send_test;

const USUAL_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;
pub(super) const LIMITS: (u16, u16) = (USUAL_LIMIT, MAX_LIMIT);

/// Which campaigns to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListRequest {
    /// Where the page before ended.
    cursor: Option<CampaignId>,
    limit: Option<u16>,
    status: Option<CampaignStatus>,
}

/// A page of campaigns. There are more exactly as long as there is a `next_cursor`.
#[derive(Serialize)]
pub(super) struct Page {
    campaigns: Vec<CampaignView>,
    next_cursor: Option<CampaignId>,
}

/// How the results are wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResultsRequest {
    #[serde(default)]
    format: ResultsFormat,
}

/// Makes a draft.
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller<MaySend>,
    key: IdempotencyKey,
    Json { value: request, raw }: Json<CampaignRequest>,
) -> Result<Answer, Problem> {
    let template = match &request.template {
        Some(name) => app.templates.find(&app.pool, name, request.locale.as_deref()).await?,
        None => None,
    };
    let new =
        create::check(request, template.as_deref(), app.public_url.is_some(), caller.key, app.clock.now())?;
    let once = Once::of(&caller, &key, "POST /sms/campaigns", &raw)?;
    once.run(&app.pool, async |db| {
        campaigns::insert(&mut *db, &new).await?;
        let campaign = find(db, new.id).await?;
        Ok::<_, Problem>(Answer::created(&view(db, campaign).await?)?)
    })
    .await
}

/// Lists campaigns, the newest first.
pub(super) async fn list(
    State(app): State<App>,
    _: Caller<MayRead>,
    Query(request): Query<ListRequest>,
) -> Result<axum::Json<Page>, Problem> {
    let limit = request.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::field("limit", format!("must be 1 to {MAX_LIMIT}")));
    }
    let mut found = campaigns::list(&app.pool, request.status, request.cursor, i64::from(limit) + 1).await?;
    let is_more = found.len() > usize::from(limit);
    found.truncate(usize::from(limit));
    let next_cursor = found.last().filter(|_| is_more).map(|last| last.id);
    Ok(axum::Json(Page { campaigns: found.into_iter().map(CampaignView::from).collect(), next_cursor }))
}

/// Shows one, and how far it is.
pub(super) async fn show(
    State(app): State<App>,
    _: Caller<MayRead>,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    let mut db = app.pool.acquire().await?;
    let campaign = find(&mut db, id).await?;
    Ok(axum::Json(view(&mut db, campaign).await?))
}

/// Says what it will do and cost.
pub(super) async fn preview(
    State(app): State<App>,
    _: Caller<MayRead>,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<Preview>, Problem> {
    let mut db = app.pool.acquire().await?;
    let campaign = find(&mut db, id).await?;
    Ok(axum::Json(Preview::of(&app, &mut db, &campaign).await?))
}

/// Lets it begin, at once or at its time.
pub(super) async fn start(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    let mut db = app.pool.acquire().await?;
    let campaign = find(&mut db, id).await?;
    let counts = progress::read(&mut *db, id).await?;
    if campaign.status == CampaignStatus::Draft && counts.recipients + counts.staged == 0 {
        let detail = "the campaign has no recipients: add some by POST /sms/campaigns/{id}/recipients first";
        return Err(Problem::campaign_not_ready(detail));
    }
    if campaign.expires_at.is_some_and(|expires_at| expires_at <= app.clock.now()) {
        return Err(Problem::campaign_not_ready("expires_at of the campaign is over: make another campaign"));
    }
    let moved = campaigns::start(&mut db, id).await?;
    moved_on(&mut db, id, moved, "cannot be started").await
}

/// Stops it for now. After this answer none of its messages is taken up.
pub(super) async fn pause(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    let mut db = app.pool.acquire().await?;
    let moved = campaigns::pause(&mut db, id, None).await?;
    moved_on(&mut db, id, moved, "cannot be paused").await
}

/// Lets it go on.
pub(super) async fn resume(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    let mut db = app.pool.acquire().await?;
    let moved = campaigns::resume(&mut db, id).await?;
    moved_on(&mut db, id, moved, "cannot be resumed").await
}

/// Withdraws it. After this answer none of its messages is taken up, for ever.
pub(super) async fn cancel(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignView>, Problem> {
    let mut db = app.pool.acquire().await?;
    let moved = campaigns::cancel(&mut db, id).await?;
    moved_on(&mut db, id, moved, "cannot be cancelled").await
}

/// Tells what became of each recipient.
pub(super) async fn results(
    State(app): State<App>,
    _: Caller<MayRead>,
    Path(id): Path<CampaignId>,
    Query(request): Query<ResultsRequest>,
) -> Result<impl IntoResponse, Problem> {
    let campaign = find(&mut *app.pool.acquire().await?, id).await?;
    Ok(results::stream(app.pool.clone(), campaign, request.format))
}

async fn moved_on(
    db: &mut PgConnection,
    id: CampaignId,
    moved: Moved,
    cannot: &str,
) -> Result<axum::Json<CampaignView>, Problem> {
    match moved {
        Moved::To(_) => {
            let campaign = find(db, id).await?;
            Ok(axum::Json(view(db, campaign).await?))
        }
        Moved::Refused(status) => Err(Problem::campaign_state(status, cannot)),
        Moved::Unknown => Err(unknown()),
    }
}

async fn view(db: &mut PgConnection, campaign: Campaign) -> Result<CampaignView, Problem> {
    let counts = progress::read(db, campaign.id).await?;
    Ok(CampaignView::with_progress(campaign, counts))
}

async fn find(db: &mut PgConnection, id: CampaignId) -> Result<Campaign, Problem> {
    campaigns::find(db, id).await?.ok_or_else(unknown)
}

fn links(app: &App) -> Links {
    Links { keyring: app.keyring.clone(), public_url: app.public_url.clone() }
}

fn unknown() -> Problem {
    Problem::not_found("there is no such campaign")
}
