//! Feeding: moving recipients into the outbox, each once. A batch is one transaction, in which the cursor moves with it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};

use super::{Campaign, select_campaigns};
use crate::ids::{CampaignId, MessageId};
use crate::message::NewMessage;
use crate::store::campaigns::recipients::Place;
use crate::store::intake;

/// A campaign that runs, and how much of it is on its way.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// Which.
    pub id: CampaignId,
    /// Messages a second at most.
    pub max_per_second: Option<i32>,
    /// Its share beside others.
    pub weight: i16,
    /// Recipients whose message was not made yet.
    pub unfed: i64,
    /// Messages that were made and have not ended.
    pub under_way: i64,
    /// Messages that have left the outbox. Those that the feeder itself left out say nothing of how fast others leave.
    pub left: i64,
    /// Rows that came by SQL are still to be read.
    pub is_staged: bool,
    /// Everybody had their turn, and every message has ended.
    pub is_over: bool,
}

/// Takes the lock of whoever feeds, for as long as the connection lives; `false` if another has it. A connection that is
/// not used for five seconds is ended by the database, so that a leader that stands still makes room.
pub async fn try_lead(db: &mut PgConnection, lock: i64) -> sqlx::Result<bool> {
    sqlx::raw_sql("set idle_session_timeout = '5s'").execute(&mut *db).await?;
    sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "leads!""#, lock).fetch_one(db).await
}

