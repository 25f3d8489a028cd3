//! What an operator takes back.

use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, PgPool};

use super::{Seen, Stored, find_settings, write};
use crate::guard::{Key, Kind, Settings};

/// So many subjects are held at once. Whoever is sent a code meanwhile waits for these, and not for all there are.
const STEP: u16 = 300;

/// Counts what [`release`] would release.
pub async fn count_releasable(db: impl PgExecutor<'_>, subject: &Key) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from smsgw.guard_subjects
           where state is not null and kind = $1 and subject between $2 and $3"#,
        subject.kind.as_str(),
        subject.name,
        last_of(subject),
    )
    .fetch_one(db)
    .await
}

/// Ends the blocks of `subject` and fills its credits: of a country, of an address, or of all prefixes that begin with its
/// name. Says which there are. The settings it goes by are those of now.
///
/// It goes on behind what it has released, a step and a transaction at a time: what is counted for the first meanwhile stays.
/// Broken off it leaves the rest as it was, and the next release takes all of them again.
pub async fn release(pool: &PgPool, subject: &Key) -> sqlx::Result<Vec<String>> {
    let settings = find_settings(pool).await?;
    let mut released: Vec<String> = Vec::new();
    loop {
        let last = released.last().map_or("", String::as_str);
        let mut tx = pool.begin().await?;
        let held = hold_next(&mut tx, &settings, subject, last).await?;
        write(&mut *tx, &held).await?;
        tx.commit().await?;
        let is_last = held.states.len() < usize::from(STEP);
        // In the order in which they were taken: the next step begins behind the last.
        let mut names: Vec<String> = held.states.into_keys().map(|key| key.name).collect();
        names.sort_unstable();
        released.append(&mut names);
        if is_last {
            return Ok(released);
        }
    }
}

/// Holds the next subjects behind `last`, with what is remembered of them once they are released.
async fn hold_next(
    db: &mut PgConnection,
    settings: &Settings,
    subject: &Key,
    last: &str,
) -> sqlx::Result<Seen> {
    let kind = subject.kind;
    // In this order everybody takes them, or two could wait for each other.
    let rows = sqlx::query!(
        r#"select subject, clock_timestamp() as "now!", state as "state?: Json<Stored>" from smsgw.guard_subjects
           where state is not null and kind = $1 and subject between $2 and $3 and subject > $4
           order by subject limit $5 for update"#,
        subject.kind.as_str(),
        subject.name,
        last_of(subject),
        last,
        i64::from(STEP),
    )
    .fetch_all(db)
    .await?;
    let mut held = Seen::default();
    for row in rows {
        let mut state = Stored::or_new(row.state, kind, settings, row.now);
        state.release(kind, settings, row.now.timestamp());
        held.states.insert(Key { kind, name: row.subject }, state);
    }
    Ok(held)
}

/// The last there can be of `subject`: the index finds what is between.
fn last_of(subject: &Key) -> String {
    match subject.kind {
        // A colon follows the nine, so all that begins with these digits comes before it.
        Kind::Prefix => format!("{}:", subject.name),
        Kind::Country | Kind::Ip => subject.name.clone(),
    }
}
