//! Accepting a batch: up to 10,000 messages in one transaction. A bad one is refused by its index
//! and disturbs no other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::country_rules::CountryRules;
use shared::ids::{BatchId, MessageId};
use shared::lane::Lane;
use shared::message::{Body, NewMessage};
use shared::store::intake;
use sqlx::PgConnection;

use crate::accept::{self, Origin, SendRequest};
use crate::country_rules;
use crate::extract;
use crate::fields::Reach;
use crate::problem::{FieldError, Problem};
use crate::templates::Variant;

/// Messages in one batch.
pub(crate) const MAX_MESSAGES: usize = 10_000;
/// Rows in one statement.
const GROUP: usize = 1000;

/// A batch as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchRequest<'a> {
    lane: BatchLane,
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

/// Codes are not sent in batches.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BatchLane {
    Transactional,
    Promo,
}

/// A batch that was read: what is JSON and what is not, not yet what can be sent.
pub(crate) struct Batch {
    lane: Lane,
    messages: Vec<Result<SendRequest, ItemError>>,
}

/// A batch that was checked.
#[derive(Debug)]
pub(crate) struct CheckedBatch {
    /// Its lane.
    pub(crate) lane: Lane,
    /// What is to be stored.
    pub(crate) messages: Vec<NewMessage>,
    /// What is to be answered.
    pub(crate) answer: BatchAnswer,
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
pub(crate) struct BatchAnswer {
    batch_id: BatchId,
    /// How many will be sent.
    pub(crate) accepted: usize,
    /// How many will not.
    refused: usize,
    results: Vec<ItemResult>,
}

impl BatchAnswer {
    /// The codes of all refusals.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = &'static str> {
        self.results.iter().filter_map(|result| Some(result.error.as_ref()?.code))
    }
}

#[derive(Debug, Serialize)]
struct ItemResult {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ItemError>,
}

/// Why one message of a batch is refused.
#[derive(Debug, Serialize)]
pub(crate) struct ItemError {
    code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl From<Problem> for ItemError {
    fn from(problem: Problem) -> Self {
        Self { code: problem.code(), detail: problem.detail().to_owned(), errors: problem.errors().to_vec() }
    }
}

impl ItemError {
    fn duplicate(first: usize) -> Self {
        Self { code: "duplicate", detail: format!("the same as messages[{first}]"), errors: Vec::new() }
    }
}

impl Batch {
    /// Reads a batch.
    ///
    /// # Errors
    /// When the batch as a whole cannot be used. What is wrong with one message is kept with it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Problem> {
        let request: BatchRequest<'_> = extract::parse(text)?;
        let count = request.messages.len();
        if count == 0 {
            return Err(Problem::field("messages", "is empty"));
        }
        if count > MAX_MESSAGES {
            return Err(Problem::field(
                "messages",
                format!("has {count} messages, at most {MAX_MESSAGES} are allowed"),
            ));
        }
        let lane = match request.lane {
            BatchLane::Transactional => Lane::Transactional,
            BatchLane::Promo => Lane::Promo,
        };
        let read = |text: &RawValue| extract::parse(text.get().as_bytes()).map_err(ItemError::from);
        Ok(Self { lane, messages: request.messages.into_iter().map(read).collect() })
    }

    /// The templates its messages name.
    pub(crate) fn templates(&self) -> HashSet<String> {
        self.messages.iter().flatten().filter_map(|message| message.template.clone()).collect()
    }

    /// Its lane.
    pub(crate) const fn lane(&self) -> Lane {
        self.lane
    }

    /// Checks every message.
    pub(crate) fn check(
        self,
        id: BatchId,
        templates: &HashMap<String, Arc<Variant>>,
        reach: &Reach,
        rules: Option<&CountryRules>,
        origin: Origin<'_>,
    ) -> CheckedBatch {
        let checked = self.messages.into_iter().map(|request| {
            let request = request?;
            let template = request.template.as_ref().and_then(|name| templates.get(name));
            let message = accept::check(request, template.map(Arc::as_ref), reach, origin);
            message
                .and_then(|message| country_rules::allow(rules, &message).map(|()| message))
                .map_err(|refusal| ItemError::from(Problem::from(refusal)))
        });
        settle(id, self.lane, without_duplicates(self.lane, checked.collect()))
    }
}

