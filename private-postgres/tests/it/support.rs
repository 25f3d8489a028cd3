//! What the tests share: a reachable place, SQL, a program to kill, and patience.

use private_postgres::Cluster;
use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Lines},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// A directory that goes with the test and that Postgres' own user can reach.
pub(crate) fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    dir
}

/// Runs SQL as the superuser and returns what psql prints.
pub(crate) fn sql(cluster: &Cluster, statement: &str) -> String {
    let output = psql(cluster)
        .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, &cluster.url()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The psql that came with the server, or any: a download has none.
pub(crate) fn psql(cluster: &Cluster) -> Command {
    let bundled = cluster.binaries().bin_dir().join("psql");
    Command::new(if bundled.exists() { bundled } else { "psql".into() })
}

/// Another program that holds a cluster; killed with SIGKILL at the latest when the test ends.
pub(crate) struct Holder {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Holder {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = holder(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits until its cluster runs; the postmaster's pid and the cluster's directory.
    pub(crate) fn running(&mut self) -> (i32, PathBuf) {
        let pid = self.lines.next().unwrap().unwrap().parse().unwrap();
        (pid, self.lines.next().unwrap().unwrap().into())
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The example program `hold`, built beside the tests.
pub(crate) fn holder(arguments: &[&str]) -> Command {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/hold");
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Whether `pid` still runs; a dead process that nobody has collected does not.
pub(crate) fn is_alive(pid: i32) -> bool {
    if Path::new("/proc/self").exists() {
        return fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty());
    }
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

/// Waits for a condition, at most 20 seconds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "still waiting: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Pids of the server's own processes, as it reports them.
pub(crate) fn backends(cluster: &Cluster) -> Vec<i32> {
    let pids = sql(cluster, "select pid from pg_stat_activity");
    pids.lines().map(|pid| pid.parse().unwrap()).collect()
}
