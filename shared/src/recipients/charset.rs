//! The characters of one row: UTF-8, or else Windows-1252.

use std::borrow::Cow;
use std::fmt;

use super::record::Record;

/// What should be looked at before anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Rows that are not UTF-8 were read as Windows-1252.
    Latin1 {
        /// The line the first of them begins in.
        line: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Latin1 { line } = self;
        write!(
            f,
            "line {line} is not UTF-8: it and any other such row was read as Windows-1252 (Latin-1); check \
             that accents look right, or save the list as UTF-8"
        )
    }
}

/// Reads the characters of rows, and remembers the first that was not UTF-8.
#[derive(Default)]
pub(super) struct Charset {
    warning: Option<Warning>,
}

impl Charset {
    pub(super) const fn warning(&self) -> Option<Warning> {
        self.warning
    }

    /// The text of a line.
    pub(super) fn text<'a>(&mut self, line: u64, bytes: &'a [u8]) -> Cow<'a, str> {
        match str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => {
                self.warn(line);
                Cow::Owned(bytes.iter().map(|&byte| windows_1252(byte)).collect())
            }
        }
    }

    /// The texts of a record's cells: all UTF-8, or none.
    pub(super) fn cells<'a>(&mut self, line: u64, record: &'a Record) -> Cells<'a> {
        let (bytes, ends) = (record.bytes(), record.ends());
        // Two halves of a character in two cells are no character.
        let whole = |text: &&str| ends.iter().all(|&end| text.is_char_boundary(end));
        if let Some(text) = str::from_utf8(bytes).ok().filter(whole) {
            return Cells { text: Cow::Borrowed(text), ends: Cow::Borrowed(ends) };
        }
        self.warn(line);
        let mut text = String::with_capacity(2 * bytes.len());
        let mut start = 0;
        let ends = ends.iter().map(|&end| {
            text.extend(bytes[start..end].iter().map(|&byte| windows_1252(byte)));
            start = end;
            text.len()
        });
        let ends = Cow::Owned(ends.collect());
        Cells { text: Cow::Owned(text), ends }
    }

    fn warn(&mut self, line: u64) {
        self.warning.get_or_insert(Warning::Latin1 { line });
    }
}

/// The cells of one row, without the space around them.
pub(super) struct Cells<'a> {
    text: Cow<'a, str>,
    ends: Cow<'a, [usize]>,
}

impl Cells<'_> {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    /// A cell by its place, from 0; empty where the row ends before it.
    pub(super) fn get(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(index).copied()).map(|(start, end)| start..end);
        let cell = range.and_then(|range| self.text.get(range)).unwrap_or_default();
        cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
    }

    /// How many there are up to the last that is not empty.
    pub(super) fn used(&self) -> usize {
        (0..self.count()).rev().find(|&index| !self.get(index).is_empty()).map_or(0, |last| last + 1)
    }
}

/// Windows-1252 from 0x80 to 0x9F (<https://encoding.spec.whatwg.org/index-windows-1252.txt>). Five bytes
/// stand for control characters, as browsers have it; no text with these is sent.
const C1: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(byte: u8) -> char {
    byte.checked_sub(0x80).and_then(|at| C1.get(usize::from(at)).copied()).unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_not_utf8_are_windows_1252_with_one_warning() {
        let mut charset = Charset::default();
        assert_eq!(charset.text(7, "Zoë".as_bytes()), "Zoë");
        assert_eq!(charset.warning(), None);
        assert_eq!(charset.text(8, b"Zo\xeb \x80 \x93\x94 \x9f\xff"), "Zoë € “” Ÿÿ");
        assert_eq!(charset.text(9, b"\xe9"), "é");
        assert_eq!(charset.warning(), Some(Warning::Latin1 { line: 8 }));
        assert!(charset.warning().expect("one").to_string().starts_with("line 8 is not UTF-8"));
    }

    #[test]
    fn cells_are_all_utf8_or_none() {
        let mut record = Record::new(b',');
        let mut charset = Charset::default();
        record.push(b"Zo\xc3\xab,\xeb");
        let cells = charset.cells(1, &record);
        assert_eq!([cells.get(0), cells.get(1), cells.get(2)], ["ZoÃ«", "ë", ""]);
        record.clear();
        record.push(b"a\xc3,\xabb,");
        let cells = charset.cells(2, &record);
        assert_eq!((cells.get(0), cells.get(1), cells.count(), cells.used()), ("aÃ", "«b", 3, 2));
    }
}
