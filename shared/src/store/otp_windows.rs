//! How often codes were sent to and for whom: what limits look at.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::limits::{Kind, Ledger, Limit, Subject, longest};

/// What was read of subjects.
#[derive(Debug)]
pub struct Seen {
    /// For the decision.
    pub ledger: Ledger,
    /// Phones whose codes are not compared for now.
    pub locked_phones: Vec<String>,
    /// The database's time.
    pub now: DateTime<Utc>,
}

impl Seen {
    /// Nothing, at this time.
    pub(super) fn at(now: DateTime<Utc>) -> Self {
        Self { ledger: Ledger::default(), locked_phones: Vec::new(), now }
    }
}

/// Reads what is remembered of `subjects` and holds it until the transaction ends, so that of two who send at the same
/// moment one sees what the other counted. `subjects` may name one several times.
pub async fn hold(db: &mut PgConnection, limits: &[Limit], subjects: &[Subject]) -> sqlx::Result<Seen> {
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
    let mut held = Seen::at(DateTime::UNIX_EPOCH);
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

/// Remembers the sends that were counted in `held`, whose rows [`hold`] keeps from others.
pub async fn record(db: &mut PgConnection, limits: &[Limit], held: &Seen) -> sqlx::Result<()> {
    let c = Columns::of(limits, held);
    sqlx::query!(
        "update smsgw.otp_windows w
         set times = array(select t from unnest(w.times) t where t > $5::timestamptz - make_interval(secs => i.longest))
                     || array_fill($5::timestamptz, array[i.sends]),
             until = $5::timestamptz + make_interval(secs => i.longest)
         from unnest($1::text[], $2::text[], $3::integer[], $4::double precision[]) as i (kind, subject, sends, longest)
         where w.kind = i.kind and w.subject = i.subject",
        &c.kinds as &[&str],
        &c.subjects as &[&str],
        &c.sends,
        &c.longest,
        held.now,
    )
    .execute(&mut *db)
    .await?;
    add_counts(db, limits, held).await
}

/// Sends of exact kinds as columns, for `unnest`, in the order in which everybody takes their rows.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) keys: Vec<&'a Subject>,
    pub(super) kinds: Vec<&'static str>,
    pub(super) subjects: Vec<&'a str>,
    pub(super) sends: Vec<i32>,
    /// For how many seconds they count.
    pub(super) longest: Vec<f64>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(limits: &[Limit], seen: &'a Seen) -> Self {
        let mut columns = Self::default();
        for (subject, sends) in seen.ledger.sends.iter().filter(|(subject, _)| subject.kind.is_exact()) {
            columns.keys.push(subject);
            columns.kinds.push(subject.kind.as_str());
            columns.subjects.push(&subject.name);
            columns.sends.push(*sends);
            columns.longest.push(longest(limits, subject.kind).as_secs_f64());
        }
        columns
    }
}

/// Remembers the sends of countries and keys that were counted in `held`.
pub(super) async fn add_counts(db: &mut PgConnection, limits: &[Limit], held: &Seen) -> sqlx::Result<()> {
    let wide: Vec<(&Limit, &Subject, i32)> = held
        .ledger
        .sends
        .iter()
        .flat_map(|(subject, sends)| {
            counted(limits, std::slice::from_ref(subject))
                .map(move |(limit, subject)| (limit, subject, *sends))
        })
        .collect();
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

/// Whether one of `limits` counts the sends of one of `subjects`, instead of remembering each.
pub(super) fn counts(limits: &[Limit], subjects: &[Subject]) -> bool {
    counted(limits, subjects).next().is_some()
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
