//! From what people write to what one would dial.

use super::InvalidPhoneNumber;
use crate::text::decimal_digit;

/// Longest spelling read at all, in bytes.
pub(super) const MAX_INPUT_BYTES: usize = 40;

/// What one would dial: an optional `+`, then ASCII digits.
pub(super) fn dialled(text: &str) -> Result<String, InvalidPhoneNumber> {
    if text.len() > MAX_INPUT_BYTES {
        return Err(InvalidPhoneNumber::TooLong);
    }
    let mut dialled = String::with_capacity(text.len());
    for c in without_scheme(text).chars() {
        match (decimal_digit(c), c) {
            (Some(digit), _) => dialled.push(digit),
            (None, '+' | '＋') if dialled.is_empty() => dialled.push('+'),
            (None, c) if is_separator(c) => {}
            (None, c) => return Err(InvalidPhoneNumber::ForbiddenCharacter(c)),
        }
    }
    match dialled.as_str() {
        "" | "+" => Err(InvalidPhoneNumber::Empty),
        _ => Ok(dialled),
    }
}

/// Drops the scheme of a `tel:` URI (RFC 3966); parameters such as an extension are refused as letters.
fn without_scheme(text: &str) -> &str {
    match text.split_at_checked(4) {
        Some((scheme, number)) if scheme.eq_ignore_ascii_case("tel:") => number,
        _ => text,
    }
}

/// Signs people put between digits, and the invisible marks that copying from a contact list brings along.
const fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{2000}'
            ..='\u{2015}' | '\u{202f}' | '\u{3000}' | '\u{2212}'
    ) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn separators_schemes_and_other_scripts_leave_plain_digits() {
        for (text, plain) in [
            ("(079) 000-00/01", "0790000001"),
            (" +41.79 ", "+4179"),
            ("TEL:+41-79", "+4179"),
            ("+٤١ ٧٩", "+4179"),
            ("＋４１　７９", "+4179"),
            ("\u{202a}+41\u{a0}79\u{2011}0\u{202c}", "+41790"),
        ] {
            assert_eq!(dialled(text).as_deref(), Ok(plain), "{text:?}");
        }
    }

    #[test]
    fn signs_no_number_has_are_refused() {
        use InvalidPhoneNumber::ForbiddenCharacter;
        for (text, sign) in [
            ("+41\u{0}79", '\0'),
            ("+4179\n", '\n'),
            ("+1 800 FLOWERS", 'F'),
            ("1+234", '+'),
            ("++41790000001", '+'),
            ("+41790000001;ext=5", ';'),
            ("+41*79", '*'),
            ("😀", '😀'),
            ("+1’2", '’'),
            ("tél", 't'),
        ] {
            assert_eq!(dialled(text), Err(ForbiddenCharacter(sign)), "{text:?}");
        }
    }

    #[test]
    fn nothing_to_dial_and_far_too_much_are_refused() {
        for text in ["", " ", " + ()", "tel:"] {
            assert_eq!(dialled(text), Err(InvalidPhoneNumber::Empty), "{text:?}");
        }
        for text in ["1".repeat(41), "٣".repeat(21)] {
            assert_eq!(dialled(&text), Err(InvalidPhoneNumber::TooLong));
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_is_a_plus_at_most_and_digits(text in "\\PC{0,20}|[+0-9 ()./-]{0,40}") {
            if let Ok(plain) = dialled(&text) {
                let digits = plain.strip_prefix('+').unwrap_or(&plain);
                prop_assert!(!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
            }
        }
    }
}
