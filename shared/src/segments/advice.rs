//! Why a text costs what it costs, and what a plainer spelling of it would save.

use std::collections::HashMap;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization as _;

use super::replacement::{Replacement, name, replacement};
use super::{Encoding, Segments, count, needs_ucs2, septets};
use crate::text::decimal_digit;

/// What a text costs, why, and what would be cheaper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it costs as it is.
    #[serde(flatten)]
    pub segments: Segments,
    /// The characters that force UCS-2, in order of their first appearance; none in a GSM-7 text.
    pub forcing: Vec<Forcing>,
    /// The characters that are billed twice in GSM-7, as they stand in its extension table.
    pub billed_twice: Vec<Occurrences>,
    /// The text with everything replaced; `None` if it is GSM-7 already, or would not become so, or would cost more.
    pub replaced: Option<Replaced>,
    /// Where symbols such as pictographs are all that would keep a replaced text in UCS-2: what it costs without them.
    /// There is no text, as some stand for words.
    pub without_symbols: Option<Saving>,
}

/// A character and how often it stands in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Occurrences {
    /// The character.
    pub character: char,
    /// As Unicode writes it: `U+2019`.
    pub code_point: String,
    /// Unicode's name, for those that are hard to tell apart by looking.
    pub name: Option<&'static str>,
    /// How often.
    pub count: usize,
}

/// A character that has no place in GSM-7, and what could stand in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forcing {
    /// The character.
    #[serde(flatten)]
    pub found: Occurrences,
    /// What could stand there; `None` if nothing reads the same, and throughout a text in another script, which would
    /// stay UCS-2.
    pub replacement: Option<Replacement>,
}

/// A cheaper text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replaced {
    /// All of it, in GSM-7.
    pub text: String,
    /// What it costs.
    #[serde(flatten)]
    pub saving: Saving,
}

/// What something else would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Saving {
    /// What it costs.
    #[serde(flatten)]
    pub segments: Segments,
    /// Segments that are not billed any more; 0 if only room is won.
    pub saved: u16,
}

/// Says why `text` costs what it costs, and what would be cheaper.
pub fn advise(text: &str) -> Advice {
    let segments = count(text);
    let mut advice = Advice {
        segments,
        forcing: Vec::new(),
        billed_twice: occurrences(text.chars().filter(|&c| septets(c) == Some(2))),
        replaced: None,
        without_symbols: None,
    };
    if segments.encoding == Encoding::Gsm7 {
        return advice;
    }
    let plain = plain(text);
    let is_other_script = needs_ucs2(&plain).any(is_written);
    let forcing = |found: Occurrences| {
        let replacement = if is_other_script { None } else { replacement(found.character) };
        Forcing { found, replacement }
    };
    advice.forcing = occurrences(needs_ucs2(text)).into_iter().map(forcing).collect();
    if is_other_script {
        return advice;
    }
    if needs_ucs2(&plain).next().is_none() {
        advice.replaced = saving(segments, &plain).map(|saving| Replaced { text: plain, saving });
    } else {
        let rest: String = plain.chars().filter(|&c| septets(c).is_some()).collect();
        advice.without_symbols = saving(segments, &rest);
    }
    advice
}

/// The text with every replacement made. Letters are joined to their marks first: é may come as two characters, and
/// GSM-7 has it.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.nfc() {
        match septets(c).is_none().then(|| replacement(c)).flatten() {
            Some(instead) => plain.push_str(&instead.text),
            None => plain.push(c),
        }
    }
    plain
}

/// What `cheaper` saves; `None` if it costs more, as dots for an ellipsis may.
fn saving(now: Segments, cheaper: &str) -> Option<Saving> {
    let segments = count(cheaper);
    let saved = now.count.checked_sub(segments.count)?;
    Some(Saving { segments, saved })
}

/// Whether words and numbers are written with it, rather than it being a symbol.
fn is_written(c: char) -> bool {
    c.is_alphabetic() || decimal_digit(c).is_some()
}

/// Each distinct character once, with its count, in order of the first.
fn occurrences(characters: impl Iterator<Item = char>) -> Vec<Occurrences> {
    let mut found: Vec<Occurrences> = Vec::new();
    let mut places = HashMap::new();
    for character in characters {
        let place = *places.entry(character).or_insert_with(|| {
            let code_point = format!("U+{:04X}", u32::from(character));
            let name = name(character).or_else(|| extension_name(character));
            found.push(Occurrences { character, code_point, name, count: 0 });
            found.len() - 1
        });
        found[place].count += 1;
    }
    found
}

/// Unicode's name of a character of the extension table (3GPP TS 23.038 §6.2.1.1).
const fn extension_name(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{c}' => "FORM FEED",
        '^' => "CIRCUMFLEX ACCENT",
        '{' => "LEFT CURLY BRACKET",
        '}' => "RIGHT CURLY BRACKET",
        '\\' => "REVERSE SOLIDUS",
        '[' => "LEFT SQUARE BRACKET",
        '~' => "TILDE",
        ']' => "RIGHT SQUARE BRACKET",
        '|' => "VERTICAL LINE",
        '€' => "EURO SIGN",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
