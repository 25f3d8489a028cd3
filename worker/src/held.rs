//! Which messages this process holds.
//!
//! A claim whose answer is lost leaves rows that carry our name and that nobody here knows of.
//! Nobody else would touch them while we live, so whatever is ours in the table but not in this
//! list is handed back: it surely was not sent.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::ids::MessageId;

/// The messages of one lane between claim and acknowledgement.
#[derive(Debug, Default)]
pub(crate) struct Held {
    claims: Mutex<HashMap<MessageId, u64>>,
}

impl Held {
    /// Remembers a message under the number of its claim.
    pub(crate) fn insert(&self, id: MessageId, claim: u64) {
        self.lock().insert(id, claim);
    }

    /// Forgets a message, unless it has been claimed anew since.
    pub(crate) fn remove(&self, id: MessageId, claim: u64) {
        let mut claims = self.lock();
        if claims.get(&id) == Some(&claim) {
            claims.remove(&id);
        }
    }

    /// All held ids.
    pub(crate) fn ids(&self) -> Vec<MessageId> {
        self.lock().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MessageId, u64>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_acknowledgement_does_not_forget_a_newer_claim() {
        let id = MessageId::new(chrono::Utc::now());
        let held = Held::default();
        held.insert(id, 1);
        held.insert(id, 2);
        held.remove(id, 1);
        assert_eq!(held.ids(), [id]);
        held.remove(id, 2);
        assert!(held.ids().is_empty());
    }
}
