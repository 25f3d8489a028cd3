//! How many segments a text is billed as: GSM-7 where every character fits, else UCS-2.
//!
//! Follows 3GPP TS 23.038 §6.2.1 (default alphabet and its extension table) and TS 23.040 §9.2.3.24.1
//! (parts joined by a six-byte header). National language tables are left out: providers do not use them
//! unless asked.

mod advice;
mod replacement;

use serde::Serialize;

pub use self::advice::{Advice, Forcing, Occurrences, Replaced, Saving, advise};
pub use self::replacement::{Loss, Replacement};

/// The most segments one message may have.
pub const MAX_SEGMENTS: u16 = 10;

/// The alphabet a text is sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Seven bits a character; units are septets.
    Gsm7,
    /// Sixteen bits a unit; units are UTF-16 code units.
    Ucs2,
}

impl Encoding {
    /// Units that fit one message sent alone.
    const fn alone(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Units that fit each part of a longer message.
    const fn part(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }
}

/// What a text costs to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Segments {
    /// The alphabet the whole text needs.
    pub encoding: Encoding,
    /// Septets (GSM-7) or UTF-16 code units (UCS-2) in the text.
    pub units: usize,
    /// Billed segments; an empty text counts as one, `u16::MAX` stands for that many or more.
    pub count: u16,
}

/// Counts the segments of `text`.
pub fn count(text: &str) -> Segments {
    match needs_ucs2(text).next() {
        None => pack(Encoding::Gsm7, text.chars().filter_map(septets)),
        Some(_) => pack(Encoding::Ucs2, text.chars().map(char::len_utf16)),
    }
}

/// The characters of `text`, in order, that force the whole text into UCS-2.
pub fn needs_ucs2(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|&c| septets(c).is_none())
}

/// Fills parts one after the other; a character of two units never spans two parts.
fn pack(encoding: Encoding, sizes: impl Iterator<Item = usize>) -> Segments {
    let (mut units, mut parts, mut used) = (0, 1_usize, 0);
    for size in sizes {
        units += size;
        used += size;
        if used > encoding.part() {
            parts += 1;
            used = size;
        }
    }
    let parts = if units <= encoding.alone() { 1 } else { parts };
    Segments { encoding, units, count: u16::try_from(parts).unwrap_or(u16::MAX) }
}

/// Septets a character costs in GSM-7, or `None` if it has no place there.
const fn septets(c: char) -> Option<usize> {
    match c {
        '\n' | '\r' | ' '..='#' | '%'..='?' | 'A'..='Z' | 'a'..='z' => Some(1),
        '@' | '£' | '$' | '¥' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' => {
            Some(1)
        }
        'Δ' | '_' | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' => Some(1),
        'Æ' | 'æ' | 'ß' | 'É' | '¤' | '¡' | '¿' | '§' => Some(1),
        'Ä' | 'Ö' | 'Ñ' | 'Ü' | 'ä' | 'ö' | 'ñ' | 'ü' | 'à' => Some(1),
        // The extension table: an escape septet, then the character's own.
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(text: &str) -> (Encoding, usize, u16) {
        let Segments { encoding, units, count } = count(text);
        (encoding, units, count)
    }

    #[test]
    fn the_gsm_table_has_127_characters_and_10_in_its_extension() {
        let costs: Vec<usize> = (0..=0x10_FFFF_u32).filter_map(char::from_u32).filter_map(septets).collect();
        assert_eq!(costs.iter().filter(|&&n| n == 1).count(), 127);
        assert_eq!(costs.iter().filter(|&&n| n == 2).count(), 10);
    }

    #[test]
    fn gsm7_fits_160_alone_and_153_in_each_part() {
        assert_eq!(counted(&"a".repeat(160)), (Encoding::Gsm7, 160, 1));
        assert_eq!(counted(&"a".repeat(161)), (Encoding::Gsm7, 161, 2));
        assert_eq!(counted(&"a".repeat(306)), (Encoding::Gsm7, 306, 2));
        assert_eq!(counted(&"a".repeat(307)), (Encoding::Gsm7, 307, 3));
    }

    #[test]
    fn ucs2_fits_70_alone_and_67_in_each_part() {
        assert_eq!(counted(&"я".repeat(70)), (Encoding::Ucs2, 70, 1));
        assert_eq!(counted(&"я".repeat(71)), (Encoding::Ucs2, 71, 2));
        assert_eq!(counted(&"я".repeat(134)), (Encoding::Ucs2, 134, 2));
        assert_eq!(counted(&"я".repeat(135)), (Encoding::Ucs2, 135, 3));
    }

    #[test]
    fn an_escape_pair_is_never_split_over_two_parts() {
        assert_eq!(counted(&"€".repeat(80)), (Encoding::Gsm7, 160, 1));
        assert_eq!(counted(&format!("{}€{}", "a".repeat(152), "b".repeat(152))), (Encoding::Gsm7, 306, 3));
    }

    #[test]
    fn a_surrogate_pair_is_never_split_over_two_parts() {
        assert_eq!(counted(&"😀".repeat(35)), (Encoding::Ucs2, 70, 1));
        assert_eq!(counted(&"😀".repeat(66)), (Encoding::Ucs2, 132, 2));
        assert_eq!(counted(&"😀".repeat(67)), (Encoding::Ucs2, 134, 3));
    }

    #[test]
    fn the_characters_that_force_ucs2_are_named() {
        assert_eq!(needs_ucs2("naïve ‘quote’ ç").collect::<String>(), "ï‘’ç");
        assert_eq!(needs_ucs2("Olé {10} €\r\n").next(), None);
    }

    proptest! {
        #[test]
        fn the_parts_hold_all_units_and_waste_at_most_one_each(
            text in "\\PC{0,400}|[a-z€\\[]{0,400}|[я😀]{0,200}",
        ) {
            let counted = count(&text);
            let parts = usize::from(counted.count);
            if counted.units <= counted.encoding.alone() {
                prop_assert_eq!(parts, 1);
            } else {
                prop_assert!(parts * counted.encoding.part() >= counted.units);
                prop_assert!((parts - 1) * (counted.encoding.part() - 1) < counted.units);
            }
        }

        #[test]
        fn a_longer_text_never_costs_less(text in "\\PC{0,300}", more in "\\PC{0,20}") {
            prop_assert!(count(&[text.as_str(), &more].concat()).count >= count(&text).count);
        }
    }
}
