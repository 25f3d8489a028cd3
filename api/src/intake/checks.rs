//! Checks of codes, taken and ended in groups.

use shared::db::{Use, is_contended};
use shared::store::otp_sessions::{self, AttemptClaim, ClaimedAttempt, RightCode};
use sqlx::PgConnection;

use super::Shared;
use super::group::Storable;

/// Checks have connections that wait for no lock for long.
const CHECKS: Use = Use::Checks("smsgw checks");

impl Storable for AttemptClaim {
    /// `None`: not in a group.
    type Answer = Option<ClaimedAttempt>;

    const USE: Use = CHECKS;

    async fn store(db: &mut PgConnection, rows: &[&Self], _: &Shared) -> sqlx::Result<Vec<Self::Answer>> {
        let claimed = otp_sessions::claim_attempts(db, rows).await;
        in_nobodys_way(claimed, || vec![None; rows.len()])
    }

    /// May take a second check: one too many is lost to a user, one too few would be a guesser's gain.
    async fn store_again(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Self::Answer>> {
        in_nobodys_way(otp_sessions::claim_attempts(db, rows).await, || vec![None; rows.len()])
    }
}

/// What became of a right code.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Consumed {
    /// Its session is verified by it.
    Yes,
    /// Not in a group.
    No,
    /// Its session may be verified by it, or by another.
    Unknown,
}

impl Storable for RightCode {
    type Answer = Consumed;

    const USE: Use = CHECKS;

    async fn store(db: &mut PgConnection, rows: &[&Self], _: &Shared) -> sqlx::Result<Vec<Self::Answer>> {
        consume(db, rows, Consumed::No).await
    }

    /// Whoever finds the session ended does not know by whom, and of all right answers only one may count.
    async fn store_again(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Self::Answer>> {
        consume(db, rows, Consumed::Unknown).await
    }
}

/// `otherwise` stands for what is not this statement's doing.
async fn consume(
    db: &mut PgConnection,
    codes: &[&RightCode],
    otherwise: Consumed,
) -> sqlx::Result<Vec<Consumed>> {
    let consumed = otp_sessions::consume_sent(db, codes).await;
    let consumed = in_nobodys_way(consumed, || vec![false; codes.len()])?;
    Ok(consumed.into_iter().map(|yes| if yes { Consumed::Yes } else { otherwise }).collect())
}

/// A group that somebody stands in the way of has done nothing: each of it goes its own way.
fn in_nobodys_way<T>(done: sqlx::Result<Vec<T>>, nothing: impl FnOnce() -> Vec<T>) -> sqlx::Result<Vec<T>> {
    match done {
        Err(error) if is_contended(&error) => Ok(nothing()),
        done => done,
    }
}
