//! What a caller may choose about its cluster.

use std::path::PathBuf;

/// How a private cluster is run. Unless told otherwise: any free port, and stock settings, so that a commit
/// survives a crash.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) place: Place,
    pub(crate) durable: bool,
    pub(crate) port: Option<u16>,
    pub(crate) settings: Vec<(String, String)>,
}

/// Where the data lives and how long.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Stays for the next start.
    Kept(PathBuf),
    /// Goes when the server stops.
    Temporary,
}

impl Options {
    /// A cluster whose data stays in `dir` from run to run.
    #[must_use]
    pub fn kept(dir: impl Into<PathBuf>) -> Self {
        Self::at(Place::Kept(dir.into()))
    }

    /// A cluster that is removed with its data when it stops or when its owner ends.
    #[must_use]
    pub fn temporary() -> Self {
        Self::at(Place::Temporary)
    }

    fn at(place: Place) -> Self {
        Self { place, durable: true, port: None, settings: Vec::new() }
    }

    /// Trades crash safety of the machine for speed; a killed Postgres still recovers. For tests only.
    #[must_use]
    pub fn without_fsync(mut self) -> Self {
        self.durable = false;
        self.setting("fsync", "off").setting("synchronous_commit", "off").setting("full_page_writes", "off")
    }

    /// Insists on this port of 127.0.0.1.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets one server parameter, as in `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}
