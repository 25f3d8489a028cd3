//! Single cells: numbers as spreadsheets leave them, and texts that can be sent.

use super::Reason;
use crate::phone::{PhoneNumber, Region};
use crate::template::MAX_VALUE_CHARS;
use crate::text::is_unsendable;

/// What spreadsheets show where a formula failed.
const SPREADSHEET_ERRORS: [&str; 8] =
    ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#ERROR!"];

/// Reads a phone number as a spreadsheet may have written it. One whose digits were touched is refused even
/// where they could be guessed: a wrong guess texts a stranger.
pub(super) fn phone(cell: &str, default_region: Option<Region>) -> Result<PhoneNumber, Reason> {
    let text = unmarked(cell.trim());
    if is_spreadsheet_number(text) {
        return Err(Reason::SpreadsheetNumber);
    }
    if is_spreadsheet_error(text) || is_too_narrow(text) {
        return Err(Reason::SpreadsheetError("phone number".to_owned()));
    }
    Ok(PhoneNumber::parse(text, default_region)?)
}

/// Whether a text looks like a number rather than a name: so a list begins that has no header.
pub(super) fn looks_like_number(cell: &str) -> bool {
    let text = unmarked(cell.trim());
    is_spreadsheet_number(text)
        || (text.chars().filter(|c| c.is_numeric()).count() >= 5 && !text.chars().any(char::is_alphabetic))
}

/// Refuses what cannot be sent or was lost before it came here.
pub(super) fn check_value(name: &str, text: &str) -> Result<(), Reason> {
    if is_spreadsheet_error(text) {
        return Err(Reason::SpreadsheetError(name.to_owned()));
    }
    if let Some(character) = text.chars().find(|&c| is_unsendable(c)) {
        return Err(Reason::ControlCharacter { name: name.to_owned(), character });
    }
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(Reason::LostCharacter(name.to_owned()));
    }
    // No character is longer than four bytes: only long texts have to be counted.
    if text.len() > MAX_VALUE_CHARS && text.chars().count() > MAX_VALUE_CHARS {
        return Err(Reason::ValueTooLong(name.to_owned()));
    }
    Ok(())
}

/// Drops what keeps a spreadsheet from touching a number: `'079…` or `="079…"`.
fn unmarked(text: &str) -> &str {
    let formula = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    formula.or_else(|| text.strip_prefix('\'')).unwrap_or(text).trim()
}

/// Whether a spreadsheet or a program took the number for a quantity: `9.1E+11`, or `919876543210.0`,
/// whose last zero would pass for a digit of the number.
fn is_spreadsheet_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.split_once(['e', 'E']) {
        Some((quantity, exponent)) => {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let (whole, fraction) = quantity.split_once(['.', ',']).unwrap_or((quantity, "0"));
            is_digits(whole) && (fraction.is_empty() || is_digits(fraction)) && is_digits(exponent)
        }
        None => unsigned.split_once(['.', ',']).is_some_and(|(whole, fraction)| {
            whole.len() >= 7 && is_digits(whole) && matches!(fraction, "0" | "00")
        }),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_spreadsheet_error(text: &str) -> bool {
    text.starts_with('#') && SPREADSHEET_ERRORS.iter().any(|error| error.eq_ignore_ascii_case(text))
}

/// `#######` is shown for a number wider than its column.
fn is_too_narrow(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|b| b == b'#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::InvalidPhoneNumber;
    use proptest::prelude::*;

    fn region(code: &str) -> Option<Region> {
        Some(code.parse().expect("a country"))
    }

    #[test]
    fn a_number_a_spreadsheet_destroyed_is_never_repaired() {
        for text in [
            "9.1E+11",
            "9,19877E+11",
            "9.19876543210E+11",
            "9.1e11",
            "9E+11",
            "+9.1E+11",
            " '9.1E+11 ",
            "919876543210.0",
            "41790000001,00",
        ] {
            assert_eq!(phone(text, region("IN")), Err(Reason::SpreadsheetNumber), "{text}");
        }
    }

    #[test]
    fn what_protects_a_number_from_spreadsheets_is_dropped() {
        for text in ["'+41790000001", "=\"0790000001\"", " 079 000 00 01 ", "'0790000001"] {
            assert_eq!(phone(text, region("CH")).expect(text).as_str(), "+41790000001");
        }
        assert_eq!(phone("1.800.555.0000", region("US")).expect("dots").as_str(), "+18005550000");
    }

    #[test]
    fn other_cells_are_refused_for_their_reason() {
        for text in ["#N/A", "#ref!", "########"] {
            assert_eq!(phone(text, None), Err(Reason::SpreadsheetError("phone number".into())), "{text}");
        }
        assert_eq!(phone("", None), Err(Reason::Phone(InvalidPhoneNumber::Empty)));
        assert_eq!(phone("0790000001", None), Err(Reason::MissingCountryCode));
        assert!(matches!(phone("+4179", None), Err(Reason::Phone(InvalidPhoneNumber::NotPossible(_)))));
        assert!(matches!(
            phone("n/a", None),
            Err(Reason::Phone(InvalidPhoneNumber::ForbiddenCharacter('n')))
        ));
    }

    #[test]
    fn values_that_cannot_be_sent_are_refused_by_name() {
        for fine in ["", "Ann\n\tMiller", "Łódź", "#1", &"я".repeat(500)] {
            assert_eq!(check_value("a", fine), Ok(()), "{fine:?}");
        }
        for (text, word) in [
            ("a\0", "control_character"),
            ("\u{85}", "control_character"),
            ("Z\u{fffd}rich", "lost_character"),
            ("#N/A", "spreadsheet_error"),
            (&"я".repeat(501), "value_too_long"),
        ] {
            let reason = check_value("city", text).expect_err(text);
            assert_eq!(reason.as_str(), word);
            assert!(reason.to_string().contains("city"), "{reason}");
        }
    }

    #[test]
    fn numbers_are_told_from_names() {
        for text in ["+41 79 000 00 01", "'079/0000001", "9.1E+11", "12345"] {
            assert!(looks_like_number(text), "{text}");
        }
        for text in ["phone", "", "2024", "Ann 12345", "address_line_12345"] {
            assert!(!looks_like_number(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_quantity_with_an_exponent_becomes_a_number(
            text in "[+-]?[0-9]{1,13}([.,][0-9]{0,12})?[eE][+-]?[0-9]{1,3}",
        ) {
            prop_assert_eq!(phone(&text, region("IN")), Err(Reason::SpreadsheetNumber));
        }
    }
}
