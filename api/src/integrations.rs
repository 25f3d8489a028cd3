//! Providers as operators set them: what is asked for, checked before it is stored.

use serde::Deserialize;
use serde_json::{Map, Value};
use shared::lane::Lane;
use shared::provider::catalogue::{Credentials, InvalidSetting, parse_integration};
use shared::provider::http::BaseUrl;
use shared::seal::Sealer;
use shared::store::integrations::{self, Integration};

use crate::app::App;
use crate::fields;
use crate::problem::{InvalidDocument, Problem};

const USUAL_PRIORITY: i32 = 100;

/// A provider as it is asked for. What is left out takes its usual value, but secrets that are left out
/// stay as they are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    kind: String,
    priority: Option<i32>,
    enabled: Option<bool>,
    lanes: Option<Vec<String>>,
    countries: Option<Vec<String>>,
    max_per_second: Option<i32>,
    max_in_flight: Option<i32>,
    sender: Option<String>,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    credentials: Credentials,
}

/// Stores the provider `name` as asked for, with the secrets of the row that it replaces.
///
/// # Errors
/// The field that cannot be used, or a database that is away.
pub(crate) async fn replace(app: &App, name: String, wanted: Wanted) -> Result<Integration, Problem> {
    let mut tx = app.pool.begin().await?;
    integrations::lock(&mut *tx).await?;
    let stored = integrations::find(&mut *tx, &name).await?;
    let row = check(name, wanted, stored, app.keyring.credentials())?;
    integrations::upsert(&mut *tx, &row).await?;
    tx.commit().await?;
    changed(app, &row.name);
    Ok(row)
}

/// Tells this process that a provider was changed.
pub(crate) fn changed(app: &App, name: &str) {
    app.signers.forget(name);
    app.checkers.forget(name);
}

/// The provider `name` as `document` describes it, checked as `PUT /settings/api/{name}` checks it;
/// secrets that it leaves out are taken from `stored`, the row it is to replace.
///
/// # Errors
/// [`InvalidDocument`] names the first field that cannot be used.
pub fn parse_provider(
    name: &str,
    document: Value,
    stored: Option<Integration>,
    sealer: &Sealer,
) -> Result<Integration, InvalidDocument> {
    Ok(check(name.to_owned(), serde_json::from_value(document)?, stored, sealer)?)
}

/// The same of a document that was read.
pub(crate) fn check(
    name: String,
    wanted: Wanted,
    stored: Option<Integration>,
    sealer: &Sealer,
) -> Result<Integration, Problem> {
    let name = fields::provider(name).map_err(|fault| Problem::field("name", fault))?;
    let settings = Value::Object(wanted.settings);
    fields::no_control_characters_within(&settings).map_err(|fault| Problem::field("settings", fault))?;
    // Secrets that can no longer be opened count as none: what is given now must do.
    let stored = stored.filter(|row| row.kind == wanted.kind);
    let moves = stored.as_ref().is_some_and(|row| leads_elsewhere(&settings, &row.settings));
    let stored = stored.and_then(|row| row.credentials(sealer).ok()).unwrap_or_default();
    if let Some(name) = wanted.credentials.kept_of(&stored).filter(|_| moves) {
        let problem =
            "is kept for the base_url it was given for: with another one give it again, or an empty text";
        return Err(Problem::field(format!("credentials.{name}"), problem));
    }
    let credentials = wanted.credentials.over(stored);
    let row = Integration {
        kind: wanted.kind,
        priority: wanted.priority.unwrap_or(USUAL_PRIORITY),
        enabled: wanted.enabled.unwrap_or(true),
        lanes: wanted.lanes.unwrap_or_else(|| Lane::ALL.map(|lane| lane.as_str().to_owned()).to_vec()),
        countries: wanted.countries,
        max_per_second: wanted.max_per_second,
        max_in_flight: wanted.max_in_flight,
        sender: wanted.sender,
        settings,
        sealed_credentials: credentials.seal(sealer, &name),
        name,
    };
    parse_integration(&row, &credentials)
        .map_err(|InvalidSetting { field, problem }| Problem::field(field, problem))?;
    Ok(row)
}

/// Whether `wanted` settings lead to somebody whom `stored` ones do not: secrets that are kept would be sent there, and
/// so come out after all. Without a base URL they lead to the vendor itself, who may have them.
fn leads_elsewhere(wanted: &Value, stored: &Value) -> bool {
    let base_url = |settings: &Value| settings["base_url"].as_str()?.parse::<BaseUrl>().ok();
    let Some(wanted) = base_url(wanted) else { return false };
    base_url(stored).is_none_or(|stored| !wanted.is_same_origin(&stored))
}
