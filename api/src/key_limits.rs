//! How much one API key may send, codes and texts together, if an operator has set limits of the kind `key`. Codes are
//! counted with their sessions; here texts are.

use shared::db;
use shared::ids::ApiKeyId;
use shared::limits::{Kind, Limit, Standing, Subject};
use shared::store::otp_windows;
use sqlx::PgConnection;

use crate::app::App;
use crate::problem::Problem;

/// Counts `sends` texts of `key` and says where it stands; nothing, and at no cost, where no limit is set.
///
/// # Errors
/// The limit that is reached: then none of the texts is counted. That the database is away.
pub(crate) async fn count(app: &App, key: ApiKeyId, sends: usize) -> Result<Vec<Standing>, Problem> {
    let limits = limits(app).await?;
    if limits.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = db::begin(&app.pool).await?;
    let standings = count_within(&mut tx, &limits, key, sends).await?;
    tx.commit().await?;
    Ok(standings)
}

/// The limits of keys.
///
/// # Errors
/// That the database is away.
pub(crate) async fn limits(app: &App) -> Result<Vec<Limit>, Problem> {
    let book = app.policies.all(&app.pool).await?;
    Ok(book.limits().iter().filter(|limit| limit.kind == Kind::Key).cloned().collect())
}

/// As [`count`], within the transaction that stores the texts: what is not stored is not counted.
///
/// # Errors
/// As there.
pub(crate) async fn count_within(
    db: &mut PgConnection,
    limits: &[Limit],
    key: ApiKeyId,
    sends: usize,
) -> Result<Vec<Standing>, Problem> {
    if limits.is_empty() {
        return Ok(Vec::new());
    }
    let subjects = [Subject { kind: Kind::Key, name: key.to_string() }];
    let mut held = otp_windows::hold(&mut *db, limits, &subjects).await?;
    let sends = u32::try_from(sends).unwrap_or(u32::MAX);
    let standings = held.ledger.count_sends(limits, &subjects, sends, held.now)?;
    otp_windows::record(db, limits, &held).await?;
    Ok(standings)
}
