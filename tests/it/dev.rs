//! `cargo run` as a new user meets it: the real binary, its banner, its curl line, its end.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tests::process::binary;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running `smsgw dev` in a folder of its own.
struct Dev {
    child: Child,
    banner: String,
}

impl Dev {
    fn start(folder: &Path) -> Self {
        let mut child = smsgw(folder, &["dev", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let banner = read_until(&lines, |line| line.contains("Ctrl-C stops everything"));
        Self { child, banner }
    }

    /// Runs the curl line printed under `title`, as it stands, and reads the answer.
    fn run_line(&self, title: &str) -> Value {
        let under = &self.banner[self.banner.find(title).unwrap()..];
        let line = under[under.find("curl ").unwrap()..].split("\n\n").next().unwrap();
        let output = Command::new("sh").args(["-c", line]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn word_after(&self, label: &str) -> &str {
        let from = self.banner.find(label).unwrap() + label.len();
        self.banner[from..].split_whitespace().next().unwrap()
    }

    /// Ctrl-C, and the wait for the end.
    fn interrupt(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(began.elapsed() < PATIENCE, "dev did not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Already reaped unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder that Postgres' own user can reach, so that its data stays in there.
fn new_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

fn smsgw(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(folder).env_remove("DATABASE_URL").stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    smsgw(folder, arguments).output().unwrap()
}

fn lines_of(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

fn read_until(lines: &Receiver<String>, last: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no more lines after:\n{text}"));
        text.push_str(&line);
        text.push('\n');
        if last(&line) {
            return text;
        }
    }
}

/// Command lines of all processes that name `folder`.
fn processes_in(folder: &Path) -> Vec<String> {
    let wanted = folder.to_string_lossy().into_owned();
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let commands = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    commands
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
        .filter(|c| c.contains(&wanted))
        .collect()
}

#[test]
fn a_new_user_sends_a_message_and_comes_back_the_next_day() {
    let folder = new_folder();
    let dev = Dev::start(folder.path());
    assert!(dev.banner.contains("sandbox"), "{}", dev.banner);

    let answer = dev.run_line("Send a message");
    let id = answer["message_id"].as_str().unwrap().to_owned();

    let mut follow =
        smsgw(folder.path(), &["logs", "--follow", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let followed = read_until(&lines_of(follow.stdout.take().unwrap()), |line| line.contains(&id));
    follow.kill().unwrap();
    follow.wait().unwrap();
    assert!(followed.contains("\"status\":\"sent\""), "{followed}");

    let inbox = dev.run_line("See it arrive");
    assert_eq!(inbox["messages"][0]["message_id"], id);

    let key = dev.word_after("Key").to_owned();
    assert_ne!(processes_in(folder.path()), Vec::<String>::new(), "Postgres should be seen at work");
    dev.interrupt();
    assert_eq!(processes_in(folder.path()), Vec::<String>::new());

    let again = Dev::start(folder.path());
    assert_eq!(again.word_after("Key"), key);
    let logs = run(folder.path(), &["logs", "--json"]);
    assert!(String::from_utf8_lossy(&logs.stdout).contains(&id));
    again.interrupt();
}

#[test]
fn a_second_dev_and_a_busy_port_are_told_in_a_sentence() {
    let folder = new_folder();
    let dev = Dev::start(folder.path());
    let second = run(folder.path(), &["dev", "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success());
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains("another smsgw is using"), "{told}");

    let address = dev.word_after("http://").to_owned();
    let elsewhere = new_folder();
    let busy = run(elsewhere.path(), &["dev", "--listen", &address]);
    assert!(!busy.status.success());
    let told = String::from_utf8_lossy(&busy.stderr).into_owned();
    assert!(told.contains("SMSGW_LISTEN") && told.contains("--listen"), "{told}");
    dev.interrupt();
}

#[test]
fn settings_that_are_missing_are_named() {
    let folder = new_folder();
    let url = ("DATABASE_URL", "postgres://127.0.0.1:1/none");
    for (settings, arguments, variable) in [
        (&[][..], &["serve"][..], "DATABASE_URL"),
        (&[url], &["serve"], "SMSGW_MASTER_KEY"),
        (&[url, ("SMSGW_MASTER_KEY", "short")], &["serve"], "SMSGW_MASTER_KEY"),
        (&[url, ("SMSGW_MASTER_KEY", " ")], &["serve"], "SMSGW_MASTER_KEY: is not set"),
        (&[("DATABASE_URL_FILE", "")], &["migrate"], "DATABASE_URL: is not set"),
        (&[], &["keys", "create", ""], "1 to 64 visible characters"),
        (&[], &["keys", "create", "two\nlines"], "1 to 64 visible characters"),
    ] {
        let output = smsgw(folder.path(), arguments).envs(settings.iter().copied()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(variable), "{arguments:?}: {told}");
    }
}
