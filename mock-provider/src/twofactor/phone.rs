//! Phone numbers as 2Factor takes them: ten digits, or twelve that begin with 91, with or without `+`.

use super::Refusal;

const TOO_SHORT: Refusal = "Invalid Phone Number - Length Mismatch(Expected >= 10)";
const INVALID: Refusal = "Invalid Phone Number";

/// The number in E.164.
pub(super) fn parse(text: &str) -> Result<String, Refusal> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(INVALID);
    }
    match digits.len() {
        0..10 => Err(TOO_SHORT),
        10 => Ok(format!("+91{digits}")),
        12 if digits.starts_with("91") => Ok(format!("+{digits}")),
        _ => Err(INVALID),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_spelling_is_the_same_number() {
        for text in ["9876543210", "919876543210", "+919876543210"] {
            assert_eq!(parse(text).as_deref(), Ok("+919876543210"));
        }
    }

    #[test]
    fn other_lengths_countries_and_letters_are_refused() {
        assert_eq!(parse("987654321"), Err(TOO_SHORT));
        assert_eq!(parse(""), Err(TOO_SHORT));
        assert_eq!(parse("+41790000001"), Err(INVALID));
        assert_eq!(parse("98765x3210"), Err(INVALID));
    }
}
