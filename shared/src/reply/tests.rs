//! Two corpora of what people write back: each line of the one is a stop, none of the other is.

use super::*;

const STOPS: &str = include_str!("stops.txt");
const ORDINARY: &str = include_str!("ordinary.txt");

fn lines(corpus: &'static str) -> Vec<&'static str> {
    corpus.lines().filter(|line| !line.trim().is_empty()).collect()
}

#[test]
fn at_least_ninety_nine_of_a_hundred_stops_are_understood() {
    let all = lines(STOPS);
    assert!(all.len() >= 300, "{} phrases", all.len());
    let missed: Vec<_> = all.iter().filter(|line| wish(line) != Some(Wish::Stop)).collect();
    assert!(missed.len() * 100 <= all.len(), "missed {} of {}: {missed:#?}", missed.len(), all.len());
}

#[test]
fn no_ordinary_reply_is_taken_for_a_stop() {
    let all = lines(ORDINARY);
    assert!(all.len() >= 300, "{} replies", all.len());
    let mistaken: Vec<_> = all.iter().filter(|line| wish(line) == Some(Wish::Stop)).collect();
    assert!(mistaken.is_empty(), "mistaken: {mistaken:#?}");
}

#[test]
fn how_it_is_written_does_not_matter() {
    for text in [
        "stop",
        "STOP",
        " Stop. ",
        "s.t.o.p",
        "ＳＴＯＰ",
        "“Stop”",
        "*stop*",
        "stop 🙏",
        "STOP\n",
        "arrêt",
        "ARRÊT",
    ] {
        assert_eq!(wish(text), Some(Wish::Stop), "{text}");
    }
    for text in ["START", "yes", "Un-stop", "start!"] {
        assert_eq!(wish(text), Some(Wish::Start), "{text}");
    }
    for text in ["", " ", "start over please", "yes, tomorrow", &"stop ".repeat(200)] {
        assert_eq!(wish(text), None, "{text}");
    }
}
