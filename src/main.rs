//! The binary `smsgw`: commands and wiring, no logic.

mod call;
mod cli;
mod commands;
mod gateway;
mod home;
mod input;
mod print;
mod traces;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use print::{AlreadyTold, Printer, WrongUse};
use shared::telemetry::LogFormat;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What clap ends with, too.
const WRONG_USE: u8 = 2;

fn main() -> ExitCode {
    if cli::reads_dot_env() {
        // A missing file is normal; a broken one is told by the settings it lacks.
        dotenvy::dotenv().ok();
    }
    let cli = Cli::parse();
    let printer = Printer::new(cli.json);
    let format = commands::log_format(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            printer.fail(&format!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => end(printer, format, &error),
    }
}

/// Tells why the command failed, once.
fn end(printer: Printer, format: LogFormat, error: &anyhow::Error) -> ExitCode {
    if print::is_unread(error) {
        return ExitCode::SUCCESS;
    }
    match format {
        _ if error.is::<AlreadyTold>() => (),
        LogFormat::Text => printer.fail(&sentence(error)),
        // Whoever reads the log by machine should not lose the last line.
        LogFormat::Json => tracing::error!(error = sentence(error), "smsgw cannot go on"),
    }
    if error.is::<WrongUse>() { ExitCode::from(WRONG_USE) } else { ExitCode::FAILURE }
}

/// An error with its causes, in one line; some libraries repeat their cause in their own text.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if sentence.is_empty() {
            sentence = cause;
        } else if !sentence.contains(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
    }
    sentence
}
