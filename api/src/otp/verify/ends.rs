//! The end that the right code or the last wrong one makes, with what still waits to be sent.

use shared::db;
use shared::ids::SessionId;
use shared::otp_policy::Purpose;
use shared::store::messages;
use shared::store::otp_sessions::{self, ClaimedAttempt, RightCode};
use shared::store::reset_tokens::{self, ResetToken};
use shared::store::verified_phones::{self, Bound, Shown};
use sqlx::{PgConnection, PgPool};

use super::refusal::{VerifyError, ended};
use crate::app::App;
use crate::intake::IntakeError;

/// What a right code brings, in the transaction that uses it up.
enum Brings<'a> {
    /// The answer alone.
    Nothing,
    /// Its number becomes that of its user.
    Phone { user_id: &'a str },
    /// A token to choose another password with.
    ResetToken,
}

/// What it has brought.
enum Brought {
    Nothing,
    Phone(Bound),
    ResetToken(ResetToken),
}

impl<'a> Brings<'a> {
    fn of(attempt: &'a ClaimedAttempt) -> Self {
        match (attempt.purpose.parse(), attempt.user_id.as_deref()) {
            (Ok(Purpose::VerifyPhone | Purpose::ChangePhone), Some(user_id)) => Self::Phone { user_id },
            (Ok(Purpose::PasswordReset), _) => Self::ResetToken,
            (Ok(Purpose::Login | Purpose::TwoFactor), _)
            | (Ok(Purpose::VerifyPhone | Purpose::ChangePhone), None)
            | (Err(_), _) => Self::Nothing,
        }
    }
}

/// Ends the session by its right code: with others in a group if that can be, else alone, withdrawing codes that have
/// not left yet.
///
/// # Errors
/// When another right answer was faster, a resend replaced the code, or the last check was taken; when the number that
/// the code shows cannot become its user's.
pub(super) async fn consume(
    app: &App,
    id: SessionId,
    attempt: &ClaimedAttempt,
) -> Result<Option<ResetToken>, VerifyError> {
    let code = RightCode { session: id, sends: attempt.sends };
    let brings = Brings::of(attempt);
    if matches!(brings, Brings::Nothing) && consume_with_others(app, code).await? {
        return Ok(None);
    }
    match consume_alone(app, code, attempt, &brings).await? {
        Some(Brought::Nothing) => Ok(None),
        Some(Brought::ResetToken(token)) => Ok(Some(token)),
        Some(Brought::Phone(Bound::Theirs)) => Ok(None),
        Some(Brought::Phone(Bound::Taken)) => Err(VerifyError::PhoneTaken),
        Some(Brought::Phone(Bound::OldUnverified)) => Err(VerifyError::OldPhoneUnverified),
        None => {
            let session = otp_sessions::find(&app.pool, id).await?;
            let attempts_remaining = attempt.max_attempts - attempt.attempts;
            Err(ended(session.as_ref()).unwrap_or(VerifyError::Wrong { attempts_remaining }))
        }
    }
}

async fn consume_with_others(app: &App, code: RightCode) -> Result<bool, IntakeError> {
    match app.intake.consume(code).await {
        // There is another way.
        Err(IntakeError::Full) => Ok(false),
        // The check itself was counted.
        Err(IntakeError::Away) => Err(IntakeError::OutcomeUnknown),
        consumed => consumed,
    }
}

/// `None` if the code could not be used up. One whose number is refused to its user is used up all the same: it was right.
async fn consume_alone(
    app: &App,
    code: RightCode,
    attempt: &ClaimedAttempt,
    brings: &Brings<'_>,
) -> sqlx::Result<Option<Brought>> {
    let mut tx = db::begin(&app.pool).await?;
    let brought = if otp_sessions::consume(&mut *tx, code).await? {
        messages::withdraw(&mut tx, code.session, "verified").await?;
        Some(bring(app, &mut tx, code.session, attempt, brings).await?)
    } else {
        None
    };
    tx.commit().await?;
    Ok(brought)
}

async fn bring(
    app: &App,
    db: &mut PgConnection,
    session: SessionId,
    attempt: &ClaimedAttempt,
    brings: &Brings<'_>,
) -> sqlx::Result<Brought> {
    Ok(match brings {
        Brings::Nothing => Brought::Nothing,
        Brings::Phone { user_id } => {
            let shown = Shown { user_id, phone: &attempt.phone, session };
            Brought::Phone(verified_phones::bind(db, shown).await?)
        }
        Brings::ResetToken => {
            Brought::ResetToken(reset_tokens::issue(db, app.keyring.resets(), session).await?)
        }
    })
}

/// Locks the session, whose checks are used up.
pub(super) async fn lock(pool: &PgPool, id: SessionId) -> sqlx::Result<()> {
    let mut tx = db::begin(pool).await?;
    if otp_sessions::lock(&mut *tx, id).await? {
        messages::withdraw(&mut tx, id, "locked").await?;
    }
    tx.commit().await
}
