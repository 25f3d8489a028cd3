//! Which providers there are: the kinds we have adapters for, their settings from the environment and from
//! `api_integrations`, and the adapters built from them. Who is tried when is [`crate::routing`]'s business.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::{PgExecutor, PgPool};

use super::SharedProvider;
use super::generic::{Generic, GenericConfig};
use super::http::{BaseUrl, Client};
use super::sandbox::Sandbox;
use super::twilio::{Twilio, TwilioConfig};
use super::twofactor::{TwoFactor, TwoFactorConfig};
use crate::config::Environment;
use crate::lane::Lane;
use crate::phone::Region;
use crate::seal::Sealer;
use crate::store::integrations::{self, Integration};
use crate::text::SenderId;

mod credentials;
mod environment;
mod first;
mod integration;
pub(super) mod setting;

pub use credentials::{Credentials, UnreadableCredentials};
pub use environment::ProviderEnv;
pub use first::{first_tried, prices_of_first};
pub use integration::{BrokenIntegration, parse_integration};
pub use setting::InvalidSetting;

/// The vendors we have adapters for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// Twilio Messages.
    Twilio,
    /// 2Factor.in.
    TwoFactor,
    /// Any other, described by settings.
    Http,
    /// Our own inbox, for development.
    Sandbox,
}

impl ProviderKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Twilio, Self::TwoFactor, Self::Http, Self::Sandbox];

    /// The word used in tables, settings and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::TwoFactor => "2factor",
            Self::Http => "http",
            Self::Sandbox => "sandbox",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no kind of provider.
#[derive(Debug, thiserror::Error)]
#[error("is unknown: use twilio, 2factor, http or sandbox")]
pub struct UnknownProviderKind;

impl FromStr for ProviderKind {
    type Err = UnknownProviderKind;

    fn from_str(text: &str) -> Result<Self, UnknownProviderKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownProviderKind)
    }
}

/// One account at one vendor, checked.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Its name in hints, logs and tables; unique.
    pub name: String,
    /// Its place in the route: the lowest is tried first.
    pub priority: i32,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// What it may carry.
    pub lanes: Vec<Lane>,
    /// Where it may send; `None` for everywhere.
    pub countries: Option<Vec<Region>>,
    /// Calls a second, if the vendor sets a limit.
    pub max_per_second: Option<u32>,
    /// Calls at the same time, if the vendor sets a limit.
    pub max_in_flight: Option<u32>,
    /// Whom its messages come from when they do not say.
    pub sender: Option<SenderId>,
    /// What its adapter needs.
    pub vendor: VendorConfig,
}

impl ProviderSettings {
    /// Whom a message comes from: its own sender, else the pool that the vendor picks from, else this provider's.
    pub fn sender_of<'a>(&'a self, own: Option<&'a str>) -> Option<&'a str> {
        let pool = match &self.vendor {
            VendorConfig::Twilio(config) => config.messaging_service_sid(),
            VendorConfig::TwoFactor(_)
            | VendorConfig::Generic(_)
            | VendorConfig::Sandbox
            | VendorConfig::Given(_) => None,
        };
        own.or(pool).or_else(|| self.sender.as_ref().map(SenderId::as_str))
    }
}

/// What each kind of adapter needs.
#[derive(Clone, Debug)]
pub enum VendorConfig {
    /// For [`ProviderKind::Twilio`].
    Twilio(TwilioConfig),
    /// For [`ProviderKind::TwoFactor`].
    TwoFactor(TwoFactorConfig),
    /// For [`ProviderKind::Http`].
    Generic(Box<GenericConfig>),
    /// For [`ProviderKind::Sandbox`].
    Sandbox,
    /// An adapter of the program that runs the worker, as it is.
    Given(GivenProvider),
}

impl VendorConfig {
    /// Whether this vendor calls templates by names that an application may know, with variables in the order of theirs.
    pub const fn names_templates(&self) -> bool {
        matches!(self, Self::TwoFactor(_))
    }

    /// Whether nothing leaves the machine.
    pub const fn is_sandbox(&self) -> bool {
        matches!(self, Self::Sandbox)
    }
}

/// An adapter that was not made here.
#[derive(Clone)]
pub struct GivenProvider(pub SharedProvider);

