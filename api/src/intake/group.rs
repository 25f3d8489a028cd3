//! What can be stored in groups: messages, and OTP sessions with theirs; checks of codes are in [`super::checks`].

use shared::db::Use;
use shared::lane::Lane;
use shared::message::NewMessage;
use shared::store::intake::{self, NewOtp, Started};
use sqlx::{Connection as _, PgConnection};

/// Rows of one kind, stored many in one transaction.
pub(super) trait Storable: Sized + Send + Sync + 'static {
    /// What each row's caller is told.
    type Answer: Send + 'static;

    /// What its flushers' connections are for.
    const USE: Use = Use::Intake("smsgw intake");

    /// Stores all rows or none, and answers each in their order.
    fn store(
        db: &mut PgConnection,
        rows: &[&Self],
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Answer>>> + Send;

    /// Stores those rows that an earlier try, whose answer was lost, has not stored.
    fn store_again(
        db: &mut PgConnection,
        rows: &[&Self],
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Answer>>> + Send;

    /// Whom to wake for a row with this answer; nobody unless something is to be sent.
    fn wakes(&self, _: &Self::Answer) -> Option<Lane> {
        None
    }
}

impl Storable for NewMessage {
    type Answer = ();

    async fn store(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<()>> {
        intake::insert(db, rows).await?;
        Ok(vec![(); rows.len()])
    }

    async fn store_again(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<()>> {
        intake::insert_again(db, rows).await?;
        Ok(vec![(); rows.len()])
    }

    fn wakes(&self, (): &()) -> Option<Lane> {
        Some(self.lane)
    }
}

impl Storable for NewOtp {
    type Answer = Started;

    async fn store(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Started>> {
        let mut tx = db.begin().await?;
        let answers = intake::start_sessions(&mut tx, rows).await?;
        tx.commit().await?;
        Ok(answers)
    }

    async fn store_again(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Started>> {
        let mut tx = db.begin().await?;
        let answers = intake::start_sessions_again(&mut tx, rows).await?;
        tx.commit().await?;
        Ok(answers)
    }

    fn wakes(&self, started: &Started) -> Option<Lane> {
        started.is_ok().then_some(Lane::Otp)
    }
}
