//! An upload: chunks committed as they come, a line told after each, and going on where an earlier try stopped.

use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use shared::campaign::Enlisted;
use shared::ids::CampaignId;
use shared::recipients::Summary;
use shared::seal::Keyring;
use shared::store::campaigns::uploads::{self, Upload};
use shared::store::campaigns::{self, Campaign, feed, recipients};
use sqlx::{Connection as _, PgConnection, PgPool};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Duration, Instant, timeout_at};

use super::list::{Chunk, ListReader, rejected};
use crate::problem::Problem;
use crate::streamed::{self, Gone, Lines};

/// The body is read in pieces of about this size, each aside from other requests.
const PIECE_BYTES: usize = 128 * 1024;
/// Who is slower than this with a piece gives up their place to others; what is committed stays.
const SLOWEST_PIECE: Duration = Duration::from_secs(120);

/// One list on its way in.
pub(crate) struct Uploading {
    pub(crate) pool: PgPool,
    /// Recognises people who were erased.
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) campaign: CampaignId,
    /// What it is remembered under.
    pub(crate) key: String,
    /// How far an earlier request came.
    pub(crate) known: Upload,
    pub(crate) reader: Option<ListReader>,
    /// Its place among those that are read.
    pub(crate) _place: OwnedSemaphorePermit,
}

/// Why an upload ended early.
enum Stopped {
    /// Told as a line.
    Problem(Problem),
    /// Nobody listens any more.
    Gone,
}

impl From<Gone> for Stopped {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

impl<E: Into<Problem>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

/// Reads `body` and answers with a line (NDJSON) for each refused row and each committed chunk.
pub(crate) fn run(upload: Uploading, body: Body) -> Response {
    let (lines, answer) = Lines::answer();
    tokio::spawn(upload.run(body, lines));
    answer
}

/// How far this request has read.
#[derive(Default)]
struct Read {
    rows: i64,
    digest: Vec<u8>,
}

impl Read {
    /// Adds a chunk. One without rows, as a list may end with, leaves no trace.
    fn add(&mut self, chunk: &Chunk) {
        if chunk.rows > 0 {
            self.rows += i64::try_from(chunk.rows).unwrap_or(i64::MAX);
            let chained = Sha256::new().chain_update(&self.digest).chain_update(&chunk.digest);
            self.digest = chained.finalize().to_vec();
        }
    }
}

impl Uploading {
    async fn run(mut self, body: Body, lines: Lines) {
        let ended = self.read(body, &lines).await;
        let last = match ended {
            Ok(summary) => {
                let mut done = counts("done", &self.known);
                done["lines"] = json!(summary.lines);
                done
            }
            Err(Stopped::Problem(problem)) => {
                let mut error = counts("error", &self.known);
                error["code"] = json!(problem.code());
                error["detail"] = json!(problem.detail());
                error
            }
            Err(Stopped::Gone) => return,
        };
        // Nobody may be left to hear it.
        let _ = lines.tell(&last).await;
    }

    async fn read(&mut self, mut body: Body, lines: &Lines) -> Result<Summary, Stopped> {
        if self.known.rows > 0 {
            lines.tell(&json!({ "type": "resumed", "rows": self.known.rows })).await?;
        }
        let mut read = Read::default();
        loop {
            let (piece, end) = next_piece(&mut body).await;
            let is_last = matches!(end, End::Whole);
            let (chunks, summary) = self.parse(piece, is_last).await?;
            let last = chunks.len().saturating_sub(1);
            for (at, chunk) in chunks.into_iter().enumerate() {
                self.take(chunk, is_last && at == last, lines, &mut read).await?;
            }
            if let Some(summary) = summary {
                if let Some(warning) = summary.warning {
                    lines.tell(&json!({ "type": "warning", "detail": warning.to_string() })).await?;
                }
                return Ok(summary);
            }
            // What came before is kept, so that the next request need not begin anew.
            if let End::Broken(problem) = end {
                return Err(problem.into());
            }
        }
    }

    /// Reads a piece where it holds up no other request.
    async fn parse(
        &mut self,
        piece: Vec<u8>,
        is_last: bool,
    ) -> Result<(Vec<Chunk>, Option<Summary>), Stopped> {
        let Some(mut reader) = self.reader.take() else { return Err(Problem::panicked().into()) };
        let parsed = streamed::aside(move || {
            let read = reader.feed(&piece).and_then(|mut chunks| {
                let rest = if is_last { Some(reader.finish()?) } else { None };
                let summary = rest.map(|(more, summary)| {
                    chunks.extend(more);
                    summary
                });
                Ok((chunks, summary.flatten()))
            });
            (reader, read)
        });
        let (reader, read) = parsed.await?;
        self.reader = Some(reader);
        Ok(read.map_err(|error| Problem::field("body", error.to_string()))?)
    }

