//! What commands print, for people or for programs, and how they end.

use std::io::{ErrorKind, Write};

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

/// Prints for people, or with `--json` for programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    json: bool,
}

impl Printer {
    /// For programs if `json`.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read the output.
    pub(crate) fn is_for_programs(self) -> bool {
        self.json
    }

    /// Prints one document, or what `text` says of it.
    pub(crate) fn show(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<()> {
        if self.json { write(&serde_json::to_string(document)?) } else { write(&text()) }
    }

    /// Prints something that only people need.
    pub(crate) fn tell(self, text: &str) -> Result<()> {
        if self.json { Ok(()) } else { write(text) }
    }

    /// Prints why the command failed, on standard error.
    pub(crate) fn fail(self, sentence: &str) {
        self.fail_with(sentence, || json!({ "error": sentence }));
    }

    /// As [`Printer::fail`]; programs get the gateway's whole answer, too.
    pub(crate) fn refuse(self, sentence: &str, refusal: &Refusal) {
        self.fail_with(sentence, || json!({ "error": sentence, "problem": refusal.problem }));
    }

    fn fail_with(self, sentence: &str, document: impl FnOnce() -> Value) {
        if self.json {
            eprintln!("{}", document());
        } else {
            eprintln!("error: {sentence}");
        }
    }
}

/// Writes lines to standard output, where `println!` would panic if nobody reads any more.
pub(crate) fn write(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// Whether a command ended only because nobody reads its output any more, as under `| head`.
pub(crate) fn is_unread(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// The command was not used as it must be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUse(String);

impl WrongUse {
    /// Says how to use it.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// A running gateway refused what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct Refusal {
    /// What it means for people.
    pub(crate) sentence: String,
    /// Its answer (RFC 9457).
    pub(crate) problem: Value,
}

/// The command did its work, and has told that something is wrong.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("something is wrong")]
pub(crate) struct AlreadyTold;
