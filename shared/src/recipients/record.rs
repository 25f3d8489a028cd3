//! One CSV record, put together from the lines it spans.
//!
//! Written here because the parsers there are always find *some* reading: of a quote that was never closed
//! they make a cell that holds the next person's row, and that would be texted. Here such a record is
//! malformed, and [`super::csv`] reads its lines one by one.

/// Where the last line left off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// Before a cell, or in the space before its quote.
    Start,
    /// In a cell without quotes around it; quotes in it are its own: `5" screen`.
    Plain,
    /// Between the quotes of a cell.
    Quoted,
    /// After a quote that closes the cell, or is the first of a doubled one.
    Closed,
}

/// What became of a record with one more line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It ends with this line.
    Complete,
    /// A quote is open: it goes on in the next line.
    Open,
    /// Something follows a closing quote that is no separator.
    Malformed,
}

/// The cells of a record, unquoted.
pub(super) struct Record {
    separator: u8,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    within: Within,
}

impl Record {
    /// An empty record.
    pub(super) const fn new(separator: u8) -> Self {
        Self { separator, bytes: Vec::new(), ends: Vec::new(), within: Within::Start }
    }

    /// Makes room for the next record.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.within = Within::Start;
    }

    /// All cells, one after the other.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each cell ends.
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// Reads one more line of it. An end of line between quotes becomes LF, whatever it was.
    pub(super) fn push(&mut self, line: &[u8]) -> Progress {
        if self.within == Within::Quoted {
            self.bytes.push(b'\n');
        }
        for &byte in line {
            let Some(within) = self.push_byte(byte) else { return Progress::Malformed };
            self.within = within;
        }
        if self.within == Within::Quoted {
            return Progress::Open;
        }
        self.ends.push(self.bytes.len());
        Progress::Complete
    }

    /// Reads a byte; `None` if it must not stand there.
    fn push_byte(&mut self, byte: u8) -> Option<Within> {
        match (self.within, byte) {
            (Within::Start, b'"') => {
                self.bytes.truncate(self.ends.last().copied().unwrap_or_default());
                return Some(Within::Quoted);
            }
            (Within::Quoted, b'"') => return Some(Within::Closed),
            (Within::Start | Within::Plain | Within::Closed, byte) if byte == self.separator => {
                self.ends.push(self.bytes.len());
                return Some(Within::Start);
            }
            (Within::Closed, b' ' | b'\t') => return Some(Within::Closed),
            (Within::Start | Within::Plain | Within::Quoted, _) | (Within::Closed, b'"') => {}
            (Within::Closed, _) => return None,
        }
        self.bytes.push(byte);
        Some(match self.within {
            Within::Start if byte == b' ' => Within::Start,
            Within::Start | Within::Plain => Within::Plain,
            Within::Quoted | Within::Closed => Within::Quoted,
        })
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells(record: &Record) -> Vec<&str> {
        let text = str::from_utf8(record.bytes()).expect("UTF-8");
        let mut start = 0;
        let cut = |&end: &usize| &text[std::mem::replace(&mut start, end)..end];
        record.ends().iter().map(cut).collect()
    }

    #[test]
    fn quotes_hold_separators_and_quotes() {
        for (line, expected) in [
            ("a;b", &["a", "b"][..]),
            ("", &[""]),
            (";", &["", ""]),
            ("\"a;b\";\"say \"\"hi\"\"\"", &["a;b", "say \"hi\""]),
            ("  \"a\"  ; b ", &["a", " b "]),
            ("\"\";x", &["", "x"]),
            ("5\" screen;\"5\"\"\"", &["5\" screen", "5\""]),
            ("=\"079\";a", &["=\"079\"", "a"]),
        ] {
            let mut record = Record::new(b';');
            assert_eq!(record.push(line.as_bytes()), Progress::Complete, "{line}");
            assert_eq!(cells(&record), expected, "{line}");
        }
    }

    #[test]
    fn an_open_quote_goes_on_in_the_next_line() {
        let mut record = Record::new(b',');
        assert_eq!(record.push(b"1,\"one"), Progress::Open);
        assert_eq!(record.push(b""), Progress::Open);
        assert_eq!(record.push(b"\"\"two\"\"\",3"), Progress::Complete);
        assert_eq!(cells(&record), ["1", "one\n\n\"two\"", "3"]);
    }

    #[test]
    fn text_after_a_closing_quote_is_malformed() {
        let mut record = Record::new(b',');
        assert_eq!(record.push(b"\"a\"b,c"), Progress::Malformed);
        record.clear();
        assert_eq!(record.push(b"1,\"Joe"), Progress::Open);
        assert_eq!(record.push(b"2,\"Ann\""), Progress::Malformed);
    }

    proptest! {
        #[test]
        fn cells_are_read_as_they_were_written(
            texts in prop::collection::vec("[a,;\" \n\téя]{0,8}", 1..6),
            separator in prop::sample::select(vec![b',', b';', b'\t']),
        ) {
            let quoted: Vec<_> = texts.iter().map(|text| format!("\"{}\"", text.replace('"', "\"\""))).collect();
            let written = quoted.join(&char::from(separator).to_string());
            let mut record = Record::new(separator);
            let progress: Vec<_> = written.split('\n').map(|line| record.push(line.as_bytes())).collect();
            prop_assert_eq!(progress.last(), Some(&Progress::Complete));
            prop_assert!(progress[..progress.len() - 1].iter().all(|&before| before == Progress::Open));
            prop_assert_eq!(cells(&record), texts);
        }
    }
}
