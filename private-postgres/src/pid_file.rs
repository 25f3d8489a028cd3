//! `postmaster.pid`, Postgres' own note of who serves a data directory, and what an earlier run left of it.

use crate::{
    error::{Doing, Error},
    processes, server,
};
use std::{fs, io, path::Path};

/// Larger than any pid a system gives out, so it is never alive.
const NOBODY: i32 = i32::MAX;

/// What `postmaster.pid` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: i32,
    /// Set once the server takes connections.
    pub(crate) ready: bool,
}

impl PidFile {
    /// Reads the note; `None` without one, or while it is being written.
    pub(crate) fn read(data: &Path) -> Result<Option<Self>, Error> {
        Ok(read_text(data)?.and_then(|text| Self::parse(&text)))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        // Line 8 is the status since PostgreSQL 10.
        let ready = lines.nth(6).is_some_and(|status| status.trim() == "ready");
        Some(Self { pid, ready })
    }
}

/// Deals with what an earlier run left: stops a server that still runs, takes a dead one's claim away.
///
/// Call it only while holding the lock of the home: then nobody alive owns that server.
pub(crate) async fn take_over(data: &Path) -> Result<(), Error> {
    let Some(text) = read_text(data)? else {
        return Ok(());
    };
    let path = data.join("postmaster.pid");
    let Some(PidFile { pid, .. }) = PidFile::parse(&text) else {
        // Cut off while it was written; Postgres would refuse to start until a person removes it.
        return fs::remove_file(&path).doing(|| format!("remove {}", path.display()));
    };
    if is_serving(pid, data)? {
        tracing::warn!(pid, "an earlier run left Postgres behind; stopping it");
        return server::stop_postmaster(pid, || Ok(!is_serving(pid, data)?)).await;
    }
    // The pid may belong to another program by now, and Postgres would believe in a running server. Only that
    // is replaced: by the rest Postgres checks that no child of the old server still uses the data.
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    fs::write(&path, format!("{NOBODY}\n{rest}")).doing(|| format!("write {}", path.display()))
}

fn is_serving(pid: i32, data: &Path) -> Result<bool, Error> {
    let process = processes::find(pid).doing(|| "list processes".to_owned())?;
    Ok(process.is_some_and(|process| process.is_postmaster_of(data)))
}

fn read_text(data: &Path) -> Result<Option<String>, Error> {
    let path = data.join("postmaster.pid");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).doing(|| format!("read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_of_a_starting_server_is_not_ready() {
        let text = "4711\n/data\n1700000000\n5432\n\n127.0.0.1\n  123  4\n";
        let starting = PidFile { pid: 4711, ready: false };
        assert_eq!(PidFile::parse(&format!("{text}starting\n")), Some(starting));
        let ready = PidFile { pid: 4711, ready: true };
        assert_eq!(PidFile::parse(&format!("{text}ready   \n")), Some(ready));
    }

    #[test]
    fn a_note_cut_off_in_writing_says_nothing() {
        assert_eq!(PidFile::parse(""), None);
    }
}
