//! `smsgw templates`: texts with variables.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use shared::clock::DbClock;
use shared::store::templates::{self, Template};
use sqlx::PgPool;

use crate::cli::{SetTemplate, TemplatesAction, TemplatesArgs};
use crate::commands::open;
use crate::input;
use crate::print::{Printer, WrongUse};

/// Lists, shows, sets or deletes templates.
pub(crate) async fn run(args: TemplatesArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    match args.action {
        TemplatesAction::List => {
            for one in templates::list(&pool).await.context("the templates cannot be read")? {
                printer.show(&one, || line(&one))?;
            }
            Ok(())
        }
        TemplatesAction::Show { name } => show(&pool, &name, printer).await,
        TemplatesAction::Set(wanted) => set(&pool, *wanted, printer).await,
        TemplatesAction::Delete { name, locale } => {
            let deleted = templates::delete(&pool, &name, locale.as_deref()).await?;
            if deleted == 0 {
                bail!("there is no such template; see `smsgw templates list`");
            }
            printer.show(&json!({ "deleted": name, "variants": deleted }), || {
                format!("deleted: {name} ({deleted} variants)")
            })
        }
    }
}

async fn show(pool: &PgPool, name: &str, printer: Printer) -> Result<()> {
    let variants = templates::list_variants(pool, name).await.context("the templates cannot be read")?;
    if variants.is_empty() {
        bail!("there is no template called {name:?}; see `smsgw templates list`");
    }
    for one in &variants {
        printer.show(one, || format!("{}\n  {}", line(one), one.body.replace('\n', "\n  ")))?;
    }
    Ok(())
}

async fn set(pool: &PgPool, wanted: SetTemplate, printer: Printer) -> Result<()> {
    let now = DbClock::start(pool).await.context("the database does not answer")?.now();
    let mut row = api::parse_template(&wanted.name, document(&wanted)?, now)?;
    row.updated_at = templates::replace(pool, &row).await.context("the template could not be stored")?;
    printer.show(&row, || format!("set: {}", line(&row)))
}

/// As `PUT /sms/templates/{name}` takes it.
fn document(wanted: &SetTemplate) -> Result<Value> {
    let body = match (&wanted.body, &wanted.body_file) {
        (Some(body), _) => body.clone(),
        // An editor ends a file with a line break, which would go to every phone.
        (None, Some(file)) => input::read(file)?.trim_end_matches(['\n', '\r']).to_owned(),
        (None, None) => return Err(WrongUse::new("give --body or --body-file").into()),
    };
    let mut providers = Map::new();
    for text in &wanted.provider_templates {
        let (provider, theirs) = input::pair("--provider-template", text)?;
        let (id, variables) = theirs.split_once(':').unwrap_or((theirs, ""));
        let variables: Vec<_> = variables.split(',').filter(|name| !name.is_empty()).collect();
        providers.insert(provider.to_owned(), json!({ "id": id, "variables": variables }));
    }
    Ok(json!({
        "locale": wanted.locale,
        "lane": wanted.lane,
        "body": body,
        "sender": wanted.sender,
        "dlt_entity_id": wanted.dlt_entity_id,
        "dlt_template_id": wanted.dlt_template_id,
        "dlt_text": wanted.dlt_text,
        "provider_templates": providers,
    }))
}

fn line(one: &Template) -> String {
    let first = one.body.lines().next().unwrap_or_default();
    format!("{:24} {:13} {first}", one.key().to_string(), one.lane.as_str())
}
