//! Why there is no private Postgres, in sentences a person at a terminal can act on.

use std::{io, path::PathBuf};

/// A cause whose type is of no use to the caller.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Each variant asks the person who started us for another reaction.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable binaries here and none could be fetched.
    #[error(
        "no PostgreSQL {oldest} or newer is installed and downloading it failed: \
         install the package `postgresql`, or set DATABASE_URL to a server of yours"
    )]
    NoBinaries {
        /// The oldest major version we take.
        oldest: u32,
        /// What stopped the download.
        source: BoxError,
    },
    /// Another living process holds the data directory.
    #[error("another smsgw is using {} (pid {pid}): use that one, or stop it first", dir.display())]
    InUse {
        /// The directory as the caller named it.
        dir: PathBuf,
        /// The process that holds it, as it wrote itself down.
        pid: String,
    },
    /// The port the caller insisted on is not free.
    #[error("port {port} on 127.0.0.1 is taken by another program: choose another port for Postgres")]
    PortTaken {
        /// The port asked for.
        port: u16,
    },
    /// The data was written by a major version that is not installed.
    #[error(
        "the data in {} needs PostgreSQL {data}, which is not here (installed: {installed}): \
         install that version, or remove the directory to begin anew", dir.display()
    )]
    OtherVersion {
        /// The directory to remove or keep.
        dir: PathBuf,
        /// Major version that wrote the data.
        data: String,
        /// Major versions found, as a list for people.
        installed: String,
        /// What stopped the download of that version.
        source: BoxError,
    },
    /// initdb refused.
    #[error("initdb could not create the database cluster:\n{output}")]
    Initdb {
        /// What it printed.
        output: String,
    },
    /// The server ended, or was not ready in time.
    #[error("Postgres did not start; its log ends with:\n{log}")]
    NotStarted {
        /// The end of the server log.
        log: String,
    },
    /// The server outlived every signal.
    #[error("Postgres (pid {pid}) does not stop")]
    NotStopped {
        /// The postmaster.
        pid: i32,
    },
    /// The operating system refused something.
    #[error("cannot {action}")]
    Io {
        /// What we were doing, with the path.
        action: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Names what was being done when the system refused.
pub(crate) trait Doing<T> {
    /// `action` completes the sentence "cannot …".
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, action: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { action: action(), source: source.into() })
    }
}
