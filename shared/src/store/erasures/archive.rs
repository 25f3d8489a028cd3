//! What outlives a restore: a list of who was erased and what they had stopped, by hashes alone, kept apart from the
//! backups. A backup that is older than an erasure brings the person back; by the list they are erased again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor};

use crate::consent::OptOutScope;
use crate::ids::ErasureId;
use crate::phone::PhoneNumber;
use crate::seal::Keyring;

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Kept {
    /// Somebody was erased, or is about to be.
    Erased {
        /// By which wish.
        id: ErasureId,
        /// Of their number, in hexadecimal.
        hash: String,
        /// When it was asked for.
        at: DateTime<Utc>,
    },
    /// Somebody who was erased had stopped something.
    Stopped {
        /// Of their number, in hexadecimal.
        hash: String,
        /// How much.
        scope: OptOutScope,
        /// Of whose messages; empty if not of one sender's.
        sender: String,
        /// When they had.
        at: DateTime<Utc>,
    },
}

/// What a list has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Stops that were not there.
    pub stops: u64,
    /// Erasures that were not known.
    pub erasures: u64,
    /// People of these who were there again, and are being erased.
    pub people: u64,
}

/// Lists who was erased and what they had stopped, the oldest first.
pub async fn export(db: &mut PgConnection) -> sqlx::Result<Vec<Kept>> {
    let erased = sqlx::query!(
        r#"select id as "id: ErasureId", encode(hash, 'hex') as "hash!", requested_at
           from smsgw.sms_erasures order by requested_at, id"#
    )
    .fetch_all(&mut *db)
    .await?;
    let stopped = sqlx::query!(
        r#"select encode(hash, 'hex') as "hash!", scope as "scope: OptOutScope", sender, created_at
           from smsgw.sms_suppressed_hashes order by created_at, hash, scope, sender"#
    )
    .fetch_all(db)
    .await?;
    let erased =
        erased.into_iter().map(|row| Kept::Erased { id: row.id, hash: row.hash, at: row.requested_at });
    let stopped = stopped.into_iter().map(|row| Kept::Stopped {
        hash: row.hash,
        scope: row.scope,
        sender: row.sender,
        at: row.created_at,
    });
    Ok(erased.chain(stopped).collect())
}

/// Carries out a list on a restored database: stops hold again, and whoever was erased after the backup is asked to be
/// once more, if they are there. What the database knows already is left alone, so a list may be given again.
pub async fn replay(db: &mut PgConnection, keyring: &Keyring, list: &[Kept]) -> sqlx::Result<Replayed> {
    let mut done = Replayed::default();
    let mut unknown = Wishes::new();
    for line in list {
        match line {
            Kept::Stopped { hash, scope, sender, at } => {
                done.stops += stop_again(&mut *db, hash, *scope, sender, *at).await?;
            }
            Kept::Erased { id, hash, at } => {
                if super::find(&mut *db, *id).await?.is_none() {
                    done.erasures += 1;
                    unknown.entry(hash).or_default().push((*id, *at));
                }
            }
        }
    }
    for (hash, phone) in find_again(&mut *db, keyring, &unknown).await? {
        let wish = unknown.get(hash.as_str()).and_then(|wishes| wishes.last());
        if let Some((id, _)) = wish {
            super::request(&mut *db, keyring, *id, &phone).await?;
            done.people += 1;
        }
    }
    for (hash, wishes) in unknown {
        for (id, at) in wishes {
            note(&mut *db, id, hash, at).await?;
        }
    }
    Ok(done)
}

/// Erasures by the hash of the number, the last wish at the end.
type Wishes<'a> = HashMap<&'a str, Vec<(ErasureId, DateTime<Utc>)>>;

async fn stop_again(
    db: impl PgExecutor<'_>,
    hash: &str,
    scope: OptOutScope,
    sender: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "insert into smsgw.sms_suppressed_hashes (hash, scope, sender, created_at)
         values (decode($1, 'hex'), $2, $3, $4) on conflict do nothing",
        hash,
        scope.as_str(),
        sender,
        at,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Finds those of `wanted` whose number stands in any table, by their hashes. Every number is read and hashed: nobody
/// waits for this but an operator.
async fn find_again(
    db: &mut PgConnection,
    keyring: &Keyring,
    wanted: &Wishes<'_>,
) -> sqlx::Result<HashMap<String, PhoneNumber>> {
    let mut found = HashMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let mut numbers = sqlx::query_scalar!(
        r#"select "to" as "number!" from public.sms_messages_log
           union select "to" from smsgw.sms_outbox
           union select phone from public.sms_otp_sessions
           union select phone from public.sms_otp_checks
           union select phone from public.user_contact_settings where phone is not null
           union select phone from smsgw.otp_phone_failures
           union select phone from public.verified_phones
           union select phone from public.verified_phone_changes
           union select phone from smsgw.reset_tokens
           union select subject from smsgw.otp_windows where kind = 'phone'
           union select phone from smsgw.sms_campaign_recipients
           union select phone from smsgw.sms_campaign_staged
           union select phone from smsgw.sms_campaign_dedupe
           union select phone from smsgw.sms_promo_contacts
           union select phone from smsgw.sms_opt_outs
           union select phone from smsgw.sms_consents"#
    )
    .fetch(db);
    while let Some(number) = numbers.try_next().await? {
        // As a worker reads what came by SQL.
        let Ok(phone) = PhoneNumber::parse(&number, None) else { continue };
        for hash in keyring.people().tags(&[phone.as_str().as_bytes()]) {
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            if wanted.contains_key(hash.as_str()) {
                found.insert(hash, phone.clone());
            }
        }
    }
    Ok(found)
}

/// Writes down an erasure of which nothing is left to do, unless it is known.
async fn note(db: impl PgExecutor<'_>, id: ErasureId, hash: &str, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.sms_erasures (id, hash, requested_at, done_at)
         values ($1, decode($2, 'hex'), $3, clock_timestamp()) on conflict do nothing",
        id as ErasureId,
        hash,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}
