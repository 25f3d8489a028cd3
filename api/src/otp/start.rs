//! Starting a challenge: a session and the message with its code, or neither.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Deserialize;
use shared::ids::{ApiKeyId, SessionId};
use shared::limits::Standing;
use shared::otp_code::OtpCode;
use shared::otp_policy::Purpose;
use shared::second_factor::Method;
use shared::store::guard;
use shared::store::intake::{Counted, NewOtp, Started};
use shared::store::otp_sessions::NewSession;
use shared::store::{otp_requirements, verified_phones};
use sqlx::PgConnection;

use super::policies::Rules;
use super::subjects::Asker;
use super::{Delivery, Sent, code_length, expiry, keep};
use crate::accept::Refusal;
use crate::app::App;
use crate::auth::Who;
use crate::client_address::ClientAddress;
use crate::fields::{self, Faults};
use crate::problem::Problem;
use crate::trace::Trace;
use crate::two_factor::FRESH_MINUTES;

/// A challenge as it is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartRequest {
    phone: String,
    purpose: Option<Purpose>,
    user_id: Option<String>,
    client_ip: Option<String>,
    provider_hint: Option<String>,
    locale: Option<String>,
    /// The application had its user pass a challenge.
    challenged: Option<bool>,
}

impl StartRequest {
    /// A code for `phone`, for the person that a server names.
    pub(crate) fn of(
        phone: String,
        purpose: Purpose,
        user_id: Option<String>,
        client_ip: Option<String>,
    ) -> Self {
        let purpose = Some(purpose);
        Self { phone, purpose, user_id, client_ip, provider_hint: None, locale: None, challenged: None }
    }

    /// The same, by this provider if it can.
    pub(crate) fn hinting(self, provider_hint: Option<String>) -> Self {
        Self { provider_hint, ..self }
    }
}

/// Who asks for a code.
pub(crate) struct Requester<'a> {
    /// What is believed of them.
    pub(crate) who: &'a Who,
    /// Their key.
    pub(crate) key: ApiKeyId,
    /// Where they call from.
    pub(crate) address: ClientAddress,
}

impl Requester<'_> {
    /// Whose code it is: what a server says, and what a user's token says. A page could name anybody.
    fn user_id(&self, given: Option<String>) -> Result<Option<String>, String> {
        match (self.who, given) {
            (Who::Server, given) => Ok(given),
            (Who::Browser | Who::User(_), Some(given)) if self.who.user() != Some(&given) => {
                Err("must be left out: of pages' users their own token says who they are".to_owned())
            }
            (Who::Browser | Who::User(_), _) => Ok(self.who.user().map(str::to_owned)),
        }
    }

    /// Where the person is: a server says it if it likes, of others we see it.
    pub(crate) fn client(&self, given: Option<IpAddr>) -> Result<Option<ClientAddress>, &'static str> {
        match (self.who, given) {
            (Who::Server, given) => Ok(given.map(ClientAddress)),
            (Who::Browser | Who::User(_), None) => Ok(Some(self.address)),
            (Who::Browser | Who::User(_), Some(_)) => {
                Err("must be left out: only servers know better than we")
            }
        }
    }
}

impl Requester<'_> {
    /// Whether the person has passed a challenge: a page could say that of anybody.
    pub(crate) fn challenged(&self, given: Option<bool>) -> Result<bool, &'static str> {
        match (self.who, given) {
            (Who::Server, given) => Ok(given.unwrap_or_default()),
            (Who::Browser | Who::User(_), None) => Ok(false),
            (Who::Browser | Who::User(_), Some(_)) => Err("must be left out: only servers are believed"),
        }
    }
}

