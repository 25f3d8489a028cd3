//! From lines to rows: what kind of list it is, then its header, then its rows.

use super::charset::Warning;
use super::columns::Layout;
use super::csv::Csv;
use super::head::Head;
use super::lines::Line;
use super::ndjson::Ndjson;
use super::{Format, InvalidList, Options, Row};

/// Makes rows of lines.
pub(super) struct Parser {
    options: Options,
    stage: Stage,
}

enum Stage {
    /// Only blank lines so far.
    Start,
    Head(Head),
    Csv(Box<Csv>),
    Ndjson(Ndjson),
}

impl Parser {
    /// Expects a list from its first line.
    pub(super) const fn new(options: Options) -> Self {
        Self { options, stage: Stage::Start }
    }

    /// Reads a line.
    pub(super) fn take(&mut self, line: Line<'_>, sink: &mut impl FnMut(Row)) -> Result<(), InvalidList> {
        if let Stage::Start = self.stage {
            match self.begin(line)? {
                Some(stage) => self.stage = stage,
                None => return Ok(()),
            }
        }
        match &mut self.stage {
            Stage::Start => {}
            Stage::Head(head) => {
                let text = line.text.ok_or(InvalidList::HeaderTooLong)?;
                if head.take(line.number, text) {
                    return self.read_head(sink);
                }
            }
            Stage::Csv(csv) => csv.take(line, sink),
            Stage::Ndjson(ndjson) => ndjson.take(line, &self.options, sink),
        }
        Ok(())
    }

    /// Reads what is held once the last line was taken.
    pub(super) fn finish(&mut self, sink: &mut impl FnMut(Row)) -> Result<(), InvalidList> {
        match &mut self.stage {
            Stage::Start => return Err(InvalidList::Empty),
            Stage::Head(_) => self.read_head(sink)?,
            Stage::Csv(_) | Stage::Ndjson(_) => {}
        }
        if let Stage::Csv(csv) = &mut self.stage {
            csv.finish(sink);
        }
        Ok(())
    }

    /// What should be looked at, so far.
    pub(super) fn warning(&self) -> Option<Warning> {
        match &self.stage {
            Stage::Start | Stage::Head(_) => None,
            Stage::Csv(csv) => csv.charset().warning(),
            Stage::Ndjson(ndjson) => ndjson.charset().warning(),
        }
    }

    /// What the header says.
    pub(super) fn layout(&self) -> Option<&Layout> {
        match &self.stage {
            Stage::Csv(csv) => Some(csv.layout()),
            Stage::Start | Stage::Head(_) | Stage::Ndjson(_) => None,
        }
    }

    /// What kind of list begins with this line; `None` if the line is blank.
    fn begin(&self, line: Line<'_>) -> Result<Option<Stage>, InvalidList> {
        let first = match line.text.map(|text| text.trim_ascii_start().first()) {
            Some(None) => return Ok(None),
            Some(Some(&first)) => Some(first),
            None => None,
        };
        Ok(Some(match (self.options.format, first) {
            (Format::Guess | Format::Ndjson, Some(b'[')) => return Err(InvalidList::JsonArray),
            (Format::Guess, Some(b'{')) | (Format::Ndjson, _) => Stage::Ndjson(Ndjson::default()),
            (Format::Guess | Format::Csv, _) => Stage::Head(Head::default()),
        }))
    }

    fn read_head(&mut self, sink: &mut impl FnMut(Row)) -> Result<(), InvalidList> {
        let Stage::Head(head) = &mut self.stage else { return Ok(()) };
        let (mut csv, rest) = head.read(&self.options)?;
        for (number, text) in rest.lines() {
            csv.take(Line { number, text: Some(text) }, sink);
        }
        self.stage = Stage::Csv(Box::new(csv));
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        match &self.stage {
            Stage::Start | Stage::Ndjson(_) => 0,
            Stage::Head(head) => head.held_bytes(),
            Stage::Csv(csv) => csv.held_bytes(),
        }
    }
}
