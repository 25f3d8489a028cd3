//! Lists of statements, recorded in chunks: each is committed before the next is read, and a list may be given again.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use crate::consent::Statement;
use crate::consent_list::{ListReader, Rejected, Usual};
use crate::recipients::{InvalidList, Options};
use crate::seal::Keyring;
use crate::store::suppressions;

/// Statements recorded together. While they are, promo and transactional claims wait.
const CHUNK: usize = 2_000;

/// What an import has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Statements that changed something.
    pub recorded: u64,
    /// Statements of what was known already.
    pub unchanged: u64,
    /// Rows that are no statements.
    pub rejected: u64,
}

/// Why an import ended early; what was committed before stays.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no list of statements.
    #[error(transparent)]
    List(#[from] InvalidList),
    /// The database did not take it.
    #[error("the statements could not be recorded")]
    Store(#[from] sqlx::Error),
}

/// One list on its way into the ledger.
pub struct Import {
    reader: ListReader,
    waiting: Vec<Statement>,
    progress: Progress,
    keyring: Option<Arc<Keyring>>,
}

impl Import {
    /// Expects a list from its first byte.
    pub fn new(options: Options, usual: Usual) -> Self {
        let reader = ListReader::new(options, usual);
        Self { reader, waiting: Vec::new(), progress: Progress::default(), keyring: None }
    }

    /// Heeds what people had stopped before they were erased, whom only the gateway's keys recognise: who wants messages
    /// again has them, and a stop that still holds does not bring the number back.
    #[must_use]
    pub fn recognising_erased(self, keyring: Arc<Keyring>) -> Self {
        Self { keyring: Some(keyring), ..self }
    }

    /// Reads on; gives `told` the rows that are rejected. `now` is the database's time.
    ///
    /// # Errors
    /// [`InvalidList`] if this is no list at all.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        now: DateTime<Utc>,
        told: &mut Vec<Rejected>,
    ) -> Result<(), InvalidList> {
        let Self { reader, waiting, progress, .. } = self;
        reader.feed(bytes, now, &mut |row| sort(row, waiting, progress, told))
    }

    /// Records the next whole chunk of what was read, if there is one; says how far the import is then. To be called
    /// until there is none.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn commit_chunk(&mut self, db: &mut PgConnection) -> sqlx::Result<Option<Progress>> {
        if self.waiting.len() < CHUNK {
            return Ok(None);
        }
        let rest = self.waiting.split_off(CHUNK);
        let chunk = std::mem::replace(&mut self.waiting, rest);
        record(db, &chunk, self.keyring.as_deref(), &mut self.progress).await?;
        Ok(Some(self.progress))
    }

    /// Reads and records what is left once the last byte was fed; says what was done, and how many lines there were.
    ///
    /// # Errors
    /// [`ImportError`]; also if there was nothing to read.
    pub async fn finish(
        self,
        db: &mut PgConnection,
        now: DateTime<Utc>,
        told: &mut Vec<Rejected>,
    ) -> Result<(u64, Progress), ImportError> {
        let Self { reader, mut waiting, mut progress, keyring } = self;
        let summary = reader.finish(now, &mut |row| sort(row, &mut waiting, &mut progress, told))?;
        for chunk in waiting.chunks(CHUNK) {
            record(db, chunk, keyring.as_deref(), &mut progress).await?;
        }
        Ok((summary.lines, progress))
    }
}

fn sort(
    row: Result<Statement, Rejected>,
    waiting: &mut Vec<Statement>,
    progress: &mut Progress,
    told: &mut Vec<Rejected>,
) {
    match row {
        Ok(said) => waiting.push(said),
        Err(rejected) => {
            progress.rejected += 1;
            told.push(rejected);
        }
    }
}

/// Records a chunk in one transaction: an erased person's stop goes together with what replaces it, or not at all.
async fn record(
    db: &mut PgConnection,
    chunk: &[Statement],
    keyring: Option<&Keyring>,
    progress: &mut Progress,
) -> sqlx::Result<()> {
    let mut tx = super::begin_change(db).await?;
    let mut new = Cow::Borrowed(chunk);
    if let Some(keyring) = keyring
        && suppressions::exist(&mut *tx).await?
    {
        let people = keyring.people();
        // First, so that a list that is given again comes to the same.
        suppressions::lift_said(&mut *tx, people, chunk).await?;
        let holds = suppressions::find_holding(&mut *tx, people, chunk).await?;
        new = chunk.iter().zip(holds).filter(|(_, holds)| !holds).map(|(said, _)| said.clone()).collect();
    }
    let recorded = super::carry_out(&mut tx, &new).await?;
    tx.commit().await?;
    progress.recorded += recorded;
    progress.unchanged += (chunk.len() as u64).saturating_sub(recorded);
    Ok(())
}
