//! Another code for a running session. It replaces the one before; the checks already taken stay
//! taken, or asking for codes would be a way around their limit.

use std::time::Duration;

use chrono::SubsecRound as _;
use serde::Deserialize;
use shared::ids::{ApiKeyId, SessionId};
use shared::phone::PhoneNumber;
use shared::store::otp_sessions::{self, Session};
use shared::store::{intake, messages};
use sqlx::PgConnection;

use super::verify::{VerifyError, ended};
use super::{Delivery, Fresh, MAX_SENDS, Policy, Sent, TEMPLATE};
use crate::accept::Refusal;
use crate::app::App;
use crate::trace::Trace;

/// A resend as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendRequest {
    /// As text: what is no id is treated as an id nobody has.
    pub(crate) session_id: String,
}

/// Why no other code is sent; each variant is another answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResendError {
    /// The session is over.
    #[error("the session is over")]
    Ended(#[source] VerifyError),
    /// Too early.
    #[error("the cool-down is not over")]
    CoolDown {
        /// How much too early.
        wait: Duration,
        /// Checks that are left.
        attempts_remaining: i16,
    },
    /// One code too many.
    #[error("the session has sent all its codes")]
    SendLimit {
        /// Until the session has ended.
        wait: Duration,
        /// Checks that are left.
        attempts_remaining: i16,
    },
    /// The country was taken off the list in the meantime.
    #[error("the number may no longer be texted")]
    Refused(Refusal),
    /// The database is away or refuses.
    #[error("the session cannot be changed")]
    Store(#[from] sqlx::Error),
}

/// Sends another code within the caller's transaction.
///
/// # Errors
/// [`ResendError`]; the transaction is then to be undone.
pub(crate) async fn resend(
    app: &App,
    db: &mut PgConnection,
    id: SessionId,
    key: ApiKeyId,
    trace: &Trace,
) -> Result<Sent, ResendError> {
    let found = otp_sessions::find_locked(&mut *db, id).await?;
    let session = match (ended(found.as_ref()), found) {
        (None, Some(session)) => session,
        (over, _) => return Err(ResendError::Ended(over.unwrap_or(VerifyError::Expired))),
    };
    let phone = may_resend(app, &session)?;
    let policy = Policy::of(&session.purpose);
    let template = app.templates.find(&mut *db, TEMPLATE, session.locale.as_deref()).await?;
    let delivery = Delivery {
        session: id,
        phone: &phone,
        policy,
        user_id: session.user_id.as_deref(),
        hint: session.hint.as_deref(),
        key,
        trace: trace.parent(),
        template: template.as_deref(),
        now: session.now,
    };
    let Fresh { code_mac, message } = delivery.fresh_code(&app.keyring);
    trace.message(message.id);
    let cool_down = policy.cool_down_after(session.sends + 1);
    let resend_at = (session.now + cool_down).trunc_subsecs(3);
    messages::withdraw(&mut *db, id, "superseded").await?;
    otp_sessions::renew(&mut *db, id, &code_mac, resend_at, message.expires_at).await?;
    intake::insert_code(&mut *db, &message).await?;
    Ok(Sent {
        session_id: id,
        expires_at: message.expires_at,
        resend_after: cool_down.as_secs(),
        attempts_remaining: session.max_attempts - session.attempts,
    })
}

fn may_resend(app: &App, session: &Session) -> Result<PhoneNumber, ResendError> {
    let attempts_remaining = session.max_attempts - session.attempts;
    let until = |time: chrono::DateTime<chrono::Utc>| (time - session.now).to_std().unwrap_or_default();
    if session.sends >= MAX_SENDS {
        return Err(ResendError::SendLimit { wait: until(session.expires_at), attempts_remaining });
    }
    if session.resend_at > session.now {
        return Err(ResendError::CoolDown { wait: until(session.resend_at), attempts_remaining });
    }
    // What was stored as E.164 reads as E.164, unless somebody else wrote it.
    let phone =
        PhoneNumber::try_from(session.phone.clone()).map_err(|_| ResendError::Ended(VerifyError::Expired))?;
    app.reach.allow("session_id", &phone).map_err(ResendError::Refused)?;
    Ok(phone)
}
