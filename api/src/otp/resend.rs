//! Another code for a running session. It replaces the one before; the checks already taken stay
//! taken, or asking for codes would be a way around their limit.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::Deserialize;
use shared::ids::{MessageId, SessionId};
use shared::limits::{Exceeded, Standing};
use shared::message::NewMessage;
use shared::otp_code::{CodeLength, OtpCode};
use shared::otp_policy::{Policy, Purpose, Resend};
use shared::phone::PhoneNumber;
use shared::store::guard::{self, Outlook, Verdict};
use shared::store::intake::{self, Counted, GUARD, PHONE_LOCKED};
use shared::store::otp_sessions::{self, Renewal, Session, SessionStatus};
use shared::store::{messages, otp_windows};
use sqlx::PgConnection;

use super::guard::asks_for_challenge;
use super::policies::{RuleBook, Rules};
use super::start::Requester;
use super::subjects::Asker;
use super::verify::{VerifyError, ended};
use super::{Delivery, Sent, code_length, expiry, keep, kept as kept_code};
use crate::accept::Refusal;
use crate::app::App;
use crate::client_address::ClientAddress;
use crate::templates::Variant;
use crate::trace::Trace;

/// A resend as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendRequest {
    /// As text: what is no id is treated as an id nobody has.
    pub(crate) session_id: String,
    /// Where the person is, as far as a server says so.
    pub(crate) client_ip: Option<String>,
    /// The application had its user pass a challenge.
    pub(crate) challenged: Option<bool>,
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
    /// One code too many for its phone, user or key, over all sessions.
    #[error("a limit is reached")]
    Limited {
        /// Which, and for how long.
        exceeded: Exceeded,
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

/// What a resend did.
pub(crate) struct Resent {
    /// For the caller.
    pub(crate) sent: Sent,
    /// Where the limits stand.
    pub(crate) counted: Counted,
    /// The code's message, unless it is withheld.
    pub(crate) message: Option<MessageId>,
}

/// What a resend needs to know beforehand. Not to be looked up within its transaction: with every connection of the pool
/// in one, nobody would have one left to look.
pub(crate) struct Preparation<'a> {
    /// Who asks.
    pub(crate) requester: &'a Requester<'a>,
    /// Where the person is, if known.
    pub(crate) client: Option<ClientAddress>,
    /// The person has passed a challenge.
    is_challenged: bool,
    rules: RuleBook,
    outlook: Arc<Outlook>,
    template: Option<Arc<Variant>>,
}

impl<'a> Preparation<'a> {
    /// Looks up what the purpose of session `id` allows, and its template.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn of(
        app: &App,
        id: SessionId,
        requester: &'a Requester<'a>,
        client: Option<ClientAddress>,
        is_challenged: bool,
    ) -> sqlx::Result<Self> {
        let rules = app.policies.all(&app.pool).await?;
        let outlook = app.guard.outlook(&app.pool).await?;
        let session = otp_sessions::find(&app.pool, id).await?;
        let template = match &session {
            Some(session) => {
                let name = &rules.of(purpose_of(session))?.policy.template;
                app.templates.find(&app.pool, name, session.locale.as_deref()).await?
            }
            None => None,
        };
        Ok(Self { requester, client, is_challenged, rules, outlook, template })
    }
}

/// A purpose that this version does not know is treated as the usual one.
fn purpose_of(session: &Session) -> Purpose {
    session.purpose.parse().unwrap_or_default()
}

