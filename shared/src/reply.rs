//! What a text that somebody sends to one of our numbers asks for: no more, again, or something else.
//!
//! A stop may be said in any reasonable way (47 CFR 64.1200(a)(10)), in any language. So a text is taken for one if it is
//! a known word of stopping and nothing else, has a phrase that says so, or speaks in English of ending messages. What only
//! looks like it is not: a bus stop, an order to be cancelled, a question, a wish not to be taken off. In doubt between
//! both it is a stop: a marketing text fewer harms nobody, and a START lifts it.

mod english;
mod words;

use std::collections::HashSet;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use crate::store::inbound::Wish;

/// Longer texts are letters, whatever their words.
const MOST_CHARS: usize = 600;

/// What a text asks for; `None` for everything but a stop or a start.
pub fn wish(text: &str) -> Option<Wish> {
    if text.chars().nth(MOST_CHARS).is_some() {
        return None;
    }
    let normal = normal(text);
    let tokens: Vec<&str> = normal.split(' ').filter(|token| !token.is_empty()).collect();
    let alone: String = tokens.iter().filter(|token| !words::FILLERS.contains(token)).copied().collect();
    if words::STARTS.contains(&tokens.concat().as_str()) {
        return Some(Wish::Start);
    }
    let is_stop = KNOWN.alone.contains(&alone) || KNOWN.says(&normal) || english::is_stop(&tokens);
    is_stop.then_some(Wish::Stop)
}

/// Lower case, without accents, punctuation as spaces, apostrophes left out: `Don’t!` is `dont`.
fn normal(text: &str) -> String {
    let mut normal = String::with_capacity(text.len() + 2);
    for c in text.chars().flat_map(char::to_lowercase).nfkd() {
        match c {
            // Accents of Latin, Greek and Cyrillic, vowel signs and hamzas of Arabic, points of Hebrew.
            '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' => {
            }
            '\'' | '’' | '‘' | '`' | '\u{200b}'..='\u{200f}' => {}
            'đ' => normal.push('d'),
            'ı' => normal.push('i'),
            'ł' => normal.push('l'),
            'ø' => normal.push('o'),
            'ß' => normal.push_str("ss"),
            'æ' => normal.push_str("ae"),
            c if c.is_alphanumeric() => normal.push(c),
            _ => normal.push(' '),
        }
    }
    normal
}

/// The tables, in the form that texts are brought into.
struct Known {
    alone: HashSet<String>,
    /// Of scripts that put spaces between words.
    spaced: Vec<String>,
    /// Of those that do not.
    unspaced: Vec<String>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let tokens = |text: &str| normal(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let (unspaced, spaced) =
        words::PHRASES.iter().map(|text| tokens(text)).partition(|text| is_unspaced(text));
    Known { alone: words::ALONE.iter().map(|word| tokens(word).replace(' ', "")).collect(), spaced, unspaced }
});

impl Known {
    fn says(&self, normal: &str) -> bool {
        let spaced = format!(" {} ", normal.split_whitespace().collect::<Vec<_>>().join(" "));
        self.spaced.iter().any(|phrase| contains_words(&spaced, phrase))
            || self.unspaced.iter().any(|phrase| normal.contains(phrase.as_str()))
    }
}

fn contains_words(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase)
        .any(|(at, _)| text[..at].ends_with(' ') && text[at + phrase.len()..].starts_with(' '))
}

/// Chinese, Japanese, Korean and Thai.
fn is_unspaced(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{e00}'..='\u{e7f}' | '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

#[cfg(test)]
mod tests;
