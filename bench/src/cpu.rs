//! What processes use of the machine, as `/proc` tells it (proc(5)).

use std::fs;
use std::time::Duration;

/// Processor time, user and system together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu(pub Duration);

/// The fields of `/proc/<pid>/stat` that count here.
struct Stat {
    parent: u32,
    own: u64,
    /// Of children that have ended.
    ended_children: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the name in brackets, and may hold anything.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(field(4)?).ok()?,
            own: field(14)? + field(15)?,
            ended_children: field(16)? + field(17)?,
        })
    }
}

impl Cpu {
    /// Of one process with its threads; nothing if it is gone.
    pub fn of(pid: u32) -> Self {
        Self::ticks(Stat::read(pid).map_or(0, |stat| stat.own))
    }

    /// Of a process and its children, also those that have ended.
    pub fn of_family(pid: u32) -> Self {
        let head = Stat::read(pid).map_or(0, |stat| stat.own + stat.ended_children);
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let children = pids.filter_map(Stat::read).filter(|stat| stat.parent == pid);
        Self::ticks(head + children.map(|stat| stat.own).sum::<u64>())
    }

    /// Of this process.
    pub fn own() -> Self {
        Self::of(std::process::id())
    }

    fn ticks(count: u64) -> Self {
        Self(Duration::from_secs_f64(count as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// What was used since `before`, in milliseconds for each of `messages`.
    pub fn each_since(self, before: Self, messages: usize) -> f64 {
        self.0.saturating_sub(before.0).as_secs_f64() * 1000.0 / messages as f64
    }
}

/// The most memory that was resident of a process, in MB; 0 if it is gone.
pub fn peak_resident_mb(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|text| text.split_ascii_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() * 1024.0 / 1_000_000.0
}

/// The machine's processor time since it started, and what of it a hypervisor gave to others, in clock ticks
/// (proc(5), `/proc/stat`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine {
    all: u64,
    stolen: u64,
}

impl Machine {
    /// As it is now; nothing where the machine does not tell.
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in the first two.
        let ticks: Vec<u64> =
            line.split_ascii_whitespace().skip(1).take(8).filter_map(|ticks| ticks.parse().ok()).collect();
        Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or_default() }
    }

    /// The share that others had since `before`.
    pub fn stolen_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all).max(1);
        self.stolen.saturating_sub(before.stolen) as f64 / all as f64
    }
}
