//! The problems of second factors.

use std::time::Duration;

use shared::second_factor::Proof;

use super::Problem;
use super::kinds::*;
use crate::two_factor::FactorError;

impl Problem {
    /// A user who would change their factors without having shown one.
    pub(crate) fn verification_required(minutes: u16) -> Self {
        let detail = format!(
            "a user changes their second factor within {minutes} minutes after showing it: give a code of it first"
        );
        Self::new(&VERIFICATION_REQUIRED, detail)
    }
}

impl From<FactorError> for Problem {
    fn from(error: FactorError) -> Self {
        match error {
            FactorError::Wrong { attempts_remaining } => {
                Self::new(&OTP_WRONG, "the code does not match").attempts_remaining(attempts_remaining)
            }
            FactorError::Used => Self::new(&OTP_USED, "a code is good for once; give another"),
            FactorError::Locked { wait } => Self::new(
                &OTP_LOCKED,
                "too many wrong codes of this user; see Retry-After for when another can be tried",
            )
            .retry_after(wait.unwrap_or(Duration::from_secs(1)))
            .attempts_remaining(0),
            FactorError::None(Proof::App) => Self::not_found("the user has no authenticator app"),
            FactorError::None(Proof::BackupCode) => Self::not_found("the user has no backup codes"),
            FactorError::None(Proof::Sms) => Self::not_found("the user has no number"),
            FactorError::NotPending => {
                Self::new(&OTP_EXPIRED, "no app is being enrolled, or its time is over; begin again")
            }
            FactorError::App(error) => Self::internal(&error),
            FactorError::Store(error) => error.into(),
        }
    }
}
