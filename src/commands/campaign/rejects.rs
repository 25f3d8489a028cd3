//! Rows of a list that cannot be used: each with its line and the reason.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use serde_json::Value;
use shared::csv::append_row;

use crate::commands::campaign::bar::is_watched;
use crate::print::Printer;

/// At a terminal the first lines tell as much as all.
const TOLD_ROWS: u64 = 20;

/// Where they are told.
pub(super) struct Rejects {
    file: Option<(PathBuf, BufWriter<File>)>,
    printer: Printer,
    bar: ProgressBar,
    rows: u64,
    /// The last one's line: a list that is sent anew tells them anew.
    line: u64,
}

impl Rejects {
    /// Tells them in `file`, or else above the bar on standard error.
    pub(super) fn new(file: Option<&Path>, printer: Printer, bar: ProgressBar) -> Result<Self> {
        let file = file.map(|path| {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            anyhow::Ok((path.to_owned(), BufWriter::new(file)))
        });
        let mut rejects = Self { file: file.transpose()?, printer, bar, rows: 0, line: 0 };
        rejects.write(["line", "reason", "detail"])?;
        Ok(rejects)
    }

    /// Tells one, as the gateway tells it.
    pub(super) fn take(&mut self, row: &Value) -> Result<()> {
        let number = row["line"].as_u64().unwrap_or_default();
        if number <= self.line {
            return Ok(());
        }
        self.line = number;
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        let (line, reason, detail) = (number.to_string(), text("reason"), text("detail"));
        self.rows += 1;
        if self.file.is_some() {
            return self.write([&line, reason, detail]);
        }
        if self.printer.is_for_programs() {
            eprintln!("{row}");
        } else if self.rows <= TOLD_ROWS || !is_watched(self.printer) {
            self.bar.suspend(|| eprintln!("line {line}: {detail} ({reason})"));
        }
        Ok(())
    }

    /// Says what was left out.
    pub(super) fn close(&mut self) -> Result<()> {
        if let Some((path, file)) = &mut self.file {
            return file.flush().with_context(|| format!("cannot write {}", path.display()));
        }
        if is_watched(self.printer) && self.rows > TOLD_ROWS {
            eprintln!("and {} rows more; --rejects FILE keeps them all", self.rows - TOLD_ROWS);
        }
        Ok(())
    }

    fn write(&mut self, cells: [&str; 3]) -> Result<()> {
        let Some((path, file)) = &mut self.file else { return Ok(()) };
        let mut row = String::new();
        append_row(&mut row, cells);
        file.write_all(row.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
    }
}
