//! Codes that a vendor makes.

use uuid::Uuid;

/// Six digits from the random part of a UUID.
pub(crate) fn new_code() -> String {
    format!("{:06}", Uuid::new_v4().as_u128() % 1_000_000)
}
