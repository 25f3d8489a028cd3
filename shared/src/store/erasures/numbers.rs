//! People as columns, for `unnest`: a row for each way that tables may write a number.

use chrono::{DateTime, Utc};

use super::Pending;
use crate::ids::MessageId;
use crate::phone::PhoneNumber;

/// Whose rows are to go, what stays of them, and up to which message.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) spellings: Vec<String>,
    pub(super) kept: Vec<String>,
    pub(super) until: Vec<MessageId>,
}

impl Numbers {
    pub(super) fn of<'a>(people: impl IntoIterator<Item = (&'a PhoneNumber, MessageId)>) -> Self {
        let mut numbers = Self::default();
        for (phone, until) in people {
            for spelling in phone.stored_spellings() {
                numbers.spellings.push(spelling);
                numbers.kept.push(phone.forgotten());
                numbers.until.push(until);
            }
        }
        numbers
    }

    pub(super) fn of_pending(people: &[Pending]) -> Self {
        Self::of(people.iter().map(|one| (&one.phone, one.until())))
    }

    /// What happened from then on is not theirs to erase: they came back.
    pub(super) fn times(&self) -> Vec<DateTime<Utc>> {
        self.until.iter().map(|until| until.created_at()).collect()
    }

    /// What stays of the number as it is written in a message, if that message is theirs to erase.
    pub(super) fn rest_of(&self, to: &str, message: MessageId) -> Option<&str> {
        let at = self.spellings.iter().position(|spelling| spelling == to)?;
        (message < self.until[at]).then(|| self.kept[at].as_str())
    }
}
