//! What reading a list promises.

mod encodings;
mod headers;
mod objects;
mod promises;
mod rows;

use super::*;

/// What became of a list: its rows in short, and its summary.
type Outcome = (Vec<String>, Result<Summary, InvalidList>);

/// Reads `bytes` in pieces of `size`.
fn read_in_pieces(options: &Options, bytes: &[u8], size: usize) -> Outcome {
    let mut reader = Reader::new(options.clone());
    let mut rows = Vec::new();
    let mut sink = |row: Row| rows.push(short(&row));
    let fed = bytes.chunks(size).try_for_each(|piece| reader.feed(piece, &mut sink));
    let summary = fed.and_then(|()| reader.finish(&mut sink));
    (rows, summary)
}

/// Reads a list that is one.
fn read(options: &Options, list: impl AsRef<[u8]>) -> (Vec<String>, Summary) {
    let (rows, summary) = read_in_pieces(options, list.as_ref(), usize::MAX);
    (rows, summary.expect("a list"))
}

/// The rows of a list read as Swiss.
fn rows(list: impl AsRef<[u8]>) -> Vec<String> {
    read(&swiss(), list).0
}

/// Why something is no list.
fn refused(options: &Options, list: impl AsRef<[u8]>) -> InvalidList {
    let (rows, summary) = read_in_pieces(options, list.as_ref(), usize::MAX);
    assert_eq!(rows, [""; 0], "nothing is given out of what is refused as a whole");
    summary.expect_err("no list")
}

fn swiss() -> Options {
    Options { default_region: "CH".parse().ok(), ..Options::default() }
}

/// A row in short: `2 +41790000001 name=Ann`, or `3 too_many_cells`.
fn short(row: &Row) -> String {
    match row {
        Row::Refused(Refusal { line, reason }) => format!("{line} {}", reason.as_str()),
        Row::Recipient { line, recipient } => {
            let variables = recipient.variables.iter().map(|(name, value)| match value {
                Value::String(text) => format!(" {name}={text}"),
                other => format!(" {name}:{other}"),
            });
            format!("{line} {}{}", recipient.phone.as_str(), variables.collect::<String>())
        }
    }
}
