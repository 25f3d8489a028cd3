//! How often codes were sent to and for whom: what limits look at.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::limits::{Kind, Ledger, Limit, Subject, longest};

/// What was read of subjects, whose rows are held until the transaction ends.
#[derive(Debug)]
pub struct Held {
    /// For the decision.
    pub ledger: Ledger,
    /// Phones whose codes are not compared for now.
    pub locked_phones: Vec<String>,
    /// The database's time.
    pub now: DateTime<Utc>,
}

/// Reads what is remembered of `subjects` and holds it, so that of two who send at the same moment one sees what the
/// other counted. `subjects` may name one several times.
pub async fn hold(db: &mut PgConnection, limits: &[Limit], subjects: &[Subject]) -> sqlx::Result<Held> {
    // Everybody takes the rows in this order, or two could wait for each other.
    let mut exact: Vec<&Subject> = subjects.iter().filter(|subject| subject.kind.is_exact()).collect();
    exact.sort_unstable();
    exact.dedup();
    let rows = sqlx::query!(
        r#"insert into smsgw.otp_windows as w (kind, subject)
           select * from unnest($1::text[], $2::text[]) as i (kind, subject)
           on conflict (kind, subject) do update set times = w.times
           returning kind, subject, times,
                     (kind = 'phone' and exists (
                         select from smsgw.otp_phone_failures f
                         where f.phone = subject and f.locked_until > clock_timestamp()
                     )) as "is_locked!",
                     clock_timestamp() as "now!""#,
        &exact.iter().map(|subject| subject.kind.as_str()).collect::<Vec<_>>() as &[&str],
        &exact.iter().map(|subject| subject.name.as_str()).collect::<Vec<_>>() as &[&str],
    )
    .fetch_all(&mut *db)
    .await?;
    let mut held = Held { ledger: Ledger::default(), locked_phones: Vec::new(), now: DateTime::UNIX_EPOCH };
    for row in rows {
        held.now = held.now.max(row.now);
        if row.is_locked {
            held.locked_phones.push(row.subject.clone());
        }
        if let Ok(kind) = row.kind.parse() {
            held.ledger.times.insert(Subject { kind, name: row.subject }, row.times);
        }
    }
    read_counts(db, limits, subjects, &mut held.ledger).await?;
    Ok(held)
}

/// Reads what is counted of countries and keys, if a limit is for them.
async fn read_counts(
    db: &mut PgConnection,
    limits: &[Limit],
    subjects: &[Subject],
    ledger: &mut Ledger,
) -> sqlx::Result<()> {
    let mut pairs: Vec<(&Limit, &Subject)> = counted(limits, subjects).collect();
    pairs.sort_unstable_by_key(|(limit, subject)| (&limit.name, *subject));
    pairs.dedup();
    if pairs.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query_scalar!(
        r#"select coalesce((
               select sum(c.sends) from smsgw.otp_counts c
               where c.name = i.name and c.subject = i.subject
                 and c.bucket > clock_timestamp() - make_interval(secs => i.per)
           ), 0)::bigint as "sends!"
           from unnest($1::text[], $2::text[], $3::double precision[]) with ordinality as i (name, subject, per, place)
           order by i.place"#,
        &pairs.iter().map(|(limit, _)| limit.name.as_str()).collect::<Vec<_>>() as &[&str],
        &pairs.iter().map(|(_, subject)| subject.name.as_str()).collect::<Vec<_>>() as &[&str],
        &pairs.iter().map(|(limit, _)| limit.per.as_secs_f64()).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await?;
    for ((limit, subject), sends) in pairs.into_iter().zip(rows) {
        ledger.counts.insert((limit.name.clone(), subject.clone()), sends.unsigned_abs());
    }
    Ok(())
}

/// Remembers the sends that were counted in `held`.
pub async fn record(db: &mut PgConnection, limits: &[Limit], held: &Held) -> sqlx::Result<()> {
    let sends = &held.ledger.sends;
    let exact: Vec<(&Subject, i32)> =
        sends.iter().filter(|(subject, _)| subject.kind.is_exact()).map(|(s, n)| (s, *n)).collect();
    sqlx::query!(
        "update smsgw.otp_windows w
         set times = array(select t from unnest(w.times) t where t > $5::timestamptz - make_interval(secs => i.longest))
                     || array_fill($5::timestamptz, array[i.sends]),
             until = $5::timestamptz + make_interval(secs => i.longest)
         from unnest($1::text[], $2::text[], $3::integer[], $4::double precision[]) as i (kind, subject, sends, longest)
         where w.kind = i.kind and w.subject = i.subject",
        &exact.iter().map(|(subject, _)| subject.kind.as_str()).collect::<Vec<_>>() as &[&str],
        &exact.iter().map(|(subject, _)| subject.name.as_str()).collect::<Vec<_>>() as &[&str],
        &exact.iter().map(|(_, sends)| *sends).collect::<Vec<_>>(),
        &exact.iter().map(|(subject, _)| longest(limits, subject.kind).as_secs_f64()).collect::<Vec<_>>(),
        held.now,
    )
    .execute(&mut *db)
    .await?;
    let wide: Vec<(&Limit, &Subject, i32)> = sends
        .iter()
        .flat_map(|(subject, sends)| {
            counted(limits, std::slice::from_ref(subject))
                .map(move |(limit, subject)| (limit, subject, *sends))
        })
        .collect();
    add_counts(db, &wide).await
}

async fn add_counts(db: &mut PgConnection, wide: &[(&Limit, &Subject, i32)]) -> sqlx::Result<()> {
    if wide.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into smsgw.otp_counts as c (name, subject, bucket, until, sends)
         select i.name, i.subject,
                to_timestamp(floor(extract(epoch from clock_timestamp()) * 60 / i.per) * i.per / 60),
                clock_timestamp() + make_interval(secs => i.per), i.sends
         from unnest($1::text[], $2::text[], $3::double precision[], $4::integer[]) as i (name, subject, per, sends)
         order by 1, 2
         on conflict (name, subject, bucket) do update set sends = c.sends + excluded.sends",
        &wide.iter().map(|(limit, ..)| limit.name.as_str()).collect::<Vec<_>>() as &[&str],
        &wide.iter().map(|(_, subject, _)| subject.name.as_str()).collect::<Vec<_>>() as &[&str],
        &wide.iter().map(|(limit, ..)| limit.per.as_secs_f64()).collect::<Vec<_>>(),
        &wide.iter().map(|(.., sends)| *sends).collect::<Vec<_>>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The limits of the subjects that are counted, not remembered one by one.
fn counted<'a>(
    limits: &'a [Limit],
    subjects: &'a [Subject],
) -> impl Iterator<Item = (&'a Limit, &'a Subject)> {
    let wide = subjects.iter().filter(|subject| !Kind::is_exact(subject.kind));
    wide.flat_map(move |subject| {
        limits.iter().filter(move |limit| limit.kind == subject.kind).map(move |limit| (limit, subject))
    })
}
