//! India's registry of commercial texts (Distributed Ledger Technology, TRAI's TCCCPR of 2018): the business, its header
//! and every text are registered before an operator carries them. A text that differs by one character is paid for and
//! dropped, so it is refused here.

use super::{Asked, Rule, Sending};
use crate::lane::Lane;

/// Where the registry lets a text vary.
pub const VARIABLE: &str = "{#var#}";
/// Most characters that stand for one [`VARIABLE`].
pub const MAX_VARIABLE_CHARS: usize = 30;

/// What is registered of one of our templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The lane it is for: the registry tells promotional texts from others.
    pub lane: Lane,
    /// The business.
    pub entity_id: Option<String>,
    /// The text's number.
    pub template_id: Option<String>,
    /// The text, each variable written [`VARIABLE`].
    pub text: Option<String>,
    /// Some provider has it under a name of its own.
    pub with_vendors: bool,
}

/// The first rule that a message we wrote ourselves breaks.
pub(super) fn broken(asked: &Asked<'_>, registered: Option<&Registered>) -> Option<Rule> {
    let Some(registered) = registered.filter(|one| one.template_id.is_some() && one.lane == asked.lane)
    else {
        return Some(Rule::DltTemplate);
    };
    if registered.entity_id.is_none() {
        return Some(Rule::DltEntity);
    }
    let has_header = match asked.sender {
        Some(sender) => is_header(sender, asked.lane),
        // The provider chosen may have one of its own.
        None => asked.sending == Sending::Undecided,
    };
    if !has_header {
        return Some(Rule::DltHeader);
    }
    let is_text = |text: &String| asked.text.is_none_or(|sent| matches(text, sent));
    (!registered.text.as_ref().is_some_and(is_text)).then_some(Rule::DltText)
}

/// Six letters; of promotional texts six digits.
fn is_header(sender: &str, lane: Lane) -> bool {
    sender.len() == 6
        && match lane {
            Lane::Promo => sender.bytes().all(|b| b.is_ascii_digit()),
            Lane::Otp | Lane::Transactional => sender.bytes().all(|b| b.is_ascii_alphabetic()),
        }
}

/// Whether `sent` is `registered` with something short in place of each variable.
fn matches(registered: &str, sent: &str) -> bool {
    let mut pieces = registered.split(VARIABLE);
    let first = pieces.next().unwrap_or_default();
    // Where the pieces so far may end: each a byte of `sent`. A set, as a variable may itself hold the next piece.
    let mut ends = vec![false; sent.len() + 1];
    if sent.starts_with(first) {
        ends[first.len()] = true;
    }
    for piece in pieces {
        let mut next = vec![false; sent.len() + 1];
        for end in (0..=sent.len()).filter(|&end| ends[end]) {
            let rest = &sent[end..];
            let starts = rest.char_indices().map(|(start, _)| start).chain([rest.len()]);
            for start in starts.take(MAX_VARIABLE_CHARS + 1) {
                if rest[start..].starts_with(piece) {
                    next[end + start + piece.len()] = true;
                }
            }
        }
        ends = next;
    }
    ends[sent.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_matches_what_is_registered_character_for_character() {
        let registered = "Dear {#var#}, your table is booked for {#var#}. -SMSGW";
        assert!(matches(registered, "Dear Ada, your table is booked for 19:00. -SMSGW"));
        assert!(matches(registered, "Dear , your table is booked for . -SMSGW"), "a variable may be empty");
        for other in [
            "Dear Ada, your table is booked for 19:00. -SMSGW ",
            " Dear Ada, your table is booked for 19:00. -SMSGW",
            "dear Ada, your table is booked for 19:00. -SMSGW",
            "Dear Ada, your table is booked for 19:00 -SMSGW",
            "Dear Ada, your table is booked for 19:00. -SMSGWX",
            "",
        ] {
            assert!(!matches(registered, other), "{other:?}");
        }
        assert!(matches("Hello", "Hello") && !matches("Hello", "Hello!"));
    }

    #[test]
    fn a_variable_takes_thirty_characters_of_any_script() {
        for (letter, count, fits) in [("a", 30, true), ("a", 31, false), ("ह", 30, true), ("ह", 31, false)]
        {
            assert_eq!(
                matches("Dear {#var#}!", &format!("Dear {}!", letter.repeat(count))),
                fits,
                "{letter} {count}"
            );
        }
        assert!(matches("{#var#}{#var#}", &"a".repeat(60)), "two variables in a row take twice as many");
        assert!(!matches("{#var#}{#var#}", &"a".repeat(61)));
    }

    #[test]
    fn a_variable_may_hold_what_follows_it() {
        assert!(matches("{#var#} is due. Pay {#var#}.", "It is due. Pay is due. Pay now."));
        assert!(matches("Code {#var#}.", "Code 1.2."));
    }

    #[test]
    fn the_longest_text_is_matched_at_once() {
        let began = std::time::Instant::now();
        assert!(!matches(&"{#var#}a".repeat(60), &"a".repeat(2000)));
        assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    }
}
