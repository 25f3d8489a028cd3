//! `codes_spend`: what codes cost, reserved as they are started, while an operator has set a cap for them.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::spend::Columns;
use super::{spend_alerts, spend_caps};
use crate::cost::Price;
use crate::phone::Region;
use crate::spend::{Purse, Sum};

/// What codes may still cost. One moment says which hour and day that is, also where it is closed in the next.
#[derive(Debug)]
pub struct CodesPurse {
    purse: Purse,
    opened_at: DateTime<Utc>,
}

impl CodesPurse {
    /// Whether a code of so many segments can be paid for.
    pub fn fits(&mut self, country: Option<Region>, price: Option<Price>, segments: u64) -> bool {
        self.purse.fits(country, price, [segments]).0 == 1
    }

    /// Spends what a code of so many segments costs.
    pub fn spend(&mut self, country: Option<Region>, price: Option<Price>, segments: u64) {
        self.purse.spend(country, price, segments);
    }
}

/// Whether there is a cap for codes.
pub async fn is_capped(db: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from smsgw.sms_spend_caps where scope like 'codes%') as "is_capped!""#
    )
    .fetch_one(db)
    .await
}

/// What codes may still cost. Until the transaction ends no other code is paid for.
pub async fn open_purse(db: &mut PgConnection) -> sqlx::Result<CodesPurse> {
    // By a statement of its own: who waits for the lock must read the sums afterwards.
    sqlx::query!(
        "select name from smsgw.sms_spend_caps where scope like 'codes%' order by name for no key update"
    )
    .fetch_all(&mut *db)
    .await?;
    look_into(&mut *db).await
}

/// What codes may still cost, with nothing held: somebody else may spend it at the same time, so it is not for spending.
pub async fn look_into(db: &mut PgConnection) -> sqlx::Result<CodesPurse> {
    let opened_at = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&mut *db).await?;
    let stored = spend_caps::list_at(db, opened_at).await?;
    let of_codes = stored.into_iter().filter(|cap| cap.scope.is_of_codes());
    let purse = Purse::new(of_codes.filter_map(spend_caps::StoredCap::of_codes).collect());
    Ok(CodesPurse { purse, opened_at })
}

/// Writes down what was spent from it, and which thresholds were reached, each once an hour or a day.
pub async fn close_purse(db: &mut PgConnection, purse: &CodesPurse) -> sqlx::Result<()> {
    let CodesPurse { purse, opened_at } = purse;
    let sums = purse.sums();
    if !sums.is_empty() {
        record(&mut *db, *opened_at, &sums).await?;
    }
    let reached = purse.reached();
    if !reached.is_empty() {
        spend_alerts::note_codes(db, *opened_at, &reached).await?;
    }
    Ok(())
}

async fn record(db: impl PgExecutor<'_>, at: DateTime<Utc>, sums: &[Sum]) -> sqlx::Result<()> {
    let s = Columns::of(sums);
    sqlx::query!(
        "insert into smsgw.codes_spend as s (hour, country, currency, micros, segments)
         select date_bin('1 hour', $5, 'epoch'), n.country, n.currency, n.micros, n.segments
         from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as n (country, currency, micros, segments)
         order by n.country, n.currency
         on conflict (hour, country, currency) do update
         set micros = s.micros + excluded.micros, segments = s.segments + excluded.segments",
        &s.countries as &[&str],
        &s.currencies as &[&str],
        &s.micros,
        &s.segments,
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}
