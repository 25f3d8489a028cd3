//! `smsgw keys`: who may call.

use anyhow::{Context, Result, bail};
use secrecy::ExposeSecret;
use serde_json::json;
use shared::origin::Origin;
use shared::store::api_keys::{self, KeyKind, ListedKey};

use crate::cli::{KeysAction, KeysArgs};
use crate::commands::open;
use crate::home::keyring;
use crate::print::Printer;

/// Makes, lists or revokes keys.
pub(crate) async fn run(args: KeysArgs, printer: Printer) -> Result<()> {
    let pool = open(&args.database)?.pool(1);
    match args.action {
        KeysAction::Create { name, scopes, origins } => {
            let keyring = keyring(&args.secrets)?;
            let mac = keyring.api_keys();
            // Alone on standard output, so that it can be read into a variable or a file.
            if origins.is_empty() {
                let key = api_keys::create(&pool, mac, &name, &scopes).await?;
                let document = json!({ "name": name, "scopes": scopes, "key": key.expose_secret() });
                printer.show(&document, || key.expose_secret().to_owned())?;
            } else {
                let key = api_keys::create_publishable(&pool, mac, &name, &origins).await?;
                let origins: Vec<_> = origins.iter().map(Origin::as_str).collect();
                let document = json!({ "name": name, "origins": origins, "key": key.expose_secret() });
                printer.show(&document, || key.expose_secret().to_owned())?;
            }
        }
        KeysAction::List => {
            for key in api_keys::list(&pool).await.context("the keys cannot be read")? {
                printer.show(&key, || line(&key))?;
            }
        }
        KeysAction::Revoke { name } => {
            if !api_keys::revoke(&pool, &name).await? {
                bail!("there is no live key called {name}; see `smsgw keys list`");
            }
            printer.show(&json!({ "revoked": name }), || format!("revoked: {name}"))?;
        }
    }
    Ok(())
}

fn line(key: &ListedKey) -> String {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let state = match (key.revoked_at, key.last_used_at) {
        (Some(at), _) => format!("revoked {}", at.format("%Y-%m-%d")),
        (None, Some(at)) => format!("last used {}", at.format("%Y-%m-%d")),
        (None, None) => "never used".to_owned(),
    };
    let kind = match key.kind {
        KeyKind::Server => "server",
        KeyKind::Publishable => "publishable",
    };
    let origins = key.origins.as_deref().unwrap_or_default().join(",");
    let line =
        format!("{:20} {}…  {kind:11}  {:22} {state}  {origins}", key.name, key.prefix, scopes.join(","));
    line.trim_end().to_owned()
}
