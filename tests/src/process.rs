//! The real program `smsgw` in processes of its own, for tests that kill it.
//!
//! Built once a run, with the profile of the test itself. Every process is killed and reaped by its
//! id when its handle is dropped; what it logged is shown if the test fails.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};

/// Lines of a process's log that are shown when the test fails.
const SHOWN_LINES: usize = 30;

/// Environment variables of a process: these, and nothing of the test's own.
pub type Settings = Vec<(&'static str, String)>;

/// One running `smsgw`.
#[derive(Debug)]
pub struct Smsgw {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Smsgw {
    /// Starts `smsgw` with `arguments`; standard error is appended to `<logs>/<name>.log`,
    /// standard output to `<logs>/<name>.out`.
    pub fn start(name: &str, logs: &Path, settings: &Settings, arguments: &[&str]) -> Self {
        let log = logs.join(format!("{name}.log"));
        let append = |path: &Path| File::options().create(true).append(true).open(path).unwrap();
        let (stdout, stderr) = (append(&log.with_extension("out")), append(&log));
        let child = command(settings, arguments).stdout(stdout).stderr(stderr).spawn().unwrap();
        Self { name: name.to_owned(), log, child }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// SIGKILL: it does nothing more, not even say goodbye.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP: it stands still in the middle of whatever it does.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT: it goes on as if no time had passed.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything logged under its name.
    pub fn log(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Shows the end of what was logged under its name.
    pub fn show_log(&self) {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        eprintln!("--- the end of {}'s log ---\n{}", self.name, shown.join("\n"));
    }

    /// Everything written to standard output under its name.
    pub fn out(&self) -> String {
        let text = std::fs::read(self.log.with_extension("out")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// SIGTERM: it ends in good order.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid()).unwrap();
        kill_process(pid, signal).unwrap();
    }
}

impl Drop for Smsgw {
    fn drop(&mut self) {
        // Errors mean that it is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            self.show_log();
        }
    }
}

/// Runs one command of `smsgw` to its end and gives its standard output.
pub fn run(settings: &Settings, arguments: &[&str]) -> String {
    let done = command(settings, arguments).output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "smsgw {} failed: {told}", arguments.join(" "));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// How one command of `smsgw` ended, and what it said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Runs one command of `smsgw` to its end, whatever that is; `input` is its standard input.
pub fn said(settings: &Settings, arguments: &[&str], input: &str) -> Said {
    use std::io::Write as _;
    let mut command = command(settings, arguments);
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = streams.spawn().unwrap();
    // A command that does not read its input may end before it is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let done = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: done.status.code().unwrap_or(-1), out: text(done.stdout), err: text(done.stderr) }
}

/// A command of `smsgw`, to be run in one way or another.
pub fn command(settings: &Settings, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    let own = |name| std::env::var_os(name).map(|value| (name, value));
    command
        .args(arguments)
        .env_clear()
        .envs(["PATH", "HOME", "RUST_LOG", "RUST_BACKTRACE"].into_iter().filter_map(own))
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null());
    command
}

/// The program, up to date with the sources.
///
/// Cargo tells a test where the binaries of its own package are, not those of another; so it is
/// asked to build this one, and puts it beside the test's own `deps`. `SMSGW_TEST_FEATURES` says with what.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let built = test.parent().and_then(Path::parent).expect("tests lie in <target>/<profile>/deps");
        build(built);
        built.join(format!("smsgw{}", std::env::consts::EXE_SUFFIX))
    })
}

fn build(built: &Path) {
    let profile = match built.file_name().and_then(OsStr::to_str).expect("a profile's directory") {
        "debug" => "dev",
        other => other,
    };
    let target = built.parent().expect("a profile's directory lies in the target directory");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--bin", "smsgw", "--profile", profile]);
    match std::env::var("SMSGW_TEST_FEATURES") {
        Ok(features) => cargo.args(["--package", "smsgw", "--features", &features]),
        // Of the whole workspace and with an example, so that it shares what `cargo test --workspace` compiled: by itself
        // it would need its dependencies with fewer features, all of the workspace once more.
        Err(_) => cargo.args(["--workspace", "--example", "with_database"]),
    };
    cargo.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    // What cargo told this test of its package would make build scripts run again.
    let told = |name: &str| {
        let of_package = name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        of_package || matches!(name, "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "CARGO_TARGET_TMPDIR")
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told)) {
        cargo.env_remove(name);
    }
    let built = cargo.status().unwrap();
    assert!(built.success(), "smsgw does not build");
}
