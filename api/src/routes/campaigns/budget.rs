//! `PUT /sms/campaigns/{id}/budget`: another limit for a campaign, such as one that its old limit has stopped.

use super::*;
use crate::campaigns::budget::BudgetRequest;

/// Sets what a campaign may cost, what is spent already counted in. One that waits for it is resumed by its owner.
pub(in crate::routes) async fn set_budget(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(id): Path<CampaignId>,
    Json { value: wanted, .. }: Json<BudgetRequest>,
) -> Result<axum::Json<CampaignView>, Problem> {
    let budget = wanted.check().map_err(|(field, problem)| Problem::field(field, problem))?;
    let mut db = app.pool.acquire().await?;
    let moved = campaigns::set_budget(&mut db, id, &budget).await?;
    moved_on(&mut db, id, moved, "costs nothing any more").await
}
