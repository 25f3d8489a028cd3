//! The tables beside the outbox and the log that hold numbers, and what else is known of people by them.

use std::ops::Range;

use sqlx::postgres::PgQueryResult;
use sqlx::{PgConnection, PgExecutor};

use super::numbers::Numbers;
use crate::guard::Place;
use crate::ids::MessageId;
use crate::phone::PhoneNumber;

/// Deletes what came by SQL and was not read yet, or could not be used; says how many rows. Those that the feeder is taking
/// are waited for: whoever takes them off the lists next finds them there.
pub(super) async fn staged(db: impl PgExecutor<'_>, numbers: &Numbers) -> sqlx::Result<i64> {
    let done =
        sqlx::query!("delete from smsgw.sms_campaign_staged where phone = any($1)", &numbers.spellings)
            .execute(db)
            .await?;
    Ok(count(done.rows_affected()))
}

/// Takes them off the lists of all campaigns; says how many rows. Who was not fed yet counts for their campaign no more.
pub(super) async fn campaigns(db: &mut PgConnection, numbers: &Numbers) -> sqlx::Result<i64> {
    // The feeder and lists that are being read hold their campaign; both hold one at a time.
    let campaigns = sqlx::query_scalar!(
        "select c.id from public.sms_campaigns c
         where exists (select from smsgw.sms_campaign_recipients r where r.campaign_id = c.id and r.phone = any($1))
         order by c.id for no key update",
        &numbers.spellings,
    )
    .fetch_all(&mut *db)
    .await?;
    sqlx::query_scalar!(
        r#"with gone as (
               delete from smsgw.sms_campaign_recipients where campaign_id = any($1) and phone = any($2)
               returning campaign_id, place, seq, segments, saved
           ),
           uncounted as (
               update smsgw.sms_campaign_places p
               set recipients = p.recipients - u.recipients, segments = p.segments - u.segments, ucs2 = p.ucs2 - u.ucs2,
                   saved = p.saved - u.saved
               from (select g.campaign_id, g.place, count(*) as recipients, sum(g.segments) as segments,
                            count(g.saved) as ucs2, coalesce(sum(g.saved), 0) as saved
                     from gone g join smsgw.sms_campaign_places w using (campaign_id, place)
                     where g.seq > w.fed_seq group by g.campaign_id, g.place) u
               where p.campaign_id = u.campaign_id and p.place = u.place
           ),
           -- It may be their name that makes it the longest, and whose letters force another alphabet.
           shortened as (update public.sms_campaigns set longest_text = null, forcing = '' where id = any($1))
           select count(*) as "gone!" from gone"#,
        &campaigns,
        &numbers.spellings,
    )
    .fetch_one(db)
    .await
}

/// Deletes what they stopped and every evidence of it whose source is like `sources`; says how many rows.
pub(super) async fn consent(db: &mut PgConnection, numbers: &Numbers, sources: &str) -> sqlx::Result<i64> {
    let stops = sqlx::query!(
        "delete from smsgw.sms_opt_outs where phone = any($1) and source like $2",
        &numbers.spellings,
        sources,
    )
    .execute(&mut *db)
    .await?;
    let evidence = sqlx::query_scalar!(
        r#"select smsgw.erase_consents($1, $2) as "gone!""#,
        &numbers.spellings,
        sources,
    )
    .fetch_one(db)
    .await?;
    Ok(count(stops.rows_affected()) + evidence)
}

