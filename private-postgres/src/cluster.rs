//! The public face: a cluster that is started, asked for its URL, crashed if a test wants that, and stopped.

use crate::{
    binaries::Binaries,
    error::{Doing, Error},
    home::Home,
    initdb,
    options::Options,
    pid_file,
    server::Server,
};
use std::{
    fmt, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::sleep;

/// Below every system's range for outgoing connections: a client that retries against a port in that range
/// while the server is down may be given this very port and keep the server from coming back.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// How often a start may lose the race for a free port.
const PORT_TRIES: usize = 5;

/// A running private Postgres.
///
/// [`Self::stop`] ends it in order. Dropped, or with its process killed, it is shut down from outside, within
/// seconds.
pub struct Cluster {
    // Before `home`: the lock goes last.
    server: Server,
    home: Home,
    binaries: Binaries,
    settings: Vec<(String, String)>,
    port: u16,
    password: String,
}

impl Cluster {
    /// Starts a cluster and returns when it takes connections; the first time it runs initdb.
    ///
    /// # Errors
    /// Each [`Error`] is a sentence for the person at the terminal.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let home = Home::open(&options.place)?;
        let trash = home.trash().map(Path::to_path_buf);
        let started = Self::start_in(home, options).await;
        if let (Err(_), Some(trash)) = (&started, trash) {
            // The failure is what matters; a directory that stays is only untidy.
            drop(fs::remove_dir_all(trash));
        }
        started
    }

    async fn start_in(home: Home, options: Options) -> Result<Self, Error> {
        let binaries = match home.made_by()? {
            Some(version) => {
                pid_file::take_over(&home.data()).await?;
                Binaries::for_data(home.dir(), &version).await?
            }
            None => {
                let binaries = Binaries::find_or_download().await?;
                let (dir, version) = (home.dir().display(), binaries.major());
                tracing::info!(%dir, version, "creating a database cluster");
                initdb::create(&home, &binaries, options.durable).await?;
                binaries
            }
        };
        let password = home.password()?;
        let (server, port) = launch(&home, &binaries, &options).await?;
        Ok(Self { server, home, binaries, settings: options.settings, port, password })
    }

    /// The database `postgres` as its superuser. Contains the password: not for logs.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_for("postgres")
    }

    /// As [`Self::url`] for another database, whose name must need no escaping.
    #[must_use]
    pub fn url_for(&self, database: &str) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}")
    }

    /// The port on 127.0.0.1; the same after every [`Self::restart`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The binaries that run it.
    #[must_use]
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Where everything of this cluster is, its log included.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.home.dir()
    }

    /// The directory asked for, when Postgres' own user cannot reach it and [`Self::dir`] is another.
    #[must_use]
    pub fn moved_from(&self) -> Option<&Path> {
        self.home.moved_from()
    }

    /// The server's log since its last start.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// Process id of the postmaster.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.server.pid()
    }

    /// Ends the server: a fast shutdown, by force after 15 seconds. A temporary cluster is removed.
    ///
    /// # Errors
    /// If it outlives SIGKILL or its files cannot be removed.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.shut_down().await?;
        match self.home.trash() {
            Some(dir) => fs::remove_dir_all(dir).doing(|| format!("remove {}", dir.display())),
            None => Ok(()),
        }
    }

    /// SIGKILL to the server and all its processes at once; [`Self::restart`] brings it back.
    ///
    /// # Errors
    /// If a process outlives it.
    pub async fn kill_hard(&mut self) -> Result<(), Error> {
        self.server.kill_hard().await
    }

    /// Starts the server anew on the same port, after a crash or, shutting it down first, in order.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.shut_down().await?;
        self.server = self.server_on_old_port().await?;
        Ok(())
    }

    async fn server_on_old_port(&self) -> Result<Server, Error> {
        for _ in 1..PORT_TRIES {
            match Server::start(&self.home, &self.binaries, self.port, &self.settings).await {
                // Somebody came while we were down; it may be brief.
                Err(Error::PortTaken { .. }) => sleep(Duration::from_secs(1)).await,
                started => return started,
            }
        }
        Server::start(&self.home, &self.binaries, self.port, &self.settings).await
    }

    async fn shut_down(&mut self) -> Result<(), Error> {
        self.server.stop().await?;
        // Nothing to do, unless someone killed the supervising shell and the server lives on.
        pid_file::take_over(&self.home.data()).await
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("dir", &self.home.dir())
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

async fn launch(home: &Home, binaries: &Binaries, options: &Options) -> Result<(Server, u16), Error> {
    if let Some(port) = options.port {
        let server = Server::start(home, binaries, port, &options.settings).await?;
        return Ok((server, port));
    }
    let mut tries = 1;
    loop {
        let port = free_port()?;
        match Server::start(home, binaries, port, &options.settings).await {
            Err(Error::PortTaken { .. }) if tries < PORT_TRIES => tries += 1,
            started => return Ok((started?, port)),
        }
    }
}

/// Some port nobody uses now. Begins anywhere, so that clusters starting at once seldom meet.
fn free_port() -> Result<u16, Error> {
    let random = getrandom::u32().doing(|| "get random bytes".to_owned())?;
    let count = u32::from(PORTS.end - PORTS.start);
    let skipped = usize::try_from(random % count).unwrap_or(0);
    let mut ports = PORTS.cycle().skip(skipped).take(PORTS.len());
    ports
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .ok_or(Error::PortTaken { port: PORTS.start })
}