/// Refuses what would reach a person twice: in promo a second text to a number, in transactional
/// the same text to the same number.
fn without_duplicates(
    lane: Lane,
    mut checked: Vec<Result<NewMessage, ItemError>>,
) -> Vec<Result<NewMessage, ItemError>> {
    let mut first = HashMap::with_capacity(checked.len());
    let mut duplicates = Vec::new();
    for (index, message) in checked.iter().enumerate() {
        let Ok(message) = message else { continue };
        let text = match (lane, &message.body) {
            (Lane::Promo, _) | (_, Body::Sealed(_)) => "",
            (Lane::Otp | Lane::Transactional, Body::Clear(text)) => text.as_str(),
        };
        let seen = *first.entry((message.to.as_str(), text)).or_insert(index);
        if seen != index {
            duplicates.push((index, seen));
        }
    }
    for (index, seen) in duplicates {
        checked[index] = Err(ItemError::duplicate(seen));
    }
    checked
}

fn settle(batch_id: BatchId, lane: Lane, checked: Vec<Result<NewMessage, ItemError>>) -> CheckedBatch {
    let mut messages = Vec::with_capacity(checked.len());
    let mut results = Vec::with_capacity(checked.len());
    for (index, message) in checked.into_iter().enumerate() {
        results.push(match message {
            Ok(message) => {
                let message_id = Some(message.id);
                messages.push(message);
                ItemResult { index, message_id, error: None }
            }
            Err(error) => ItemResult { index, message_id: None, error: Some(error) },
        });
    }
    let accepted = messages.len();
    let refused = results.len() - accepted;
    CheckedBatch { lane, messages, answer: BatchAnswer { batch_id, accepted, refused, results } }
}

/// Stores the messages of a batch; the caller's transaction makes it all or none.
pub(crate) async fn store(db: &mut PgConnection, messages: &[NewMessage]) -> sqlx::Result<()> {
    for group in messages.chunks(GROUP) {
        let rows: Vec<&NewMessage> = group.iter().collect();
        intake::insert(&mut *db, &rows).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use shared::ids::ApiKeyId;

    fn checked(json: &str) -> BatchAnswer {
        let batch = Batch::parse(json.as_bytes()).expect("a batch");
        let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        let id = BatchId::new(now);
        let origin = Origin { lane: batch.lane(), key: ApiKeyId(1), batch: Some(id), trace: None, now };
        batch.check(id, &HashMap::new(), &Reach::default(), None, origin).answer
    }

    fn codes(answer: &BatchAnswer) -> Vec<&'static str> {
        answer.results.iter().map(|result| result.error.as_ref().map_or("ok", |error| error.code)).collect()
    }

    #[test]
    fn a_bad_message_is_refused_by_its_index_and_disturbs_no_other() {
        let answer = checked(
            r#"{"lane": "transactional", "messages": [
                {"to": "+41791234567", "text": "a"}, {"to": 5, "text": "a"}, {"to": "12", "text": "a"},
                "nonsense", {"to": "+41791234568", "text": "a", "txt": 1}, {"to": "+41791234568", "text": "a"}
            ]}"#,
        );
        let bad = "invalid-request";
        assert_eq!(codes(&answer), ["ok", bad, bad, bad, bad, "ok"]);
        assert_eq!((answer.accepted, answer.refused), (2, 4));
        let fields: Vec<_> =
            answer.results.iter().flat_map(|r| &r.error).map(|e| e.errors[0].field.as_str()).collect();
        assert_eq!(fields, ["to", "to", "body", "txt"]);
    }

    #[test]
    fn promo_reaches_a_number_once_however_it_is_spelt() {
        let answer = checked(
            r#"{"lane": "promo", "messages": [{"to": "+41791234567", "text": "a"}, {"to": "+41 79 123 45 67", "text": "b"}]}"#,
        );
        assert_eq!(codes(&answer), ["ok", "duplicate"]);
    }

    #[test]
    fn transactional_reaches_a_number_once_with_the_same_text() {
        let answer = checked(
            r#"{"lane": "transactional", "messages": [{"to": "+41791234567", "text": "a"},
                {"to": "+41791234567", "text": "b"}, {"to": "+41791234567", "text": "a"}]}"#,
        );
        assert_eq!(codes(&answer), ["ok", "ok", "duplicate"]);
    }

    #[test]
    fn a_batch_is_refused_whole_when_it_is_none() {
        let many = format!(r#"{{"lane": "promo", "messages": [{}0]}}"#, "0,".repeat(MAX_MESSAGES));
        for (json, field) in [
            (r#"{"lane": "otp", "messages": [{}]}"#, "lane"),
            (r#"{"messages": [{}]}"#, "lane"),
            (r#"{"lane": "promo", "messages": []}"#, "messages"),
            (r#"{"lane": "promo", "messages": {}}"#, "messages"),
            (many.as_str(), "messages"),
        ] {
            let problem = Batch::parse(json.as_bytes()).err().expect("refused");
            assert_eq!(problem.errors()[0].field, field);
        }
    }
}
