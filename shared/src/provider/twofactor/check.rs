//! What 2Factor.in says of a typed code (`/SMS/VERIFY/{session}/{code}`). `Details` alone decides: an expired code comes
//! as `Success`, and a matched one has been seen under `Error`.

use serde::Deserialize;

use crate::provider::http::Answer;
use crate::provider::{CheckError, Checked};

/// The part that counts.
#[derive(Deserialize)]
struct Verdict {
    #[serde(rename = "Details")]
    details: String,
}

/// What one answer says. Only the vendor's whole sentence says yes, and only under a 2xx: a sentence that merely
/// contains it says something else.
pub(super) fn read(answer: &Answer) -> Result<Checked, CheckError> {
    let status = answer.status().as_u16();
    let Some(Verdict { details }) = answer.json().filter(|_| matches!(status, 200..=299 | 400)) else {
        return Err(answer.by_status(None).into());
    };
    let details = details.trim().to_lowercase();
    match (status, details.as_str()) {
        (200..=299, "otp matched") => Ok(Checked::Right),
        (_, "otp mismatch") => Ok(Checked::Wrong),
        (_, "otp expired") => Ok(Checked::Ended),
        // The vendor forgets a session after a while; one of another account's key reads the same.
        _ if details.contains("no entry exists") => Ok(Checked::Ended),
        _ if details.contains("api key") => Err(CheckError::Unusable { reason: "credentials" }),
        (400, _) => Err(CheckError::Unusable { reason: "refused" }),
        _ => Err(answer.garbage().into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(status: u16, word: &str, details: &str) -> Result<Checked, CheckError> {
        let body = serde_json::json!({ "Status": word, "Details": details }).to_string();
        read(&Answer::with(status, body))
    }

    fn away(reason: &'static str) -> Result<Checked, CheckError> {
        Err(CheckError::Away { retry_after: None, reason })
    }

    #[test]
    fn the_details_decide_whatever_the_status_word_says() {
        const UNKNOWN: &str = "Invalid API / SessionId Combination - No Entry Exists";
        for word in ["Success", "Error", "unknown"] {
            assert_eq!(said(200, word, "OTP Matched"), Ok(Checked::Right), "{word}");
            for status in [200, 400] {
                assert_eq!(said(status, word, "OTP Mismatch"), Ok(Checked::Wrong), "{status} {word}");
                assert_eq!(said(status, word, "OTP Expired"), Ok(Checked::Ended), "{status} {word}");
                assert_eq!(said(status, word, UNKNOWN), Ok(Checked::Ended), "{status} {word}");
            }
        }
    }

    #[test]
    fn what_is_not_the_whole_sentence_is_no_yes() {
        for details in
            ["OTP Not Matched", "OTP Matched?", "Matched", "", "Success", "OTP Matched OTP Mismatch"]
        {
            assert_eq!(said(200, "Success", details), away("garbage_answer"), "{details}");
            let refused = Err(CheckError::Unusable { reason: "refused" });
            assert_eq!(said(400, "Success", details), refused, "{details}");
        }
        assert!(said(400, "Success", "OTP Matched").is_err());
        assert!(said(500, "Success", "OTP Matched").is_err());
    }

    #[test]
    fn a_vendor_in_trouble_is_away_and_a_wrong_account_unusable() {
        for (status, reason) in
            [(429, "rate_limited"), (408, "request_timeout"), (500, "server_error"), (503, "server_error")]
        {
            assert_eq!(said(status, "Error", "Internal Server Error"), away(reason), "{status}");
        }
        for (status, details, reason) in
            [(400, "Invalid API Key", "credentials"), (401, "", "credentials"), (403, "", "account")]
        {
            assert_eq!(said(status, "Error", details), Err(CheckError::Unusable { reason }), "{status}");
        }
    }

    proptest! {
        #[test]
        fn random_bytes_are_never_a_yes(status in 100_u16..1000, body in any::<Vec<u8>>()) {
            prop_assert!(read(&Answer::with(status, body)) != Ok(Checked::Right));
        }

        #[test]
        fn no_damage_turns_a_no_into_a_yes(
            status in 100_u16..1000,
            at in 0_usize..60,
            byte in any::<u8>(),
            details in "OTP (Mismatch|Expired|Not Matched|Unmatched)",
        ) {
            let mut body = serde_json::json!({ "Status": "Error", "Details": details }).to_string().into_bytes();
            if let Some(damaged) = body.get_mut(at) {
                *damaged = byte;
            }
            prop_assert!(read(&Answer::with(status, body)) != Ok(Checked::Right));
        }
    }
}
