//! Finds codes as text, as the hexadecimal and as the decimal numbers of their bytes.

use std::collections::HashSet;
use std::ops::Range;

use uuid::Uuid;

/// The most digits that both vendors take.
pub(super) const DIGITS: usize = 8;

/// With the length of a short text before it, or of the next one behind it, as the write-ahead log has them: some look
/// like odd digits.
const LONGER: usize = DIGITS + 1;
/// With the rest of an escape before it, as in `%20`.
const ESCAPED: usize = DIGITS + 2;

/// Codes that were sent.
pub(super) struct Codes(HashSet<Vec<u8>>);

/// The codes in a text.
pub(super) fn codes_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == DIGITS)
}

impl Codes {
    /// Those in `texts`.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        Self(texts.flat_map(codes_in).map(|code| code.as_bytes().to_vec()).collect())
    }

    /// How many differ.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Leaves out those that are numbers in `bytes` too, or parts of one, and would be found by chance.
    pub(super) fn but_not_in(mut self, bytes: &[u8]) -> Self {
        for run in runs(bytes) {
            bytes[run].windows(DIGITS).for_each(|number| drop(self.0.take(number)));
        }
        self
    }

    /// The first code with what is around it.
    pub(super) fn shown(&self, bytes: &[u8]) -> Option<String> {
        let at = self.find(bytes)?;
        let around = &bytes[at.saturating_sub(80)..bytes.len().min(at + 80)];
        Some(String::from_utf8_lossy(around).into_owned())
    }

    /// Where the first code stands.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<usize> {
        let (mut list, mut listed_to) = (Vec::new(), 0);
        for run in runs(bytes) {
            if self.is_in_run(bytes, run.clone()) || self.is_in_hex(&bytes[run.clone()]) {
                return Some(run.start);
            }
            let digit = decimal(&bytes[run.clone()]);
            if digit.is_none() || &bytes[listed_to..run.start] != b", " {
                list.clear();
            }
            list.extend(digit);
            listed_to = run.end;
            if list.len() >= DIGITS && self.0.contains(&list[list.len() - DIGITS..]) {
                return Some(run.start);
            }
        }
        None
    }

    /// Whether a run of digits is a code, and not by chance.
    fn is_in_run(&self, bytes: &[u8], run: Range<usize>) -> bool {
        let is_code = |run: Range<usize>| self.0.contains(&bytes[run]);
        let at = match run.len() {
            DIGITS => Some(run.start),
            LONGER => neighbours(bytes, &run).find(|&at| is_code(at..at + DIGITS)),
            ESCAPED if bytes[..run.start].ends_with(b"%") => Some(run.start + 2),
            _ => None,
        };
        at.is_some_and(|at| is_code(at..at + DIGITS))
            && !is_fraction(&bytes[..run.start])
            && !is_in_id(bytes, run)
    }

    fn is_in_hex(&self, run: &[u8]) -> bool {
        run.windows(2 * DIGITS).any(|window| {
            let pairs = window.as_chunks::<2>().0;
            pairs.iter().all(|pair| pair[0] == b'3')
                && self.0.contains(&pairs.iter().map(|pair| pair[1]).collect::<Vec<_>>())
        })
    }
}

/// The longest runs of digits.
fn runs(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(u8::is_ascii_digit)?;
        at = bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |n| start + n);
        Some(start..at)
    })
}

/// Where a code may begin in a run with a length at either end.
fn neighbours(bytes: &[u8], run: &Range<usize>) -> impl Iterator<Item = usize> {
    let is_length = |at: usize| bytes[at] % 2 == 1;
    let ends = [(run.start, run.start + 1), (run.end - 1, run.start)];
    ends.into_iter().filter(move |&(length, _)| is_length(length)).map(|(_, code)| code)
}

/// Whether what follows is a fraction, as of a second.
fn is_fraction(before: &[u8]) -> bool {
    matches!(before, [.., digit, b'.'] if digit.is_ascii_digit())
}

/// Whether a run of digits is within a random id: of a trace, of a message at its vendor, of a row.
fn is_in_id(bytes: &[u8], run: Range<usize>) -> bool {
    let before = bytes[..run.start].iter().rev().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let after = bytes[run.end..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let is_uuid = |at| bytes.get(at..at + 36).is_some_and(|part| Uuid::try_parse_ascii(part).is_ok());
    before + run.len() + after >= 16 || (run.end.saturating_sub(36)..=run.start).any(is_uuid)
}

/// The digit whose byte this is the number of.
fn decimal(run: &[u8]) -> Option<u8> {
    let number: u8 = std::str::from_utf8(run).ok()?.parse().ok()?;
    number.is_ascii_digit().then_some(number)
}

#[test]
fn a_code_is_found_in_all_its_spellings_and_not_within_other_numbers() {
    let codes = Codes::of(["Your code is 12345678."].into_iter());
    for leak in [
        "is 12345678.",
        "12345678",
        "/12345678/T",
        "is%2012345678",
        "Body=Your+code+is+12345678",
        r"is:\n12345678",
        "otp12345678phone",
        "7d0a7b52-12345678",
        "\x1312345678A",
        "112345678+",
        "\x13123456789Z",
        "\\xff3132333435363738",
        "[49, 50, 51, 52, 53, 54, 55, 56]",
    ] {
        assert!(codes.find(leak.as_bytes()).is_some(), "{leak}");
    }
    for chance in [
        "+919812345678",
        "2123456788",
        "0.12345678",
        "0.112345678",
        "49, 50, 51, 52, 53, 54, 55; 56",
        "SM0123456789abcdef12345678abcdef01",
        "00f067a12345678b",
        "12345678-b5a3-4f0e-9c1d-0123456789ab",
        "0a1b2c3d-b5a3-4f0e-9c1d-a12345678bcd",
    ] {
        assert!(codes.find(chance.as_bytes()).is_none(), "{chance}");
    }
}
