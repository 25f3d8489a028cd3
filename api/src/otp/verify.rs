//! Checking a code: an attempt is taken and committed first, then the code is compared.

use std::time::Instant;

use serde::Deserialize;
use shared::ids::{CheckId, SessionId};
use shared::otp_code::{Challenge, OtpCode};
use shared::phone::PhoneNumber;
use shared::provider::{CheckError, Checked, OtpCheck};
use shared::seal::Keyring;
use shared::store::otp_checks::{Check, CheckOutcome};
use shared::store::otp_sessions::{self, AttemptClaim, ClaimedAttempt};
use shared::store::reset_tokens::ResetToken;

use self::ends::{consume, lock};
use self::refusal::{not_open, phone_locked};
use crate::app::App;
use crate::auth::Who;

mod ends;
mod refusal;

pub(crate) use self::refusal::VerifyError;
pub(super) use self::refusal::ended;

/// A check as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyRequest {
    /// As text: what is no id is treated as an id nobody has.
    pub(crate) session_id: String,
    /// What was typed.
    pub(crate) otp: String,
    /// Whether a signed proof is wanted as well.
    #[serde(default)]
    pub(crate) token: bool,
    /// What to call the device, if it is to be remembered.
    pub(crate) remember_device: Option<String>,
}

/// What a right code has shown, and brings.
#[derive(Debug)]
pub(crate) struct Proven {
    /// The user that its session is for, if it is known.
    pub(crate) user_id: Option<String>,
    /// E.164.
    pub(crate) phone: String,
    /// What the code was for.
    pub(crate) purpose: String,
    /// What a new password is chosen with, if that is what the code was for.
    pub(crate) reset: Option<ResetToken>,
}

/// Checks `code` and ends the session if it is right.
///
/// # Errors
/// [`VerifyError`]; an attempt that was taken stays taken.
pub(crate) async fn verify(
    app: &App,
    who: &Who,
    id: SessionId,
    code: &OtpCode,
) -> Result<Proven, VerifyError> {
    let began = Instant::now();
    let Some(attempt) = claim(app, who, id, code).await? else {
        return Err(not_open(&app.pool, who, id, code).await?);
    };
    let done = check(app, id, code, &attempt).await;
    app.checks.note(Check {
        id: CheckId::new(app.clock.now()),
        session: id,
        user_id: attempt.user_id.clone(),
        phone: attempt.phone.clone(),
        outcome: outcome(&done),
        provider: attempt.provider_name.clone().filter(|_| attempt.provider_session_id.is_some()),
        response_time_ms: i32::try_from(began.elapsed().as_millis()).unwrap_or(i32::MAX),
        created_at: app.clock.now(),
    });
    let reset = done?;
    Ok(Proven { user_id: attempt.user_id, phone: attempt.phone, purpose: attempt.purpose, reset })
}

/// Takes a check, with others in a group if that can be, else alone.
async fn claim(
    app: &App,
    who: &Who,
    session: SessionId,
    code: &OtpCode,
) -> Result<Option<ClaimedAttempt>, VerifyError> {
    let digits = i16::try_from(code.length()).unwrap_or(i16::MAX);
    let claim = AttemptClaim { session, user_id: who.user().map(ToOwned::to_owned), digits };
    match app.intake.claim_attempt(claim.clone()).await? {
        Some(attempt) => Ok(Some(attempt)),
        None => Ok(otp_sessions::claim_attempt(&app.pool, &claim).await?),
    }
}

/// Compares, now that the attempt is taken.
async fn check(
    app: &App,
    id: SessionId,
    code: &OtpCode,
    attempt: &ClaimedAttempt,
) -> Result<Option<ResetToken>, VerifyError> {
    if !attempt.may_compare {
        return Err(phone_locked(&app.pool, &attempt.phone).await?);
    }
    let checked = match (&attempt.provider_name, &attempt.provider_session_id) {
        (Some(provider), Some(session)) => ask(app, id, provider, session, code, &attempt.phone).await?,
        (_, None) | (None, _) if is_right(&app.keyring, id, code, attempt)? => Checked::Right,
        (_, None) | (None, _) => Checked::Wrong,
    };
    let attempts_remaining = attempt.max_attempts - attempt.attempts;
    match checked {
        Checked::Right => consume(app, id, attempt).await,
        Checked::Wrong => {
            if attempts_remaining == 0 {
                lock(&app.pool, id).await?;
            }
            Err(VerifyError::Wrong { attempts_remaining })
        }
        Checked::Ended => Err(VerifyError::Expired),
    }
}

/// Asks the provider that made the code. One that cannot be asked has said nothing, so the attempt is given back.
async fn ask(
    app: &App,
    id: SessionId,
    provider: &str,
    session: &str,
    code: &OtpCode,
    phone: &str,
) -> Result<Checked, VerifyError> {
    // A number that no longer reads as one has no right code.
    let Ok(phone) = PhoneNumber::try_from(phone.to_owned()) else { return Ok(Checked::Ended) };
    let check = OtpCheck { session, phone: &phone, code: code.expose() };
    match app.checkers.check(provider, &check).await {
        Ok(checked) => Ok(checked),
        Err(error) => {
            tracing::warn!(%error, provider.id = provider, "a code cannot be checked where it was made");
            otp_sessions::give_back(&app.pool, id).await?;
            let retry_after = match error {
                CheckError::Away { retry_after, .. } => retry_after,
                CheckError::Unusable { .. } => None,
            };
            Err(VerifyError::ProviderAway { retry_after })
        }
    }
}

fn outcome(done: &Result<Option<ResetToken>, VerifyError>) -> CheckOutcome {
    match done {
        Ok(_) | Err(VerifyError::PhoneTaken | VerifyError::OldPhoneUnverified) => CheckOutcome::Right,
        Err(VerifyError::Wrong { .. }) => CheckOutcome::Wrong,
        Err(VerifyError::Locked | VerifyError::PhoneLocked { .. }) => CheckOutcome::Locked,
        Err(VerifyError::Expired | VerifyError::Used | VerifyError::Length { .. }) => CheckOutcome::Ended,
        Err(
            VerifyError::ProviderAway { .. }
            | VerifyError::UnknownKey(_)
            | VerifyError::Intake(_)
            | VerifyError::Store(_),
        ) => CheckOutcome::Away,
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
