//! Bars on standard error, for people at a terminal; elsewhere, and for programs, they draw nothing.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::print::Printer;

/// How far a list has been sent. The time left is told by the bar itself.
const SENDING: &str = "{wide_bar} {bytes}/{total_bytes}, {eta} left  {msg}";
/// How far a campaign is.
const WATCHING: &str = "{wide_bar} {pos}/{len}  {msg}";
/// A bar is drawn anew so often, also when nothing moves.
const TICK: Duration = Duration::from_millis(500);

/// Whether somebody looks at standard error.
pub(super) fn is_watched(printer: Printer) -> bool {
    !printer.is_for_programs() && std::io::stderr().is_terminal()
}

/// A bar for so many bytes.
pub(super) fn of_bytes(size: u64, printer: Printer) -> ProgressBar {
    start(size, SENDING, printer)
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
