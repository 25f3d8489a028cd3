//! The end that the right code or the last wrong one makes, with what still waits to be sent.

use shared::ids::SessionId;
use shared::store::messages;
use shared::store::otp_sessions::{self, ClaimedAttempt, RightCode};
use sqlx::PgPool;

use super::refusal::{VerifyError, ended};
use crate::app::App;
use crate::intake::IntakeError;

/// Ends the session by its right code: with others in a group if that can be, else alone, withdrawing codes that have
/// not left yet.
///
/// # Errors
/// When another right answer was faster, a resend replaced the code, or the last check was taken.
pub(super) async fn consume(app: &App, id: SessionId, attempt: &ClaimedAttempt) -> Result<(), VerifyError> {
    let code = RightCode { session: id, sends: attempt.sends };
    let is_consumed = match app.intake.consume(code).await {
        // There is another way.
        Err(IntakeError::Full) => false,
        // The check itself was counted.
        Err(IntakeError::Away) => return Err(IntakeError::OutcomeUnknown.into()),
        consumed => consumed?,
    };
    if is_consumed || consume_alone(&app.pool, code).await? {
        return Ok(());
    }
    let session = otp_sessions::find(&app.pool, id).await?;
    let attempts_remaining = attempt.max_attempts - attempt.attempts;
    Err(ended(session.as_ref()).unwrap_or(VerifyError::Wrong { attempts_remaining }))
}

async fn consume_alone(pool: &PgPool, code: RightCode) -> sqlx::Result<bool> {
    let mut tx = pool.begin().await?;
    let is_consumed = otp_sessions::consume(&mut *tx, code).await?;
    if is_consumed {
        messages::withdraw(&mut tx, code.session, "verified").await?;
    }
    tx.commit().await?;
    Ok(is_consumed)
}

/// Locks the session, whose checks are used up.
pub(super) async fn lock(pool: &PgPool, id: SessionId) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    if otp_sessions::lock(&mut *tx, id).await? {
        messages::withdraw(&mut tx, id, "locked").await?;
    }
    tx.commit().await
}