impl fmt::Debug for GivenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenProvider")
    }
}

impl ProviderSettings {
    /// A provider that may carry everything everywhere.
    pub fn unlimited(name: impl Into<String>, vendor: VendorConfig) -> Self {
        Self {
            name: name.into(),
            priority: 100,
            enabled: true,
            lanes: Lane::ALL.to_vec(),
            countries: None,
            max_per_second: None,
            max_in_flight: None,
            sender: None,
            vendor,
        }
    }
}

/// All configured providers.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// Those that can be built, disabled ones too; by priority, then name.
    pub providers: Vec<ProviderSettings>,
    /// Rows that cannot be used, with the reason.
    pub broken: Vec<BrokenIntegration>,
}

impl Catalogue {
    /// Joins the providers of the environment and the rows of `api_integrations`.
    ///
    /// A row hides the environment's provider of the same name even when the row is broken or disabled: an operator
    /// replaced it, and what was replaced must not come back by accident. Where nothing at all is configured, a
    /// development gateway gets the sandbox.
    pub fn load(
        from_environment: &[ProviderSettings],
        rows: &[Integration],
        sealer: &Sealer,
        environment: Environment,
    ) -> Self {
        let mut catalogue = Self::default();
        for row in rows {
            match integration::open(row, sealer) {
                Ok(settings) => catalogue.providers.push(settings),
                Err(problem) => catalogue.broken.push(problem),
            }
        }
        let replaced = |name: &str| rows.iter().any(|row| row.name == name);
        catalogue
            .providers
            .extend(from_environment.iter().filter(|provider| !replaced(&provider.name)).cloned());
        if rows.is_empty() && from_environment.is_empty() && environment == Environment::Development {
            catalogue.providers.push(ProviderSettings::unlimited("sandbox", VendorConfig::Sandbox));
        }
        catalogue.providers.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
        catalogue
    }
}

/// Finds one provider as workers do: a row hides the environment's provider of the same name. A disabled one is found
/// too: what it sent before may still have a receipt or a code to come. A row that cannot be used is as good as none.
///
/// # Errors
/// When the database is away.
pub async fn find(
    db: impl PgExecutor<'_>,
    from_environment: &[ProviderSettings],
    sealer: &Sealer,
    name: &str,
) -> sqlx::Result<Option<ProviderSettings>> {
    let row = integrations::find(db, name).await?;
    // In production no sandbox stands in for what is not configured.
    let catalogue = Catalogue::load(from_environment, row.as_slice(), sealer, Environment::Production);
    Ok(catalogue.providers.into_iter().find(|provider| provider.name == name))
}

/// What adapters share.
#[derive(Clone, Debug)]
pub struct BuildContext {
    /// From [`super::http::client`], one a runtime.
    pub client: Client,
    /// Where vendors reach this gateway; without it they are asked for no receipts.
    pub public_url: Option<BaseUrl>,
    /// For the sandbox's inbox.
    pub pool: PgPool,
    /// Whether there is a sandbox.
    pub environment: Environment,
}

/// Why a provider cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// It would swallow real messages.
    #[error(
        "the sandbox delivers nothing and exists in development only: set SMSGW_ENV=development or remove it"
    )]
    SandboxInProduction,
}

/// Makes the adapter for `settings`.
///
/// # Errors
/// [`BuildError`] says what to change.
pub fn build(settings: &ProviderSettings, context: &BuildContext) -> Result<SharedProvider, BuildError> {
    match &settings.vendor {
        VendorConfig::Twilio(config) => Ok(Arc::new(Twilio::new(settings, config, context))),
        VendorConfig::TwoFactor(config) => Ok(Arc::new(TwoFactor::new(settings, config, context))),
        VendorConfig::Generic(config) => Ok(Arc::new(Generic::new(settings, config, context))),
        VendorConfig::Sandbox if context.environment == Environment::Production => {
            Err(BuildError::SandboxInProduction)
        }
        VendorConfig::Sandbox => Ok(Arc::new(Sandbox::new(context.pool.clone()))),
        VendorConfig::Given(GivenProvider(adapter)) => Ok(adapter.clone()),
    }
}

#[cfg(test)]
pub(super) mod sample;
#[cfg(test)]
mod tests;
