//! How many parts a text is billed as, counted the vendor's way and apart from the gateway's own counting.

/// GSM 03.38 characters outside ASCII letters and digits that take one septet.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
/// Characters of the extension table, two septets each.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// The number of segments of a text: 160 or 153 septets, else 70 or 67 UTF-16 units.
pub(crate) fn count(text: &str) -> usize {
    match septets(text) {
        Some(septets) => parts(septets, 160, 153),
        None => parts(text.encode_utf16().count(), 70, 67),
    }
}

fn septets(text: &str) -> Option<usize> {
    text.chars().map(septets_of).sum()
}

fn septets_of(character: char) -> Option<usize> {
    if character.is_ascii_alphanumeric() || BASIC.contains(character) {
        Some(1)
    } else if EXTENDED.contains(character) {
        Some(2)
    } else {
        None
    }
}

fn parts(units: usize, single: usize, joined: usize) -> usize {
    if units <= single { 1 } else { units.div_ceil(joined) }
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn plain_text_fits_160_then_153_a_part() {
        assert_eq!(count(&"a".repeat(160)), 1);
        assert_eq!(count(&"a".repeat(161)), 2);
        assert_eq!(count(&"a".repeat(307)), 3);
    }

    #[test]
    fn one_foreign_character_makes_it_70_then_67_a_part() {
        assert_eq!(count(&"ж".repeat(70)), 1);
        assert_eq!(count(&"ж".repeat(71)), 2);
        assert_eq!(count(&"😀".repeat(35)), 1);
    }

    #[test]
    fn extension_characters_count_twice() {
        assert_eq!(count(&"€".repeat(80)), 1);
        assert_eq!(count(&"€".repeat(81)), 2);
    }
}
