//! `smsgw campaign add`: a list on its way in, and what the gateway says of it meanwhile.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use indicatif::ProgressBar;
use reqwest::Response;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::call::{Gateway, piece};
use crate::cli::AddArgs;
use crate::commands::campaign::list_file::ListFile;
use crate::commands::campaign::rejects::Rejects;
use crate::commands::campaign::{bar, path, told};
use crate::print::{Printer, Refusal};

/// So long the gateway may say nothing: a list that goes on is read from its beginning up to where it stopped.
const SILENCE: Duration = Duration::from_secs(600);
/// An earlier command's rows are waited for so often …
const MOST_AGAIN: u32 = 30;
/// … and so long each time.
const PAUSE: Duration = Duration::from_secs(1);
/// The problem of such rows.
const RUNNING: &str = "idempotency-key-running";
/// Problems that the same list meets again, however often it comes.
const LASTING: [&str; 3] = ["invalid-request", "campaign-state", "not-found"];

/// Sends a list, and tells what became of it.
pub(super) async fn run(gateway: &Gateway, args: AddArgs, printer: Printer) -> Result<()> {
    let (name, kind) = (args.file.clone(), args.format);
    let list = tokio::task::spawn_blocking(move || ListFile::open(&name, kind)).await??;
    let given = [("default_region", &args.default_region), ("phone_column", &args.phone_column)];
    let options: Vec<_> = given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let key = args.idempotency_key.clone().unwrap_or_else(|| list.key(&options));
    let bar = bar::of_rows(list.lines, printer);
    let rejects = Rejects::new(args.rejects.as_deref(), printer, bar.clone())?;
    let mut sending = Sending { gateway, args: &args, options, key, list, rejects, bar, printer, rows: 0 };
    let sent = sending.until_done().await;
    sending.bar.finish_and_clear();
    sending.rejects.close()?;
    let done = sent?;
    printer.show(&done, || told::added(&done))
}

/// A list on its way.
struct Sending<'a> {
    gateway: &'a Gateway,
    args: &'a AddArgs,
    options: Vec<(&'a str, &'a str)>,
    key: String,
    list: ListFile,
    rejects: Rejects,
    bar: ProgressBar,
    printer: Printer,
    /// Committed so far.
    rows: u64,
}

impl Sending<'_> {
    /// Sends the list and gives its counts. A command that was stopped a moment ago may still have rows on their way into
    /// the database: this one goes on behind them.
    async fn until_done(&mut self) -> Result<Value> {
        let mut again = 0;
        loop {
            match self.send().await {
                Err(error) if again < MOST_AGAIN && is_running(&error) => again += 1,
                ended => return ended,
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send(&mut self) -> Result<Value> {
        let (go, taken) = oneshot::channel();
        let body = self.list.body(taken);
        let head = (self.list.content_type(), self.key.as_str());
        let path = path(self.args.of, "/recipients");
        let answer = self.gateway.upload(&path, &self.options, head, body).await?;
        // If it has begun without, that is as well.
        let _ = go.send(());
        self.listen(Lines::new(answer)).await
    }

    /// Listens until the list is in.
    async fn listen(&mut self, mut lines: Lines) -> Result<Value> {
        loop {
            let line = lines.next().await.with_context(|| self.broken())?;
            let Some(line) = line else { return Err(anyhow!(self.broken())) };
            let before = self.rows;
            self.rows = line["rows"].as_u64().unwrap_or(before);
            self.bar.set_position(self.rows);
            match line["type"].as_str().unwrap_or_default() {
                "rejected" => self.rejects.take(&line)?,
                "resumed" if self.rows > before => {
                    self.bar.reset_eta();
                    self.say(&format!("the first {} rows were committed before", self.rows));
                }
                "warning" => self.say(&format!("warning: {}", line["detail"].as_str().unwrap_or_default())),
                "progress" => self.bar.set_message(told::added(&line)),
                "done" => return Ok(line),
                "error" => return Err(refusal(line, self.rows).into()),
                // A later gateway may tell more.
                _ => (),
            }
        }
    }

    fn broken(&self) -> String {
        format!("the upload broke off after {} rows were committed; {AGAIN}", self.rows)
    }

    /// Tells people something beside what was asked for.
    fn say(&self, sentence: &str) {
        if !self.printer.is_for_programs() {
            self.bar.suspend(|| eprintln!("{sentence}"));
        }
    }
}

const AGAIN: &str = "repeat the command, and it goes on there";

/// The gateway gave up the list.
fn refusal(problem: Value, rows: u64) -> Refusal {
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    let cure = if LASTING.contains(&text("code")) { String::new() } else { format!("; {AGAIN}") };
    let sentence = format!("{}; {rows} rows are committed{cure}", text("detail"));
    Refusal { sentence, problem }
}

fn is_running(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.problem["code"] == RUNNING)
}

/// An answer of one JSON document a line.
struct Lines {
    answer: Response,
    /// Read, and not told.
    rest: Vec<u8>,
    /// Up to here there is no line's end in it.
    searched: usize,
}

impl Lines {
    fn new(answer: Response) -> Self {
        Self { answer, rest: Vec::new(), searched: 0 }
    }

    async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            let end = self.rest[self.searched..].iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.map(|end| self.searched + end) {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                self.searched = 0;
                return Ok(Some(serde_json::from_slice(&line).context("the answer is no JSON")?));
            }
            self.searched = self.rest.len();
            match piece(&mut self.answer, SILENCE).await? {
                Some(more) => self.rest.extend(more),
                None => return Ok(None),
            }
        }
    }
}
