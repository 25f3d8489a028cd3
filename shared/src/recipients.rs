//! Lists of recipients as people have them: CSV out of any spreadsheet, or NDJSON.
//!
//! Bytes are pushed in as they arrive, in pieces of any size; every row that is not blank comes out once,
//! as a [`Recipient`] or as a [`Refusal`] with its line and reason. What comes out depends on the bytes
//! alone, never on how they were cut. Memory is bounded whatever the length of the list or of a line.
//!
//! - **Characters**: UTF-8 or UTF-16, told by the byte order mark or, for UTF-16, by its pattern of zeros.
//!   A row (of NDJSON: a line) that is not UTF-8 is read as Windows-1252, of which Latin-1 is a part; the
//!   first such row is kept as a [`Warning`]. Row by row, so that a foreign row late in a long list changes
//!   nothing that was given out before, and lists put together from two programs are read right.
//! - **Lines** end in LF, CRLF or CR and are counted as an editor does, blank ones included. One longer
//!   than 64 KiB is refused and skipped.
//! - **CSV**: `,`, `;` or tab, whichever the header has most of outside quotes (or as an Excel line `sep=;`
//!   says). Quoted cells may hold separators, doubled quotes and line ends. Space around a cell is dropped.
//!   Missing cells at the end are empty (Excel leaves them out), more cells than columns are refused unless
//!   empty, a row of empty cells is blank. A quote that is not closed costs its own line only: what it
//!   seemed to hold is read again, each line as a row of its own that must have all its cells.
//! - **Columns**: one holds the numbers, the others become variables: `First Name` is `first_name`.
//! - **NDJSON**: `{"phone": "…", "variables": {"name": "…"}}` or the same without the inner object, one a
//!   line.

mod cell;
mod charset;
mod columns;
mod csv;
mod fault;
mod head;
mod lines;
mod name;
mod ndjson;
mod parser;
mod reason;
mod record;
mod unicode;

use std::fmt;

use serde_json::{Map, Value};

pub use self::charset::Warning;
pub use self::columns::Layout;
pub use self::fault::InvalidList;
use self::lines::Lines;
use self::parser::Parser;
pub use self::reason::Reason;
use self::unicode::Unicode;
use crate::phone::{PhoneNumber, Region};

/// Most bytes worked on at once, so that a large piece needs no more memory than small ones.
const PIECE_BYTES: usize = 64 * 1024;

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Whichever it looks like: NDJSON begins with `{`.
    #[default]
    Guess,
    /// Cells with separators, under a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// What is known of a list beforehand.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How it is written.
    pub format: Format,
    /// Where its numbers without a country code are from.
    pub default_region: Option<Region>,
    /// The column or member that holds the numbers, if its name does not tell.
    pub phone_column: Option<String>,
    /// The variables worth keeping; all others are left unread. `None` keeps all.
    pub variables: Option<Vec<String>>,
}

impl Options {
    fn wants(&self, variable: &str) -> bool {
        self.variables.as_ref().is_none_or(|wanted| wanted.iter().any(|name| name == variable))
    }
}

/// Somebody to text.
#[derive(Clone, PartialEq)]
pub struct Recipient {
    /// The number.
    pub phone: PhoneNumber,
    /// What is known of them, by name, as a template takes it: texts, and true and false of NDJSON.
    pub variables: Map<String, Value>,
}

/// Shows names only: values are about people.
impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.variables.keys().collect();
        f.debug_struct("Recipient").field("phone", &self.phone).field("variables", &names).finish()
    }
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Refusal {
    /// The line it begins in, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// It names somebody to text.
    Recipient {
        /// The line it begins in, from 1.
        line: u64,
        /// Whom it names.
        recipient: Recipient,
    },
    /// It cannot be used.
    Refused(Refusal),
}

impl Row {
    fn new(line: u64, read: Result<Recipient, Reason>) -> Self {
        match read {
            Ok(recipient) => Self::Recipient { line, recipient },
            Err(reason) => Self::Refused(Refusal { line, reason }),
        }
    }

    /// The line it begins in, as an editor counts them, from 1.
    pub const fn line(&self) -> u64 {
        match self {
            Self::Recipient { line, .. } | Self::Refused(Refusal { line, .. }) => *line,
        }
    }
}

/// Reads one list. Has no `Debug`: it holds pieces of rows.
pub struct Reader {
    unicode: Unicode,
    lines: Lines,
    parser: Parser,
    failed: Option<InvalidList>,
}

impl Reader {
    /// Expects a list from its first byte.
    pub fn new(options: Options) -> Self {
        Self {
            unicode: Unicode::default(),
            lines: Lines::default(),
            parser: Parser::new(options),
            failed: None,
        }
    }

    /// Reads on; gives `sink` each row that is complete, in their order.
    ///
    /// # Errors
    /// [`InvalidList`] if this is no list at all or its header cannot be used. It comes before any row
    /// does, and from then on for whatever follows.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Row)) -> Result<(), InvalidList> {
        bytes.chunks(PIECE_BYTES).try_for_each(|piece| self.feed_piece(piece, sink))
    }

    /// Reads what is left once the last byte was fed.
    ///
    /// # Errors
    /// As [`feed`](Self::feed), and if there was nothing to read.
    pub fn finish(mut self, sink: &mut impl FnMut(Row)) -> Result<Summary, InvalidList> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let rest = self.unicode.finish()?;
        let parser = &mut self.parser;
        self.lines.split(rest, &mut |line| parser.take(line, sink))?;
        self.lines.finish(&mut |line| parser.take(line, sink))?;
        parser.finish(sink)?;
        let (lines, warning) = (self.lines.count(), parser.warning());
        Ok(Summary { lines, warning, layout: parser.layout().cloned() })
    }

    /// What the header says; `None` until it was read, and for NDJSON.
    pub fn layout(&self) -> Option<&Layout> {
        self.parser.layout()
    }

    /// What should be looked at, if anything so far.
    pub fn warning(&self) -> Option<Warning> {
        self.parser.warning()
    }

    fn feed_piece(&mut self, piece: &[u8], sink: &mut impl FnMut(Row)) -> Result<(), InvalidList> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let Self { unicode, lines, parser, failed } = self;
        let read =
            unicode.decode(piece).and_then(|text| lines.split(text, &mut |line| parser.take(line, sink)));
        read.inspect_err(|error| *failed = Some(error.clone()))
    }

    /// Bytes held between two pieces.
    #[cfg(test)]
    fn held_bytes(&self) -> usize {
        self.unicode.held_bytes() + self.lines.held_bytes() + self.parser.held_bytes()
    }
}

/// What is known of a list once it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its lines, header and blank ones included.
    pub lines: u64,
    /// What should be looked at.
    pub warning: Option<Warning>,
    /// What the header says; `None` for NDJSON.
    pub layout: Option<Layout>,
}

#[cfg(test)]
mod tests;
