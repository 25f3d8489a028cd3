//! Intake of codes: a session and the message that carries its code.
//!
//! Usually the rows of everybody whom a code is counted for are held, then judged by, then written. A code that comes alone
//! need not wait for that: it looks at them, and is stored if all is still so.

use std::sync::Arc;

use sqlx::PgConnection;

use self::look::look;
use self::store::{Decided, is_stale, store};
use crate::db::is_contended;
use crate::ids::{SessionId, WorkerId};
use crate::limits::{Exceeded, Limit, Standing, Subject};
use crate::message::NewMessage;
use crate::store::guard::{self, Cases, Outlook, Verdict};
use crate::store::otp_sessions::NewSession;
use crate::store::otp_windows;
use crate::store::outbox::Claimed;

mod look;
mod store;

pub use self::store::insert_code;

/// An OTP session and the message that carries its code: both are stored or neither is.
#[derive(Clone, Debug)]
pub struct NewOtp {
    /// The challenge.
    pub session: NewSession,
    /// Its message.
    pub message: NewMessage,
    /// Whom this send is counted for.
    pub subjects: Vec<Subject>,
    /// How often they may be sent codes.
    pub limits: Arc<[Limit]>,
    /// What the pumping guard is asked.
    pub guard: guard::Send,
    /// What it goes by.
    pub outlook: Arc<Outlook>,
}

impl NewOtp {
    /// Whether a few rows decide it. Sums over many, and what codes may cost, are for those who hold what they read.
    pub fn is_decided_by_rows(&self) -> bool {
        !self.outlook.is_capped && !otp_windows::counts(&self.limits, &self.subjects)
    }
}

/// What a start was answered, or the limit that forbids it.
pub type Started = Result<Counted, Exceeded>;

/// A session that was stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// Where its subjects stand now; empty if it was stored before.
    pub standings: Vec<Standing>,
    /// No message was stored for it.
    pub is_withheld: bool,
    /// What the pumping guard said, if it was asked.
    pub verdict: Option<Verdict>,
}

/// Stores sessions with their messages as far as the limits allow them, in the order given; the answers are in that
/// order as well. To be called within a transaction.
pub async fn start_sessions(db: &mut PgConnection, starts: &[&NewOtp]) -> sqlx::Result<Vec<Started>> {
    Ok(start(db, starts, None, false).await?.0)
}

/// As [`start_sessions`], with their messages stored under the name of `worker`, if there is one, which may send them once
/// this is committed. One that was struck off, or whose lane is paused, is given none.
pub async fn start_sessions_claimed(
    db: &mut PgConnection,
    starts: &[&NewOtp],
    worker: Option<WorkerId>,
) -> sqlx::Result<(Vec<Started>, Vec<Claimed>)> {
    start(db, starts, worker, false).await
}

/// Repeats it when the answer to its commit was lost: what was stored then is neither stored nor counted again, and
/// answered as it would have been, but for where its subjects stand.
pub async fn start_sessions_again(db: &mut PgConnection, starts: &[&NewOtp]) -> sqlx::Result<Vec<Started>> {
    Ok(start(db, starts, None, true).await?.0)
}

