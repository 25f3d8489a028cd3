//! What erased people had stopped, by the keyed hash of their number: who comes back by a list, a backup or a door is not
//! texted against their will, though nobody knows any more who that was.
//!
//! Whoever sends asks only while there are any, so that a gateway where nobody was erased pays nothing for it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use crate::consent::{Action, OptOutScope, Statement, Stop};
use crate::lane::Lane;
use crate::phone::PhoneNumber;
use crate::seal::Mac;
use crate::store::opt_outs::OptOut;

/// Where stops of erased people are said to come from.
pub const SOURCE: &str = "erased";

/// Keeps what `phone` has stopped now, as hashes, if its source is like `sources`. The caller deletes the stops themselves
/// in the same transaction.
pub async fn keep(
    db: impl PgExecutor<'_>,
    people: &Mac,
    phone: &PhoneNumber,
    sources: &str,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "insert into smsgw.sms_suppressed_hashes as h (hash, scope, sender, created_at)
         select $1, scope, sender, created_at from smsgw.sms_opt_outs where phone = $2 and source like $3
         on conflict (hash, scope, sender) do update set created_at = greatest(h.created_at, excluded.created_at)",
        people.tag(&[phone.as_str().as_bytes()]),
        phone.as_str(),
        sources,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets what `phone` had stopped before it was erased, all of it or the `stops` given; says how many there were.
pub async fn lift(
    db: impl PgExecutor<'_>,
    people: &Mac,
    phone: &PhoneNumber,
    stops: Option<&[Stop]>,
) -> sqlx::Result<u64> {
    let scopes: Vec<_> = stops.unwrap_or_default().iter().map(|stop| stop.scope().as_str()).collect();
    let senders: Vec<_> = stops.unwrap_or_default().iter().map(Stop::sender).collect();
    let done = sqlx::query!(
        "delete from smsgw.sms_suppressed_hashes
         where hash = any($1)
           and ($2 or (scope, sender) in (select * from unnest($3::text[], $4::text[])))",
        &people.tags(&[phone.as_str().as_bytes()]) as &[Vec<u8>],
        stops.is_none(),
        &scopes as &[&str],
        &senders as &[&str],
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Forgets those stops of erased people that an opt-in among `said` lifts: one that was not said before the stop.
pub async fn lift_said(db: impl PgExecutor<'_>, people: &Mac, said: &[Statement]) -> sqlx::Result<u64> {
    let (mut hashes, mut scopes, mut senders, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for one in said.iter().filter(|one| one.action == Action::OptIn) {
        for hash in people.tags(&[one.phone.as_str().as_bytes()]) {
            hashes.push(hash);
            scopes.push(one.stop.scope().as_str());
            senders.push(one.stop.sender());
            times.push(one.at);
        }
    }
    let done = sqlx::query!(
        "delete from smsgw.sms_suppressed_hashes h
         using unnest($1::bytea[], $2::text[], $3::text[], $4::timestamptz[]) as said (hash, scope, sender, at)
         where h.hash = said.hash and h.scope = said.scope and h.sender = said.sender
           and (said.at is null or said.at >= h.created_at)",
        &hashes as &[Vec<u8>],
        &scopes as &[&str],
        &senders as &[&str],
        &times as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Lists what `phone` had stopped before it was erased.
pub async fn list(db: impl PgExecutor<'_>, people: &Mac, phone: &PhoneNumber) -> sqlx::Result<Vec<OptOut>> {
    let rows = sqlx::query!(
        r#"select scope as "scope: OptOutScope", nullif(sender, '') as sender, created_at
           from smsgw.sms_suppressed_hashes where hash = any($1) order by scope, sender"#,
        &people.tags(&[phone.as_str().as_bytes()]) as &[Vec<u8>],
    )
    .fetch_all(db)
    .await?;
    let stop = rows.into_iter().map(|row| OptOut {
        scope: row.scope,
        sender: row.sender,
        source: SOURCE.to_owned(),
        proof: None,
        created_at: row.created_at,
    });
    Ok(stop.collect())
}

/// Whether anybody was erased who had stopped something.
pub async fn exist(db: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from smsgw.sms_suppressed_hashes) as "exist!""#)
        .fetch_one(db)
        .await
}

/// Of `phones`, those who had stopped messages of `lane` before they were erased, each with the senders they stopped; an
/// empty name stands for all. The caller has asked whether there are any, and that this is no code.
pub async fn find_stopped(
    db: impl PgExecutor<'_>,
    people: &Mac,
    lane: Lane,
    phones: &[&str],
) -> sqlx::Result<HashMap<String, Vec<String>>> {
    let mut by_hash: HashMap<Vec<u8>, &str> = HashMap::with_capacity(phones.len());
    for &phone in phones {
        for hash in people.tags(&[phone.as_bytes()]) {
            by_hash.insert(hash, phone);
        }
    }
    let hashes: Vec<Vec<u8>> = by_hash.keys().cloned().collect();
    let rows = sqlx::query!(
        "select hash, sender from smsgw.sms_suppressed_hashes
         where hash = any($1) and ($2::text = 'promo' or ($2::text = 'transactional' and scope <> 'marketing'))",
        &hashes as &[Vec<u8>],
        lane.as_str(),
    )
    .fetch_all(db)
    .await?;
    let mut stopped: HashMap<String, Vec<String>> = HashMap::new();
    for row in rows {
        if let Some(phone) = by_hash.get(&row.hash) {
            stopped.entry((*phone).to_owned()).or_default().push(row.sender);
        }
    }
    Ok(stopped)
}

/// Whether each of `said` is about a stop that holds already since its person was erased: said once more, or what they said
/// before it. The caller has lifted what is lifted.
pub async fn find_holding(
    db: impl PgExecutor<'_>,
    people: &Mac,
    said: &[Statement],
) -> sqlx::Result<Vec<bool>> {
    let tags: Vec<_> = said.iter().map(|one| people.tags(&[one.phone.as_str().as_bytes()])).collect();
    let rows = sqlx::query!(
        "select hash, scope, sender from smsgw.sms_suppressed_hashes where hash = any($1)",
        &tags.concat() as &[Vec<u8>],
    )
    .fetch_all(db)
    .await?;
    let known: HashSet<_> = rows.into_iter().map(|row| (row.hash, row.scope, row.sender)).collect();
    let holds = |one: &Statement, tags: &Vec<Vec<u8>>| {
        let stop =
            |tag: &Vec<u8>| (tag.clone(), one.stop.scope().as_str().to_owned(), one.stop.sender().to_owned());
        tags.iter().any(|tag| known.contains(&stop(tag)))
    };
    Ok(said.iter().zip(&tags).map(|(one, tags)| holds(one, tags)).collect())
}

/// One hash of each master key that hashes were made with, to find those that no key reads any more.
pub async fn list_samples(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Vec<u8>>> {
    sqlx::query_scalar!(
        "select distinct on (substring(hash for 4)) hash from smsgw.sms_suppressed_hashes
         order by substring(hash for 4)"
    )
    .fetch_all(db)
    .await
}
