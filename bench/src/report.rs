//! What was measured, as lines for people and as a page that is committed.

use std::fmt::Write as _;
use std::process::Command;

use crate::cpu::Machine;

/// One line of the results.
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// What it must reach, in words.
    pub bar: &'static str,
    /// What was seen.
    pub seen: String,
    /// Whether that is enough.
    pub reached: bool,
    /// The program of `bench` that measures it.
    pub program: &'static str,
}

/// How the `smsgw` that is measured was built.
#[derive(Clone, Copy)]
pub enum Build {
    /// `cargo build --release`
    Plain,
    /// `bench/train`, which leaves it in a folder of its own
    Trained,
}

impl Build {
    /// That of the program beside this one.
    ///
    /// # Errors
    /// When this one cannot be found.
    pub fn of_this() -> std::io::Result<Self> {
        let is_trained = std::env::current_exe()?.parent().is_some_and(|folder| folder.ends_with("trained"));
        Ok(if is_trained { Self::Trained } else { Self::Plain })
    }

    /// Where its results are kept.
    pub fn file(self) -> &'static str {
        match self {
            Self::Plain => "bench/RESULTS.md",
            Self::Trained => "bench/TRAINED.md",
        }
    }

    /// What measures it.
    fn command(self) -> &'static str {
        match self {
            Self::Plain => "bench/run",
            Self::Trained => "target/trained/bench",
        }
    }

    fn told(self) -> &'static str {
        match self {
            Self::Plain => "`cargo build --release`",
            Self::Trained => {
                "`smsgw`, which is the gateway and the vendor, by `bench/train`; the rest by `cargo build --release`"
            }
        }
    }
}

/// The page: machine, commit, and a line a figure. Measuring began when the machine was at `began`.
pub fn page(figures: &[Figure], began: Machine, build: Build) -> String {
    let command = build.command();
    let mut page = format!(
        "# Results\n\nWritten by `{command}`. Everything runs on one machine at once: Postgres with stock settings \
         (fsync and\nsynchronous_commit on), the gateway, the mock vendor and the clients share its processors.\n\n",
    );
    let _ = writeln!(page, "- Built: {}", build.told());
    let stolen = Machine::now().stolen_since(began) * 100.0;
    let _ = writeln!(page, "- Machine: {}; others had {stolen:.0} % of it meanwhile (steal)", machine());
    let _ = writeln!(page, "- Postgres: {}", told("postgres", &["--version"]));
    let _ = writeln!(page, "- Commit: {}\n", commit());
    page.push_str("| Figure | Bar | Seen | | Command |\n|---|---|---|---|---|\n");
    for Figure { name, bar, seen, reached, program } in figures {
        let mark = if *reached { "reached" } else { "**missed**" };
        let _ = writeln!(page, "| {name} | {bar} | {seen} | {mark} | `{command} {program}` |");
    }
    page
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} × {}", model.unwrap_or("unknown processor"))
}

/// The commit, and whether anything but such a page was changed since.
fn commit() -> String {
    let changed = told("git", &["status", "--porcelain", "--", ".", ":!bench/*.md"]);
    let dirty = if changed.is_empty() { "" } else { ", and changes" };
    format!("{}{dirty}", told("git", &["describe", "--always"]))
}

fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The middle one of an odd number of figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// The value that `share` of the sorted `figures` do not exceed.
pub fn quantile(figures: &[f64], share: f64) -> f64 {
    let at = (figures.len() as f64 * share) as usize;
    figures.get(at.min(figures.len().saturating_sub(1))).copied().unwrap_or_default()
}