/// Deletes their sessions, and when and how often codes were sent to them and for them or guessed; says how many rows.
///
/// Each statement by itself: whoever sends or checks a code holds these rows in another order each.
pub(super) async fn codes(db: &mut PgConnection, numbers: &Numbers) -> sqlx::Result<i64> {
    let sessions = sqlx::query_scalar!(
        "delete from public.sms_otp_sessions s using unnest($1::text[], $2::timestamptz[]) as p (number, until)
         where s.phone = any($1) and s.phone = p.number and s.created_at < p.until returning s.user_id",
        &numbers.spellings,
        &numbers.times(),
    )
    .fetch_all(&mut *db)
    .await?;
    let gone = sessions.len() as u64;
    let users: Vec<String> = sessions.into_iter().flatten().collect();
    let windows = sqlx::query!(
        "delete from smsgw.otp_windows where (kind, subject) in (
             select 'phone', number from unnest($1::text[]) as n (number)
             union all
             select 'purpose', p.purpose || ' ' || number from unnest($1::text[]) as n (number), smsgw.otp_purposes p
             union all
             select 'user', id from unnest($2::text[]) as u (id))",
        &numbers.spellings,
        &users,
    )
    .execute(&mut *db)
    .await?;
    guarded(&mut *db, numbers).await?;
    let failures =
        sqlx::query!(
            "delete from smsgw.otp_phone_failures f using unnest($1::text[], $2::timestamptz[]) as p (number, until)
             where f.phone = any($1) and f.phone = p.number and f.updated_at < p.until",
            &numbers.spellings,
            &numbers.times(),
        )
        .execute(&mut *db)
        .await?;
    let owned = sqlx::query!(
        "delete from public.verified_phones v using unnest($1::text[], $2::timestamptz[]) as p (number, until)
         where v.phone = any($1) and v.phone = p.number and v.verified_at < p.until",
        &numbers.spellings,
        &numbers.times(),
    )
    .execute(&mut *db)
    .await?;
    let rows = [windows, failures, owned].iter().map(PgQueryResult::rows_affected).sum::<u64>();
    Ok(count(gone + rows) + resets(db, numbers).await?)
}

/// Leaves of them in what the pumping guard knows what a statistic may keep: the prefix that they share with others. Rows
/// of whoever has the same prefix and last two digits are cleared as well.
async fn guarded(db: &mut PgConnection, numbers: &Numbers) -> sqlx::Result<()> {
    let phones: Vec<PhoneNumber> = numbers.spellings.iter().cloned().map(PhoneNumber::stored).collect();
    let prefixes: Vec<String> = phones.iter().map(|phone| Place::of(phone).prefix).collect();
    sqlx::query!(
        "with held as materialized (
             select d.id, p.forgotten
             from smsgw.guard_decisions d
             join unnest($1::text[], $2::text[], $3::text[]) as p (prefix, masked, forgotten)
                 on d.prefix = p.prefix and d.phone = p.masked
             -- In order, so that this and codes that come back do not wait for each other.
             order by d.id for update of d
         )
         update smsgw.guard_decisions d set phone = held.forgotten, session_id = null, message_id = null, client = null
         from held where d.id = held.id",
        &prefixes,
        &phones.iter().map(PhoneNumber::masked).collect::<Vec<_>>(),
        &phones.iter().map(PhoneNumber::forgotten).collect::<Vec<_>>(),
    )
    .execute(&mut *db)
    .await?;
    // Held by whoever sends a code there, for as long as that takes.
    sqlx::query!(
        "with held as materialized (
             select kind, subject from smsgw.guard_subjects
             where kind = 'prefix' and subject = any($1) and state ? 'recent' order by subject for update
         )
         update smsgw.guard_subjects g set state = state - 'recent' from held h
         where g.kind = h.kind and g.subject = h.subject",
        &prefixes,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes what they could choose a password with, and the answers that said whose it was.
async fn resets(db: impl PgExecutor<'_>, numbers: &Numbers) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"with gone as (
               delete from smsgw.reset_tokens where phone = any($1) returning session_id, redeemed_at
           ),
           answers as (
               delete from smsgw.idempotency_keys k using gone g
               where k.created_at between g.redeemed_at - interval '1 minute' and g.redeemed_at + interval '1 minute'
                 and position('"session_id":"' || g.session_id || '"' in k.answer) > 0
           )
           select count(*) as "gone!" from gone"#,
        &numbers.spellings,
    )
    .fetch_one(db)
    .await
}

