//! What could stand in a text in place of a character that GSM-7 has not: the same sign in a plainer form.
//!
//! The alphabet is that of 3GPP TS 23.038 §6.2.1; which letter is under an accent is Unicode's to say (UAX #15).
//! Nothing is replaced that would change a number: ½, ² and ≠ have no plainer form, nor has another script.

use std::iter;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

use super::septets;

/// What a reader loses when a character is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Nothing: a quote, dash or other sign as typewriters have them.
    Typography,
    /// Nothing: a space or line end of a special kind.
    Space,
    /// Nothing: it was never seen.
    Invisible,
    /// Nothing: a letter or digit of a decorative alphabet.
    Style,
    /// Little: a letter or sign is spelt out, œ as oe, ™ as TM.
    Spelling,
    /// An accent, which some languages miss more than others.
    Accent,
}

/// What stands in a character's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replacement {
    /// In GSM-7; empty where the character is left out.
    pub text: String,
    /// What is lost.
    pub loss: Loss,
}

/// What `c`, which GSM-7 has not, can be written as there.
pub(super) fn replacement(c: char) -> Option<Replacement> {
    if let Some(&(.., text, loss)) = row(c) {
        return Some(Replacement { text: text.to_owned(), loss });
    }
    match c {
        // Where letter and mark are one character there, they have been joined before.
        // The iota below a Greek letter parts from it when the letter is joined with another mark.
        '\u{300}'..='\u{333}' | '\u{345}' => Some(Replacement { text: String::new(), loss: Loss::Accent }),
        // Mathematical alphanumeric symbols, which pass for bold and italics.
        '\u{1d400}'..='\u{1d7ff}' => {
            let plain: String = iter::once(c).nfkd().collect();
            is_gsm7(&plain).then_some(Replacement { text: plain, loss: Loss::Style })
        }
        _ => without_accents(c),
    }
}

/// Unicode's name of `c`, if it is one of those that are hard to tell apart by looking.
pub(super) fn name(c: char) -> Option<&'static str> {
    row(c).map(|&(_, name, ..)| name)
}

/// The letter with as many of its marks as GSM-7 can keep: Ǻ as Å, ế as e.
fn without_accents(c: char) -> Option<Replacement> {
    let parts: Vec<char> = iter::once(c).nfd().collect();
    // ≠ is = with a stroke, and must not become =.
    if parts.len() > 1 && !parts[0].is_alphabetic() {
        return None;
    }
    let mut kept = (1..=parts.len()).rev().map(|n| parts[..n].iter().copied().nfc().collect::<String>());
    let text = kept.find(|text| is_gsm7(text))?;
    // The ohm sign is a capital omega.
    let loss = if parts.len() == 1 { Loss::Typography } else { Loss::Accent };
    Some(Replacement { text, loss })
}

fn is_gsm7(text: &str) -> bool {
    text.chars().all(|c| septets(c).is_some())
}

/// A character, its name, its replacement, what is lost.
type Row = (char, &'static str, &'static str, Loss);

fn row(c: char) -> Option<&'static Row> {
    TABLE.iter().find(|&&(known, ..)| known == c)
}

