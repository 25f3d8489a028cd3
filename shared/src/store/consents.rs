//! The consent ledger: every change of what people have stopped, with its evidence, written in one transaction with
//! [`opt_outs`](super::opt_outs).

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, PgConnection, PgExecutor, Postgres, Transaction};

use super::opt_outs::shut_out_claims;
use crate::consent::{Action, Evidence, OptOutScope, Statement, Stop};
use crate::phone::PhoneNumber;

mod import;

pub use import::{Import, ImportError, Progress};

/// At most so many changes of one person are told; the newest.
const MOST_TOLD: i64 = 1000;

/// One change, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consent {
    /// What was said.
    pub action: Action,
    /// Of how much.
    pub scope: OptOutScope,
    /// Of whose messages, if of one sender's.
    pub sender: Option<String>,
    /// Who told us.
    pub source: String,
    /// What shows it.
    pub proof: Option<String>,
    /// When it was said.
    pub at: DateTime<Utc>,
}

/// Lists what `phone` has said, the newest first.
pub async fn list(db: impl PgExecutor<'_>, phone: &PhoneNumber) -> sqlx::Result<Vec<Consent>> {
    sqlx::query_as!(
        Consent,
        r#"select action as "action: Action", scope as "scope: OptOutScope", nullif(sender, '') as sender, source,
                  proof, at
           from smsgw.sms_consents where phone = $1 order by id desc limit $2"#,
        phone.as_str(),
        MOST_TOLD,
    )
    .fetch_all(db)
    .await
}

/// Carries out what people said, in its order; says how many statements changed something. When this returns, no claim
/// that did not see a stop among them will commit.
///
/// A stop that was already recorded keeps its evidence and date, and whoever says again what they said last changes
/// nothing; nor does an opt-in of before the stop. An opt-in of whom nothing is known is kept as what it is: evidence.
pub async fn record(db: &mut PgConnection, statements: &[Statement]) -> sqlx::Result<u64> {
    let mut tx = begin_change(db).await?;
    let changed = carry_out(&mut tx, statements).await?;
    tx.commit().await?;
    Ok(changed)
}

/// Begins a transaction that no claim which has not seen it commits after.
async fn begin_change(db: &mut PgConnection) -> sqlx::Result<Transaction<'_, Postgres>> {
    let mut tx = db.begin().await?;
    shut_out_claims(&mut *tx).await?;
    Ok(tx)
}

/// As [`record`], in a transaction begun by [`begin_change`].
async fn carry_out(db: &mut PgConnection, statements: &[Statement]) -> sqlx::Result<u64> {
    let mut changed = 0;
    for group in statements.chunk_by(|one, next| one.action == next.action) {
        let columns = Columns::of(group);
        changed += match group[0].action {
            Action::OptOut => opt_out(&mut *db, &columns).await?,
            Action::OptIn => opt_in(&mut *db, &columns).await?,
        };
    }
    Ok(changed)
}

/// Lifts what `phone` stopped, all of it or the `stops` given; says how many there were.
pub async fn lift(
    db: impl PgExecutor<'_>,
    phone: &PhoneNumber,
    stops: Option<&[Stop]>,
    evidence: &Evidence,
) -> sqlx::Result<u64> {
    let scopes: Vec<_> = stops.unwrap_or_default().iter().map(|stop| stop.scope().as_str()).collect();
    let senders: Vec<_> = stops.unwrap_or_default().iter().map(Stop::sender).collect();
    let done = sqlx::query!(
        "with lifted as (
             delete from smsgw.sms_opt_outs
             where phone = $1
               and ($2 or (scope, sender) in (select * from unnest($3::text[], $4::text[])))
             returning phone, scope, sender
         )
         insert into smsgw.sms_consents (phone, scope, sender, action, source, proof)
         select phone, scope, sender, 'opt_in', $5, $6 from lifted",
        phone.as_str(),
        stops.is_none(),
        &scopes as &[&str],
        &senders as &[&str],
        evidence.source,
        evidence.proof,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Takes back a stop that `source` recorded, and none from elsewhere; says whether there was one.
pub async fn take_back(
    db: impl PgExecutor<'_>,
    phone: &PhoneNumber,
    stop: &Stop,
    source: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "with lifted as (
             delete from smsgw.sms_opt_outs where phone = $1 and scope = $2 and sender = $3 and source = $4
             returning phone, scope, sender
         )
         insert into smsgw.sms_consents (phone, scope, sender, action, source)
         select phone, scope, sender, 'opt_in', $4 from lifted",
        phone.as_str(),
        stop.scope().as_str(),
        stop.sender(),
        source,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn opt_out(db: impl PgExecutor<'_>, said: &Columns<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "with stopped as (
             insert into smsgw.sms_opt_outs (phone, scope, sender, source, proof, created_at)
             select phone, scope, sender, source, proof, coalesce(at, clock_timestamp())
             from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
                 as said (phone, scope, sender, source, proof, at)
             on conflict do nothing
             returning phone, scope, sender, source, proof, created_at
         )
         insert into smsgw.sms_consents (phone, scope, sender, action, source, proof, at)
         select phone, scope, sender, 'opt_out', source, proof, created_at from stopped",
        &said.phones as &[&str],
        &said.scopes as &[&str],
        &said.senders as &[&str],
        &said.sources as &[&str],
        &said.proofs as &[Option<&str>],
        &said.times as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

async fn opt_in(db: impl PgExecutor<'_>, said: &Columns<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "with said as (
             select distinct on (phone, scope, sender) *
             from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
                 as said (phone, scope, sender, source, proof, at)
             -- What they said before the stop, as a list that is given again does, does not lift it.
             where not exists (
                 select from smsgw.sms_opt_outs o
                 where o.phone = said.phone and o.scope = said.scope and o.sender = said.sender
                   and o.created_at > said.at)
             order by phone, scope, sender, at desc nulls first
         ),
         lifted as (
             delete from smsgw.sms_opt_outs o using said s
             where o.phone = s.phone and o.scope = s.scope and o.sender = s.sender
         )
         insert into smsgw.sms_consents (phone, scope, sender, action, source, proof, at)
         select phone, scope, sender, 'opt_in', source, proof, coalesce(at, clock_timestamp())
         from said s
         where 'opt_in' is distinct from (
             select action from smsgw.sms_consents c
             where c.phone = s.phone and c.scope = s.scope and c.sender = s.sender
             order by id desc limit 1)",
        &said.phones as &[&str],
        &said.scopes as &[&str],
        &said.senders as &[&str],
        &said.sources as &[&str],
        &said.proofs as &[Option<&str>],
        &said.times as &[Option<DateTime<Utc>>],
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Statements as columns, for `unnest`.
#[derive(Default)]
struct Columns<'a> {
    phones: Vec<&'a str>,
    scopes: Vec<&'static str>,
    senders: Vec<&'a str>,
    sources: Vec<&'a str>,
    proofs: Vec<Option<&'a str>>,
    times: Vec<Option<DateTime<Utc>>>,
}

impl<'a> Columns<'a> {
    fn of(statements: &'a [Statement]) -> Self {
        let mut columns = Self::default();
        for said in statements {
            columns.phones.push(said.phone.as_str());
            columns.scopes.push(said.stop.scope().as_str());
            columns.senders.push(said.stop.sender());
            columns.sources.push(&said.evidence.source);
            columns.proofs.push(said.evidence.proof.as_deref());
            columns.times.push(said.at);
        }
        columns
    }
}
