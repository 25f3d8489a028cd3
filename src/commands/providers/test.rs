//! `smsgw providers test`: one real message through exactly one provider, past queue and route.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;
use shared::clock::DbClock;
use shared::config::Environment;
use shared::provider::catalogue::{BuildContext, Catalogue, ProviderSettings, VendorConfig};
use shared::provider::http::{self, BaseUrl};
use shared::provider::trial::{Trial, TrialError};
use shared::provider::{Outcome, ProviderReference, SendError};
use shared::seal::Keyring;
use shared::store::integrations;
use sqlx::PgPool;

use crate::cli::TestProvider;
use crate::print::{AlreadyTold, Printer, WrongUse};

/// Where this gateway is.
pub(super) struct Site {
    /// Whether there is a sandbox.
    pub(super) environment: Environment,
    /// Where receipts go.
    pub(super) public_url: Option<BaseUrl>,
}

/// Sends one message and prints the provider's answer.
pub(super) async fn run(
    pool: &PgPool,
    keyring: &Keyring,
    wanted: TestProvider,
    site: Site,
    printer: Printer,
) -> Result<()> {
    let settings = find(pool, keyring, &wanted, site.environment).await?;
    if !matches!(settings.vendor, VendorConfig::Sandbox) && !wanted.yes {
        let to = wanted.to.masked();
        let told =
            format!("this sends a real SMS to {to} by {}, which costs money: repeat with --yes", wanted.name);
        return Err(WrongUse::new(told).into());
    }
    let context = BuildContext {
        client: http::client().context("no HTTP client")?,
        public_url: site.public_url,
        pool: pool.clone(),
        environment: site.environment,
    };
    let now = DbClock::start(pool).await.context("the database does not answer")?.now();
    let trial = Trial { lane: wanted.lane, to: wanted.to.clone(), text: wanted.text.clone() };
    let tried = match trial.run(&settings, &context, now).await {
        Ok(tried) => tried,
        Err(error @ TrialError::NeedsTemplate) => bail!("{} {error}: try --lane otp", wanted.name),
        Err(error @ TrialError::NotBuilt(_)) => return Err(error.into()),
    };
    tell(&wanted.name, tried.took.as_millis(), &tried.answer, printer)
}

async fn find(
    pool: &PgPool,
    keyring: &Keyring,
    wanted: &TestProvider,
    environment: Environment,
) -> Result<ProviderSettings> {
    let rows = integrations::list(pool).await.context("the providers cannot be read")?;
    let given = wanted.environment.providers()?;
    let catalogue = Catalogue::load(&given, &rows, keyring.credentials(), environment);
    if let Some(broken) = catalogue.broken.iter().find(|broken| broken.name == wanted.name) {
        bail!("{} cannot be used: {}", broken.name, broken.problem);
    }
    let known: Vec<_> = catalogue.providers.iter().map(|one| one.name.clone()).collect();
    let found = catalogue.providers.into_iter().find(|one| one.name == wanted.name);
    found.ok_or_else(|| {
        anyhow!("there is no provider called {:?}; known are: {}", wanted.name, known.join(", "))
    })
}

fn tell(
    name: &str,
    took: u128,
    answer: &Result<ProviderReference, SendError>,
    printer: Printer,
) -> Result<()> {
    let document = match answer {
        Ok(reference) => json!({
            "provider": name, "outcome": Outcome::Accepted.as_str(), "provider_message_id": reference.id,
            "status_code": reference.status_code, "took_ms": took,
        }),
        Err(error) => json!({
            "provider": name, "outcome": error.outcome().as_str(), "reason": error.answer().reason,
            "code": error.answer().code, "status_code": error.answer().status_code, "took_ms": took,
        }),
    };
    printer.show(&document, || match answer {
        Ok(reference) => format!("accepted by {name} in {took} ms as {}", reference.id),
        Err(error) => {
            let code =
                error.answer().code.as_ref().map(|code| format!(" (its code {code})")).unwrap_or_default();
            format!("{} by {name} after {took} ms: {error}{code}", error.outcome().as_str())
        }
    })?;
    if answer.is_ok() { Ok(()) } else { Err(AlreadyTold.into()) }
}