/// Deletes what has no index by number: each table is walked once, for all people together.
pub(super) async fn people(db: &mut PgConnection, numbers: &Numbers) -> sqlx::Result<()> {
    let users = sqlx::query_scalar!(
        "delete from public.user_contact_settings s using unnest($1::text[], $2::timestamptz[]) as p (number, until)
         where s.phone = p.number and s.updated_at < p.until returning s.user_id",
        &numbers.spellings,
        &numbers.times(),
    )
    .fetch_all(&mut *db)
    .await?;
    sqlx::query!(
        "delete from public.verified_phone_changes c using unnest($1::text[], $2::timestamptz[]) as p (number, until)
         where c.phone = p.number and c.verified_at < p.until",
        &numbers.spellings,
        &numbers.times(),
    )
    .execute(&mut *db)
    .await?;
    factors(&mut *db, &users).await?;
    sqlx::query!(r#"delete from smsgw.sandbox_inbox where "to" = any($1)"#, &numbers.spellings)
        .execute(&mut *db)
        .await?;
    sqlx::query!("delete from smsgw.sms_promo_contacts where phone = any($1)", &numbers.spellings)
        .execute(&mut *db)
        .await?;
    // By its key, whose first part few campaigns share.
    sqlx::query!(
        "delete from smsgw.sms_campaign_dedupe
         where key in (select distinct dedupe_key from public.sms_campaigns where dedupe_key is not null)
           and phone = any($1)",
        &numbers.spellings,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes the second factors of users whose number it was. Of those who merely asked for a code to it nothing: whoever calls
/// from a browser may say who they are.
///
/// In the order of [`two_factor::hold`](crate::store::two_factor::hold), and codes by their numbers, as they are made: who had
/// no settings yet when they began holds none of these.
async fn factors(db: &mut PgConnection, users: &[String]) -> sqlx::Result<()> {
    sqlx::query!("delete from public.two_factor_apps where user_id = any($1)", users)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "select from public.two_factor_backup_codes where user_id = any($1) order by user_id, number for update",
        users,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("delete from public.two_factor_backup_codes where user_id = any($1)", users)
        .execute(&mut *db)
        .await?;
    sqlx::query!("delete from public.remembered_devices where user_id = any($1)", users)
        .execute(&mut *db)
        .await?;
    sqlx::query!("delete from smsgw.two_factor_verifications where user_id = any($1)", users)
        .execute(&mut *db)
        .await?;
    sqlx::query!("delete from smsgw.two_factor_failures where user_id = any($1)", users).execute(db).await?;
    Ok(())
}

/// Deletes from `$table` the keys of a stretch of time in which any of `$digits` stands. Not kept as a plan: one made for
/// these numbers hashes them, and looks each row of digits up once for all people.
macro_rules! delete_keys {
    ($db:expr, $table:tt, $digits:expr, $stretch:expr) => {
        sqlx::query!(
            "delete from " + $table + " k
         where k.created_at >= $2 and k.created_at < $3 and k.key ~ '[0-9]{7}'
           and exists (select from regexp_matches(k.key, '[0-9]{7,}', 'g') m where ltrim(m[1], '0') = any($1))",
            $digits as &[&str],
            $stretch.start.created_at(),
            $stretch.end.created_at(),
        )
        .persistent(false)
        .execute($db)
        .await?
    };
}

/// Deletes idempotency keys of a stretch of time that callers made of a number: those in which it stands by itself, not
/// within more digits. What they stood for could be asked for again, and is gone.
pub(super) async fn keys(
    db: &mut PgConnection,
    numbers: &Numbers,
    stretch: &Range<MessageId>,
) -> sqlx::Result<()> {
    let digits: Vec<&str> =
        numbers.spellings.iter().map(|spelling| spelling.trim_start_matches('+')).collect();
    delete_keys!(&mut *db, "smsgw.idempotency_keys", &digits, stretch);
    delete_keys!(db, "smsgw.sms_enqueue_keys", &digits, stretch);
    Ok(())
}

fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