/// Checks a request and makes its session, message and answer; nothing is stored yet, and whether its user
/// [may take](may_take) the number is still to be asked.
///
/// # Errors
/// What is wrong with the request; that the database is away.
pub(crate) async fn prepare(
    app: &App,
    requester: &Requester<'_>,
    trace: &Trace,
    request: StartRequest,
) -> Result<(NewOtp, Sent), Problem> {
    let key = requester.key;
    let mut faults = Faults::default();
    let phone = faults.take("phone", app.reach.phone(&request.phone));
    let user_id = request.user_id.map(fields::user_id).transpose();
    let user_id = faults.take("user_id", user_id.and_then(|given| requester.user_id(given)));
    let hint = faults.take("provider_hint", request.provider_hint.map(fields::provider).transpose());
    let locale = faults.take("locale", request.locale.map(fields::locale).transpose());
    let client = request.client_ip.as_deref().map(fields::address).transpose();
    let client = faults.take("client_ip", client.and_then(|given| requester.client(given)));
    let challenged = faults.take("challenged", requester.challenged(request.challenged));
    let (Some(phone), Some(user_id), Some(hint), Some(locale), Some(client), Some(is_challenged)) =
        (phone, user_id, hint, locale, client, challenged)
    else {
        return Err(Refusal::from(faults).into());
    };
    app.reach.allow("phone", &phone)?;

    let purpose = request.purpose.unwrap_or_default();
    let book = app.policies.all(&app.pool).await?;
    let outlook = app.guard.outlook(&app.pool).await?;
    let Rules { policy, limits } = book.of(purpose)?;
    let template = app.templates.find(&app.pool, &policy.template, locale.as_deref()).await?;
    let (id, now, brakes) = (SessionId::random(), app.clock.now(), app.checks.brakes());
    let delivery = Delivery {
        session: id,
        phone: &phone,
        policy,
        user_id: user_id.as_deref(),
        hint: hint.as_deref(),
        key,
        trace: trace.parent(),
        template: template.as_deref(),
        now,
        expires_at: expiry(policy, now),
    };
    let code_length = code_length(policy, brakes);
    let code = OtpCode::generate(code_length);
    let (code_mac, message) = (delivery.mac(&code, &app.keyring), delivery.message(&code, &app.keyring));
    let cool_down = policy.cool_down_after(1);
    let sent = Sent {
        session_id: id,
        expires_at: message.expires_at,
        resend_after: cool_down.as_secs(),
        attempts_remaining: policy.max_attempts,
        challenge_required: brakes,
    };
    let asker = Asker { phone: &phone, purpose, user_id: user_id.as_deref(), client, key: Some(key) };
    let subjects = asker.subjects();
    let guard = guard::Send { is_challenged, ..asker.guarded(&message, id) };
    let session = NewSession {
        id,
        phone: message.to.clone(),
        purpose: purpose.as_str(),
        max_attempts: policy.max_attempts,
        code_length,
        code_mac,
        sealed_code: keep(&code, policy, &app.keyring, id),
        api_key_id: key,
        resend_at: now + cool_down,
        expires_at: message.expires_at,
        user_id,
        locale,
        hint,
    };
    Ok((NewOtp { session, message, subjects, limits: Arc::clone(limits), guard, outlook }, sent))
}

/// The user whose number it becomes that a session is for, once its code was right.
pub(super) fn taker(session: &NewSession) -> Option<&str> {
    let takes = matches!(session.purpose.parse(), Ok(Purpose::VerifyPhone | Purpose::ChangePhone));
    session.user_id.as_deref().filter(|_| takes)
}

/// Whether the [`taker`] of a session's number may take it now. Whoever has but the user's own token, and has shown nothing of
/// late, must show the number they have, or their app; so must everybody where the application asks for it. That the new one
/// is another user's is told only to whoever shows that they hold it.
///
/// With an `Idempotency-Key` to be asked in its transaction: a start that is repeated was allowed when it was new.
pub(super) async fn may_take(db: &mut PgConnection, who: &Who, session: &NewSession) -> Result<(), Problem> {
    let Some(user_id) = taker(session) else { return Ok(()) };
    if !verified_phones::is_another(&mut *db, user_id, &session.phone).await? {
        return Ok(());
    }
    let mut must = verified_phones::needs_old(&mut *db).await?;
    if who.user().is_some() {
        let standing = otp_requirements::find(&mut *db, user_id, FRESH_MINUTES).await?;
        if standing.method == Method::App && standing.verified_at.is_none() {
            return Err(Problem::verification_required(FRESH_MINUTES));
        }
        must |= standing.verified_at.is_none();
    }
    if must { Err(Problem::old_phone_unverified()) } else { Ok(()) }
}

/// What callers are told of a start.
pub(crate) fn told(started: Started, who: &Who) -> Result<Counted, Problem> {
    let mut counted = started.map_err(|exceeded| Problem::from(exceeded).telling(is_told(who)))?;
    counted.standings.retain(is_told(who));
    Ok(counted)
}

/// Callers are told where they stand, but not what others have had sent to the number they name.
pub(crate) fn is_told(who: &Who) -> impl Fn(&Standing) -> bool {
    move |standing| *who == Who::Server || !standing.limit.kind.tells_of_others()
}
