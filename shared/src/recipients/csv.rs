//! The rows of a CSV list, below its header.

use std::mem;

use super::charset::Charset;
use super::columns::{Columns, Layout};
use super::lines::{Line, MAX_LINE_BYTES};
use super::record::{Progress, Record};
use super::{Reason, Row};
use crate::phone::Region;

/// Reads rows. Holds the lines of one at most.
pub(super) struct Csv {
    columns: Columns,
    layout: Layout,
    charset: Charset,
    default_region: Option<Region>,
    record: Record,
    open: Open,
}

/// The lines of a record whose quote is still open.
#[derive(Default)]
struct Open {
    /// Each with an LF after it.
    text: Vec<u8>,
    first_line: Option<u64>,
}

impl Csv {
    /// Expects the rows under a header.
    pub(super) fn new(
        columns: Columns,
        separator: u8,
        charset: Charset,
        default_region: Option<Region>,
    ) -> Self {
        let layout = columns.layout(separator);
        let record = Record::new(separator);
        Self { columns, layout, charset, default_region, record, open: Open::default() }
    }

    pub(super) const fn charset(&self) -> &Charset {
        &self.charset
    }

    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads a line.
    pub(super) fn take(&mut self, line: Line<'_>, sink: &mut impl FnMut(Row)) {
        let Some(text) = line.text else {
            self.finish(sink);
            return sink(Row::new(line.number, Err(Reason::LineTooLong)));
        };
        let first_line = *self.open.first_line.get_or_insert(line.number);
        match self.record.push(text) {
            Progress::Complete => {
                self.give(first_line, sink);
                self.open.clear();
            }
            Progress::Open if self.open.text.len() + text.len() <= MAX_LINE_BYTES => self.open.hold(text),
            // What the open quote seemed to hold ends before this line, which may be a row of several lines.
            Progress::Malformed if first_line < line.number => {
                self.finish(sink);
                self.take(line, sink);
            }
            Progress::Open | Progress::Malformed => {
                self.open.hold(text);
                self.finish(sink);
            }
        }
    }

    /// Gives up a record that is not complete: its first line is refused, each of the others is read as a
    /// row of its own.
    ///
    /// They cannot be gathered to rows of several lines once more, which bounds the work for a list full of
    /// stray quotes: no line is read more than three times. A line that lacks cells may be part of a text
    /// after all, and a number in it nobody's to text: it is refused.
    pub(super) fn finish(&mut self, sink: &mut impl FnMut(Row)) {
        let Open { text, first_line } = mem::take(&mut self.open);
        let Some(first_line) = first_line else { return };
        self.record.clear();
        let mut lines = (first_line..).zip(text.split(|&byte| byte == b'\n'));
        if let Some((number, _)) = lines.next() {
            sink(Row::new(number, Err(Reason::UnclosedQuote)));
        }
        for (number, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
            match self.record.push(line) {
                Progress::Complete if self.record.ends().len() >= self.columns.count() => {
                    self.give(number, sink);
                }
                Progress::Complete => self.refuse(number, Reason::LineInDoubt, sink),
                Progress::Open | Progress::Malformed => self.refuse(number, Reason::UnclosedQuote, sink),
            }
        }
    }

    fn refuse(&mut self, number: u64, reason: Reason, sink: &mut impl FnMut(Row)) {
        self.record.clear();
        sink(Row::new(number, Err(reason)));
    }

    /// Gives the row that the record holds, unless it is blank.
    fn give(&mut self, number: u64, sink: &mut impl FnMut(Row)) {
        let cells = self.charset.cells(number, &self.record);
        if cells.used() > 0 {
            sink(Row::new(number, self.columns.recipient(&cells, self.default_region)));
        }
        drop(cells);
        self.record.clear();
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.record.held_bytes() + self.open.text.capacity()
    }
}

impl Open {
    fn hold(&mut self, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }

    fn clear(&mut self) {
        self.text.clear();
        self.first_line = None;
    }
}
