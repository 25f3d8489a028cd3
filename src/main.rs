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

use print::{AlreadyTold, Printer, Refusal, WrongUse};
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
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && cli::is_for_programs() => {
            return end(Printer::new(true), LogFormat::Text, &WrongUse::from(error).into());
        }
        // Help and version too, which are no errors.
        Err(error) => error.exit(),
    };
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
    let sentence = sentence(error);
    match (error.downcast_ref::<Refusal>(), format) {
        _ if error.is::<AlreadyTold>() => (),
        // Whoever reads the log by machine should not lose the last line.
        (_, LogFormat::Json) if !printer.is_for_programs() => {
            tracing::error!(error = sentence, "smsgw cannot go on");
        }
        (Some(refusal), _) => printer.refuse(&sentence, refusal),
        (None, _) => printer.fail(&sentence),
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
