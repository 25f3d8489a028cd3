//! Second factors beside codes by SMS: what a user typed is counted as wrong first, then compared, and used up when it is
//! right.

use shared::otp_code::OtpCode;
use shared::second_factor::{BACKUP_CODES, BackupCode, Proof};
use shared::store::remembered_devices::{self, Shown};
use shared::store::two_factor_apps::{self, App as Authenticator};
use shared::store::{backup_codes, two_factor, two_factor_failures};
use sqlx::PgConnection;

use crate::app::App;

pub(crate) mod devices;
mod error;

pub(crate) use self::devices::Remembered;
pub(crate) use self::error::FactorError;

/// A user changes their factors, or their number, so many minutes after showing a factor, and no later.
pub(crate) const FRESH_MINUTES: u16 = 15;

/// What a user typed.
#[derive(Debug)]
pub(crate) enum Typed {
    /// A code of their app.
    App(OtpCode),
    /// A backup code.
    BackupCode(BackupCode),
}

impl Typed {
    pub(crate) const fn proof(&self) -> Proof {
        match self {
            Self::App(_) => Proof::App,
            Self::BackupCode(_) => Proof::BackupCode,
        }
    }
}

/// What came of a right code.
pub(crate) struct Proven {
    pub(crate) device: Option<Remembered>,
    pub(crate) backup_codes_remaining: i64,
}

/// What there is to compare with.
enum Known {
    App(Authenticator),
    BackupCodes,
}

/// What a code was found to be.
enum Found {
    Right,
    /// Right before, but no more.
    Used,
    Wrong,
}

/// Checks what a user typed, and remembers their device if it is right and they would like that.
///
/// # Errors
/// [`FactorError`].
pub(crate) async fn verify(
    app: &App,
    user_id: &str,
    typed: &Typed,
    device: Option<&str>,
) -> Result<Proven, FactorError> {
    let known = known(app, user_id, typed).await?;
    let failures = count(app, user_id).await?;
    let mut tx = app.pool.begin().await?;
    let has_settings = two_factor::hold(&mut tx, user_id).await?;
    match take(app, &mut tx, user_id, typed, &known).await? {
        Found::Right => (),
        Found::Used => {
            tx.rollback().await?;
            two_factor_failures::give_back(&app.pool, user_id).await?;
            return Err(FactorError::Used);
        }
        Found::Wrong => {
            tx.rollback().await?;
            return Err(wrong(failures));
        }
    }
    let shown = Shown { proof: typed.proof(), phone: None };
    // Whoever has no settings is asked for nothing; those that came meanwhile are too late to be held.
    let device = match device.filter(|_| has_settings) {
        Some(name) => remembered_devices::remember(&mut tx, user_id, name, shown).await?,
        None => None,
    };
    two_factor::proved(&mut tx, user_id, typed.proof()).await?;
    let backup_codes_remaining = backup_codes::remaining(&mut *tx, user_id).await?;
    tx.commit().await?;
    let device = device.map(|token| Remembered::signed(app, user_id, token));
    Ok(Proven { device, backup_codes_remaining })
}

/// Makes an app that a first code has shown to be set up the user's; gives new backup codes if they had none left.
///
/// # Errors
/// [`FactorError`].
pub(crate) async fn confirm(
    app: &App,
    user_id: &str,
    code: &OtpCode,
) -> Result<Option<[BackupCode; BACKUP_CODES]>, FactorError> {
    let pending = two_factor_apps::find_pending(&app.pool, app.keyring.apps(), user_id).await?;
    let pending = pending.ok_or(FactorError::NotPending)?;
    let failures = count(app, user_id).await?;
    let step = pending.secret.step_of(code, app.clock.now()).ok_or_else(|| wrong(failures))?;
    let mut tx = app.pool.begin().await?;
    if !two_factor_apps::confirm(&mut tx, user_id, pending.id, step).await? {
        tx.rollback().await?;
        two_factor_failures::give_back(&app.pool, user_id).await?;
        return Err(FactorError::NotPending);
    }
    let codes = match backup_codes::remaining(&mut *tx, user_id).await? {
        0 => Some(new_codes(app, &mut tx, user_id).await?),
        _ => None,
    };
    two_factor::proved(&mut tx, user_id, Proof::App).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Gives a user new backup codes; all earlier ones are worth nothing.
pub(crate) async fn new_codes(
    app: &App,
    db: &mut PgConnection,
    user_id: &str,
) -> sqlx::Result<[BackupCode; BACKUP_CODES]> {
    let codes = BackupCode::generate_all();
    let macs = codes.each_ref().map(|code| code.mac(app.keyring.backup_codes(), user_id));
    backup_codes::replace(db, user_id, &macs).await?;
    Ok(codes)
}

/// A user who has nothing of the kind is told so: nothing is guessed, so nothing is counted.
async fn known(app: &App, user_id: &str, typed: &Typed) -> Result<Known, FactorError> {
    match typed {
        Typed::App(_) => {
            let found = two_factor_apps::find_confirmed(&app.pool, app.keyring.apps(), user_id).await?;
            found.map(Known::App).ok_or(FactorError::None(Proof::App))
        }
        Typed::BackupCode(_) if backup_codes::exist(&app.pool, user_id).await? => Ok(Known::BackupCodes),
        Typed::BackupCode(_) => Err(FactorError::None(Proof::BackupCode)),
    }
}

/// Counts a try, which is committed with this; gives how many there were in a row.
async fn count(app: &App, user_id: &str) -> Result<i32, FactorError> {
    match two_factor_failures::claim(&app.pool, user_id).await? {
        Some(failures) => Ok(failures),
        None => Err(FactorError::Locked { wait: two_factor_failures::locked_for(&app.pool, user_id).await? }),
    }
}

async fn take(
    app: &App,
    db: &mut PgConnection,
    user_id: &str,
    typed: &Typed,
    known: &Known,
) -> sqlx::Result<Found> {
    match (typed, known) {
        (Typed::App(code), Known::App(authenticator)) => {
            let Some(step) = authenticator.secret.step_of(code, app.clock.now()) else {
                return Ok(Found::Wrong);
            };
            let is_new = two_factor_apps::take_step(db, app.keyring.apps(), authenticator, step).await?;
            Ok(if is_new { Found::Right } else { Found::Used })
        }
        (Typed::BackupCode(code), Known::BackupCodes) => {
            let macs = code.macs(app.keyring.backup_codes(), user_id);
            if backup_codes::redeem(&mut *db, user_id, &macs).await? {
                return Ok(Found::Right);
            }
            let was_used = backup_codes::was_used(db, user_id, &macs).await?;
            Ok(if was_used { Found::Used } else { Found::Wrong })
        }
        (Typed::App(_), Known::BackupCodes) | (Typed::BackupCode(_), Known::App(_)) => Ok(Found::Wrong),
    }
}

fn wrong(failures: i32) -> FactorError {
    let left = (two_factor_failures::MOST - failures).max(0);
    FactorError::Wrong { attempts_remaining: i16::try_from(left).unwrap_or_default() }
}
