//! Reading a list of recipients as it arrives: from bytes to rows, in chunks that are committed each by itself.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use shared::campaign::{CampaignText, Enlisted, Links, Unusable, enlist};
use shared::config::ReachConfig;
use shared::recipients::{InvalidList, Options, Reader, Row, Summary};

/// Rows committed together.
pub(crate) const CHUNK_ROWS: usize = 5000;

/// What became of the rows of a chunk, before the database has seen them.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// How many it has.
    pub(crate) rows: usize,
    /// Of everything in it.
    pub(crate) digest: Vec<u8>,
    /// Whom to add, each with the line they stand in.
    pub(crate) recipients: Vec<(u64, Enlisted)>,
    /// Rows that cannot be used, as they are told.
    pub(crate) refused: Vec<Value>,
    /// Of these, how many are of countries that are not allowed.
    pub(crate) blocked: i64,
}

/// Reads a list, piece by piece.
pub(crate) struct ListReader {
    reader: Option<Reader>,
    gather: Gather,
}

/// Turns rows into chunks.
struct Gather {
    text: CampaignText,
    reach: ReachConfig,
    links: Links,
    chunk: Chunk,
    hash: Sha256,
    full: Vec<Chunk>,
}

impl ListReader {
    /// Expects a list from its first byte.
    pub(crate) fn new(text: CampaignText, reach: ReachConfig, links: Links, options: Options) -> Self {
        let gather =
            Gather { text, reach, links, chunk: Chunk::default(), hash: Sha256::new(), full: Vec::new() };
        Self { reader: Some(Reader::new(options)), gather }
    }

    /// Reads on; gives the chunks that are full.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Chunk>, InvalidList> {
        if let Some(reader) = &mut self.reader {
            reader.feed(bytes, &mut |row| self.gather.take(row))?;
        }
        Ok(std::mem::take(&mut self.gather.full))
    }

    /// Reads what is left; gives the last chunks, the very last of which may be empty.
    pub(crate) fn finish(&mut self) -> Result<(Vec<Chunk>, Option<Summary>), InvalidList> {
        let reader = self.reader.take();
        let summary = reader.map(|reader| reader.finish(&mut |row| self.gather.take(row))).transpose()?;
        self.gather.close();
        Ok((std::mem::take(&mut self.gather.full), summary))
    }
}

/// A row that cannot be used, as it is told.
pub(crate) fn rejected(line: u64, reason: &str, detail: &str) -> Value {
    json!({ "type": "rejected", "line": line, "reason": reason, "detail": detail })
}

impl Gather {
    fn take(&mut self, row: Row) {
        self.chunk.rows += 1;
        match row {
            Row::Recipient { line, recipient } => {
                self.hash.update(recipient.phone.as_str());
                for (name, value) in &recipient.variables {
                    self.hash.update([0]);
                    self.hash.update(name);
                    self.hash.update([1]);
                    self.hash.update(value.to_string());
                }
                match enlist(&self.text, &self.reach, &self.links, &recipient.phone, recipient.variables) {
                    Ok(one) => self.chunk.recipients.push((line, one)),
                    Err(error) => self.refuse(line, error.as_str(), &error.to_string(), Some(&error)),
                }
            }
            Row::Refused(refusal) => {
                self.hash.update(refusal.reason.as_str());
                self.refuse(refusal.line, refusal.reason.as_str(), &refusal.reason.to_string(), None);
            }
        }
        self.hash.update([2]);
        if self.chunk.rows == CHUNK_ROWS {
            self.close();
        }
    }

    fn refuse(&mut self, line: u64, reason: &str, detail: &str, unusable: Option<&Unusable>) {
        self.chunk.blocked += i64::from(matches!(unusable, Some(Unusable::CountryBlocked(_))));
        self.chunk.refused.push(rejected(line, reason, detail));
    }

    fn close(&mut self) {
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.digest = self.hash.finalize_reset().to_vec();
        self.full.push(chunk);
    }
}
