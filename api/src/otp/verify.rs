//! Checking a code: an attempt is taken and committed first, then the code is compared.

use serde::Deserialize;
use shared::ids::SessionId;
use shared::otp_code::{Challenge, OtpCode};
use shared::phone::PhoneNumber;
use shared::seal::{Keyring, UnknownKey};
use shared::store::messages;
use shared::store::otp_sessions::{self, ClaimedAttempt, Session, SessionStatus};
use sqlx::PgPool;

use super::LENGTH;

/// A check as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyRequest {
    /// As text: what is no id is treated as an id nobody has.
    pub(crate) session_id: String,
    /// What was typed.
    pub(crate) otp: String,
}

/// Why a code is not accepted; each variant is another answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// Not the code.
    #[error("the code is wrong")]
    Wrong {
        /// Checks that are left.
        attempts_remaining: i16,
    },
    /// Too late, or no such session: one cannot be told from the other.
    #[error("the session has ended")]
    Expired,
    /// Right once, but no more.
    #[error("the code was used")]
    Used,
    /// All checks are taken.
    #[error("the session is locked")]
    Locked,
    /// An operator has dropped a master key too early.
    #[error("the code's key is gone")]
    UnknownKey(#[from] UnknownKey),
    /// The database is away or refuses.
    #[error("the session cannot be read")]
    Store(#[from] sqlx::Error),
}

/// Checks `code` and ends the session if it is right.
///
/// # Errors
/// [`VerifyError`]; an attempt that was taken stays taken.
pub(crate) async fn verify(
    pool: &PgPool,
    keyring: &Keyring,
    id: SessionId,
    code: &OtpCode,
) -> Result<(), VerifyError> {
    let Some(attempt) = otp_sessions::claim_attempt(pool, id).await? else {
        let session = otp_sessions::find(pool, id).await?;
        return Err(ended(session.as_ref()).unwrap_or(VerifyError::Expired));
    };
    if is_right(keyring, id, code, &attempt)? {
        return consume(pool, id, &attempt).await;
    }
    let attempts_remaining = attempt.max_attempts - attempt.attempts;
    if attempts_remaining == 0 {
        lock(pool, id).await?;
    }
    Err(VerifyError::Wrong { attempts_remaining })
}

/// Reads what was typed as a code.
pub(crate) fn parse_code(typed: &str) -> Result<OtpCode, shared::otp_code::InvalidOtpCode> {
    OtpCode::parse(typed, LENGTH)
}

/// Why a session takes no more codes and sends none; `None` while it does.
pub(super) fn ended(session: Option<&Session>) -> Option<VerifyError> {
    let Some(session) = session else { return Some(VerifyError::Expired) };
    match session.status {
        SessionStatus::Verified => Some(VerifyError::Used),
        SessionStatus::Locked => Some(VerifyError::Locked),
        SessionStatus::Expired | SessionStatus::Superseded => Some(VerifyError::Expired),
        SessionStatus::Pending | SessionStatus::Sent | SessionStatus::SendFailed => {
            if session.expires_at <= session.now {
                Some(VerifyError::Expired)
            } else if session.attempts >= session.max_attempts {
                Some(VerifyError::Locked)
            } else {
                None
            }
        }
    }
}

fn is_right(
    keyring: &Keyring,
    session: SessionId,
    code: &OtpCode,
    attempt: &ClaimedAttempt,
) -> Result<bool, VerifyError> {
    // A session without a local code, or with a number that no longer reads as one, has no right answer.
    let (Some(stored), Ok(phone)) = (&attempt.code_mac, PhoneNumber::try_from(attempt.phone.clone())) else {
        return Ok(false);
    };
    let challenge = Challenge { session, phone: &phone, purpose: &attempt.purpose };
    Ok(code.verify(keyring.otp_pepper(), challenge, stored)?)
}

/// Ends the session by its right code, and withdraws codes that have not left yet.
async fn consume(pool: &PgPool, id: SessionId, attempt: &ClaimedAttempt) -> Result<(), VerifyError> {
    let mut tx = pool.begin().await?;
    if !otp_sessions::consume(&mut *tx, id, attempt.code_mac.as_deref().unwrap_or_default()).await? {
        tx.rollback().await?;
        // Another right answer was faster, a resend replaced the code, or the last check was taken.
        let session = otp_sessions::find(pool, id).await?;
        let attempts_remaining = attempt.max_attempts - attempt.attempts;
        return Err(ended(session.as_ref()).unwrap_or(VerifyError::Wrong { attempts_remaining }));
    }
    messages::withdraw(&mut tx, id, "verified").await?;
    tx.commit().await?;
    Ok(())
}

async fn lock(pool: &PgPool, id: SessionId) -> sqlx::Result<()> {
    let mut tx = pool.begin().await?;
    if otp_sessions::lock(&mut *tx, id).await? {
        messages::withdraw(&mut tx, id, "locked").await?;
    }
    tx.commit().await
}
