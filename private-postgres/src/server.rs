//! One running server: started, awaited, stopped, killed.

use crate::{
    binaries::Binaries,
    error::{Doing, Error},
    home::Home,
    pid_file::PidFile,
    processes,
    supervisor::supervised,
};
use rustix::process::Signal;
use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{Child, ChildStdin, Command},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Long enough to replay the WAL of a server killed under load.
const READY_LIMIT: Duration = Duration::from_secs(60);
const FAST_LIMIT: Duration = Duration::from_secs(15);
const FORCED_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// A server that takes connections. Dropping it closes the pipe, on which the shell stops it.
pub(crate) struct Server {
    pid: i32,
    shell: Child,
    _lifeline: Option<ChildStdin>,
}

impl Server {
    /// Starts the server of `home` on `port` and returns when it takes connections.
    pub(crate) async fn start(
        home: &Home,
        binaries: &Binaries,
        port: u16,
        settings: &[(String, String)],
    ) -> Result<Self, Error> {
        let mut shell =
            command(home, binaries, port, settings)?.spawn().doing(|| "start Postgres".to_owned())?;
        let lifeline = shell.stdin.take();
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            if let Some(pid) = ready_pid(&home.data(), &shell)? {
                return Ok(Self { pid, shell, _lifeline: lifeline });
            }
            if has_ended(&mut shell)? || Instant::now() > deadline {
                return Err(why_not_started(&home.log(), port));
            }
            sleep(POLL).await;
        }
    }

    /// The postmaster's pid.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Fast shutdown, by force if that takes too long. A server that has ended stays as it is.
    pub(crate) async fn stop(&mut self) -> Result<(), Error> {
        if has_ended(&mut self.shell)? {
            return Ok(());
        }
        stop_postmaster(self.pid, || has_ended(&mut self.shell)).await
    }

    /// SIGKILL to the postmaster and everything it started.
    pub(crate) async fn kill_hard(&mut self) -> Result<(), Error> {
        if has_ended(&mut self.shell)? {
            return Ok(());
        }
        kill_family(self.pid, || has_ended(&mut self.shell)).await
    }
}

/// The postmaster's pid once it is ready; one noted by an earlier server is not our shell's child.
fn ready_pid(data: &Path, shell: &Child) -> Result<Option<i32>, Error> {
    let Some(PidFile { pid, ready: true }) = PidFile::read(data)? else {
        return Ok(None);
    };
    let process = processes::find(pid).doing(|| "list processes".to_owned())?;
    let shell = shell.id().cast_signed();
    Ok(process.filter(|process| process.parent == shell).map(|process| process.pid))
}

/// Whether the shell, and so the server, has ended.
fn has_ended(shell: &mut Child) -> Result<bool, Error> {
    let status = shell.try_wait().doing(|| "wait for Postgres".to_owned())?;
    Ok(status.is_some())
}

/// Ends a postmaster, politely first; `gone` tells when it has ended.
pub(crate) async fn stop_postmaster(
    pid: i32,
    mut gone: impl FnMut() -> Result<bool, Error>,
) -> Result<(), Error> {
    for (signal, limit) in [(Signal::INT, FAST_LIMIT), (Signal::QUIT, FORCED_LIMIT)] {
        send(pid, signal)?;
        if wait_until(limit, &mut gone).await? {
            return Ok(());
        }
        tracing::warn!(pid, "Postgres is slow to stop; insisting");
    }
    kill_family(pid, gone).await
}

async fn kill_family(pid: i32, mut gone: impl FnMut() -> Result<bool, Error>) -> Result<(), Error> {
    // Stopped first, it starts no child that we would miss.
    send(pid, Signal::STOP)?;
    let children = children_of(pid)?;
    for pid in [pid].iter().chain(&children) {
        send(*pid, Signal::KILL)?;
    }
    let all_gone = || Ok(gone()? && !any_alive(&children)?);
    if wait_until(FORCED_LIMIT, all_gone).await? { Ok(()) } else { Err(Error::NotStopped { pid }) }
}

fn children_of(parent: i32) -> Result<Vec<i32>, Error> {
    let all = processes::list().doing(|| "list processes".to_owned())?;
    let children = all.iter().filter(|process| process.parent == parent);
    Ok(children.map(|process| process.pid).collect())
}

fn any_alive(pids: &[i32]) -> Result<bool, Error> {
    let all = processes::list().doing(|| "list processes".to_owned())?;
    Ok(all.iter().any(|process| pids.contains(&process.pid) && process.is_alive()))
}

fn send(pid: i32, signal: Signal) -> Result<(), Error> {
    processes::signal(pid, signal).doing(|| format!("signal Postgres (pid {pid})"))
}

async fn wait_until(
    limit: Duration,
    mut condition: impl FnMut() -> Result<bool, Error>,
) -> Result<bool, Error> {
    let deadline = Instant::now() + limit;
    while !condition()? {
        if Instant::now() > deadline {
            return Ok(false);
        }
        sleep(POLL).await;
    }
    Ok(true)
}

fn command(
    home: &Home,
    binaries: &Binaries,
    port: u16,
    settings: &[(String, String)],
) -> Result<Command, Error> {
    let log = open_log(&home.log()).doing(|| format!("write {}", home.log().display()))?;
    let log_too = log.try_clone().doing(|| "share the log".to_owned())?;
    let mut command = supervised(home.account(), home.trash(), &binaries.program("postgres"));
    command
        .arg("-D")
        .arg(home.data())
        // Loopback alone: a socket would want a short path that both users reach.
        .args(["-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "unix_socket_directories="])
        .args(["-c", &format!("port={port}")])
        .args(settings.iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]))
        .current_dir(home.data())
        .stdout(log)
        .stderr(log_too);
    Ok(command)
}

/// A fresh log; the one before stays for a look at what happened.
fn open_log(path: &Path) -> io::Result<File> {
    if path.exists() {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    File::create(path)
}

fn why_not_started(log: &Path, port: u16) -> Error {
    const LINES: usize = 12;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    if text.contains("could not create any TCP/IP sockets") {
        return Error::PortTaken { port };
    }
    let lines: Vec<_> = text.lines().collect();
    Error::NotStarted { log: lines[lines.len().saturating_sub(LINES)..].join("\n") }
}
