//! Magic numbers: recipients whose last seven digits, `55` and a five-digit code, say how the vendor misbehaves.
//!
//! Seven digits, so that numbers counted up or drawn at random do not fall into the table. The table for people is in
//! `docs/mock-provider.md`.

use crate::fault::{Fault, FaultBody, RetryAfter, junk};
use crate::vendor::Vendor;

/// The fault a recipient asks for by its own digits.
pub(crate) fn fault_for(vendor: Vendor, recipient: &str) -> Option<Fault> {
    let code = code_of(recipient)?;
    transport_fault(code).or_else(|| refusal(vendor, code))
}

/// The error code with which a Twilio message to this recipient is reported undelivered, after it was accepted.
pub(crate) fn undelivered_code(recipient: &str) -> Option<u32> {
    let code = code_of(recipient)?.parse().ok()?;
    (30_000..31_000).contains(&code).then_some(code)
}

fn code_of(recipient: &str) -> Option<&str> {
    let start = recipient.len().checked_sub(7)?;
    recipient.get(start..)?.strip_prefix("55")
}

fn transport_fault(code: &str) -> Option<Fault> {
    Some(match code {
        "00000" => Fault::Reset,
        "00100" => Fault::SlowBytes { interval_ms: 100 },
        "00200" => garbage(true),
        "00201" => Fault::DeliverThenHang,
        "00202" => Fault::DeliverThenReset,
        "00204" => garbage(false),
        "00408" => Fault::Hang,
        "00429" => Fault::Throttle { retry_after: None },
        "02429" => Fault::Throttle { retry_after: Some(RetryAfter::Seconds(2)) },
        "12429" => Fault::Throttle { retry_after: Some(RetryAfter::DateIn(2)) },
        "00500" => Fault::Status { status: 500, body: FaultBody::Vendor, delivered: false },
        "00502" => Fault::Status { status: 502, body: FaultBody::Empty, delivered: true },
        "00503" => Fault::Status { status: 503, body: FaultBody::Empty, delivered: false },
        "03000" => Fault::Delay { delay_ms: 3000 },
        _ => return None,
    })
}

fn garbage(delivered: bool) -> Fault {
    Fault::Garbage { status: 200, body: junk(), delivered }
}

fn refusal(vendor: Vendor, code: &str) -> Option<Fault> {
    let code = match vendor {
        Vendor::Twilio => twilio_refusal(code)?,
        Vendor::TwoFactor => two_factor_refusal(code)?,
    };
    Some(Fault::Reject { code: code.to_owned() })
}

fn twilio_refusal(code: &str) -> Option<&str> {
    matches!(
        code,
        "20003"
            | "20005"
            | "21211"
            | "21408"
            | "21606"
            | "21608"
            | "21610"
            | "21611"
            | "21612"
            | "21614"
            | "21635"
    )
    .then_some(code)
}

fn two_factor_refusal(code: &str) -> Option<&'static str> {
    match code {
        "20003" => Some("Invalid API Key"),
        "20402" => Some("Insufficient Balance"),
        "21211" => Some("Invalid Phone Number - Length Mismatch(Expected >= 10)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_seven_digits_decide() {
        assert_eq!(fault_for(Vendor::Twilio, "+41795500000"), Some(Fault::Reset));
        assert_eq!(fault_for(Vendor::TwoFactor, "+919875500408"), Some(Fault::Hang));
        assert_eq!(fault_for(Vendor::Twilio, "+41790000000"), None);
        assert_eq!(fault_for(Vendor::Twilio, "+1"), None);
    }

    #[test]
    fn each_vendor_refuses_with_its_own_codes() {
        let code = |vendor, to| match fault_for(vendor, to) {
            Some(Fault::Reject { code }) => Some(code),
            _ => None,
        };
        assert_eq!(code(Vendor::Twilio, "+41795521610").as_deref(), Some("21610"));
        assert_eq!(code(Vendor::TwoFactor, "+919875520003").as_deref(), Some("Invalid API Key"));
        assert_eq!(code(Vendor::TwoFactor, "+919875521610"), None);
    }

    #[test]
    fn a_thirty_thousand_code_is_a_later_report_and_no_fault() {
        assert_eq!(undelivered_code("+41795530005"), Some(30_005));
        assert_eq!(fault_for(Vendor::Twilio, "+41795530005"), None);
    }
}
