//! Checks of codes, taken and ended in groups.

use shared::lane::Lane;
use shared::store::otp_sessions::{self, AttemptClaim, ClaimedAttempt, RightCode};
use sqlx::PgConnection;

use super::group::Storable;

impl Storable for AttemptClaim {
    /// `None`: not in a group.
    type Answer = Option<ClaimedAttempt>;

    async fn store(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Self::Answer>> {
        otp_sessions::claim_attempts(db, rows).await
    }

    /// May take a second check: one too many is lost to a user, one too few would be a guesser's gain.
    async fn store_again(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Self::Answer>> {
        Self::store(db, rows).await
    }

    fn wakes(&self, _: &Self::Answer) -> Option<Lane> {
        None
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

    async fn store(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Self::Answer>> {
        let consumed = otp_sessions::consume_sent(db, rows).await?;
        Ok(consumed.into_iter().map(|yes| if yes { Consumed::Yes } else { Consumed::No }).collect())
    }

    /// Whoever finds the session verified does not know by whom, and of all right answers only one may count.
    async fn store_again(_: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Self::Answer>> {
        Ok(vec![Consumed::Unknown; rows.len()])
    }

    fn wakes(&self, _: &Self::Answer) -> Option<Lane> {
        None
    }
}
