//! Starting a challenge: a session and the message with its code, or neither.

use std::net::IpAddr;

use serde::Deserialize;
use shared::ids::{ApiKeyId, SessionId};
use shared::store::intake::NewOtp;
use shared::store::otp_sessions::NewSession;

use super::{Delivery, Fresh, Purpose, Sent, TEMPLATE};
use crate::accept::Refusal;
use crate::app::App;
use crate::fields::{self, Faults};
use crate::problem::Problem;
use crate::trace::Trace;

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
}

/// Checks a request and makes its session, message and answer; nothing is stored yet.
///
/// # Errors
/// What is wrong with the request; that the database is away.
pub(crate) async fn prepare(
    app: &App,
    key: ApiKeyId,
    trace: &Trace,
    request: StartRequest,
) -> Result<(NewOtp, Sent), Problem> {
    let mut faults = Faults::default();
    let phone = faults.take("phone", app.reach.phone(&request.phone));
    let user_id = faults.take("user_id", request.user_id.map(fields::user_id).transpose());
    let hint = faults.take("provider_hint", request.provider_hint.map(fields::provider).transpose());
    let locale = faults.take("locale", request.locale.map(fields::locale).transpose());
    if request.client_ip.is_some_and(|ip| ip.parse::<IpAddr>().is_err()) {
        faults.note("client_ip", "must be an IPv4 or IPv6 address");
    }
    let (Some(phone), Some(user_id), Some(hint), Some(locale), true) =
        (phone, user_id, hint, locale, faults.is_empty())
    else {
        return Err(Refusal::from(faults).into());
    };
    app.reach.allow("phone", &phone)?;

    let template = app.templates.find(&app.pool, TEMPLATE, locale.as_deref()).await?;
    let policy = request.purpose.unwrap_or_default().policy();
    let session = SessionId::random();
    let now = app.clock.now();
    let delivery = Delivery {
        session,
        phone: &phone,
        policy,
        user_id: user_id.as_deref(),
        hint: hint.as_deref(),
        key,
        trace: trace.parent(),
        template: template.as_deref(),
        now,
    };
    let Fresh { code_mac, message } = delivery.fresh_code(&app.keyring);
    let cool_down = policy.cool_down_after(1);
    let sent = Sent {
        session_id: session,
        expires_at: message.expires_at,
        resend_after: cool_down.as_secs(),
        attempts_remaining: policy.max_attempts,
    };
    let session = NewSession {
        id: session,
        phone: message.to.clone(),
        purpose: policy.word,
        max_attempts: policy.max_attempts,
        code_mac,
        api_key_id: key,
        resend_at: now + cool_down,
        expires_at: message.expires_at,
        user_id,
        locale,
        hint,
    };
    Ok((NewOtp { session, message }, sent))
}
