//! `sms_spend_caps`: limits of what campaigns and codes may spend, as operators set them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};

use super::spend::{self, amount, micros};
use crate::money::{Amount, Currency};
use crate::phone::Region;
use crate::spend::{BUDGET, Cap, CapScope, Purse, USUAL_THRESHOLDS};
use crate::store::campaigns::Campaign;

/// A cap as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCap {
    /// What it is called.
    pub name: String,
    /// What it counts.
    pub scope: CapScope,
    /// Which country, if it counts one.
    pub country: Option<Region>,
    /// How much may be spent.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
    /// Shares in percent that are told of.
    pub thresholds: Vec<i16>,
}

/// A cap as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredCap {
    /// What it is called.
    pub name: String,
    /// What it counts.
    pub scope: CapScope,
    /// ISO 3166 code, if it counts one country.
    pub country: Option<String>,
    /// How much may be spent.
    pub amount: Amount,
    /// ISO 4217 code.
    pub currency: String,
    /// Shares in percent that are told of.
    pub thresholds: Vec<i16>,
    /// How much is spent on the day asked about, or in this hour; `None` where each campaign is counted by itself.
    pub spent: Option<Amount>,
    /// When it was last set.
    pub updated_at: DateTime<Utc>,
}

impl StoredCap {
    /// The cap of codes that it is.
    pub(super) fn of_codes(self) -> Option<Cap> {
        self.cap(|_| Amount::ZERO)
    }

    /// The cap for a campaign that has spent `own` in its currency; `None`, with a line in the log, for what this version
    /// of the gateway cannot read.
    fn cap(self, own: impl Fn(Currency) -> Amount) -> Option<Cap> {
        let country = self.country.as_deref().map(str::parse::<Region>).transpose().ok();
        let (Some(country), Ok(currency)) = (country, self.currency.parse::<Currency>()) else {
            tracing::error!(cap = self.name, "a cap of spending cannot be read");
            return None;
        };
        Some(Cap {
            spent: self.spent.unwrap_or_else(|| own(currency)),
            name: self.name,
            scope: self.scope,
            country,
            limit: self.amount,
            currency,
            thresholds: self.thresholds,
        })
    }
}

/// Lists all caps, with what is spent on `day`, or in this hour.
pub async fn list(db: impl PgExecutor<'_>, day: NaiveDate) -> sqlx::Result<Vec<StoredCap>> {
    list_of(db, day, None).await
}

/// Lists all caps, with what is spent on the day and in the hour of `at`.
pub async fn list_at(db: impl PgExecutor<'_>, at: DateTime<Utc>) -> sqlx::Result<Vec<StoredCap>> {
    list_of(db, spend::day_of(at), Some(at)).await
}

async fn list_of(
    db: impl PgExecutor<'_>,
    day: NaiveDate,
    at: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<StoredCap>> {
    let rows = sqlx::query!(
        r#"select c.name, c.scope as "scope: CapScope", c.country, c.micros, c.currency, c.thresholds, c.updated_at,
                  cast(case
                      when c.scope = 'campaign' then null
                      when c.scope like 'codes%' then
                          (select coalesce(sum(s.micros), 0) from smsgw.codes_spend s
                           where s.hour >= case c.scope
                                     when 'codes_hour' then date_bin('1 hour', coalesce($2, clock_timestamp()), 'epoch')
                                     else $1::date::timestamp at time zone 'UTC' end
                             and s.hour < ($1::date + 1)::timestamp at time zone 'UTC'
                             and s.currency = c.currency and (c.country is null or s.country = c.country))
                      else
                          (select coalesce(sum(s.micros), 0) from smsgw.sms_spend s
                           where s.day = $1 and s.currency = c.currency and (c.country is null or s.country = c.country))
                  end as bigint) as "spent?"
           from smsgw.sms_spend_caps c order by c.name"#,
        day,
        at,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StoredCap {
            name: row.name,
            scope: row.scope,
            country: row.country,
            amount: amount(row.micros),
            currency: row.currency,
            thresholds: row.thresholds,
            spent: row.spent.map(amount),
            updated_at: row.updated_at,
        })
        .collect())
}

/// Finds one, with what is spent on `day`.
pub async fn find(db: impl PgExecutor<'_>, name: &str, day: NaiveDate) -> sqlx::Result<Option<StoredCap>> {
    // There are few.
    Ok(list(db, day).await?.into_iter().find(|cap| cap.name == name))
}

/// Sets a cap, in place of the one of its name.
pub async fn replace(db: impl PgExecutor<'_>, new: &NewCap) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.sms_spend_caps (name, scope, country, micros, currency, thresholds)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (name) do update
         set scope = excluded.scope, country = excluded.country, micros = excluded.micros,
             currency = excluded.currency, thresholds = excluded.thresholds, updated_at = excluded.updated_at",
        new.name,
        new.scope as CapScope,
        new.country.as_ref().map(Region::as_str),
        micros(new.amount),
        new.currency.as_str(),
        &new.thresholds,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes a cap; `false` if there is none of that name.
pub async fn delete(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from smsgw.sms_spend_caps where name = $1", name).execute(db).await?;
    Ok(done.rows_affected() > 0)
}

/// The purse of a campaign that the caller holds, for as long as the transaction lasts: until it ends nobody else spends
/// under a cap.
pub async fn open_purse(db: &mut PgConnection, campaign: &Campaign, day: NaiveDate) -> sqlx::Result<Purse> {
    // By a statement of its own: who waits for the lock must read the sums afterwards.
    sqlx::query!(
        "select name from smsgw.sms_spend_caps where scope not like 'codes%' order by name for no key update"
    )
    .fetch_all(&mut *db)
    .await?;
    let mut stored = list(&mut *db, day).await?;
    stored.retain(|cap| !cap.scope.is_of_codes());
    let spent = spend::list_of_campaign(&mut *db, campaign.id).await?;
    let own = |currency: Currency| {
        let found = spent.iter().find(|sum| sum.currency.as_deref() == Some(currency.as_str()));
        found.map_or(Amount::ZERO, |sum| sum.amount)
    };
    let mut caps: Vec<Cap> = stored.into_iter().filter_map(|cap| cap.cap(own)).collect();
    caps.extend(budget_of(campaign, own));
    Ok(Purse::new(caps))
}

/// The limit of its own that a campaign has, if it has one.
fn budget_of(campaign: &Campaign, own: impl Fn(Currency) -> Amount) -> Option<Cap> {
    let currency: Currency = campaign.budget_currency.as_deref()?.parse().ok()?;
    Some(Cap {
        name: BUDGET.to_owned(),
        scope: CapScope::Campaign,
        country: None,
        limit: amount(campaign.budget_micros?),
        currency,
        thresholds: USUAL_THRESHOLDS.to_vec(),
        spent: own(currency),
    })
}
