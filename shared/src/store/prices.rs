//! `sms_prices`: what providers charge. In the table `numeric`, here millionths; neither rounds.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{Connection, PgConnection, PgExecutor};

use crate::cost::{Price, Prices};
use crate::money::Amount;
use crate::phone::Region;
use crate::price_list::ListedPrice;

/// A row as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoredPrice {
    /// Which provider.
    pub provider: String,
    /// ISO 3166 code of where to.
    pub country: String,
    /// For one segment.
    pub price: Amount,
    /// ISO 4217 code.
    pub currency: String,
    /// When it came to be another.
    pub updated_at: DateTime<Utc>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Prices of countries that had none.
    pub added: u64,
    /// Prices that are others now.
    pub changed: u64,
    /// Prices that were the same.
    pub unchanged: u64,
    /// Prices that the list had no more.
    pub removed: u64,
}

/// Makes `list` all the prices of the providers that it names; those of others stay. All of it happens, or nothing.
///
/// A list names a provider and country once: [`crate::price_list::parse`] sees to that.
pub async fn import(db: &mut PgConnection, list: &[ListedPrice]) -> sqlx::Result<Imported> {
    let mut tx = db.begin().await?;
    // One import after the other: of two at once each would keep what the other removes. Readers go on.
    sqlx::query!("lock table smsgw.sms_prices in share row exclusive mode").execute(&mut *tx).await?;
    let removed = remove_unlisted(&mut tx, list).await?;
    let written = sqlx::query_scalar!(
        r#"insert into smsgw.sms_prices as p (provider, country, price, currency)
           select i.provider, i.country, i.micros * 0.000001, i.currency
           from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) as i (provider, country, micros, currency)
           on conflict (provider, country) do update
           set price = excluded.price, currency = excluded.currency, updated_at = excluded.updated_at
           where (p.price, p.currency) is distinct from (excluded.price, excluded.currency)
           returning (xmax = 0) as "is_new!""#,
        &providers(list) as &[&str],
        &countries(list) as &[&str],
        &list.iter().map(|one| micros(one.price.price)).collect::<Vec<_>>(),
        &list.iter().map(|one| one.price.currency.as_str()).collect::<Vec<_>>() as &[&str],
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    let added = written.iter().filter(|&&is_new| is_new).count() as u64;
    let changed = written.len() as u64 - added;
    Ok(Imported { added, changed, unchanged: list.len() as u64 - added - changed, removed })
}

/// Removes the prices of the list's providers in countries that it does not name.
async fn remove_unlisted(db: &mut PgConnection, list: &[ListedPrice]) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from smsgw.sms_prices p
         where p.provider = any($1::text[])
           and not exists (select from unnest($1::text[], $2::text[]) as i (provider, country)
                           where i.provider = p.provider and i.country = p.country)",
        &providers(list) as &[&str],
        &countries(list) as &[&str],
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// All prices, by provider and country.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<StoredPrice>> {
    let rows = sqlx::query!(
        r#"select provider, country, (price * 1000000)::bigint as "micros!", currency, updated_at
           from smsgw.sms_prices order by provider, country"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StoredPrice {
            provider: row.provider,
            country: row.country,
            price: amount(row.micros),
            currency: row.currency,
            updated_at: row.updated_at,
        })
        .collect())
}

/// The prices of `wanted`, providers and countries; those that are not known are left out.
pub async fn list_of(db: impl PgExecutor<'_>, wanted: &BTreeSet<(String, Region)>) -> sqlx::Result<Prices> {
    let rows = sqlx::query!(
        r#"select p.provider, p.country, (p.price * 1000000)::bigint as "micros!", p.currency
           from unnest($1::text[], $2::text[]) as i (provider, country)
           join smsgw.sms_prices p on p.provider = i.provider and p.country = i.country"#,
        &wanted.iter().map(|(provider, _)| provider.as_str()).collect::<Vec<_>>() as &[&str],
        &wanted.iter().map(|(_, country)| country.as_str()).collect::<Vec<_>>() as &[&str],
    )
    .fetch_all(db)
    .await?;
    // A code that this version does not know was asked for by nobody.
    let read = |provider, country: &str, micros, currency: &str| {
        let price = Price { price: amount(micros), currency: currency.parse().ok()? };
        Some(((provider, country.parse().ok()?), price))
    };
    Ok(rows
        .into_iter()
        .filter_map(|row| read(row.provider, &row.country, row.micros, &row.currency))
        .collect())
}

fn providers(list: &[ListedPrice]) -> Vec<&str> {
    list.iter().map(|one| one.provider.as_str()).collect()
}

fn countries(list: &[ListedPrice]) -> Vec<&str> {
    list.iter().map(|one| one.country.as_str()).collect()
}

/// As SQL takes it. A price has twelve digits at most; what were more would break the rule of its column.
fn micros(price: Amount) -> i64 {
    i64::try_from(price.micros()).unwrap_or(i64::MAX)
}

fn amount(micros: i64) -> Amount {
    Amount::from_micros(micros.unsigned_abs())
}
