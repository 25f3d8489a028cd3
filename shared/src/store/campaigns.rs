//! `sms_campaigns`: what a campaign is and where it stands. Its recipients, its feeding and its results are in files of
//! their own.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, PgConnection, PgExecutor, Postgres, Transaction};

use crate::campaign::CampaignStatus;
use crate::consent::is_stopped;
use crate::ids::{ApiKeyId, CampaignId};
use crate::lane::Lane;
use crate::seal::Mac;
use crate::store::opt_outs::shut_out_claims;
use crate::store::suppressions;

pub mod feed;
pub mod progress;
pub mod recipients;
pub mod results;
pub mod staged;
pub mod uploads;

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

/// Sets what a campaign may cost, unless it has ended.
pub async fn set_budget(db: &mut PgConnection, id: CampaignId, budget: &Budget) -> sqlx::Result<Moved> {
    let set = sqlx::query_scalar!(
        r#"update public.sms_campaigns
           set budget_micros = $2, budget_currency = $3,
               -- What it stopped before it was paused may go on.
               reason = case when status = 'running' and reason = 'budget' then null else reason end
           where id = $1 and status not in ('finished', 'cancelled')
           returning status as "status: CampaignStatus""#,
        id as CampaignId,
        budget.micros,
        budget.currency,
    )
    .fetch_optional(&mut *db)
    .await?;
    stands(db, id, set, &[]).await
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

/// What became of the wish to move a campaign on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It stands there now, or stood there already.
    To(CampaignStatus),
    /// It cannot come there from where it stands.
    Refused(CampaignStatus),
    /// There is no such campaign.
    Unknown,
}

/// Lets a draft begin: at once, or at its time.
pub async fn start(db: &mut PgConnection, id: CampaignId) -> sqlx::Result<Moved> {
    let moved = sqlx::query_scalar!(
        r#"update public.sms_campaigns
           set status = case when start_at > clock_timestamp() then 'scheduled' else 'running' end,
               started_at = case when start_at > clock_timestamp() then null else clock_timestamp() end
           where id = $1 and status = 'draft'
           returning status as "status: CampaignStatus""#,
        id as CampaignId,
    )
    .fetch_optional(&mut *db)
    .await?;
    stands(db, id, moved, &[CampaignStatus::Scheduled, CampaignStatus::Running]).await
}

/// Begins to move a campaign between running and not. First its row, whose holder may take a while, then the lock that all
/// claims wait for.
async fn begin_move(db: &mut PgConnection, id: CampaignId) -> sqlx::Result<Transaction<'_, Postgres>> {
    let mut tx = db.begin().await?;
    sqlx::query!("select from public.sms_campaigns where id = $1 for no key update", id as CampaignId)
        .execute(&mut *tx)
        .await?;
    shut_out_claims(&mut *tx).await?;
    Ok(tx)
}

