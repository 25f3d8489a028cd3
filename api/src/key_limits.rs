//! How much one API key may send, codes and texts together, if an operator has set limits of the kind `key`. Codes are
//! counted with their sessions; here texts are.

use shared::ids::ApiKeyId;
use shared::limits::{Kind, Limit, Standing, Subject};
use shared::store::otp_windows;

use crate::app::App;
use crate::problem::Problem;

/// Counts `sends` texts of `key` and says where it stands; nothing, and at no cost, where no limit is set.
///
/// # Errors
/// The limit that is reached: then none of the texts is counted. That the database is away.
pub(crate) async fn count(app: &App, key: ApiKeyId, sends: usize) -> Result<Vec<Standing>, Problem> {
    let book = app.policies.all(&app.pool).await?;
    let limits: Vec<Limit> = book.limits().iter().filter(|limit| limit.kind == Kind::Key).cloned().collect();
    if limits.is_empty() {
        return Ok(Vec::new());
    }
    let subjects = [Subject { kind: Kind::Key, name: key.to_string() }];
    let mut tx = app.pool.begin().await?;
    let mut held = otp_windows::hold(&mut tx, &limits, &subjects).await?;
    let sends = u32::try_from(sends).unwrap_or(u32::MAX);
    let standings = held.ledger.count_sends(&limits, &subjects, sends, held.now)?;
    otp_windows::record(&mut tx, &limits, &held).await?;
    tx.commit().await?;
    Ok(standings)
}