/// Lets scheduled campaigns begin whose time has come.
pub async fn begin_due(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "update public.sms_campaigns set status = 'running', started_at = clock_timestamp()
         where status = 'scheduled' and start_at <= clock_timestamp()",
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Lists what runs.
pub async fn list_running(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Running>> {
    sqlx::query_as!(
        Running,
        r#"select c.id as "id: CampaignId", c.max_per_second, c.weight,
                  p.recipients - p.fed as "unfed!", p.fed - e.ended as "under_way!", e.left as "left!",
                  exists (select from smsgw.sms_campaign_staged s where s.campaign_id = c.id and s.reason is null)
                      as "is_staged!",
                  p.recipients = e.ended as "is_over!"
           from public.sms_campaigns c
           cross join lateral (select coalesce(sum(recipients), 0)::bigint as recipients,
                                      coalesce(sum(fed), 0)::bigint as fed
                               from smsgw.sms_campaign_places p where p.campaign_id = c.id) p
           cross join lateral (select coalesce(sum(messages), 0)::bigint as ended,
                                      coalesce(sum(messages) filter (where slot <> 0), 0)::bigint as "left"
                               from smsgw.sms_campaign_counts e where e.campaign_id = c.id) e
           where c.status = 'running'
           order by c.id"#
    )
    .fetch_all(db)
    .await
}

/// Holds a running campaign, unless somebody else does at this moment.
pub async fn hold_running(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<Option<Campaign>> {
    select_campaigns!("where id = $1 and status = 'running' for no key update skip locked", id as CampaignId)
        .fetch_optional(db)
        .await
}

/// Holds a campaign, unless somebody else does at this moment.
pub async fn hold_free(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<Option<Campaign>> {
    select_campaigns!("where id = $1 for no key update skip locked", id as CampaignId)
        .fetch_optional(db)
        .await
}

/// A place with recipients that wait, and how far it is.
#[derive(Clone, Debug)]
pub struct WaitingPlace {
    /// Its number.
    pub place: i16,
    /// Where it is.
    pub at: Place,
    /// Recipients up to this one were fed.
    pub fed_seq: i64,
}

/// Lists the places of a campaign where somebody waits.
pub async fn list_waiting_places(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<Vec<WaitingPlace>> {
    let rows = sqlx::query!(
        "select place, country, zone, fed_seq from smsgw.sms_campaign_places
         where campaign_id = $1 and fed < recipients order by place",
        id as CampaignId,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| WaitingPlace {
            place: row.place,
            at: Place::stored(&row.country, row.zone),
            fed_seq: row.fed_seq,
        })
        .collect())
}

/// Somebody whose turn it is.
#[derive(Clone, Debug)]
pub struct Next {
    /// Their place in the order.
    pub seq: i64,
    /// E.164.
    pub phone: String,
    /// What their text takes.
    pub segments: i16,
    /// What their text needs to know.
    pub variables: Option<Value>,
}

/// Lists the next recipients of a place.
pub async fn list_next(
    db: impl PgExecutor<'_>,
    id: CampaignId,
    place: &WaitingPlace,
    limit: i64,
) -> sqlx::Result<Vec<Next>> {
    sqlx::query_as!(
        Next,
        "select seq, phone, segments, variables from smsgw.sms_campaign_recipients
         where campaign_id = $1 and place = $2 and seq > $3 order by seq limit $4",
        id as CampaignId,
        place.place,
        place.fed_seq,
        limit,
    )
    .fetch_all(db)
    .await
}

/// What is moved into the outbox together.
#[derive(Debug)]
pub struct Batch {
    /// From which place.
    pub place: WaitingPlace,
    /// The last of its recipients.
    pub to_seq: i64,
    /// How many.
    pub recipients: i64,
    /// The time in the ids of their messages.
    pub fed_at: DateTime<Utc>,
    /// Messages to be sent.
    pub messages: Vec<NewMessage>,
    /// Messages that are not sent, and why.
    pub suppressed: Vec<(NewMessage, &'static str)>,
}

/// Moves a batch into the outbox, and the cursor behind it. The caller holds the campaign and commits.
pub async fn feed(db: &mut PgConnection, id: CampaignId, batch: &Batch) -> sqlx::Result<()> {
    intake::insert(&mut *db, &batch.messages.iter().collect::<Vec<_>>()).await?;
    if !batch.suppressed.is_empty() {
        log_suppressed(&mut *db, id, &batch.suppressed).await?;
    }
    sqlx::query!(
        "with moved as (
             update smsgw.sms_campaign_places set fed_seq = $3, fed = fed + $4 where campaign_id = $1 and place = $2
         )
         insert into smsgw.sms_campaign_batches (campaign_id, place, after_seq, to_seq, fed_at)
         values ($1, $2, $5, $3, $6)",
        id as CampaignId,
        batch.place.place,
        batch.to_seq,
        batch.recipients,
        batch.place.fed_seq,
        batch.fed_at,
    )
    .execute(&mut *db)
    .await?;
    Ok(())
}

async fn log_suppressed(
    db: impl PgExecutor<'_>,
    id: CampaignId,
    suppressed: &[(NewMessage, &'static str)],
) -> sqlx::Result<()> {
    let ids: Vec<MessageId> = suppressed.iter().map(|(message, _)| message.id).collect();
    let (to, reasons): (Vec<&str>, Vec<&str>) =
        suppressed.iter().map(|(message, reason)| (message.to.as_str(), *reason)).unzip();
    sqlx::query!(
        r#"with counted as (
               insert into smsgw.sms_campaign_counts as c (campaign_id, slot, status, messages)
               values ($1, 0, 'suppressed', cardinality($2::uuid[]))
               on conflict (campaign_id, slot, status) do update set messages = c.messages + excluded.messages
           )
           insert into public.sms_messages_log (id, "to", type, status, reason, segments, attempts, sender, template,
                                                api_key_id, campaign_id, created_at)
           select m.id, m."to", c.lane, 'suppressed', m.reason, m.segments, 0, c.sender, c.template, c.api_key_id, c.id,
                  smsgw.uuid_time(m.id)
           from unnest($2::uuid[], $3::text[], $4::text[], $5::smallint[]) as m (id, "to", reason, segments),
                public.sms_campaigns c
           where c.id = $1"#,
        id as CampaignId,
        &ids as &[MessageId],
        &to as &[&str],
        &reasons as &[&str],
        &suppressed.iter().map(|(message, _)| message.segments).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Reads up to when messages are due.
pub async fn read_throttle(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<Option<DateTime<Utc>>> {
    let row = sqlx::query_scalar!(
        "select fed_until from smsgw.sms_campaign_paces where campaign_id = $1",
        id as CampaignId,
    );
    Ok(row.fetch_optional(db).await?.flatten())
}

/// Remembers up to when messages are due, so that the throttle goes on from there.
pub async fn move_throttle(
    db: impl PgExecutor<'_>,
    id: CampaignId,
    until: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.sms_campaign_paces (campaign_id, fed_until) values ($1, $2)
         on conflict (campaign_id) do update set fed_until = excluded.fed_until",
        id as CampaignId,
        until,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Shows what a running campaign waits for, if for anything; writes only what is new.
pub async fn set_waiting(
    db: impl PgExecutor<'_>,
    campaign: &Campaign,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    if campaign.reason.as_deref() == reason {
        return Ok(());
    }
    sqlx::query!(
        "update public.sms_campaigns set reason = $2 where id = $1",
        campaign.id as CampaignId,
        reason,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Shows how fast campaigns are; writes only what is new.
pub async fn set_rates(db: impl PgExecutor<'_>, rates: &[(CampaignId, f32)]) -> sqlx::Result<()> {
    let (ids, rates): (Vec<CampaignId>, Vec<f32>) = rates.iter().copied().unzip();
    sqlx::query!(
        "insert into smsgw.sms_campaign_paces as p (campaign_id, rate)
         select * from unnest($1::uuid[], $2::real[])
         on conflict (campaign_id) do update set rate = excluded.rate where p.rate <> excluded.rate",
        &ids as &[CampaignId],
        &rates,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Pauses a campaign that cannot go on as it is, for `reason`. The caller holds it.
pub async fn stop(db: impl PgExecutor<'_>, id: CampaignId, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update public.sms_campaigns set status = 'paused', reason = $2, paused_at = clock_timestamp()
         where id = $1 and status = 'running'",
        id as CampaignId,
        reason,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many messages of each campaign are being sent: they hold nothing up any more.
pub async fn list_claimed(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<(CampaignId, i64)>> {
    let rows = sqlx::query!(
        r#"select campaign_id as "id!: CampaignId", count(*) as "messages!" from smsgw.sms_outbox
           where worker_id is not null and campaign_id is not null group by campaign_id"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.messages)).collect())
}

/// How many messages of `campaigns` sleep: they wait in the outbox for more than five seconds, and hold nothing up. Of a
/// very deep sleep, others' included, only the part that ends first is looked at.
pub async fn list_sleeping(
    db: impl PgExecutor<'_>,
    campaigns: &[CampaignId],
) -> sqlx::Result<Vec<(CampaignId, i64)>> {
    let rows = sqlx::query!(
        r#"select o.campaign_id as "id!: CampaignId", count(*) as "messages!"
           from unnest(array['transactional', 'promo']) as l (lane),
                lateral (select campaign_id from smsgw.sms_outbox
                         where lane = l.lane and worker_id is null
                           -- As a value, by which the index is entered: the time itself would be compared row by row.
                           and due_at > (select clock_timestamp() + interval '5 seconds')
                         order by due_at limit 200000) o
           where o.campaign_id = any($1)
           group by o.campaign_id"#,
        campaigns as &[CampaignId],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.messages)).collect())
}

/// Adds up counts that no server process writes to any more.
pub async fn fold_counts(db: impl PgExecutor<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "with old as (
             delete from smsgw.sms_campaign_counts
             where slot > 1 and slot >> 24 < floor(extract(epoch from clock_timestamp()) / 10)::bigint - 6
             returning campaign_id, status, messages
         )
         insert into smsgw.sms_campaign_counts as c (campaign_id, slot, status, messages)
         select campaign_id, 1, status, sum(messages) from old group by campaign_id, status
         on conflict (campaign_id, slot, status) do update set messages = c.messages + excluded.messages",
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends a running campaign of which nothing is left to do, for `reason` if that is not that everybody had their turn.
pub async fn finish(db: impl PgExecutor<'_>, id: CampaignId, reason: Option<&str>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update public.sms_campaigns set status = 'finished', reason = $2, finished_at = clock_timestamp()
         where id = $1 and status = 'running'",
        id as CampaignId,
        reason,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lets a campaign go on that had ended before its last rows came.
pub async fn reopen(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<()> {
    sqlx::query!(
        "update public.sms_campaigns set status = 'running', finished_at = null where id = $1 and status = 'finished'",
        id as CampaignId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Of `phones`, whom a campaign under `key` has texted within the window; the others are remembered as texted now.
pub async fn claim_people(
    db: &mut PgConnection,
    key: &str,
    window_hours: i32,
    phones: &[&str],
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"with claimed as (
               insert into smsgw.sms_campaign_dedupe as d (key, phone, sent_at)
               select $1, phone, clock_timestamp() from unnest($3::text[]) as p (phone) order by phone
               on conflict (key, phone) do update set sent_at = excluded.sent_at
               where d.sent_at <= clock_timestamp() - make_interval(hours => $2)
               returning phone
           )
           select p.phone as "phone!" from unnest($3::text[]) as p (phone)
           where not exists (select from claimed c where c.phone = p.phone)"#,
        key,
        window_hours,
        phones as &[&str],
    )
    .fetch_all(db)
    .await
}
