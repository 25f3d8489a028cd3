//! Templates as requests use them: compiled once, looked up by name and language.

use std::sync::Arc;

use serde_json::{Map, Value};
use shared::lane::Lane;
use shared::store::templates::{self, TemplateKey};
use shared::template::{RenderError, Template, TemplateName};
use sqlx::PgPool;

use crate::cache::Cache;

/// One variant, ready to be filled.
#[derive(Debug)]
pub(crate) struct Variant {
    /// Name and locale.
    pub(crate) key: TemplateKey,
    /// The lane its messages take.
    pub(crate) lane: Lane,
    /// Sender for its messages.
    pub(crate) sender: Option<String>,
    body: String,
    compiled: Template,
}

impl Variant {
    /// The variables it needs.
    pub(crate) fn variables(&self) -> &[String] {
        self.compiled.variables()
    }

    /// Its text, not filled.
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    /// Its text with `vars` in it.
    pub(crate) fn fill(&self, vars: &Map<String, Value>) -> Result<String, RenderError> {
        self.compiled.render(vars)
    }

    /// A row of the table, unless it was written there unchecked and cannot be used.
    fn compile(row: templates::Template) -> Option<Self> {
        let name = TemplateName::parse(&row.name).ok()?;
        let compiled = Template::compile(name, &row.body);
        if let Err(error) = &compiled {
            tracing::warn!(template.name = row.name, template.locale = row.locale, %error, "a stored template cannot be used");
        }
        let key = row.key();
        Some(Self { key, lane: row.lane, sender: row.sender, body: row.body, compiled: compiled.ok()? })
    }
}

/// Templates in use, all variants of a name together.
#[derive(Debug)]
pub(crate) struct Templates(Cache<String, Arc<[Arc<Variant>]>>);

impl Templates {
    pub(crate) fn new() -> Self {
        Self(Cache::new())
    }

    /// Finds the variant of `name` for `locale`: the very one, else its language's, else the default.
    pub(crate) async fn find(
        &self,
        pool: &PgPool,
        name: &str,
        locale: Option<&str>,
    ) -> sqlx::Result<Option<Arc<Variant>>> {
        if TemplateName::parse(name).is_err() {
            return Ok(None);
        }
        let (pool, name) = (pool.clone(), name.to_owned());
        let variants = self.0.get(&name, || list_compiled(pool, name.clone())).await?;
        Ok(variants.and_then(|variants| best(&variants, locale.unwrap_or_default()).cloned()))
    }

    /// Forgets a template that was changed here.
    pub(crate) fn forget(&self, name: &str) {
        self.0.forget(&name.to_owned());
    }
}

async fn list_compiled(pool: PgPool, name: String) -> sqlx::Result<Option<Arc<[Arc<Variant>]>>> {
    let rows = templates::list_variants(&pool, &name).await?;
    Ok(Some(rows.into_iter().filter_map(Variant::compile).map(Arc::new).collect()))
}

fn best<'a>(variants: &'a [Arc<Variant>], locale: &str) -> Option<&'a Arc<Variant>> {
    let language = locale.split('-').next().unwrap_or_default();
    [locale, language, ""]
        .iter()
        .find_map(|wanted| variants.iter().find(|variant| variant.key.locale.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(locale: &str) -> Arc<Variant> {
        let name = TemplateName::parse("otp").expect("a name");
        Arc::new(Variant {
            key: TemplateKey { name: "otp".into(), locale: locale.into() },
            lane: Lane::Otp,
            sender: None,
            body: "{{ code }}".to_owned(),
            compiled: Template::compile(name, "{{ code }}").expect("a template"),
        })
    }

    #[test]
    fn a_locale_falls_back_to_its_language_and_then_to_the_default() {
        let variants = ["", "pt", "pt-BR"].map(variant);
        for (asked, found) in
            [("pt-BR", "pt-BR"), ("PT-br", "pt-BR"), ("pt-PT", "pt"), ("de-CH", ""), ("", "")]
        {
            assert_eq!(best(&variants, asked).expect("a default").key.locale, found, "{asked}");
        }
        assert!(best(&variants[1..], "de").is_none());
    }
}
