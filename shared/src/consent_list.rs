//! Lists of what people said, as other systems give them: CSV or NDJSON, a row for each statement.
//!
//! A row has a number and may have `scope`, `sender`, `action`, `source`, `proof` and `created_at`; what it does not say
//! is as the list's [`Usual`] has it. What is exported here can be imported again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::consent::{
    Action, Evidence, InvalidEvidence, InvalidStop, Statement, Stop, UnknownAction, UnknownScope,
};
use crate::csv;
use crate::recipients::{InvalidList, Options, Reader, Recipient, Refusal, Row, Summary};

/// The columns beside the number.
const COLUMNS: [&str; 6] = ["scope", "sender", "action", "source", "proof", "created_at"];
/// A time so far ahead of the clock is still now: clocks differ.
const TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// What is meant where a row does not say.
#[derive(Clone, Debug)]
pub struct Usual {
    /// Of what.
    pub stop: Stop,
    /// Who says so.
    pub source: String,
}

/// What is wrong with a row whose number is right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStatement {
    /// No scope is called so.
    #[error("scope: {0}")]
    Scope(UnknownScope),
    /// A sender that does not go with the scope, or cannot be one.
    #[error("sender: {0}")]
    Sender(InvalidStop),
    /// No action is called so.
    #[error("action: {0}")]
    Action(UnknownAction),
    /// A source or proof that cannot stand in the ledger.
    #[error("{0}: {1}")]
    Evidence(&'static str, InvalidEvidence),
    /// A time that cannot be read.
    #[error("created_at: must be a time as RFC 3339 writes it, such as 2026-01-31T18:00:00Z")]
    Time,
    /// A time that has not come yet.
    #[error("created_at: lies in the future")]
    Future,
}

impl BadStatement {
    /// The stable word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Scope(_) => "unknown_scope",
            Self::Sender(_) => "invalid_sender",
            Self::Action(_) => "unknown_action",
            Self::Evidence(..) => "invalid_evidence",
            Self::Time | Self::Future => "invalid_time",
        }
    }
}

/// A row that is not recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The line it begins in, from 1.
    pub line: u64,
    /// Why, as a word for programs.
    pub reason: &'static str,
    /// Why, for people.
    pub detail: String,
}

impl From<Refusal> for Rejected {
    fn from(Refusal { line, reason }: Refusal) -> Self {
        Self { line, reason: reason.as_str(), detail: reason.to_string() }
    }
}

/// Reads one list.
pub struct ListReader {
    reader: Reader,
    usual: Usual,
}

impl ListReader {
    /// Expects a list from its first byte; which variables are kept is not the caller's choice.
    pub fn new(options: Options, usual: Usual) -> Self {
        let variables = Some(COLUMNS.map(str::to_owned).to_vec());
        Self { reader: Reader::new(Options { variables, ..options }), usual }
    }

    /// Reads on; gives `sink` each row that is complete, in their order. `now` is the database's time.
    ///
    /// # Errors
    /// [`InvalidList`] if this is no list at all.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        now: DateTime<Utc>,
        sink: &mut impl FnMut(Result<Statement, Rejected>),
    ) -> Result<(), InvalidList> {
        let usual = &self.usual;
        self.reader.feed(bytes, &mut |row| sink(read(row, usual, now)))
    }

    /// Reads what is left once the last byte was fed.
    ///
    /// # Errors
    /// As [`feed`](Self::feed), and if there was nothing to read.
    pub fn finish(
        self,
        now: DateTime<Utc>,
        sink: &mut impl FnMut(Result<Statement, Rejected>),
    ) -> Result<Summary, InvalidList> {
        let usual = &self.usual;
        self.reader.finish(&mut |row| sink(read(row, usual, now)))
    }
}

fn read(row: Row, usual: &Usual, now: DateTime<Utc>) -> Result<Statement, Rejected> {
    match row {
        Row::Refused(refusal) => Err(refusal.into()),
        Row::Recipient { line, recipient } => statement(recipient, usual, now).map_err(|bad| Rejected {
            line,
            reason: bad.as_str(),
            detail: bad.to_string(),
        }),
    }
}

