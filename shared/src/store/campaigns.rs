//! `sms_campaigns`: what a campaign is and where it stands. Its moves, its recipients, its feeding and its
//! results are in files of their own.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};

use crate::campaign::CampaignStatus;
use crate::consent::is_stopped;
use crate::ids::{ApiKeyId, CampaignId};
use crate::lane::Lane;
use crate::seal::Mac;
use crate::store::suppressions;

pub mod feed;
mod moves;
pub mod progress;
pub mod recipients;
pub mod results;
pub mod staged;
pub mod uploads;

pub use moves::{Moved, cancel, pause, resume, set_budget, start};

/// A campaign as it is asked for.
#[derive(Clone, Debug)]
pub struct NewCampaign {
    /// Its id.
    pub id: CampaignId,
    /// What people call it.
    pub name: String,
    /// The queue of its messages: promo or transactional.
    pub lane: Lane,
    /// What is filled for each recipient.
    pub text: String,
    /// The template the text came from.
    pub template: Option<String>,
    /// Whom it comes from, else the provider's own.
    pub sender: Option<String>,
    /// Provider to try first.
    pub provider_hint: Option<String>,
    /// Messages a second at most.
    pub max_per_second: Option<i32>,
    /// Its share beside other campaigns.
    pub weight: i16,
    /// How long a message may wait once it is due.
    pub message_life_seconds: i32,
    /// When it begins by itself.
    pub start_at: Option<DateTime<Utc>>,
    /// Nobody is texted after this.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who was texted under this key within the window is left out.
    pub dedupe: Option<Dedupe>,
    /// What it may cost.
    pub budget: Option<Budget>,
    /// The key that asked.
    pub api_key_id: ApiKeyId,
}

/// Keeps people from being texted twice by campaigns that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dedupe {
    /// What the campaigns have in common.
    pub key: String,
    /// For how long.
    pub window_hours: i32,
}

/// What a campaign may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// In millionths.
    pub micros: i64,
    /// ISO 4217 code.
    pub currency: String,
}

/// A campaign as it is stored.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Its id.
    pub id: CampaignId,
    /// Part of the ids of its messages.
    pub number: i32,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub status: CampaignStatus,
    /// Why it stands there, if nobody asked for it.
    pub reason: Option<String>,
    /// The queue of its messages.
    pub lane: Lane,
    /// What is filled for each recipient.
    pub text: String,
    /// The template the text came from.
    pub template: Option<String>,
    /// Whom it comes from.
    pub sender: Option<String>,
    /// Provider to try first.
    pub provider_hint: Option<String>,
    /// Messages a second at most.
    pub max_per_second: Option<i32>,
    /// Its share beside other campaigns.
    pub weight: i16,
    /// How long a message may wait once it is due.
    pub message_life_seconds: i32,
    /// When it begins by itself.
    pub start_at: Option<DateTime<Utc>>,
    /// Nobody is texted after this.
    pub expires_at: Option<DateTime<Utc>>,
    /// Campaigns under this key leave out whom another has texted.
    pub dedupe_key: Option<String>,
    /// For how long.
    pub dedupe_window_hours: Option<i32>,
    /// What it may cost, in millionths.
    pub budget_micros: Option<i64>,
    /// Of what.
    pub budget_currency: Option<String>,
    /// The key that made it.
    pub api_key_id: ApiKeyId,
    /// The longest text that a recipient will get.
    pub longest_text: Option<String>,
    /// Characters that force UCS-2 in the texts of its recipients, the first that came.
    pub forcing: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// Since when it is paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Since when its list is deleted, as it ended long ago.
    pub emptied_at: Option<DateTime<Utc>>,
}

impl Campaign {
    /// Whom it leaves out, if anybody.
    pub fn dedupe(&self) -> Option<Dedupe> {
        let (key, window_hours) = self.dedupe_key.clone().zip(self.dedupe_window_hours)?;
        Some(Dedupe { key, window_hours })
    }

