//! Twilio Verify (`/v2/Services/{sid}/…`): starting a verification by SMS, and checking its code.
//!
//! As at Twilio a number has one verification at a time: started again while it is pending, it sends the same code under
//! the same SID, five times at most; after five wrong codes every further check is refused; once approved or too old it is
//! gone (rate limits and timeouts, twilio.com/docs/verify/api/rate-limits-and-timeouts, 2026-11).

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::errors::{self, not_found};
use super::params::is_e164;
use super::{is_form, verification};
use crate::arrival::{Arrival, ArrivalKind};
use crate::arrivals::micros_now;
use crate::check::CodeCheck;
use crate::codes;
use crate::fields::Fields;
use crate::lock::lock;
use crate::reply::{self, Reply};
use crate::state::State;
use crate::submission::{Reading, Submission};
use crate::vendor::Vendor;

/// Codes of one verification that are sent, and wrong ones that are checked.
const MOST: u32 = 5;

/// The verifications that are pending, by recipient.
#[derive(Debug, Default)]
pub(crate) struct Verifications(Mutex<HashMap<String, Pending>>);

#[derive(Debug, Clone)]
struct Pending {
    sid: String,
    code: String,
    since_micros: i64,
    sends: u32,
    wrong: u32,
}

impl Verifications {
    /// What is pending for a recipient; what is too old is forgotten.
    fn find(&self, to: &str, lifetime_micros: i64) -> Option<Pending> {
        let mut all = lock(&self.0);
        let pending = all.get(to)?;
        if micros_now().saturating_sub(pending.since_micros) >= lifetime_micros {
            all.remove(to);
            return None;
        }
        Some(pending.clone())
    }

    /// A code was delivered.
    pub(crate) fn delivered(&self, arrival: &Arrival) {
        let mut all = lock(&self.0);
        let fresh = || Pending {
            sid: arrival.provider_id.clone(),
            code: arrival.body.clone(),
            since_micros: arrival.at_micros,
            sends: 0,
            wrong: 0,
        };
        let pending = all.entry(arrival.to.clone()).or_insert_with(fresh);
        if pending.sid != arrival.provider_id {
            *pending = fresh();
        }
        pending.sends += 1;
    }

    fn guessed_wrong(&self, to: &str) {
        if let Some(pending) = lock(&self.0).get_mut(to) {
            pending.wrong += 1;
        }
    }

    fn approved(&self, to: &str) {
        lock(&self.0).remove(to);
    }
}

/// Reads a request to the service; its login is checked.
pub(super) fn read(state: &State, head: &Parts, body: &Bytes) -> Reading {
    let path = head.uri.path();
    let service = format!("/v2/Services/{}/", state.credentials.twilio_verify_service_sid);
    let target = path.strip_prefix(service.as_str());
    let (Some(target @ ("Verifications" | "VerificationCheck")), true) = (target, is_form(head, body)) else {
        let known = target.is_some_and(|target| matches!(target, "Verifications" | "VerificationCheck"));
        return Reading::Answer(if known { errors::refusal(20415, "", "") } else { not_found(path) });
    };
    if head.method != Method::POST {
        return Reading::Answer(errors::refusal(20004, "", ""));
    }
    let fields = Fields::from_form(body);
    let read = if target == "Verifications" { start(state, &fields) } else { check(state, &fields, path) };
    read.unwrap_or_else(|refusal| Reading::Answer(*refusal))
}

/// Boxed, since it is far larger than what is passed on otherwise.
type Refusal = Box<Reply>;

fn invalid(name: &str, value: &str) -> Refusal {
    Box::new(errors::invalid_parameter(name, value))
}

fn start(state: &State, fields: &Fields) -> Result<Reading, Refusal> {
    let to = fields.get("To").filter(|to| is_e164(to));
    let to = to.ok_or_else(|| invalid("To", fields.get("To").unwrap_or_default()))?;
    if fields.get("Channel") != Some("sms") {
        return Err(invalid("Channel", fields.get("Channel").unwrap_or_default()));
    }
    let pending = state.verifications.find(to, state.verification_lifetime_micros);
    if pending.as_ref().is_some_and(|pending| pending.sends >= MOST) {
        return Err(Box::new(errors::refusal(60203, to, "")));
    }
    let (provider_id, code) = pending.map(|pending| (pending.sid, pending.code)).unzip();
    Ok(Reading::Submission(Box::new(Submission {
        vendor: Vendor::Twilio,
        kind: ArrivalKind::Code,
        recipients: vec![to.to_owned()],
        from: Some(state.credentials.twilio_verify_service_sid.clone()),
        body: code.unwrap_or_else(codes::new_code),
        template: None,
        variables: Vec::new(),
        reference: fields.get("Tags").and_then(reference_in),
        provider_id,
        validity_s: None,
        status_callback: None,
    })))
}

/// The sender's message id, if the tags hold one.
fn reference_in(tags: &str) -> Option<String> {
    let tags: serde_json::Value = serde_json::from_str(tags).ok()?;
    tags.get("message_id")?.as_str().map(str::to_owned)
}

/// A check names a verification by its SID or its recipient.
fn check(state: &State, fields: &Fields, path: &str) -> Result<Reading, Refusal> {
    let code = fields.get("Code").filter(|code| (4..=10).contains(&code.len()));
    let code = code.ok_or_else(|| invalid("Code", ""))?;
    let sid = fields.get("VerificationSid");
    let to = match (fields.get("To"), sid) {
        (Some(to), _) => Some(to.to_owned()),
        (None, Some(sid)) => recipient_of(state, sid),
        (None, None) => return Err(invalid("To", "")),
    };
    let pending = to.as_ref().and_then(|to| state.verifications.find(to, state.verification_lifetime_micros));
    match (to, pending) {
        (Some(to), Some(pending)) if sid.is_none_or(|sid| sid == pending.sid) => {
            Ok(Reading::Check(Box::new(CodeCheck {
                vendor: Vendor::Twilio,
                recipient: [to],
                session: pending.sid,
                code: code.to_owned(),
            })))
        }
        _ => Err(Box::new(not_found(path))),
    }
}

fn recipient_of(state: &State, sid: &str) -> Option<String> {
    let arrival = state.arrivals.find(Vendor::Twilio, sid.strip_prefix("VE")?)?;
    Some(arrival.to.clone())
}

/// Checks a code and answers.
pub(crate) fn checked(state: &State, check: &CodeCheck) -> Reply {
    let [to] = &check.recipient;
    let pending = state.verifications.find(to, state.verification_lifetime_micros);
    let Some(pending) = pending.filter(|pending| pending.sid == check.session) else {
        return not_found("VerificationCheck");
    };
    if pending.wrong >= MOST {
        return errors::refusal(60202, to, "");
    }
    let right = pending.code == check.code;
    if right {
        state.verifications.approved(to);
    } else {
        state.verifications.guessed_wrong(to);
    }
    reply::json(StatusCode::OK, &verification::checked(state, &check.session, to, right))
}

/// The answer to a verification that was started.
pub(crate) fn started(state: &State, arrival: &Arrival) -> Reply {
    reply::json(StatusCode::CREATED, &verification::started(state, arrival))
}
