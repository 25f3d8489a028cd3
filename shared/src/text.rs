//! What a message says and whom it comes from, parsed once: [`MessageText`] and [`SenderId`].

use std::fmt;

use serde::Serialize;

use crate::phone::PhoneNumber;
use crate::segments::{self, Encoding, MAX_SEGMENTS, Segments};

/// A text that can be sent: not blank, no control characters but line ends and tabs, at most
/// [`MAX_SEGMENTS`] segments.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MessageText(String);

/// Why a text cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing to read in it.
    #[error("the text is empty: write at least one visible character")]
    Empty,
    /// A character no phone shows and many providers choke on, NUL among them.
    #[error(
        "the text has the control character U+{:04X} at byte {at}: remove it (only line ends and tabs may stay)",
        u32::from(*character)
    )]
    ControlCharacter {
        /// The character.
        character: char,
        /// Its place, in bytes from the start.
        at: usize,
    },
    /// More segments than one message may have, though every character is cheap.
    #[error(
        "the text takes {count} segments of 153 characters, at most {MAX_SEGMENTS} are allowed: shorten it"
    )]
    TooLong {
        /// Segments it would take.
        count: u16,
    },
    /// More segments than one message may have, in the alphabet with less than half the room.
    #[error(
        "the text takes {count} segments, at most {MAX_SEGMENTS} are allowed: shorten it, or replace characters \
         such as {example:?} that leave room for only 67 a segment instead of 153"
    )]
    TooLongInUcs2 {
        /// Segments it would take.
        count: u16,
        /// The first character that forces UCS-2.
        example: char,
    },
}

impl MessageText {
    /// Checks `text`, which is kept as it is.
    ///
    /// # Errors
    /// [`InvalidText`] says what to change.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidText> {
        let text = text.into();
        if text.trim().is_empty() {
            return Err(InvalidText::Empty);
        }
        if let Some((at, character)) = text.char_indices().find(|&(_, c)| is_unsendable(c)) {
            return Err(InvalidText::ControlCharacter { character, at });
        }
        let Segments { count, .. } = segments::count(&text);
        if count > MAX_SEGMENTS {
            return Err(match segments::needs_ucs2(&text).next() {
                None => InvalidText::TooLong { count },
                Some(example) => InvalidText::TooLongInUcs2 { count, example },
            });
        }
        Ok(Self(text))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the text away.
    pub fn into_string(self) -> String {
        self.0
    }

    /// What it costs to send.
    pub fn segments(&self) -> Segments {
        segments::count(&self.0)
    }
}

impl TryFrom<String> for MessageText {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, InvalidText> {
        Self::parse(text)
    }
}

/// Shows the size only: bodies stay out of logs.
impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Segments { encoding, units, .. } = self.segments();
        let unit = match encoding {
            Encoding::Gsm7 => "septets",
            Encoding::Ucs2 => "UTF-16 units",
        };
        write!(f, "MessageText({units} {unit})")
    }
}

/// Whether phones and providers choke on it.
pub(crate) fn is_unsendable(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// Whom a message comes from: a name, a short code or a phone number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct SenderId(String);

/// What is wrong with a sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a sender: write 1 to 11 letters, digits or spaces with at least one letter (ACME), a short code of \
     3 to 8 digits (56789), or a phone number with + and country code"
)]
pub struct InvalidSenderId;

impl SenderId {
    /// Reads a sender; space around it is dropped, a phone number becomes E.164.
    ///
    /// # Errors
    /// [`InvalidSenderId`] if it is none of the three kinds.
    pub fn parse(text: &str) -> Result<Self, InvalidSenderId> {
        let text = text.trim_matches(' ');
        if text.starts_with('+') {
            let number = PhoneNumber::parse(text, None).map_err(|_| InvalidSenderId)?;
            return Ok(Self(number.as_str().to_owned()));
        }
        let valid = is_short_code(text) || is_name(text);
        valid.then(|| Self(text.to_owned())).ok_or(InvalidSenderId)
    }

    /// The sender as providers take it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SenderId {
    type Error = InvalidSenderId;

    fn try_from(text: String) -> Result<Self, InvalidSenderId> {
        Self::parse(&text)
    }
}