/// As [`start_sessions_claimed`], for one start and without holding anything: it looks, and what it decides is stored and
/// committed by one statement, if all is still as it was seen. `None` if it is not, if others hold it for longer than the
/// connection waits for a lock, or if it cannot be known so: then nothing was stored. Not to be called within a transaction.
pub async fn start_session_at_once(
    db: &mut PgConnection,
    start: &NewOtp,
    worker: Option<WorkerId>,
) -> sqlx::Result<Option<(Started, Option<Claimed>)>> {
    if !start.is_decided_by_rows() {
        return Ok(None);
    }
    match decide_at_once(db, start, worker).await {
        Ok(stored) => Ok(Some(stored)),
        Err(error) if is_stale(&error) || is_contended(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// # Errors
/// Those of the database; for one that [`is_stale`] or [`is_contended`] recognises, it is to be done otherwise.
async fn decide_at_once(
    db: &mut PgConnection,
    start: &NewOtp,
    worker: Option<WorkerId>,
) -> sqlx::Result<(Started, Option<Claimed>)> {
    let mut look = look(&mut *db, start).await?;
    let (mut answers, allowed) = count(&[start], Vec::new(), &mut look.windows);
    let mut claimed = Vec::new();
    if !allowed.is_empty() {
        let cases = cases_of(&start.outlook, &allowed);
        let verdicts = cases.judge(&mut look.guard, &look.known, None)?;
        let allowed = withhold(allowed, &verdicts);
        let (limits, windows, guard) = (&*start.limits, &look.windows, &look.guard);
        let decided = Decided { limits, windows, guard, cases: &cases, verdicts: &verdicts };
        claimed = store(db, &allowed, &decided, Some(&look.versions), worker).await?;
        tell(&[start], &mut answers, &allowed, verdicts);
    }
    let answer = answers.pop().ok_or(sqlx::Error::RowNotFound)?;
    Ok((answer, claimed.pop()))
}

async fn start(
    db: &mut PgConnection,
    starts: &[&NewOtp],
    worker: Option<WorkerId>,
    is_again: bool,
) -> sqlx::Result<(Vec<Started>, Vec<Claimed>)> {
    let Some(first) = starts.first() else { return Ok(Default::default()) };
    let limits = limits_of(starts);
    let subjects: Vec<Subject> = starts.iter().flat_map(|start| &start.subjects).cloned().collect();
    let mut windows = otp_windows::hold(&mut *db, &limits, &subjects).await?;
    // Now that their subjects are held, an earlier try has ended.
    let stored = if is_again { list_stored(&mut *db, starts).await? } else { Vec::new() };
    let (mut answers, allowed) = count(starts, stored, &mut windows);
    let mut claimed = Vec::new();
    if !allowed.is_empty() {
        // Before the guard's rows, as everybody who takes both.
        otp_windows::add_counts(&mut *db, &limits, &windows).await?;
        let cases = cases_of(&first.outlook, &allowed);
        let (guard, verdicts) = cases.hold_and_judge(&mut *db).await?;
        let allowed = withhold(allowed, &verdicts);
        let (limits, windows, guard) = (&*limits, &windows, &guard);
        let decided = Decided { limits, windows, guard, cases: &cases, verdicts: &verdicts };
        claimed = store(&mut *db, &allowed, &decided, None, worker).await?;
        tell(starts, &mut answers, &allowed, verdicts);
    }
    Ok((answers, claimed))
}

/// A start that the limits allow, and why its code is withheld, if it is.
type Allowed<'a> = (&'a NewOtp, Option<&'static str>);

/// A session whose phone is locked looks like any other from outside, but nothing is sent.
pub const PHONE_LOCKED: &str = "phone_locked";

/// So does one that the pumping guard withholds.
pub const GUARD: &str = "guard";

fn limits_of(starts: &[&NewOtp]) -> Vec<Limit> {
    let mut limits: Vec<Limit> = starts.iter().flat_map(|start| start.limits.iter().cloned()).collect();
    limits.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    limits.dedup();
    limits
}

/// Counts those that are not `stored` yet as far as the limits allow; answers all, and says which are to be stored.
fn count<'a>(
    starts: &[&'a NewOtp],
    mut stored: Vec<(SessionId, Counted)>,
    seen: &mut otp_windows::Seen,
) -> (Vec<Started>, Vec<Allowed<'a>>) {
    let (mut answers, mut allowed) = (Vec::with_capacity(starts.len()), Vec::with_capacity(starts.len()));
    for start in starts {
        if let Some(at) = stored.iter().position(|(id, _)| *id == start.session.id) {
            answers.push(Ok(stored.swap_remove(at).1));
            continue;
        }
        let counted = seen.ledger.count_send(&start.limits, &start.subjects, seen.now);
        answers.push(counted.map(|standings| {
            let withheld = seen.locked_phones.contains(&start.session.phone).then_some(PHONE_LOCKED);
            allowed.push((*start, withheld));
            Counted { standings, is_withheld: withheld.is_some(), verdict: None }
        }));
    }
    (answers, allowed)
}

/// What the guard is asked about them.
fn cases_of<'a>(outlook: &'a Outlook, allowed: &[Allowed<'a>]) -> Cases<'a> {
    let sends: Vec<_> = allowed.iter().map(|(start, withheld)| (&start.guard, withheld.is_some())).collect();
    Cases::of(outlook, &sends)
}

/// What the guard does not let pass is withheld, if it is not already.
fn withhold<'a>(mut allowed: Vec<Allowed<'a>>, verdicts: &[Verdict]) -> Vec<Allowed<'a>> {
    for ((_, withheld), verdict) in allowed.iter_mut().zip(verdicts) {
        if !verdict.decision.is_sent() {
            withheld.get_or_insert(GUARD);
        }
    }
    allowed
}

/// Completes the answers by what the guard said.
fn tell(starts: &[&NewOtp], answers: &mut [Started], allowed: &[Allowed<'_>], verdicts: Vec<Verdict>) {
    for ((start, _), verdict) in allowed.iter().zip(verdicts) {
        let place = starts.iter().position(|one| one.session.id == start.session.id);
        if let Some(Ok(counted)) = place.and_then(|place| answers.get_mut(place)) {
            counted.is_withheld |= !verdict.decision.is_sent();
            counted.verdict = Some(verdict);
        }
    }
}

/// Which of them an earlier try has stored, and what it would have answered.
async fn list_stored(db: &mut PgConnection, starts: &[&NewOtp]) -> sqlx::Result<Vec<(SessionId, Counted)>> {
    let Some(first) = starts.first() else { return Ok(Vec::new()) };
    let ids: Vec<SessionId> = starts.iter().map(|start| start.session.id).collect();
    let rows = sqlx::query!(
        r#"select id as "id: SessionId", withheld is not null as "is_withheld!"
           from public.sms_otp_sessions where id = any($1)"#,
        &ids as &[SessionId],
    )
    .fetch_all(&mut *db)
    .await?;
    let mut verdicts = guard::list_verdicts(db, &first.outlook, &ids).await?;
    let of = |(id, is_withheld)| {
        let verdict = verdicts.remove(&id);
        (id, Counted { is_withheld, verdict, standings: Vec::new() })
    };
    Ok(rows.into_iter().map(|row| (row.id, row.is_withheld)).map(of).collect())
}
