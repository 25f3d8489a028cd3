//! `smsgw completions`: what a shell needs to complete a command line.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::print;

/// Prints the script for `shell`.
pub(crate) fn run(shell: Shell) -> Result<()> {
    // Into memory first: written straight to a pipe that is closed, it would panic.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "smsgw", &mut script);
    print::write(&String::from_utf8(script)?)
}
