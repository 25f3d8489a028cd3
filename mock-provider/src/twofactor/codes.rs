//! One-time codes: the caller's own or made here, and verifying either.

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::http::request::Parts;
use uuid::Uuid;

use super::{Refusal, answers, phone, reference};
use crate::arrival::{Arrival, ArrivalKind};
use crate::fields::Fields;
use crate::lock::lock;
use crate::reply::Reply;
use crate::state::State;
use crate::submission::Submission;
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
        validity_s: None,
        status_callback: None,
    })
}

fn own_code(code: &str) -> Result<String, Refusal> {
    let digits = (4..=8).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    if digits { Ok(code.to_owned()) } else { Err("Invalid OTP Value") }
}

/// Six digits from the random part of a UUID.
fn new_code() -> String {
    format!("{:06}", Uuid::new_v4().as_u128() % 1_000_000)
}

/// Answers `/SMS/VERIFY/{session}/{code}`. A code is matched once; afterwards, and when it is too old, it is expired,
/// which 2Factor says under `Success`.
pub(super) fn verify(state: &State, session: &str, code: &str) -> Reply {
    let Some(sent) =
        state.arrivals.find(Vendor::TwoFactor, session).filter(|sent| sent.kind == ArrivalKind::Code)
    else {
        return answers::error("Invalid API / SessionId Combination - No Entry Exists");
    };
    if is_expired(state, &sent) {
        return answers::success("OTP Expired");
    }
    if sent.body != code {
        return answers::error("OTP Mismatch");
    }
    if lock(&state.verified).insert(sent.index) {
        answers::success("OTP Matched")
    } else {
        answers::success("OTP Expired")
    }
}

fn is_expired(state: &State, sent: &Arrival) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
    now_micros.saturating_sub(sent.at_micros) >= state.code_lifetime_micros
}
