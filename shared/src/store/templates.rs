//! Message templates: our text, and what each provider calls it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::lane::Lane;

/// Names one variant of a template; written `name` or `name@locale`, as the outbox keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemplateKey {
    /// The template.
    pub name: String,
    /// BCP 47 tag; empty for the default variant.
    pub locale: String,
}

impl fmt::Display for TemplateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.locale.as_str() {
            "" => f.write_str(&self.name),
            locale => write!(f, "{}@{locale}", self.name),
        }
    }
}

impl FromStr for TemplateKey {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, locale) = text.split_once('@').unwrap_or((text, ""));
        Ok(Self { name: name.to_owned(), locale: locale.to_owned() })
    }
}

/// A template that only a provider knows, by the name it has there; the outbox keeps it as `=NAME`, which no template of
/// ours can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorsOwn<'a>(pub &'a str);

impl<'a> VendorsOwn<'a> {
    /// Reads what the outbox keeps; `None` if it is a template of ours.
    pub fn parse(key: &'a str) -> Option<Self> {
        key.strip_prefix('=').map(Self)
    }
}

impl fmt::Display for VendorsOwn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "={}", self.0)
    }
}

/// One variant of a template.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Template {
    /// What requests call it.
    pub name: String,
    /// BCP 47 tag; empty for all locales that have no variant of their own.
    pub locale: String,
    /// The lane its messages take.
    pub lane: Lane,
    /// The text with its variables.
    pub body: String,
    /// Sender for its messages, else the provider's own.
    pub sender: Option<String>,
    /// India: the registered business (DLT principal entity).
    pub dlt_entity_id: Option<String>,
    /// India: the registered text.
    pub dlt_template_id: Option<String>,
    /// India: the registered text, each variable written `{#var#}`.
    pub dlt_text: Option<String>,
    /// By provider name: that vendor's template id and the order of our variables in it.
    pub provider_templates: serde_json::Value,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Template {
    /// Its key.
    pub fn key(&self) -> TemplateKey {
        TemplateKey { name: self.name.clone(), locale: self.locale.clone() }
    }
}

/// Lists all variants of all templates.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Template>> {
    sqlx::query_as!(
        Template,
        r#"select name, locale, lane as "lane: Lane", body, sender, dlt_entity_id, dlt_template_id,
                  dlt_text, provider_templates, updated_at
           from public.sms_templates order by name, locale"#
    )
    .fetch_all(db)
    .await
}

/// Lists the variants of one template, the default first.
pub async fn list_variants(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<Vec<Template>> {
    sqlx::query_as!(
        Template,
        r#"select name, locale, lane as "lane: Lane", body, sender, dlt_entity_id, dlt_template_id,
                  dlt_text, provider_templates, updated_at
           from public.sms_templates where name = $1 order by locale"#,
        name,
    )
    .fetch_all(db)
    .await
}

/// Stores a variant, replacing the one of the same name and locale; returns the new date.
pub async fn replace(db: impl PgExecutor<'_>, template: &Template) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        r#"insert into public.sms_templates (name, locale, lane, body, sender, dlt_entity_id, dlt_template_id,
                                             dlt_text, provider_templates)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (name, locale) do update
           set lane = excluded.lane, body = excluded.body, sender = excluded.sender,
               dlt_entity_id = excluded.dlt_entity_id, dlt_template_id = excluded.dlt_template_id,
               dlt_text = excluded.dlt_text, provider_templates = excluded.provider_templates, updated_at = clock_timestamp()
           returning updated_at"#,
        template.name,
        template.locale,
        template.lane as Lane,
        template.body,
        template.sender,
        template.dlt_entity_id,
        template.dlt_template_id,
        template.dlt_text,
        template.provider_templates,
    )
    .fetch_one(db)
    .await
}

/// Deletes a template, or only its variant for `locale`; says how many variants went.
pub async fn delete(db: impl PgExecutor<'_>, name: &str, locale: Option<&str>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from public.sms_templates where name = $1 and ($2::text is null or locale = $2)",
        name,
        locale,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_as_it_is_written() {
        for text in ["otp", "otp@pt-BR"] {
            let key: TemplateKey = text.parse().expect("infallible");
            assert_eq!(key.to_string(), text);
        }
        let key: TemplateKey = "booking@hi".parse().expect("infallible");
        assert_eq!(key, TemplateKey { name: "booking".into(), locale: "hi".into() });
    }
}
