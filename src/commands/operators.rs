//! `smsgw operators`: who may sign in to the console.

use anyhow::{Context, Result, bail};
use secrecy::SecretString;
use serde_json::json;
use shared::config::SiteConfig;
use shared::ids::OperatorId;
use shared::operator::{OperatorName, Role};
use shared::password;
use shared::seal::Keyring;
use shared::store::operator_sessions;
use shared::store::operators::{self, ListedOperator};
use sqlx::PgPool;

use crate::cli::{OperatorsAction, OperatorsArgs};
use crate::commands::open;
use crate::home::keyring;
use crate::input;
use crate::print::{Printer, WrongUse};

/// Adds, lists or disables operators, or makes links for them.
pub(crate) async fn run(args: OperatorsArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    match args.action {
        OperatorsAction::Add { name, role, password_file } => {
            let hash = password_file.map(|file| hashed(&file)).transpose()?;
            let link_too = hash.is_none();
            let keyring = keyring(&args.secrets)?;
            let id = operators::upsert(&pool, &name, role, hash.as_deref()).await?;
            let link = if link_too { Some(link(&pool, &keyring, &args.site, id).await?) } else { None };
            let document = json!({ "name": name, "role": role, "link": link });
            printer.show(&document, || added(&name, role, link.as_deref()))?;
        }
        OperatorsAction::Link { name } => {
            let keyring = keyring(&args.secrets)?;
            let Some(operator) = operators::find(&pool, &name).await? else { bail!(unknown(&name)) };
            let link = link(&pool, &keyring, &args.site, operator.id).await?;
            printer.show(&json!({ "name": name, "link": link }), || link.clone())?;
        }
        OperatorsAction::List => {
            for operator in operators::list(&pool).await.context("the operators cannot be read")? {
                printer.show(&operator, || line(&operator))?;
            }
        }
        OperatorsAction::Disable { name } => {
            if !operators::disable(&pool, &name).await? {
                bail!(unknown(&name));
            }
            let text = || format!("{} is signed out everywhere and may not sign in", name.as_str());
            printer.show(&json!({ "disabled": name }), text)?;
        }
    }
    Ok(())
}

/// The hash of the password in `file`.
fn hashed(file: &str) -> Result<String> {
    let text = input::read(file)?;
    let password = SecretString::from(text.lines().next().unwrap_or_default());
    Ok(password::hash(&password).map_err(|error| WrongUse::new(error.to_string()))?)
}

/// Where a new link leads.
async fn link(pool: &PgPool, keyring: &Keyring, site: &SiteConfig, operator: OperatorId) -> Result<String> {
    let path = operator_sessions::make_link(pool, keyring.operators(), operator).await?;
    Ok(match &site.public_url {
        Some(url) => format!("{}{path}", url.to_string().trim_end_matches('/')),
        // Whoever reads it knows where their gateway listens.
        None => path,
    })
}

fn added(name: &OperatorName, role: Role, link: Option<&str>) -> String {
    let added = format!("{} is {}", name.as_str(), role.as_str());
    match link {
        Some(link) => format!("{added}\nsign in once, within 15 minutes: {link}"),
        None => added,
    }
}

fn unknown(name: &OperatorName) -> String {
    format!("there is no operator {} who may sign in; see `smsgw operators list`", name.as_str())
}

fn line(operator: &ListedOperator) -> String {
    let state = match (operator.disabled_at, operator.seen_at) {
        (Some(at), _) => format!("disabled {}", at.format("%Y-%m-%d")),
        (None, Some(at)) => format!("last seen {}", at.format("%Y-%m-%d")),
        (None, None) => "not signed in".to_owned(),
    };
    let password = if operator.has_password { "password" } else { "links" };
    format!("{:24} {:12} {password:9} {state}", operator.name, operator.role.as_str())
}