fn statement(recipient: Recipient, usual: &Usual, now: DateTime<Utc>) -> Result<Statement, BadStatement> {
    let Recipient { phone, variables } = recipient;
    let cell = |name| cell(&variables, name);
    let stop = match (cell("scope"), cell("sender")) {
        (None, None) => usual.stop.clone(),
        (None, Some(sender)) => Stop::of_sender(sender).map_err(BadStatement::Sender)?,
        (Some(scope), sender) => {
            let scope = scope.parse().map_err(BadStatement::Scope)?;
            Stop::parse(scope, sender).map_err(BadStatement::Sender)?
        }
    };
    let action = cell("action").map_or(Ok(Action::OptOut), str::parse).map_err(BadStatement::Action)?;
    let source = cell("source").map_or_else(|| usual.source.clone(), str::to_owned);
    let source = Evidence::source(source).map_err(|error| BadStatement::Evidence("source", error))?;
    let proof = cell("proof").map(|proof| Evidence::proof(proof.to_owned())).transpose();
    let proof = proof.map_err(|error| BadStatement::Evidence("proof", error))?;
    let at = cell("created_at").map(|text| time(text, now)).transpose()?;
    Ok(Statement { phone, stop, action, evidence: Evidence { source, proof }, at })
}

/// A cell that says something.
fn cell<'a>(variables: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = variables.get(name)?.as_str()?.trim();
    (!text.is_empty()).then(|| csv::unguarded(text))
}

fn time(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, BadStatement> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| BadStatement::Time)?.to_utc();
    if time > now + TOLERANCE { Err(BadStatement::Future) } else { Ok(time.min(now)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
    }

    fn rows(list: &str) -> Vec<Result<Statement, Rejected>> {
        let usual = Usual { stop: Stop::Marketing, source: "import".to_owned() };
        let mut reader = ListReader::new(Options::default(), usual);
        let mut rows = Vec::new();
        reader.feed(list.as_bytes(), now(), &mut |row| rows.push(row)).expect("a list");
        reader.finish(now(), &mut |row| rows.push(row)).expect("a list");
        rows
    }

    #[test]
    fn a_row_says_as_much_as_it_wants() {
        let list = "phone,scope,sender,action,source,proof,created_at,name\n\
                    +41790000001,,,,,,,Ada\n\
                    +41790000002,all,,opt_out,old system,'=form 7,2026-01-31T18:00:00Z,\n\
                    +41790000003,,ACME,opt_in,,,,\n";
        let said: Vec<_> = rows(list).into_iter().map(|row| row.expect("a statement")).collect();
        assert_eq!((&said[0].stop, said[0].action, said[0].at), (&Stop::Marketing, Action::OptOut, None));
        assert_eq!(said[0].evidence, Evidence::of("import"));
        assert_eq!(said[1].stop, Stop::All);
        assert_eq!(said[1].evidence, Evidence::of("old system").shown_by("=form 7"));
        assert!(said[1].at.is_some_and(|at| at < now()));
        assert_eq!((&said[2].stop, said[2].action), (&Stop::Sender("ACME".to_owned()), Action::OptIn));
    }

    #[test]
    fn a_row_that_cannot_be_meant_is_told_with_its_line_and_reason() {
        let list = "phone;scope;sender;action;created_at;source\n12;;;;;\n+41790000001;some;;;;\n\
                    +41790000001;all;ACME;;;\n+41790000001;;;stop;;\n+41790000001;;;;yesterday;\n\
                    +41790000001;;;;2099-01-01T00:00:00Z;\n";
        let told: Vec<_> = rows(list)
            .into_iter()
            .map(|row| row.expect_err("rejected"))
            .map(|row| (row.line, row.reason))
            .collect();
        assert_eq!(
            told[1..],
            [
                (3, "unknown_scope"),
                (4, "invalid_sender"),
                (5, "unknown_action"),
                (6, "invalid_time"),
                (7, "invalid_time")
            ]
        );
        assert_eq!(told[0].0, 2);
    }
}
