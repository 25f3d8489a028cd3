//! Why a code is not accepted.

use std::time::Duration;

use shared::ids::SessionId;
use shared::otp_code::OtpCode;
use shared::phone::PhoneNumber;
use shared::seal::UnknownKey;
use shared::store::otp_failures;
use shared::store::otp_sessions::{self, Session, SessionStatus};
use sqlx::PgPool;

use crate::auth::Who;
use crate::intake::IntakeError;

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
    /// Too many wrong codes for this phone, over all its sessions.
    #[error("the phone is locked")]
    PhoneLocked {
        /// For how long still; `None` if it was unlocked this moment.
        wait: Option<Duration>,
    },
    /// No code of this session has so many digits; no attempt was taken.
    #[error("the code has another length")]
    Length {
        /// Digits of its codes.
        digits: usize,
    },
    /// The provider that made the code cannot be asked; no attempt was taken.
    #[error("the code cannot be checked where it was made")]
    ProviderAway {
        /// How long it asked us to stay away.
        retry_after: Option<Duration>,
    },
    /// The code was right, but its number is another user's.
    #[error("the number is another user's")]
    PhoneTaken,
    /// The code was right, but the number that its user has must be shown first.
    #[error("the number before was not shown")]
    OldPhoneUnverified,
    /// An operator has dropped a master key too early.
    #[error("the code's key is gone")]
    UnknownKey(#[from] UnknownKey),
    /// The check could not be made, or not for certain.
    #[error("the check cannot be made")]
    Intake(#[from] IntakeError),
    /// The database is away or refuses.
    #[error("the session cannot be read")]
    Store(#[from] sqlx::Error),
}

/// Why no attempt could be taken.
pub(super) async fn not_open(
    pool: &PgPool,
    who: &Who,
    id: SessionId,
    code: &OtpCode,
) -> sqlx::Result<VerifyError> {
    let session = otp_sessions::find(pool, id).await?;
    let session = session.filter(|session| who.may_see(session.user_id.as_deref()));
    let over = ended(session.as_ref());
    let digits = session.and_then(|session| usize::try_from(session.code_length).ok());
    Ok(match (over, digits) {
        (Some(over), _) => over,
        (None, Some(digits)) if digits != code.length() => VerifyError::Length { digits },
        (None, _) => VerifyError::Expired,
    })
}

pub(super) async fn phone_locked(pool: &PgPool, phone: &str) -> sqlx::Result<VerifyError> {
    let until = match PhoneNumber::try_from(phone.to_owned()) {
        Ok(phone) => otp_failures::locked_for(pool, &phone).await?,
        Err(_) => None,
    };
    Ok(VerifyError::PhoneLocked { wait: until })
}

/// Why a session takes no more codes and sends none; `None` while it does.
pub(in crate::otp) fn ended(session: Option<&Session>) -> Option<VerifyError> {
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
