//! Codes that no provider took: that nobody typed them in says nothing, so the guard forgets them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Subjects, hold, write};
use crate::guard::{self, Key, Kind, Place, Settings, State};
use crate::ids::SessionId;
use crate::phone::PhoneNumber;
use crate::routing::PROVIDERS_EXHAUSTED;

/// A message that ended unsent and may have carried a code.
#[derive(Clone, Debug)]
pub struct Unsent {
    /// The session whose code it carried; of a guarded text it is the message's own id, see `guard_decisions`.
    pub session: SessionId,
    /// Where it should have gone.
    pub phone: PhoneNumber,
}

/// What was counted for one of them.
struct Counted {
    session: Uuid,
    at: DateTime<Utc>,
    prefix: String,
    country: String,
    client: Option<String>,
    is_resend: bool,
}

impl Counted {
    fn subjects(&self) -> Subjects {
        Subjects { prefix: self.prefix.clone(), client: self.client.clone(), country: self.country.clone() }
    }
}

/// Takes back what was counted for those codes of sessions, and for texts, that no provider took, or that were withdrawn
/// before one did. Each once, however often it is told; what was refused for its number's sake stays counted.
pub async fn take_back(db: &mut PgConnection, settings: &Settings, unsent: &[Unsent]) -> sqlx::Result<()> {
    let phones: HashMap<Uuid, &PhoneNumber> = unsent.iter().map(|one| (one.session.0, &one.phone)).collect();
    let sessions: Vec<Uuid> = phones.keys().copied().collect();
    let counted = mark(&mut *db, &sessions).await?;
    if counted.is_empty() {
        return Ok(());
    }
    let keys: BTreeSet<Key> = counted.iter().flat_map(|one| one.subjects().keys(true)).collect();
    let (mut held, _) = hold(&mut *db, &keys, &[], settings).await?;
    let now = held.now;
    let mut unused = State::new(Kind::Country, settings, now.timestamp());
    for one in &counted {
        let watched = held.watched(&one.subjects(), &mut unused);
        if let (Some(watched), Some(phone)) = (watched, phones.get(&one.session)) {
            guard::take_back(settings, watched, &Place::of(phone), one.is_resend, one.at, now);
        }
    }
    write(db, &held).await
}

/// Notes that they were not sent; says what was counted for them.
async fn mark(db: &mut PgConnection, sessions: &[Uuid]) -> sqlx::Result<Vec<Counted>> {
    sqlx::query_as!(
        Counted,
        r#"with held as materialized (
               -- In order, so that this and an erasure do not wait for each other.
               select d.id from smsgw.guard_decisions d
               join public.sms_messages_log l on l.id = d.message_id
               where d.session_id = any($1) and d.is_sent and d.converted_at is null and l.copies = 0
                 and (l.status in ('expired', 'cancelled') or (l.status = 'failed' and l.reason = $2))
               order by d.id for update of d
           ),
           marked as (
               update smsgw.guard_decisions d set is_sent = false
               from held where d.id = held.id
               returning d.session_id, d.at, d.prefix, d.country, d.client, d.rule, d.inputs
           )
           select session_id as "session!", at as "at!", prefix as "prefix!", country as "country!", client,
                  coalesce((inputs ->> 'resend')::boolean, false) as "is_resend!"
           from marked where rule <> 'known_number' order by session_id, at"#,
        sessions,
        PROVIDERS_EXHAUSTED,
    )
    .fetch_all(db)
    .await
}