/// Stops a campaign for now, for `reason` if not by its owner. When this returns, no claim of its messages that did not
/// see it will commit; what waits in the outbox stays there.
pub async fn pause(db: &mut PgConnection, id: CampaignId, reason: Option<&str>) -> sqlx::Result<Moved> {
    let mut tx = begin_move(db, id).await?;
    let moved = sqlx::query_scalar!(
        r#"update public.sms_campaigns set status = 'paused', reason = $2, paused_at = clock_timestamp()
           where id = $1 and status in ('running', 'scheduled')
           returning status as "status: CampaignStatus""#,
        id as CampaignId,
        reason,
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    stands(db, id, moved, &[CampaignStatus::Paused]).await
}

/// Lets a paused campaign go on. Its messages that wait get back the time that the pause took from them, as far as the
/// campaign lasts, and leave at its throttle.
///
/// A claim that saw the pause may hand its messages back after this; they come round within 15 s.
pub async fn resume(db: &mut PgConnection, id: CampaignId) -> sqlx::Result<Moved> {
    let mut tx = db.begin().await?;
    let paused_at = sqlx::query_scalar!(
        "select paused_at from public.sms_campaigns where id = $1 and status = 'paused' for no key update",
        id as CampaignId,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let moved = sqlx::query_scalar!(
        r#"update public.sms_campaigns
           set status = case when start_at > clock_timestamp() then 'scheduled' else 'running' end,
               started_at = case when start_at > clock_timestamp() then null
                                 else coalesce(started_at, clock_timestamp()) end,
               reason = null, paused_at = null
           where id = $1 and status = 'paused'
           returning status as "status: CampaignStatus""#,
        id as CampaignId,
    )
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(paused_at) = paused_at.flatten() {
        release(&mut tx, id, paused_at).await?;
    }
    tx.commit().await?;
    stands(db, id, moved, &[CampaignStatus::Scheduled, CampaignStatus::Running]).await
}

/// Makes the messages that wait for a campaign due again. The outbox has no index by campaign, which each message would
/// pay for: this walks it once.
async fn release(db: &mut PgConnection, id: CampaignId, paused_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "with waiting as (
             select id, due_at, seq, reason is not distinct from 'campaign_paused' as is_paused
             from smsgw.sms_outbox where campaign_id = $1 and worker_id is null
             for update skip locked
         ),
         numbered as (
             select id, is_paused, row_number() over (partition by is_paused order by due_at, seq) - 1 as at from waiting
         ),
         released as (
             update smsgw.sms_outbox o
             set due_at = case when n.is_paused
                               then clock_timestamp() + coalesce(n.at * (interval '1 second' / c.max_per_second), '0')
                               else o.due_at end,
                 expires_at = least(o.expires_at + (clock_timestamp() - greatest($2, smsgw.uuid_time(o.id))),
                                    coalesce(c.expires_at, 'infinity')),
                 reason = case when n.is_paused then null else o.reason end
             from numbered n, public.sms_campaigns c
             where o.id = n.id and c.id = $1
             returning o.due_at, n.is_paused
         )
         insert into smsgw.sms_campaign_paces as p (campaign_id, fed_until)
         select $1, max(due_at) from released where is_paused having count(*) > 0
         on conflict (campaign_id) do update set fed_until = greatest(p.fed_until, excluded.fed_until)",
        id as CampaignId,
        paused_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Withdraws a campaign. When this returns, no claim of its messages that did not see it will commit, and those that
/// waited have ended; nobody else will be texted.
pub async fn cancel(db: &mut PgConnection, id: CampaignId) -> sqlx::Result<Moved> {
    let mut tx = begin_move(db, id).await?;
    let moved = sqlx::query_scalar!(
        r#"update public.sms_campaigns
           set status = 'cancelled', reason = null, finished_at = clock_timestamp()
           where id = $1 and status not in ('finished', 'cancelled')
           returning status as "status: CampaignStatus""#,
        id as CampaignId,
    )
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    end_waiting(&mut *db, id).await?;
    stands(db, id, moved, &[CampaignStatus::Cancelled]).await
}

/// Ends the messages of a cancelled campaign that wait. What this does not come to is ended when it is claimed.
async fn end_waiting(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<()> {
    sqlx::query!(
        r#"with gone as (
               delete from smsgw.sms_outbox where id in (
                   select o.id from smsgw.sms_outbox o join public.sms_campaigns c on c.id = o.campaign_id
                   where o.campaign_id = $1 and o.worker_id is null and c.status = 'cancelled'
                   for update of o skip locked
               )
               returning *, case when copies > 0 then 'unknown' else 'cancelled' end as status
           ),
           -- Who was not texted after all is nobody's duplicate.
           forgotten as (
               delete from smsgw.sms_campaign_dedupe d using gone g, public.sms_campaigns c
               where c.id = $1 and d.key = c.dedupe_key and d.phone = g."to" and g.status = 'cancelled'
           ),
           counted as (
               insert into smsgw.sms_campaign_counts as c (campaign_id, status, messages)
               select campaign_id, status, count(*) from gone group by campaign_id, status
               on conflict (campaign_id, slot, status) do update set messages = c.messages + excluded.messages
           )
           insert into public.sms_messages_log (id, user_id, "to", type, text, status, reason, segments, attempts,
                   copies, sender, template, api_key_id, session_id, batch_id, campaign_id, trace, created_at)
           select id, user_id, "to", lane, body, status, 'campaign_cancelled', segments, attempts, copies, sender,
                  template, api_key_id, session_id, batch_id, campaign_id, trace, smsgw.uuid_time(id)
           from gone"#,
        id as CampaignId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether a campaign that was not moved stands where it was to go.
async fn stands(
    db: &mut PgConnection,
    id: CampaignId,
    moved: Option<CampaignStatus>,
    wanted: &[CampaignStatus],
) -> sqlx::Result<Moved> {
    if let Some(status) = moved {
        return Ok(Moved::To(status));
    }
    let status = sqlx::query_scalar!(
        r#"select status as "status: CampaignStatus" from public.sms_campaigns where id = $1"#,
        id as CampaignId,
    )
    .fetch_optional(db)
    .await?;
    Ok(match status {
        Some(status) if wanted.contains(&status) => Moved::To(status),
        Some(status) => Moved::Refused(status),
        None => Moved::Unknown,
    })
}
