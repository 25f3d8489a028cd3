//! A list to upload: what it is known by, and its bytes as they are sent.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::stream;
use reqwest::Body;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::cli::ListKind;

/// Read and sent at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// So long the first byte waits for the gateway to take the list. One behind a proxy that holds requests back says
/// nothing before it has all of it.
const HOLD: Duration = Duration::from_secs(1);

/// A list, read once already.
pub(super) struct ListFile {
    file: Arc<File>,
    /// About as many as it has rows.
    pub(super) lines: u64,
    /// How it is written.
    pub(super) kind: ListKind,
    hash: Sha256,
}

impl ListFile {
    /// Reads the list `name`, or standard input if that is `-`, once: what is in it is what it is known by. What can be
    /// read only once is kept in a temporary file for that.
    pub(super) fn open(name: &str, kind: Option<ListKind>) -> Result<Self> {
        let given: Box<dyn Read> = if name == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            let file = File::open(name).with_context(|| format!("cannot read {name}"))?;
            if file.metadata().is_ok_and(|about| about.is_file()) {
                let mut none = std::io::sink();
                let read = read(&mut &file, &mut none).with_context(|| format!("cannot read {name}"))?;
                return Ok(Self::new(file, read, kind));
            }
            Box::new(file)
        };
        let mut kept = tempfile::tempfile().context("no temporary file can be made for the list")?;
        let read = read(given, &mut kept).with_context(|| format!("cannot read {name}"))?;
        Ok(Self::new(kept, read, kind))
    }

    fn new(file: File, read: ReadOnce, kind: Option<ListKind>) -> Self {
        let guess = if read.begins_as_json { ListKind::Ndjson } else { ListKind::Csv };
        Self { file: Arc::new(file), lines: read.lines, kind: kind.unwrap_or(guess), hash: read.hash }
    }

    /// What it is known by: what is in it, and how it is to be read.
    pub(super) fn key(&self, options: &[(&str, &str)]) -> String {
        let mut hash = self.hash.clone();
        hash.update([u8::from(self.kind == ListKind::Ndjson)]);
        for (name, value) in options {
            hash.update(format!("\0{name}\0{value}"));
        }
        let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("list-{digest}")
    }

    /// What it is called over HTTP.
    pub(super) fn content_type(&self) -> &'static str {
        match self.kind {
            ListKind::Csv => "text/csv",
            ListKind::Ndjson => "application/x-ndjson",
        }
    }

    /// Its bytes. They wait for `taken`, so that who is refused has not sent half a list into a
    /// connection that the gateway has closed, and reads why.
    pub(super) fn body(&self, taken: oneshot::Receiver<()>) -> Body {
        let begin = (0, Some(taken));
        let file = self.file.clone();
        Body::wrap_stream(stream::try_unfold(begin, move |(at, taken)| {
            let file = file.clone();
            async move {
                if let Some(taken) = taken
                    && let Ok(Err(_)) = timeout(HOLD, taken).await
                {
                    return Err(std::io::Error::other("the list is not wanted"));
                }
                let piece = tokio::task::spawn_blocking(move || piece(&file, at)).await??;
                let length = u64::try_from(piece.len()).unwrap_or_default();
                Ok((length > 0).then_some((piece, (at + length, None))))
            }
        }))
    }
}

/// The next bytes, from where they are: a list that is sent anew is not moved on by whoever still reads for the try before.
fn piece(file: &File, at: u64) -> std::io::Result<Vec<u8>> {
    let mut piece = vec![0; PIECE_BYTES];
    let length = file.read_at(&mut piece, at)?;
    piece.truncate(length);
    Ok(piece)
}

/// What reading a list once has shown.
struct ReadOnce {
    lines: u64,
    hash: Sha256,
    begins_as_json: bool,
}

fn read(mut from: impl Read, keep: &mut impl Write) -> std::io::Result<ReadOnce> {
    let (mut piece, mut seen) =
        (vec![0; PIECE_BYTES], ReadOnce { lines: 0, hash: Sha256::new(), begins_as_json: false });
    let mut is_blank = true;
    loop {
        let length = match from.read(&mut piece) {
            Ok(0) => return Ok(seen),
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = &piece[..length];
        keep.write_all(bytes)?;
        seen.hash.update(bytes);
        let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
        seen.lines += u64::try_from(ends).unwrap_or_default();
        if is_blank && let Some(first) = bytes.iter().find(|byte| !is_skipped(**byte)) {
            (is_blank, seen.begins_as_json) = (false, *first == b'{');
        }
    }
}

/// Blanks, and the bytes of UTF-8's mark.
fn is_skipped(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> ListFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        ListFile::open(file.path().to_str().expect("a name"), None).expect("read")
    }

    #[test]
    fn a_list_is_known_by_what_is_in_it_and_how_it_is_read() {
        let one = list("phone\n+41790000001\n");
        assert_eq!(one.key(&[]), list("phone\n+41790000001\n").key(&[]));
        assert_ne!(one.key(&[]), list("phone\n+41790000002\n").key(&[]));
        assert_ne!(one.key(&[]), one.key(&[("default_region", "CH")]));
        assert_ne!(one.key(&[("default_region", "CH")]), one.key(&[("phone_column", "CH")]));
    }

    #[test]
    fn objects_are_told_from_columns() {
        for (text, kind) in [
            ("phone\n", ListKind::Csv),
            ("", ListKind::Csv),
            ("{\"phone\":\"+41790000001\"}\n", ListKind::Ndjson),
            ("\u{feff}\n {\"phone\":1}", ListKind::Ndjson),
        ] {
            assert_eq!(list(text).kind, kind, "{text}");
        }
    }
}
