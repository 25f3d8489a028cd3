//! The Verification resource and its check as Twilio writes them: dates as ISO 8601, every field present.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::arrival::Arrival;
use crate::arrivals::micros_now;
use crate::state::State;

/// What a verification and its check have in common.
#[derive(Serialize)]
struct Common<'a> {
    sid: &'a str,
    service_sid: &'a str,
    account_sid: &'a str,
    to: &'a str,
    channel: &'static str,
    status: &'static str,
    valid: bool,
    amount: Option<&'static str>,
    payee: Option<&'static str>,
    date_created: String,
    date_updated: String,
}

/// A verification in an answer.
#[derive(Serialize)]
pub(super) struct Verification<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    lookup: Value,
    send_code_attempts: Vec<Value>,
    sna: Option<Value>,
    url: String,
}

/// A check in an answer.
#[derive(Serialize)]
pub(super) struct VerificationCheck<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    sna_attempts_error_codes: [Value; 0],
}

/// A verification whose code was just sent.
pub(super) fn started<'a>(state: &'a State, arrival: &'a Arrival) -> Verification<'a> {
    let sid = arrival.provider_id.as_str();
    let time = iso(arrival.at_micros);
    let service = state.credentials.twilio_verify_service_sid.as_str();
    let attempt = sid.replacen("VE", "VL", 1);
    Verification {
        lookup: json!({}),
        send_code_attempts: vec![json!({ "time": &time, "channel": "SMS", "attempt_sid": attempt })],
        sna: None,
        url: format!("https://verify.twilio.com/v2/Services/{service}/Verifications/{sid}"),
        common: common(state, sid, &arrival.to, "pending", time),
    }
}

/// What a check found.
pub(super) fn checked<'a>(state: &'a State, sid: &'a str, to: &'a str, right: bool) -> VerificationCheck<'a> {
    let status = if right { "approved" } else { "pending" };
    VerificationCheck {
        common: common(state, sid, to, status, iso(micros_now())),
        sna_attempts_error_codes: [],
    }
}

fn common<'a>(state: &'a State, sid: &'a str, to: &'a str, status: &'static str, time: String) -> Common<'a> {
    Common {
        sid,
        service_sid: &state.credentials.twilio_verify_service_sid,
        account_sid: &state.credentials.twilio_account_sid,
        to,
        channel: "sms",
        status,
        valid: status == "approved",
        amount: None,
        payee: None,
        date_created: time.clone(),
        date_updated: time,
    }
}

fn iso(micros: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
