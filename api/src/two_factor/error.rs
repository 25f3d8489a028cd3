//! Why a second factor is not accepted.

use std::time::Duration;

use shared::second_factor::Proof;
use shared::store::two_factor_apps::AppError;

/// Why a code of a second factor is not accepted; each variant is another answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FactorError {
    /// Not the code.
    #[error("the code is wrong")]
    Wrong {
        /// Tries that are left before the user is locked.
        attempts_remaining: i16,
    },
    /// Right once, but no more.
    #[error("the code was used")]
    Used,
    /// Too many wrong codes in a row.
    #[error("the user is locked")]
    Locked {
        /// For how long still; `None` if that ended this moment.
        wait: Option<Duration>,
    },
    /// The user has nothing of this kind.
    #[error("the user has no such factor")]
    None(Proof),
    /// No app waits to be confirmed.
    #[error("no app is being enrolled")]
    NotPending,
    /// The app's secret cannot be read.
    #[error("the app cannot be asked")]
    App(#[source] AppError),
    /// The database is away or refuses.
    #[error("the factor cannot be read")]
    Store(#[from] sqlx::Error),
}

impl From<AppError> for FactorError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Store(error) => Self::Store(error),
            AppError::Sealed(_) => Self::App(error),
        }
    }
}