    /// Whether recipients may be added: also once everybody else had their turn, which then is not the end. Not once its
    /// list is deleted, as nobody knows any more whom it has texted.
    pub fn takes_recipients(&self) -> bool {
        match self.status {
            CampaignStatus::Draft
            | CampaignStatus::Scheduled
            | CampaignStatus::Running
            | CampaignStatus::Paused => true,
            CampaignStatus::Finished => self.reason.is_none() && self.emptied_at.is_none(),
            CampaignStatus::Cancelled => false,
        }
    }
}

/// Selects whole campaigns; one list of columns for all who read them.
macro_rules! select_campaigns {
    ($($rest:tt)*) => {
        sqlx::query_as!(
            crate::store::campaigns::Campaign,
            r#"select id as "id: _", number, name, status as "status: _", reason, lane as "lane: _", text, template,
                      sender, provider_hint, max_per_second, weight, message_life_seconds, start_at, expires_at,
                      dedupe_key, dedupe_window_hours, budget_micros, budget_currency, api_key_id as "api_key_id: _",
                      longest_text, forcing, created_at, started_at, paused_at, finished_at,
                      emptied_at
               from public.sms_campaigns "# + $($rest)*
        )
    };
}
use select_campaigns;

/// Stores a campaign as a draft.
pub async fn insert(db: impl PgExecutor<'_>, new: &NewCampaign) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into public.sms_campaigns (id, name, lane, text, template, sender, provider_hint, max_per_second, weight,
                message_life_seconds, start_at, expires_at, dedupe_key, dedupe_window_hours, budget_micros,
                budget_currency, api_key_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        new.id as CampaignId,
        new.name,
        new.lane as Lane,
        new.text,
        new.template,
        new.sender,
        new.provider_hint,
        new.max_per_second,
        new.weight,
        new.message_life_seconds,
        new.start_at,
        new.expires_at,
        new.dedupe.as_ref().map(|dedupe| dedupe.key.as_str()),
        new.dedupe.as_ref().map(|dedupe| dedupe.window_hours),
        new.budget.as_ref().map(|budget| budget.micros),
        new.budget.as_ref().map(|budget| budget.currency.as_str()),
        new.api_key_id as ApiKeyId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Finds a campaign.
pub async fn find(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<Option<Campaign>> {
    select_campaigns!("where id = $1", id as CampaignId).fetch_optional(db).await
}

/// Lists up to `limit` campaigns made before `before`, the newest first.
pub async fn list(
    db: impl PgExecutor<'_>,
    status: Option<CampaignStatus>,
    before: Option<CampaignId>,
    limit: i64,
) -> sqlx::Result<Vec<Campaign>> {
    select_campaigns!(
        "where ($1::text is null or status = $1) and ($2::uuid is null or id < $2) order by id desc limit $3",
        status as Option<CampaignStatus>,
        before as Option<CampaignId>,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Finds a campaign and holds it: nobody else adds recipients to it, feeds it or changes it meanwhile. So recipients
/// become visible in the order of their `seq`, which the feeder's cursors rely on.
pub async fn hold(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<Option<Campaign>> {
    select_campaigns!("where id = $1 for no key update", id as CampaignId).fetch_optional(db).await
}

/// Of `phones`, those who had stopped what the campaign sends before they were erased.
pub async fn find_erased_stopped(
    db: &mut PgConnection,
    people: &Mac,
    campaign: &Campaign,
    phones: &[&str],
) -> sqlx::Result<HashSet<String>> {
    if phones.is_empty() || !suppressions::exist(&mut *db).await? {
        return Ok(HashSet::new());
    }
    let own = campaign.sender.as_deref();
    let stopped = suppressions::find_stopped(db, people, campaign.lane, phones).await?;
    Ok(stopped.into_iter().filter(|(_, senders)| is_stopped(senders, own)).map(|(phone, _)| phone).collect())
}
