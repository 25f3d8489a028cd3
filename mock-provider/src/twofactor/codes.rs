//! One-time codes: the caller's own or made here, and verifying either.

use std::sync::Arc;

use hyper::http::request::Parts;

use super::{Refusal, answers, phone, reference};
use crate::arrival::{Arrival, ArrivalKind};
use crate::arrivals::micros_now;
use crate::check::CodeCheck;
use crate::codes::new_code;
use crate::fields::Fields;
use crate::lock::lock;
use crate::reply::Reply;
use crate::state::State;
use crate::submission::{Reading, Submission};
use crate::vendor::Vendor;

/// Reads `/SMS/{phone}/{code or AUTOGEN}[/{template}]`.
///
/// # Errors
/// 2Factor's refusal of the number or the code.
pub(super) fn parse(
    phone: &str,
    code: &str,
    template: Option<&str>,
    head: &Parts,
) -> Result<Submission, Refusal> {
    let to = phone::parse(phone)?;
    let body = if code == "AUTOGEN" { new_code() } else { own_code(code)? };
    Ok(Submission {
        vendor: Vendor::TwoFactor,
        kind: ArrivalKind::Code,
        recipients: vec![to],
        from: None,
        body,
        template: template.map(str::to_owned),
        variables: Vec::new(),
        reference: reference(&Fields::from_query(head), &head.headers),
        provider_id: None,
        validity_s: None,
        status_callback: None,
    })
}

fn own_code(code: &str) -> Result<String, Refusal> {
    let digits = (4..=8).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    if digits { Ok(code.to_owned()) } else { Err("Invalid OTP Value") }
}

/// Reads `/SMS/VERIFY/{session}/{code}`.
pub(super) fn read_check(state: &State, session: &str, code: &str) -> Reading {
    match sent(state, session) {
        Some(sent) => Reading::Check(Box::new(CodeCheck {
            vendor: Vendor::TwoFactor,
            recipient: [sent.to.clone()],
            session: session.to_owned(),
            code: code.to_owned(),
        })),
        None => Reading::Answer(unknown_session()),
    }
}

/// Checks a code and answers. It is matched once; afterwards, and when it is too old, it is expired, which 2Factor says
/// under `Success`.
pub(crate) fn checked(state: &State, check: &CodeCheck) -> Reply {
    let Some(sent) = sent(state, &check.session) else { return unknown_session() };
    if is_expired(state, &sent) {
        return answers::success("OTP Expired");
    }
    if sent.body != check.code {
        return answers::error("OTP Mismatch");
    }
    if lock(&state.verified).insert(sent.index) {
        answers::success("OTP Matched")
    } else {
        answers::success("OTP Expired")
    }
}

fn sent(state: &State, session: &str) -> Option<Arc<Arrival>> {
    state.arrivals.find(Vendor::TwoFactor, session).filter(|sent| sent.kind == ArrivalKind::Code)
}

fn unknown_session() -> Reply {
    answers::error("Invalid API / SessionId Combination - No Entry Exists")
}

fn is_expired(state: &State, sent: &Arrival) -> bool {
    micros_now().saturating_sub(sent.at_micros) >= state.code_lifetime_micros
}
