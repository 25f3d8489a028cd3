//! Bars on standard error, for people at a terminal; elsewhere, and for programs, they draw nothing.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::print::Printer;

/// How much of a list is committed. The time left is told by the bar itself.
const ADDING: &str = "{wide_bar} {percent}%, {eta} left  {msg}";
/// How far a campaign is.
const WATCHING: &str = "{wide_bar} {pos}/{len}  {msg}";
/// A bar is drawn anew so often, also when nothing moves.
const TICK: Duration = Duration::from_millis(500);

/// Whether somebody looks at standard error.
pub(super) fn is_watched(printer: Printer) -> bool {
    !printer.is_for_programs() && std::io::stderr().is_terminal()
}

/// A bar for so many rows.
pub(super) fn of_rows(rows: u64, printer: Printer) -> ProgressBar {
    start(rows, ADDING, printer)
}

/// A bar for messages.
pub(super) fn of_messages(printer: Printer) -> ProgressBar {
    start(0, WATCHING, printer)
}

fn start(length: u64, template: &str, printer: Printer) -> ProgressBar {
    if !is_watched(printer) {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(length).with_style(style);
    bar.enable_steady_tick(TICK);
    bar
}