#[rustfmt::skip]
const TABLE: &[Row] = {
    use Loss::{Accent, Invisible, Space, Spelling, Typography};
    &[
        ('`', "GRAVE ACCENT", "'", Typography),
        ('´', "ACUTE ACCENT", "'", Typography),
        ('ʼ', "MODIFIER LETTER APOSTROPHE", "'", Typography),
        ('‘', "LEFT SINGLE QUOTATION MARK", "'", Typography),
        ('’', "RIGHT SINGLE QUOTATION MARK", "'", Typography),
        ('‚', "SINGLE LOW-9 QUOTATION MARK", "'", Typography),
        ('‛', "SINGLE HIGH-REVERSED-9 QUOTATION MARK", "'", Typography),
        ('‹', "SINGLE LEFT-POINTING ANGLE QUOTATION MARK", "'", Typography),
        ('›', "SINGLE RIGHT-POINTING ANGLE QUOTATION MARK", "'", Typography),
        ('′', "PRIME", "'", Typography),
        ('“', "LEFT DOUBLE QUOTATION MARK", "\"", Typography),
        ('”', "RIGHT DOUBLE QUOTATION MARK", "\"", Typography),
        ('„', "DOUBLE LOW-9 QUOTATION MARK", "\"", Typography),
        ('‟', "DOUBLE HIGH-REVERSED-9 QUOTATION MARK", "\"", Typography),
        ('«', "LEFT-POINTING DOUBLE ANGLE QUOTATION MARK", "\"", Typography),
        ('»', "RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK", "\"", Typography),
        ('″', "DOUBLE PRIME", "\"", Typography),
        ('\u{2010}', "HYPHEN", "-", Typography),
        ('\u{2011}', "NON-BREAKING HYPHEN", "-", Typography),
        ('\u{2012}', "FIGURE DASH", "-", Typography),
        ('–', "EN DASH", "-", Typography),
        ('—', "EM DASH", "-", Typography),
        ('―', "HORIZONTAL BAR", "-", Typography),
        ('−', "MINUS SIGN", "-", Typography),
        ('·', "MIDDLE DOT", "-", Typography),
        ('•', "BULLET", "*", Typography),
        ('…', "HORIZONTAL ELLIPSIS", "...", Typography),
        ('‥', "TWO DOT LEADER", "..", Typography),
        ('⁄', "FRACTION SLASH", "/", Typography),
        ('×', "MULTIPLICATION SIGN", "x", Typography),
        ('→', "RIGHTWARDS ARROW", "->", Typography),
        ('≤', "LESS-THAN OR EQUAL TO", "<=", Typography),
        ('≥', "GREATER-THAN OR EQUAL TO", ">=", Typography),
        ('\t', "CHARACTER TABULATION", " ", Space),
        ('\u{a0}', "NO-BREAK SPACE", " ", Space),
        ('\u{2000}', "EN QUAD", " ", Space),
        ('\u{2001}', "EM QUAD", " ", Space),
        ('\u{2002}', "EN SPACE", " ", Space),
        ('\u{2003}', "EM SPACE", " ", Space),
        ('\u{2004}', "THREE-PER-EM SPACE", " ", Space),
        ('\u{2005}', "FOUR-PER-EM SPACE", " ", Space),
        ('\u{2006}', "SIX-PER-EM SPACE", " ", Space),
        ('\u{2007}', "FIGURE SPACE", " ", Space),
        ('\u{2008}', "PUNCTUATION SPACE", " ", Space),
        ('\u{2009}', "THIN SPACE", " ", Space),
        ('\u{200a}', "HAIR SPACE", " ", Space),
        ('\u{202f}', "NARROW NO-BREAK SPACE", " ", Space),
        ('\u{205f}', "MEDIUM MATHEMATICAL SPACE", " ", Space),
        ('\u{3000}', "IDEOGRAPHIC SPACE", " ", Space),
        ('\u{2028}', "LINE SEPARATOR", "\n", Space),
        ('\u{2029}', "PARAGRAPH SEPARATOR", "\n", Space),
        ('\u{ad}', "SOFT HYPHEN", "", Invisible),
        ('\u{200b}', "ZERO WIDTH SPACE", "", Invisible),
        ('\u{200c}', "ZERO WIDTH NON-JOINER", "", Invisible),
        ('\u{200d}', "ZERO WIDTH JOINER", "", Invisible),
        ('\u{200e}', "LEFT-TO-RIGHT MARK", "", Invisible),
        ('\u{200f}', "RIGHT-TO-LEFT MARK", "", Invisible),
        ('\u{202a}', "LEFT-TO-RIGHT EMBEDDING", "", Invisible),
        ('\u{202b}', "RIGHT-TO-LEFT EMBEDDING", "", Invisible),
        ('\u{202c}', "POP DIRECTIONAL FORMATTING", "", Invisible),
        ('\u{202d}', "LEFT-TO-RIGHT OVERRIDE", "", Invisible),
        ('\u{2060}', "WORD JOINER", "", Invisible),
        ('\u{2066}', "LEFT-TO-RIGHT ISOLATE", "", Invisible),
        ('\u{2067}', "RIGHT-TO-LEFT ISOLATE", "", Invisible),
        ('\u{2068}', "FIRST STRONG ISOLATE", "", Invisible),
        ('\u{2069}', "POP DIRECTIONAL ISOLATE", "", Invisible),
        ('\u{fe0e}', "VARIATION SELECTOR-15", "", Invisible),
        ('\u{fe0f}', "VARIATION SELECTOR-16", "", Invisible),
        ('\u{feff}', "ZERO WIDTH NO-BREAK SPACE", "", Invisible),
        ('Œ', "LATIN CAPITAL LIGATURE OE", "OE", Spelling),
        ('œ', "LATIN SMALL LIGATURE OE", "oe", Spelling),
        ('ẞ', "LATIN CAPITAL LETTER SHARP S", "SS", Spelling),
        ('Þ', "LATIN CAPITAL LETTER THORN", "Th", Spelling),
        ('þ', "LATIN SMALL LETTER THORN", "th", Spelling),
        ('Ĳ', "LATIN CAPITAL LIGATURE IJ", "IJ", Spelling),
        ('ĳ', "LATIN SMALL LIGATURE IJ", "ij", Spelling),
        ('ﬀ', "LATIN SMALL LIGATURE FF", "ff", Spelling),
        ('ﬁ', "LATIN SMALL LIGATURE FI", "fi", Spelling),
        ('ﬂ', "LATIN SMALL LIGATURE FL", "fl", Spelling),
        ('ﬃ', "LATIN SMALL LIGATURE FFI", "ffi", Spelling),
        ('ﬄ', "LATIN SMALL LIGATURE FFL", "ffl", Spelling),
        ('ª', "FEMININE ORDINAL INDICATOR", "a", Spelling),
        ('º', "MASCULINE ORDINAL INDICATOR", "o", Spelling),
        ('©', "COPYRIGHT SIGN", "(C)", Spelling),
        ('®', "REGISTERED SIGN", "(R)", Spelling),
        ('™', "TRADE MARK SIGN", "TM", Spelling),
        ('№', "NUMERO SIGN", "No.", Spelling),
        ('₹', "INDIAN RUPEE SIGN", "Rs", Spelling),
        // Letters whose mark Unicode does not take apart.
        ('Ł', "LATIN CAPITAL LETTER L WITH STROKE", "L", Accent),
        ('ł', "LATIN SMALL LETTER L WITH STROKE", "l", Accent),
        ('Đ', "LATIN CAPITAL LETTER D WITH STROKE", "D", Accent),
        ('đ', "LATIN SMALL LETTER D WITH STROKE", "d", Accent),
        ('Ð', "LATIN CAPITAL LETTER ETH", "D", Accent),
        ('ð', "LATIN SMALL LETTER ETH", "d", Accent),
        ('Ħ', "LATIN CAPITAL LETTER H WITH STROKE", "H", Accent),
        ('ħ', "LATIN SMALL LETTER H WITH STROKE", "h", Accent),
        ('Ŧ', "LATIN CAPITAL LETTER T WITH STROKE", "T", Accent),
        ('ŧ', "LATIN SMALL LETTER T WITH STROKE", "t", Accent),
        ('Ə', "LATIN CAPITAL LETTER SCHWA", "E", Accent),
        ('ə', "LATIN SMALL LETTER SCHWA", "e", Accent),
        ('ı', "LATIN SMALL LETTER DOTLESS I", "i", Accent),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(c: char) -> Option<String> {
        replacement(c).map(|found| found.text)
    }

    #[test]
    fn every_replacement_is_gsm7_and_every_row_is_needed() {
        for &(c, name, text, _) in TABLE {
            assert!(septets(c).is_none(), "{name} is GSM-7 already");
            assert!(is_gsm7(text), "{name}");
            assert_eq!(TABLE.iter().filter(|row| row.0 == c).count(), 1, "{name} stands twice");
        }
    }

    #[test]
    fn letters_keep_the_accents_that_the_alphabet_has() {
        for (from, to) in [
            ('Á', "A"),
            ('ç', "c"),
            ('ï', "i"),
            ('È', "E"),
            ('ș', "s"),
            ('İ', "I"),
            ('ő', "o"),
            ('ế', "e"),
            ('Ǻ', "Å"),
            ('ǖ', "ü"),
            ('\u{2126}', "Ω"),
            ('ł', "l"),
            ('œ', "oe"),
        ] {
            assert_eq!(plain(from).as_deref(), Some(to), "{from}");
        }
    }

    #[test]
    fn bold_letters_are_letters() {
        assert_eq!("𝗦𝗔𝗟𝗘 𝟱𝟬".chars().filter_map(plain).collect::<String>(), "SALE 50");
    }

    #[test]
    fn what_would_change_its_meaning_has_no_replacement() {
        for c in ['я', 'й', 'α', 'ά', 'न', '中', '한', 'ع', '😀', '❤', '½', '²', '≠', '≮', '°', '٣', '𝛼']
        {
            assert_eq!(replacement(c), None, "{c}");
        }
    }
}