/// Sends another code within the caller's transaction.
///
/// # Errors
/// [`ResendError`]; the transaction is then to be undone.
pub(crate) async fn resend(
    app: &App,
    db: &mut PgConnection,
    id: SessionId,
    prepared: &Preparation<'_>,
    trace: &Trace,
) -> Result<Resent, ResendError> {
    let (requester, client, key) = (prepared.requester, prepared.client, prepared.requester.key);
    let found = otp_sessions::find_locked(&mut *db, id).await?;
    let found = found.filter(|session| requester.who.may_see(session.user_id.as_deref()));
    let session = match (ended(found.as_ref()), found) {
        (None, Some(session)) => session,
        (over, _) => return Err(ResendError::Ended(over.unwrap_or(VerifyError::Expired))),
    };
    let rules = prepared.rules.of(purpose_of(&session))?;
    let phone = may_resend(app, &session, &rules.policy)?;
    let next = NextCode::of(app, &session, &rules.policy);
    let delivery = Delivery {
        session: id,
        phone: &phone,
        policy: &rules.policy,
        user_id: session.user_id.as_deref(),
        hint: session.hint.as_deref(),
        key,
        trace: trace.parent(),
        template: prepared.template.as_deref(),
        now: session.now,
        expires_at: next.expires_at,
    };
    let cool_down = rules.policy.cool_down_after(session.sends + 1);
    let (mac, message) = (delivery.mac(&next.code, &app.keyring), delivery.message(&next.code, &app.keyring));
    let asker = Asker {
        phone: &phone,
        purpose: rules.policy.purpose,
        user_id: session.user_id.as_deref(),
        client,
        key: Some(key),
    };
    let (mut withheld, standings) = count(&mut *db, &session, &asker, rules).await?;
    let verdict = ask_guard(&mut *db, prepared, &session, &asker, &message, withheld.is_some()).await?;
    if verdict.iter().any(|verdict| !verdict.decision.is_sent()) {
        withheld = withheld.or(Some(GUARD));
    }
    let renewal = Renewal {
        code_mac: Some(mac.as_slice()).filter(|_| withheld.is_none()),
        sealed_code: keep(&next.code, &rules.policy, &app.keyring, id),
        code_length: next.length,
        withheld,
        message_id: message.id,
        resend_at: (session.now + cool_down).trunc_subsecs(3),
        expires_at: next.expires_at,
    };
    // What was sent before is as good as it was; of a locked phone no code is compared anyhow.
    if withheld == Some(GUARD) && session.withheld.is_none() {
        otp_sessions::keep_code(&mut *db, id, renewal.resend_at, renewal.expires_at).await?;
    } else {
        messages::withdraw(&mut *db, id, "superseded").await?;
        otp_sessions::renew(&mut *db, id, &renewal).await?;
    }
    if withheld.is_none() {
        trace.message(message.id);
        intake::insert_code(&mut *db, &message).await?;
    }
    let sent = Sent {
        session_id: id,
        expires_at: next.expires_at,
        resend_after: cool_down.as_secs(),
        attempts_remaining: session.max_attempts - session.attempts,
        challenge_required: app.checks.brakes() || asks_for_challenge(requester.who, verdict.as_ref()),
    };
    Ok(Resent {
        sent,
        counted: Counted { standings, is_withheld: withheld.is_some(), verdict },
        message: Some(renewal.message_id).filter(|_| withheld.is_none()),
    })
}

/// Counts the send, and says why the code must be withheld, if it must.
async fn count(
    db: &mut PgConnection,
    session: &Session,
    asker: &Asker<'_>,
    rules: &Rules,
) -> Result<(Option<&'static str>, Vec<Standing>), ResendError> {
    let subjects = asker.subjects();
    let mut held = otp_windows::hold(&mut *db, &rules.limits, &subjects).await?;
    let counted = held.ledger.count_send(&rules.limits, &subjects, held.now);
    let attempts_remaining = session.max_attempts - session.attempts;
    let standings = counted.map_err(|exceeded| ResendError::Limited { exceeded, attempts_remaining })?;
    otp_windows::record(&mut *db, &rules.limits, &held).await?;
    let withheld = held.locked_phones.iter().any(|locked| locked == asker.phone.as_str());
    Ok((withheld.then_some(PHONE_LOCKED), standings))
}

/// What the pumping guard says of the send. One to a number that was sent nothing yet counts as the first.
async fn ask_guard(
    db: &mut PgConnection,
    prepared: &Preparation<'_>,
    session: &Session,
    asker: &Asker<'_>,
    message: &NewMessage,
    is_withheld: bool,
) -> sqlx::Result<Option<Verdict>> {
    let is_resend = session.withheld.is_none() && session.status != SessionStatus::SendFailed;
    let is_challenged = prepared.is_challenged;
    let send = guard::Send { is_resend, is_challenged, ..asker.guarded(message, session.id) };
    Ok(guard::judge(db, &prepared.outlook, &[(&send, is_withheld)]).await?.pop())
}

/// The code a resend sends.
struct NextCode {
    code: OtpCode,
    length: CodeLength,
    expires_at: DateTime<Utc>,
}

impl NextCode {
    /// Another one; or, where the policy says so, the one before, which does not live longer for it.
    fn of(app: &App, session: &Session, policy: &Policy) -> Self {
        let kept = session.sealed_code.as_deref().filter(|_| policy.resend == Resend::Same);
        let kept = kept.and_then(|sealed| kept_code(sealed, &app.keyring, session.id).ok());
        let length =
            u8::try_from(session.code_length).ok().and_then(|digits| CodeLength::try_from(digits).ok());
        let wanted = code_length(policy, app.checks.brakes());
        let lives = session.code_expires_at.is_none_or(|until| until > session.now);
        match (kept, length) {
            // While codes are guessed at, one that is too short for that is not sent again.
            (Some(code), Some(length)) if lives && length.get() >= wanted.get() => {
                Self { code, length, expires_at: session.code_expires_at.unwrap_or(session.expires_at) }
            }
            _ => Self {
                code: OtpCode::generate(wanted),
                length: wanted,
                expires_at: expiry(policy, session.now),
            },
        }
    }
}

fn may_resend(app: &App, session: &Session, policy: &Policy) -> Result<PhoneNumber, ResendError> {
    let attempts_remaining = session.max_attempts - session.attempts;
    let until = |time: DateTime<Utc>| (time - session.now).to_std().unwrap_or_default();
    if session.sends >= policy.max_sends {
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
