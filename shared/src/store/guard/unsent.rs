//! Codes that no provider took: that nobody typed them in says nothing, so the guard forgets them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Outlook, Subjects, hold, write};
use crate::guard::{self, Key, Kind, Place, State};
use crate::ids::{MessageId, SessionId};
use crate::phone::PhoneNumber;

/// A message that ended unsent and may have carried a code.
#[derive(Clone, Debug)]
pub struct Unsent {
    /// It.
    pub message: MessageId,
    /// The session whose code it carried; a guarded text has none.
    pub session: Option<SessionId>,
    /// Where it should have gone.
    pub phone: PhoneNumber,
}

impl Unsent {
    /// What `guard_decisions.session_id` is for it.
    fn judged_as(&self) -> Uuid {
        self.session.map_or(self.message.0, |session| session.0)
    }
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

/// Takes back what was counted for codes that were never sent, each once, however often it is told.
pub async fn take_back(db: &mut PgConnection, outlook: &Outlook, unsent: &[Unsent]) -> sqlx::Result<()> {
    let phones: HashMap<Uuid, &PhoneNumber> =
        unsent.iter().map(|one| (one.judged_as(), &one.phone)).collect();
    let counted = mark(&mut *db, unsent).await?;
    if counted.is_empty() {
        return Ok(());
    }
    let keys: BTreeSet<Key> = counted.iter().flat_map(|one| one.subjects().keys(true)).collect();
    let (mut held, _) = hold(&mut *db, &keys, &[], &outlook.settings).await?;
    let now = held.now;
    let mut unused = State::new(Kind::Country, &outlook.settings, now.timestamp());
    for one in &counted {
        let watched = held.watched(&one.subjects(), &mut unused);
        if let (Some(watched), Some(phone)) = (watched, phones.get(&one.session)) {
            let place = Place::of(phone);
            guard::take_back(&outlook.settings, watched, &place, one.is_resend, one.at, now);
        }
    }
    write(db, &held).await
}

/// Notes that they were not sent; says what was counted for them.
async fn mark(db: &mut PgConnection, unsent: &[Unsent]) -> sqlx::Result<Vec<Counted>> {
    sqlx::query_as!(
        Counted,
        r#"with judged as (
               -- A session has a decision for each of its codes: of this one the first that was made since the message
               -- was. Our clock and the database's agree to within less than the half second.
               select (select d.id from smsgw.guard_decisions d
                       where d.session_id = i.judged_as and d.at >= i.created_at - interval '500 milliseconds'
                       order by d.id limit 1) as id
               from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as i (message_id, judged_as, created_at)
               where exists (select from public.sms_messages_log l
                             where l.id = i.message_id and l.status in ('failed', 'expired', 'suppressed') and l.copies = 0)
           ),
           held as materialized (
               -- In order, so that this and an erasure do not wait for each other.
               select id from smsgw.guard_decisions
               where id = any(array(select id from judged)) and is_sent and converted_at is null order by id for update
           ),
           marked as (
               update smsgw.guard_decisions d set is_sent = false
               from held where d.id = held.id
               returning d.session_id, d.at, d.prefix, d.country, d.client, d.rule, d.inputs
           )
           select session_id as "session!", at as "at!", prefix as "prefix!", country as "country!", client,
                  coalesce((inputs ->> 'resend')::boolean, false) as "is_resend!"
           from marked where rule <> 'known_number' order by session_id, at"#,
        &unsent.iter().map(|one| one.message.0).collect::<Vec<_>>(),
        &unsent.iter().map(Unsent::judged_as).collect::<Vec<_>>(),
        &unsent.iter().map(|one| one.message.created_at()).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await
}
