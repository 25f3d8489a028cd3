//! Programs that end with us, however we end.
//!
//! A small shell (`supervisor.sh`, bare of comments since it shows in `ps`) runs the program and waits for
//! its end, or for the end of a pipe into which we never write. When we are gone, by SIGKILL too, the pipe
//! breaks and the shell interrupts the program, which to Postgres means a fast shutdown. After ten seconds it
//! insists (SIGQUIT). That needs neither `unsafe` nor anything only Linux has.

use crate::account::Account;
use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

const SCRIPT: &str = include_str!("supervisor.sh");

/// A command that takes `program`'s arguments and runs until it ends or until its standard input is closed.
///
/// In the second case the shell removes `trash` in the end: nobody else is left to do it.
pub(crate) fn supervised(account: Account, trash: Option<&Path>, program: &Path) -> Command {
    let mut command = account.command("/bin/sh");
    command
        .args(["-c", SCRIPT, "postgres-supervisor"])
        .arg(trash.map_or_else(|| OsStr::new(""), Path::as_os_str))
        .arg(program)
        // Ctrl-C at the terminal is for us: we end the program when nothing needs it any more.
        .process_group(0)
        .stdin(Stdio::piped());
    command
}
