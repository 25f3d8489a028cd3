//! Codes that came back, and sends to countries with plenty of credits: both are counted off the callers' way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Outlook, Subjects, hold, write};
use crate::guard::{self, Key, Kind, Place, State};
use crate::ids::SessionId;
use crate::phone::PhoneNumber;

/// A code that was verified.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// Of which session.
    pub session: SessionId,
    /// Its phone.
    pub phone: PhoneNumber,
}

/// What was sent for a code that was verified.
struct Sent {
    session: Uuid,
    at: DateTime<Utc>,
    prefix: String,
    country: String,
    client: Option<String>,
}

/// Counts codes that were verified, each once however often it is told, for the subjects and the time at which they were
/// sent. What was sent to a number that was known already counts for nothing.
pub async fn convert(db: &mut PgConnection, outlook: &Outlook, verified: &[Conversion]) -> sqlx::Result<()> {
    let phones: HashMap<Uuid, &PhoneNumber> =
        verified.iter().map(|one| (one.session.0, &one.phone)).collect();
    let sessions: Vec<Uuid> = phones.keys().copied().collect();
    let sent = mark(&mut *db, &sessions).await?;
    let cases: Vec<(Sent, Place)> = sent
        .into_iter()
        .filter_map(|sent| {
            let place = Place::of(phones.get(&sent.session)?);
            Some((sent, place))
        })
        .collect();
    if cases.is_empty() {
        return Ok(());
    }
    let subjects = |sent: &Sent| Subjects {
        prefix: sent.prefix.clone(),
        client: sent.client.clone(),
        country: sent.country.clone(),
    };
    let keys: BTreeSet<Key> = cases.iter().flat_map(|(sent, _)| subjects(sent).keys(true)).collect();
    let (mut held, _) = hold(&mut *db, &keys, &[], &outlook.settings).await?;
    let now = held.now;
    let mut unused = State::new(Kind::Country, &outlook.settings, now.timestamp());
    for (sent, place) in &cases {
        if let Some(watched) = held.watched(&subjects(sent), &mut unused) {
            guard::convert(&outlook.settings, &outlook.rates, watched, place, sent.at, now);
        }
    }
    write(db, &held).await
}

/// Notes which codes came back; says when the first of each session was sent and whom for, if it was not noted before.
async fn mark(db: &mut PgConnection, sessions: &[Uuid]) -> sqlx::Result<Vec<Sent>> {
    sqlx::query_as!(
        Sent,
        r#"with held as materialized (
               -- In order, so that this and an erasure do not wait for each other.
               select id from smsgw.guard_decisions
               where session_id = any($1) and is_sent and converted_at is null order by id for update
           ),
           marked as (
               update smsgw.guard_decisions d set converted_at = clock_timestamp()
               from held where d.id = held.id
               returning d.session_id, d.at, d.prefix, d.country, d.client, d.rule
           )
           select distinct on (session_id) session_id as "session!", at as "at!", prefix as "prefix!",
                  country as "country!", client
           from marked where rule <> 'known_number' order by session_id, at"#,
        sessions,
    )
    .fetch_all(db)
    .await
}

/// Counts codes that were sent to countries with plenty of credits.
pub async fn count_sends(
    db: &mut PgConnection,
    outlook: &Outlook,
    sends: &BTreeMap<String, u32>,
) -> sqlx::Result<()> {
    let keys: BTreeSet<Key> =
        sends.keys().map(|country| Key { kind: Kind::Country, name: country.clone() }).collect();
    let (mut held, _) = hold(&mut *db, &keys, &[], &outlook.settings).await?;
    let now = held.now;
    for (key, state) in &mut held.states {
        for _ in 0..sends.get(&key.name).copied().unwrap_or_default() {
            state.count_send(key.kind, &outlook.settings, now.timestamp());
        }
    }
    write(db, &held).await
}
