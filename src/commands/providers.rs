//! `smsgw providers`: who sends.

use anyhow::{Context, Result};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use shared::config::{Environment, variable};
use shared::provider::catalogue::{Catalogue, ProviderEnv, VendorConfig};
use shared::seal::Keyring;
use shared::store::integrations::{self, Integration};
use shared::store::pauses::{self, PauseScope};
use sqlx::PgPool;

use crate::cli::{AddProvider, GatewayArgs, ProvidersAction, ProvidersArgs};
use crate::commands::open;
use crate::home::{self, environment};
use crate::input;
use crate::print::{Printer, WrongUse};

mod prices;
mod test;

/// Lists, sets or tries providers, or keeps their prices.
pub(crate) async fn run(args: ProvidersArgs, printer: Printer) -> Result<()> {
    let GatewayArgs { database, secrets, site } = &args.gateway;
    let pool = open(database)?.pool(2);
    // Prices are no secret: whoever keeps them needs no master key.
    let keyring = || home::keyring(secrets);
    let environment = environment(site, database);
    match args.action {
        ProvidersAction::List { environment: given } => {
            list(&pool, &keyring()?, &given, environment, printer).await
        }
        ProvidersAction::Add(wanted) => add(&pool, &keyring()?, *wanted, printer).await,
        ProvidersAction::Test(wanted) => {
            let site = test::Site { environment, public_url: site.public_url()? };
            test::run(&pool, &keyring()?, *wanted, site, printer).await
        }
        ProvidersAction::Prices(wanted) => prices::run(&pool, wanted.action, printer).await,
    }
}

async fn list(
    pool: &PgPool,
    keyring: &Keyring,
    given: &ProviderEnv,
    environment: Environment,
    printer: Printer,
) -> Result<()> {
    let rows = integrations::list(pool).await.context("the providers cannot be read")?;
    let paused = pauses::list(pool).await.context("the pauses cannot be read")?;
    let catalogue = Catalogue::load(&given.providers()?, &rows, keyring.credentials(), environment);
    let is_paused =
        |name: &str| paused.iter().any(|one| one.scope == PauseScope::Provider && one.name == name);
    if catalogue.providers.is_empty() && catalogue.broken.is_empty() {
        printer.tell(
            "there is no provider; set one with `smsgw providers add` or by TWILIO_… or TWO_FACTOR_…",
        )?;
    }
    for one in &catalogue.providers {
        let row = rows.iter().find(|row| row.name == one.name);
        let view = row.map(|row| row.view(keyring.credentials()));
        let lanes: Vec<_> = one.lanes.iter().map(|lane| lane.as_str()).collect();
        // Those of the environment are called as their kind is.
        let kind = row.map_or(&one.name, |row| &row.kind);
        let from = match (row, &one.vendor) {
            (Some(_), _) => "settings",
            (None, VendorConfig::Sandbox) => "nothing else set",
            (None, _) => "environment",
        };
        let state = match (one.enabled, is_paused(&one.name)) {
            (false, _) => "disabled",
            (true, true) => "paused",
            (true, false) => "in use",
        };
        let document = json!({
            "name": one.name, "kind": kind, "priority": one.priority, "state": state, "lanes": lanes,
            "countries": row.and_then(|row| row.countries.clone()), "from": from, "problem": null,
            "credentials": view.map(|view| view.credentials),
        });
        printer.show(&document, || {
            format!(
                "{:16} {kind:10} {:>5}  {state:8}  {:26} from {from}",
                one.name,
                one.priority,
                lanes.join(",")
            )
        })?;
    }
    for broken in &catalogue.broken {
        let row = rows.iter().find(|row| row.name == broken.name);
        let kind = row.map(|row| row.kind.as_str()).unwrap_or_default();
        let document = json!({
            "name": broken.name, "kind": kind, "state": "broken", "from": "settings", "problem": broken.problem,
        });
        printer.show(&document, || {
            format!("{:16} {kind:10}      -  broken    {}", broken.name, broken.problem)
        })?;
    }
    Ok(())
}

async fn add(pool: &PgPool, keyring: &Keyring, wanted: AddProvider, printer: Printer) -> Result<()> {
    let document = document(&wanted)?;
    let stored = integrations::find(pool, &wanted.name).await.context("the providers cannot be read")?;
    if stored.is_some() && !wanted.replace {
        let told =
            format!("there is a provider called {:?}; repeat with --replace to change it", wanted.name);
        return Err(WrongUse::new(told).into());
    }
    let row: Integration = api::parse_provider(&wanted.name, document, stored, keyring.credentials())?;
    integrations::upsert(pool, &row).await.context("the provider could not be stored")?;
    let view = row.view(keyring.credentials());
    printer.show(&view, || {
        let set: Vec<_> = view.credentials.iter().map(|(name, shown)| format!("{name} {shown}")).collect();
        format!("set: {} ({}); credentials: {}", row.name, row.kind, set.join(", "))
    })?;
    printer.tell("workers use it within a second; try it with `smsgw providers test`")
}

/// As `PUT /settings/api/{name}` takes it.
fn document(wanted: &AddProvider) -> Result<Value> {
    let mut settings = Map::new();
    for text in &wanted.settings {
        let (name, value) = input::pair("--setting", text)?;
        let (name, value) = match name.strip_suffix(':') {
            None => (name, Value::from(value)),
            Some(name) => {
                let wrong = || WrongUse::new(format!("--setting {name}:= is followed by no JSON"));
                (name, serde_json::from_str(value).map_err(|_| wrong())?)
            }
        };
        settings.insert(name.to_owned(), value);
    }
    Ok(json!({
        "kind": wanted.kind,
        "priority": wanted.priority,
        "enabled": !wanted.disabled,
        "lanes": wanted.lanes,
        "countries": wanted.countries,
        "max_per_second": wanted.max_per_second,
        "max_in_flight": wanted.max_in_flight,
        "sender": wanted.sender,
        "settings": settings,
        "credentials": credentials(wanted)?,
    }))
}

fn credentials(wanted: &AddProvider) -> Result<Map<String, Value>> {
    let text = match &wanted.credentials_file {
        Some(file) => Some(input::read(file)?),
        None => variable("SMSGW_CREDENTIALS").map(|text| text.expose_secret().to_owned()),
    };
    Ok(text.map(|text| input::secrets(&text)).transpose()?.unwrap_or_default())
}
