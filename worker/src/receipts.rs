//! Receipts that came before their message was in the log: applied as soon as it is.
//!
//! Acks do not look for them, so a gateway without receipts pays nothing for this.

use std::time::Duration;

use shared::db::{Database, Use, within};
use shared::store::receipts;

const TICK: Duration = Duration::from_millis(250);
/// What takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Applied together.
const GROUP: i64 = 1000;

/// Applies kept receipts until dropped.
pub(crate) async fn run(database: &Database) {
    loop {
        if let Err(error) = watch(database).await {
            tracing::debug!(%error, "kept receipts wait for the database");
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn watch(database: &Database) -> sqlx::Result<()> {
    let mut db = database.connect(Use::Queue("smsgw receipts")).await?;
    loop {
        // After a full group there may be more.
        if within(PATIENCE, receipts::apply_kept(&mut db, GROUP)).await? < usize::try_from(GROUP).unwrap_or(0)
        {
            tokio::time::sleep(TICK).await;
        }
    }
}
