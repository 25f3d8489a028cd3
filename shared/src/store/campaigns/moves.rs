//! How a campaign moves on: started, paused, resumed, cancelled, and what it may cost meanwhile.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, PgExecutor, Postgres, Transaction};

use super::Budget;
use crate::campaign::CampaignStatus;
use crate::ids::CampaignId;
use crate::store::opt_outs::shut_out_claims;

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
