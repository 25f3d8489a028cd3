//! The header of a CSV list: what separates its cells, and what they are called.

use std::mem;

use super::charset::Charset;
use super::columns::Columns;
use super::csv::Csv;
use super::lines::MAX_LINE_BYTES;
use super::record::{Progress, Record};
use super::{InvalidList, Options};

/// What may separate cells; of two that a header has equally often, the first is meant, as it is rarer in
/// names.
const SEPARATORS: [u8; 3] = [b'\t', b';', b','];

/// Gathers the lines of a header.
#[derive(Default)]
pub(super) struct Head {
    /// As a line `sep=;` says, which Excel writes and reads.
    separator: Option<u8>,
    /// The lines so far, joined by LF.
    held: Vec<u8>,
    first_line: u64,
    quotes: usize,
}

/// The lines held by a header that belong to the rows.
pub(super) struct Rest {
    text: Vec<u8>,
    first_line: u64,
    skipped: usize,
}

impl Head {
    /// Takes a line; whether the header may now be complete.
    pub(super) fn take(&mut self, number: u64, text: &[u8]) -> bool {
        if self.held.is_empty() {
            if text.trim_ascii().is_empty() {
                return false;
            }
            if let (None, Some(separator)) = (self.separator, declared_separator(text)) {
                self.separator = Some(separator);
                return false;
            }
            self.first_line = number;
        } else {
            self.held.push(b'\n');
        }
        self.held.extend_from_slice(text);
        self.quotes += text.iter().filter(|&&byte| byte == b'"').count();
        // A name may hold a line end between quotes.
        self.quotes.is_multiple_of(2) || self.held.len() > MAX_LINE_BYTES
    }

    /// Reads what was gathered: the list that follows, and the lines that belong to it already.
    pub(super) fn read(&mut self, options: &Options) -> Result<(Csv, Rest), InvalidList> {
        let text = mem::take(&mut self.held);
        if text.is_empty() {
            return Err(InvalidList::Empty);
        }
        let separator = self.separator.unwrap_or_else(|| likely_separator(&text));
        let mut record = Record::new(separator);
        let header_lines = read_record(&mut record, &text)?;
        let mut charset = Charset::default();
        let read = Columns::read(&charset.cells(self.first_line, &record), options)?;
        let skipped = if read.is_some() { header_lines } else { 0 };
        let columns = read.unwrap_or_else(Columns::numbers_alone);
        let csv = Csv::new(columns, separator, charset, options.default_region);
        Ok((csv, Rest { text, first_line: self.first_line, skipped }))
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.held.capacity()
    }
}

impl Rest {
    /// The lines with their numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        (self.first_line..).zip(self.text.split(|&byte| byte == b'\n')).skip(self.skipped)
    }
}

/// Reads the first record of `text`; returns how many lines it has. That may be fewer than were gathered:
/// a quote within a name is counted, too.
fn read_record(record: &mut Record, text: &[u8]) -> Result<usize, InvalidList> {
    for (before, line) in text.split(|&byte| byte == b'\n').enumerate() {
        match record.push(line) {
            Progress::Complete => return Ok(before + 1),
            Progress::Open => {}
            Progress::Malformed => break,
        }
    }
    Err(InvalidList::HeaderQuote)
}

/// The separator that a first line `sep=;` declares.
fn declared_separator(text: &[u8]) -> Option<u8> {
    let (key, value) = text.split_at_checked(4)?;
    let (&declared, rest) = value.split_first()?;
    let is_plain = key.eq_ignore_ascii_case(b"sep=") && rest.trim_ascii().is_empty();
    (is_plain && SEPARATORS.contains(&declared)).then_some(declared)
}

/// The separator a header has most of, outside quotes.
fn likely_separator(header: &[u8]) -> u8 {
    let mut counts = [0usize; SEPARATORS.len()];
    let mut quoted = false;
    for &byte in header {
        quoted ^= byte == b'"';
        if let (false, Some(at)) = (quoted, SEPARATORS.iter().position(|&separator| separator == byte)) {
            counts[at] += 1;
        }
    }
    let most = counts.into_iter().max().unwrap_or_default();
    let likely = SEPARATORS.into_iter().zip(counts).find(|&(_, count)| count > 0 && count == most);
    likely.map_or(b',', |(separator, _)| separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_separator_is_the_commonest_outside_quotes() {
        for (header, separator) in [
            ("phone,name", b','),
            ("phone;name, first;city", b';'),
            ("phone\tname", b'\t'),
            ("phone", b','),
            ("\"a,b,c\";d", b';'),
            ("phone;name, first", b';'),
        ] {
            assert_eq!(likely_separator(header.as_bytes()), separator, "{header}");
        }
    }

    #[test]
    fn a_line_for_excel_declares_the_separator() {
        for (line, separator) in
            [("sep=;", Some(b';')), ("SEP=,", Some(b',')), ("sep=\t", Some(b'\t')), ("sep=;  ", Some(b';'))]
        {
            assert_eq!(declared_separator(line.as_bytes()), separator, "{line}");
        }
        for line in ["sep=", "sep=x", "separator", "a;b"] {
            assert_eq!(declared_separator(line.as_bytes()), None, "{line}");
        }
    }
}
