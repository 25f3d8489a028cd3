//! A campaign as its owner sees it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::campaign::CampaignStatus;
use shared::ids::CampaignId;
use shared::lane::Lane;
use shared::money::Amount;
use shared::store::campaigns::Campaign;
use shared::store::campaigns::progress::Progress;

/// A campaign, and how far it is.
#[derive(Debug, Serialize)]
pub(crate) struct CampaignView {
    campaign_id: CampaignId,
    name: String,
    status: CampaignStatus,
    reason: Option<String>,
    lane: Lane,
    text: String,
    template: Option<String>,
    sender: Option<String>,
    provider_hint: Option<String>,
    max_per_second: Option<i32>,
    weight: i16,
    message_expires_in: i32,
    start_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    dedupe_key: Option<String>,
    dedupe_window_hours: Option<i32>,
    budget: Option<BudgetView>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    paused_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressView>,
}

#[derive(Debug, Serialize)]
struct BudgetView {
    amount: Amount,
    currency: String,
}

/// How far it is, how fast, and how long it will take.
#[derive(Debug, Serialize)]
struct ProgressView {
    #[serde(flatten)]
    counts: Progress,
    /// `None` while nobody can say: it does not run, or nothing has left yet.
    eta_seconds: Option<u64>,
}

impl CampaignView {
    /// A campaign with its counts.
    pub(crate) fn with_progress(campaign: Campaign, counts: Progress) -> Self {
        let eta_seconds = eta(&campaign, &counts);
        let progress = ProgressView { eta_seconds, counts };
        Self { progress: Some(progress), ..Self::from(campaign) }
    }
}

impl From<Campaign> for CampaignView {
    fn from(campaign: Campaign) -> Self {
        let budget = campaign.budget_micros.zip(campaign.budget_currency).map(|(micros, currency)| {
            BudgetView { amount: Amount::from_micros(micros.unsigned_abs()), currency }
        });
        Self {
            campaign_id: campaign.id,
            name: campaign.name,
            status: campaign.status,
            reason: campaign.reason,
            lane: campaign.lane,
            text: campaign.text,
            template: campaign.template,
            sender: campaign.sender,
            provider_hint: campaign.provider_hint,
            max_per_second: campaign.max_per_second,
            weight: campaign.weight,
            message_expires_in: campaign.message_life_seconds,
            start_at: campaign.start_at,
            expires_at: campaign.expires_at,
            dedupe_key: campaign.dedupe_key,
            dedupe_window_hours: campaign.dedupe_window_hours,
            budget,
            created_at: campaign.created_at,
            started_at: campaign.started_at,
            paused_at: campaign.paused_at,
            finished_at: campaign.finished_at,
            progress: None,
        }
    }
}

/// How long what is left will take, at the present rate or else at the throttle.
fn eta(campaign: &Campaign, counts: &Progress) -> Option<u64> {
    if campaign.status != CampaignStatus::Running {
        return None;
    }
    let left = (counts.recipients - counts.ended).max(0) as f64;
    let throttle = campaign.max_per_second.map(f64::from);
    let rate = Some(f64::from(counts.rate_per_second)).filter(|rate| *rate >= 0.1).or(throttle)?;
    Some((left / rate).ceil() as u64)
}
