//! Who runs on this machine: read from `/proc`, or from `ps` where there is none (macOS).

use rustix::process::{Pid, Signal, kill_process};
use std::{fs, io, path::Path, process::Command};

/// One running process. A dead one that nobody has collected has no command any more.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    command: String,
}

impl Process {
    /// Whether this is the postmaster of `data`: it keeps its command line, its children rewrite theirs.
    pub(crate) fn is_postmaster_of(&self, data: &Path) -> bool {
        self.command.contains("postgres") && self.command.contains(&*data.to_string_lossy())
    }

    /// Whether it still does anything.
    pub(crate) fn is_alive(&self) -> bool {
        !self.command.is_empty() && !self.command.contains("<defunct>")
    }
}

/// All processes we may see.
pub(crate) fn list() -> io::Result<Vec<Process>> {
    if !Path::new("/proc/self/stat").exists() {
        return list_by_ps();
    }
    let pids = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // One that ends while we read is simply not listed.
    Ok(pids.filter_map(read_proc).collect())
}

/// The process `pid`, if it is there.
pub(crate) fn find(pid: i32) -> io::Result<Option<Process>> {
    Ok(list()?.into_iter().find(|process| process.pid == pid))
}

/// Sends `signal`; a process that is gone needs none.
pub(crate) fn signal(pid: i32, signal: Signal) -> io::Result<()> {
    let Some(pid) = Pid::from_raw(pid) else {
        return Ok(());
    };
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn read_proc(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state parent …`, where the name may hold anything, parentheses too.
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(Process {
        pid,
        parent: parent.parse().ok()?,
        command: String::from_utf8_lossy(&command).replace('\0', " "),
    })
}

fn list_by_ps() -> io::Result<Vec<Process>> {
    let output = Command::new("ps").args(["-Axww", "-o", "pid=,ppid=,command="]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().filter_map(parse_ps_line).collect())
}

fn parse_ps_line(line: &str) -> Option<Process> {
    let (pid, rest) = line.trim_start().split_once(' ')?;
    let (parent, command) = rest.trim_start().split_once(' ')?;
    Some(Process { pid: pid.parse().ok()?, parent: parent.parse().ok()?, command: command.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_find_ourselves_and_our_parent() {
        let own_pid = std::process::id().cast_signed();
        let ourselves = find(own_pid).unwrap().unwrap();
        assert!(ourselves.is_alive());
        assert_eq!(ourselves.parent, std::os::unix::process::parent_id().cast_signed());
    }

    #[test]
    fn a_line_of_ps_is_read_with_its_spaces() {
        let process = parse_ps_line("  501     1 /opt/bin/postgres -D /Users/a b/data -c port=1").unwrap();
        assert_eq!((process.pid, process.parent), (501, 1));
        assert!(process.is_postmaster_of(Path::new("/Users/a b/data")));
    }
}