    /// Commits a chunk, unless an earlier request has, and tells what became of it.
    async fn take(
        &mut self,
        chunk: Chunk,
        is_last: bool,
        lines: &Lines,
        read: &mut Read,
    ) -> Result<(), Stopped> {
        for refused in &chunk.refused {
            lines.tell(refused).await?;
        }
        let is_repeated = read.rows < self.known.rows || self.known.done;
        read.add(&chunk);
        if is_repeated {
            let is_same = read.rows < self.known.rows && !is_last
                || read.rows == self.known.rows && read.digest == self.known.digest;
            return if is_same { Ok(()) } else { Err(other_list().into()) };
        }
        for left_out in self.commit(chunk, is_last, read).await? {
            lines.tell(&left_out).await?;
        }
        if !is_last {
            lines.tell(&counts("progress", &self.known)).await?;
        }
        Ok(())
    }

    /// Writes a chunk; gives the lines of those who are left out because of what they stopped before they were erased.
    async fn commit(&mut self, mut chunk: Chunk, is_last: bool, read: &Read) -> Result<Vec<Value>, Stopped> {
        let mut db = self.pool.acquire().await?;
        let mut tx = db.begin().await?;
        let campaign = campaigns::hold(&mut *tx, self.campaign).await?;
        let campaign = campaign.ok_or_else(|| Problem::not_found("there is no such campaign"))?;
        if !campaign.takes_recipients() {
            return Err(Problem::campaign_state(campaign.status, "takes no recipients any more").into());
        }
        let left_out = leave_out_erased(&mut tx, &self.keyring, &campaign, &mut chunk.recipients).await?;
        if let Some((_, longest)) = chunk.recipients.iter().max_by_key(|(_, one)| one.text.chars().count()) {
            recipients::remember_longest(&mut *tx, self.campaign, &longest.text).await?;
        }
        let refused = i64::try_from(chunk.refused.len() + left_out.len()).unwrap_or(i64::MAX);
        let new: Vec<_> = chunk.recipients.into_iter().map(|(_, one)| one.recipient).collect();
        let all = i64::try_from(new.len()).unwrap_or(i64::MAX);
        let added = if new.is_empty() { 0 } else { recipients::add(&mut tx, self.campaign, &new).await? };
        let next = Upload {
            rows: read.rows,
            digest: read.digest.clone(),
            added: self.known.added + added,
            duplicates: self.known.duplicates + all - added,
            blocked: self.known.blocked + chunk.blocked,
            rejected: self.known.rejected + refused - chunk.blocked,
            done: is_last,
        };
        if !uploads::replace(&mut *tx, self.campaign, &self.key, self.known.rows, &next).await? {
            return Err(Problem::upload_running().into());
        }
        if added > 0 {
            feed::reopen(&mut *tx, self.campaign).await?;
        }
        tx.commit().await?;
        self.known = next;
        Ok(left_out)
    }
}

/// Takes those out of a chunk who had stopped what the campaign sends before they were erased: their number does not come
/// back. Gives a line for each.
async fn leave_out_erased(
    db: &mut PgConnection,
    keyring: &Keyring,
    campaign: &Campaign,
    chunk: &mut Vec<(u64, Enlisted)>,
) -> sqlx::Result<Vec<Value>> {
    let phones: Vec<&str> = chunk.iter().map(|(_, one)| one.recipient.phone.as_str()).collect();
    let stopped = campaigns::find_erased_stopped(db, keyring.people(), campaign, &phones).await?;
    let mut left_out = Vec::new();
    if !stopped.is_empty() {
        chunk.retain(|(line, one)| {
            let is_stopped = stopped.contains(&one.recipient.phone);
            if is_stopped {
                let detail = "this person stopped such messages, and was erased since";
                left_out.push(rejected(*line, "opted_out", detail));
            }
            !is_stopped
        });
    }
    Ok(left_out)
}

/// How a piece of the body ends.
enum End {
    /// More follows.
    Open,
    /// The body is complete.
    Whole,
    /// Nothing more will come.
    Broken(Problem),
}

/// The next piece of the body.
async fn next_piece(body: &mut Body) -> (Vec<u8>, End) {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    let until = Instant::now() + SLOWEST_PIECE;
    while piece.len() < PIECE_BYTES {
        match timeout_at(until, streamed::next(body)).await {
            Ok(Ok(Some(data))) => piece.extend_from_slice(&data),
            Ok(Ok(None)) => return (piece, End::Whole),
            Ok(Err(problem)) => return (piece, End::Broken(problem)),
            Err(_) => return (piece, End::Broken(Problem::request_timeout(SLOWEST_PIECE))),
        }
    }
    (piece, End::Open)
}

fn counts(kind: &str, state: &Upload) -> Value {
    json!({
        "type": kind, "rows": state.rows, "added": state.added, "duplicates": state.duplicates,
        "blocked": state.blocked, "rejected": state.rejected,
    })
}

fn other_list() -> Problem {
    Problem::field(
        "Idempotency-Key",
        "belongs to another list: what was committed under it is not how this one begins",
    )
}