fn is_short_code(text: &str) -> bool {
    (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    text.len() <= 11
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ')
        && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Where Unicode's runs of ten decimal digits start, for the scripts people type numbers and codes in.
const ZEROS: [char; 20] =
    ['0', '٠', '۰', '߀', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '๐', '໐', '༠', '၀', '០', '᠐', '０'];

/// The ASCII digit a decimal digit of any common script stands for.
pub fn decimal_digit(c: char) -> Option<char> {
    ZEROS.iter().find_map(|&zero| {
        let value = u32::from(c).checked_sub(u32::from(zero))?;
        char::from_digit(value, 10)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_texts_are_kept_as_they_are() {
        for text in ["hi", " two\r\nlines\tand a tab ", "Ваш код 123456", "😀"] {
            assert_eq!(MessageText::parse(text).expect("valid").as_str(), text);
        }
    }

    #[test]
    fn a_blank_text_is_refused() {
        for text in ["", "  ", "\r\n\t", "\u{a0}"] {
            assert_eq!(MessageText::parse(text), Err(InvalidText::Empty));
        }
    }

    #[test]
    fn control_characters_are_refused_with_their_place() {
        let error = MessageText::parse("ab\0c").expect_err("has a NUL");
        assert_eq!(error, InvalidText::ControlCharacter { character: '\0', at: 2 });
        assert!(error.to_string().contains("U+0000 at byte 2"));
        assert!(MessageText::parse("ab\u{1b}c").is_err());
        assert!(MessageText::parse("ab\u{85}c").is_err());
    }

    #[test]
    fn ten_segments_pass_and_eleven_are_refused_with_a_cure() {
        assert!(MessageText::parse("a".repeat(1530)).is_ok());
        assert_eq!(MessageText::parse("a".repeat(1531)), Err(InvalidText::TooLong { count: 11 }));
        assert!(MessageText::parse("я".repeat(670)).is_ok());
        let error = MessageText::parse(format!("{}’", "a".repeat(670))).expect_err("too long in UCS-2");
        assert_eq!(error, InvalidText::TooLongInUcs2 { count: 11, example: '’' });
    }

    #[test]
    fn a_text_does_not_show_in_debug_output() {
        let text = MessageText::parse("your code is 123456").expect("valid");
        assert_eq!(format!("{text:?}"), "MessageText(19 septets)");
    }

    #[test]
    fn names_short_codes_and_phone_numbers_are_senders() {
        for (text, sender) in [
            ("ACME", "ACME"),
            (" My Shop 24 ", "My Shop 24"),
            ("56789", "56789"),
            ("+1 (500) 555-0006", "+15005550006"),
        ] {
            assert_eq!(SenderId::parse(text).expect(text).as_str(), sender);
        }
    }

    #[test]
    fn other_senders_are_refused() {
        for text in ["", " ", "12", "123456789", "TWELVELETTER", "A-B", "Łódź", "+12", "A\n", "1 2 3"] {
            assert_eq!(SenderId::parse(text), Err(InvalidSenderId), "{text:?}");
        }
    }

    #[test]
    fn digits_of_other_scripts_become_ascii() {
        for text in ["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９"]
        {
            let digits: String = text.chars().filter_map(decimal_digit).collect();
            assert_eq!(digits, "0123456789");
        }
        assert_eq!("/:aẞ½²Ⅷ".chars().find_map(decimal_digit), None);
    }

    proptest! {
        #[test]
        fn whatever_parses_can_be_sent(text in any::<String>()) {
            if let Ok(parsed) = MessageText::parse(text.as_str()) {
                prop_assert_eq!(parsed.as_str(), &text);
                prop_assert!(parsed.segments().count <= MAX_SEGMENTS);
                prop_assert!(!text.contains('\0') && !text.trim().is_empty());
            }
        }

        #[test]
        fn a_parsed_sender_parses_to_itself(text in "[A-Za-z0-9 +]{1,13}") {
            if let Ok(sender) = SenderId::parse(&text) {
                prop_assert_eq!(SenderId::parse(sender.as_str()), Ok(sender));
            }
        }
    }
}
