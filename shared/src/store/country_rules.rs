//! What countries ask of texts. A change appends a version; the highest of a country is in force, if it is enabled.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::country_rules::{CountryRules, Registered, Rules, SenderType};
use crate::phone::Region;
use crate::quiet_hours::Hours;
use crate::store::templates::{self, Template};

/// One version of a country's rules, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RulesRow {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Counted from 1.
    pub version: i32,
    /// Whether they are in force.
    pub enabled: bool,
    /// As [`Hours`] reads them.
    pub promo_hours: Option<String>,
    /// Kinds of senders that are carried.
    pub senders: Option<Vec<String>>,
    /// India's registry.
    pub dlt: bool,
    /// Where this was read.
    pub source: Option<String>,
    /// When this version was made.
    pub created_at: DateTime<Utc>,
}

impl RulesRow {
    /// Before the first version: nothing is asked.
    fn none_of(country: Region) -> Self {
        Self {
            country: country.as_str().to_owned(),
            version: 0,
            enabled: false,
            promo_hours: None,
            senders: None,
            dlt: false,
            source: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    /// What it says; `None`, with a line in the log, for what this version of the gateway cannot read.
    pub fn rules(&self) -> Option<Rules> {
        let read = self.read();
        if read.is_none() {
            tracing::error!(
                country = self.country,
                version = self.version,
                "the rules of a country cannot be read"
            );
        }
        read
    }

    fn read(&self) -> Option<Rules> {
        let senders = |kinds: &Vec<String>| kinds.iter().map(|kind| kind.parse()).collect::<Result<_, _>>();
        Some(Rules {
            country: self.country.parse().ok()?,
            version: self.version,
            promo_hours: self.promo_hours.as_deref().map(str::parse).transpose().ok()?,
            senders: self.senders.as_ref().map(senders).transpose().ok()?,
            dlt: self.dlt,
        })
    }
}

/// What is to be so in the next version; what is `None` stays.
#[derive(Clone, Debug)]
pub struct Change {
    /// Whether the rules are in force.
    pub enabled: bool,
    /// When promo may arrive; `Some(None)` for always.
    pub promo_hours: Option<Option<Hours>>,
    /// Kinds of senders that are carried; `Some(None)` for all.
    pub senders: Option<Option<Vec<SenderType>>>,
    /// India's registry.
    pub dlt: Option<bool>,
    /// Where this was read.
    pub source: Option<Option<String>>,
}

impl Change {
    fn of(&self, present: &RulesRow) -> RulesRow {
        let words = |kinds: &Vec<SenderType>| kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        let Self { enabled, promo_hours, senders, dlt, source } = self;
        RulesRow {
            enabled: *enabled,
            promo_hours: match promo_hours {
                Some(hours) => hours.map(|hours| hours.to_string()),
                None => present.promo_hours.clone(),
            },
            senders: match senders {
                Some(kinds) => kinds.as_ref().map(words),
                None => present.senders.clone(),
            },
            dlt: dlt.unwrap_or(present.dlt),
            source: source.clone().unwrap_or_else(|| present.source.clone()),
            ..present.clone()
        }
    }
}

/// The rules of each country as they are now, by country.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<RulesRow>> {
    sqlx::query_as!(
        RulesRow,
        "select distinct on (country) country, version, enabled, promo_hours, senders, dlt, source, created_at
         from smsgw.sms_country_rules order by country, version desc"
    )
    .fetch_all(db)
    .await
}

/// Those that are in force.
pub async fn list_enabled(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<RulesRow>> {
    let all = list(db).await?;
    Ok(all.into_iter().filter(|row| row.enabled).collect())
}

/// All versions of one country's rules, the newest first.
pub async fn list_versions(db: impl PgExecutor<'_>, country: Region) -> sqlx::Result<Vec<RulesRow>> {
    sqlx::query_as!(
        RulesRow,
        "select country, version, enabled, promo_hours, senders, dlt, source, created_at
         from smsgw.sms_country_rules where country = $1 order by version desc",
        country.as_str(),
    )
    .fetch_all(db)
    .await
}

/// Makes the next version of a country's rules, unless nothing changes; gives the present one.
pub async fn change(db: &mut PgConnection, country: Region, change: &Change) -> sqlx::Result<RulesRow> {
    loop {
        let present = list_versions(&mut *db, country).await?.into_iter().next();
        let before = present.unwrap_or_else(|| RulesRow::none_of(country));
        let wanted = change.of(&before);
        if wanted == before {
            return Ok(before);
        }
        // Who comes second changes what the first has made.
        if let Some(made) = insert_next(&mut *db, &wanted).await? {
            return Ok(made);
        }
    }
}

/// Stores `wanted` as the version after its own; `None` if that was made by somebody else.
async fn insert_next(db: impl PgExecutor<'_>, wanted: &RulesRow) -> sqlx::Result<Option<RulesRow>> {
    sqlx::query_as!(
        RulesRow,
        "insert into smsgw.sms_country_rules (country, version, enabled, promo_hours, senders, dlt, source)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict do nothing
         returning country, version, enabled, promo_hours, senders, dlt, source, created_at",
        wanted.country,
        wanted.version + 1,
        wanted.enabled,
        wanted.promo_hours,
        wanted.senders.as_deref(),
        wanted.dlt,
        wanted.source,
    )
    .fetch_optional(db)
    .await
}

/// The rules in force, with the texts that are registered; `None` if no country's are enabled.
pub async fn load(pool: &PgPool) -> sqlx::Result<Option<CountryRules>> {
    let rows = list_enabled(pool).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(in_force(&rows, &templates::list(pool).await?))
}

/// The rules that `rows` put in force, with the texts registered of `templates`.
pub fn in_force(rows: &[RulesRow], templates: &[Template]) -> Option<CountryRules> {
    CountryRules::new(rows.iter().filter_map(RulesRow::rules), registered(templates))
}

fn registered(templates: &[Template]) -> HashMap<String, Registered> {
    let of = |template: &Template| Registered {
        lane: template.lane,
        entity_id: template.dlt_entity_id.clone(),
        template_id: template.dlt_template_id.clone(),
        text: template.dlt_text.clone(),
        with_vendors: template.provider_templates.as_object().is_some_and(|names| !names.is_empty()),
    };
    templates.iter().map(|template| (template.key().to_string(), of(template))).collect()
}
