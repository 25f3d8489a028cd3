//! What can be stored in groups: messages, and OTP sessions with theirs.

use shared::lane::Lane;
use shared::message::NewMessage;
use shared::store::intake::{self, NewOtp};
use sqlx::PgConnection;

/// Rows of one kind, stored many in one statement.
pub(super) trait Storable: Sized + Send + Sync + 'static {
    /// Stores all rows or none.
    fn store(db: &mut PgConnection, rows: &[&Self]) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Stores those rows that an earlier try, whose answer was lost, has not stored.
    fn store_again(db: &mut PgConnection, rows: &[&Self]) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Whom to wake.
    fn lane(&self) -> Lane;
}

impl Storable for NewMessage {
    async fn store(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<()> {
        intake::insert(db, rows).await
    }

    async fn store_again(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<()> {
        intake::insert_again(db, rows).await
    }

    fn lane(&self) -> Lane {
        self.lane
    }
}

impl Storable for NewOtp {
    async fn store(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<()> {
        intake::start_sessions(db, rows).await
    }

    async fn store_again(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<()> {
        intake::start_sessions(db, rows).await
    }

    fn lane(&self) -> Lane {
        Lane::Otp
    }
}
