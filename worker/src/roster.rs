//! The providers as they stand now: settings from the environment and `api_integrations`, adapters
//! made from them, their templates, each one's condition, and the rules of countries. Reloaded several
//! times a second, without restart.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use metrics::Gauge;
use shared::clock::DbClock;
use shared::config::Environment;
use shared::db::within;
use shared::lane::Lane;
use shared::provider::catalogue::{self, BuildContext, Catalogue, ProviderSettings};
use shared::provider::http::{BaseUrl, Client};
use shared::routing::PROMO_RESERVE;
use shared::seal::Keyring;
use shared::store::integrations::{self, Integration};
use shared::store::pauses::{self, Pause, PauseScope};
use shared::store::{country_rules, provider_state, templates};
use shared::template::ProviderTemplate;
use sqlx::PgPool;

use crate::health::Health;
use crate::measures;

mod loaded;
mod notices;

pub(crate) use loaded::{Entry, Loaded};
use notices::Notices;

/// How old the roster may become.
pub(crate) const RELOAD: Duration = Duration::from_millis(250);
/// A refresh that takes longer is lost with its connection.
const REFRESH_PATIENCE: Duration = Duration::from_secs(3);
/// Promo sits out a shorter pause without looking at single messages.
const LONG_PAUSE: Duration = Duration::from_secs(60);

/// Where providers come from.
pub(crate) struct Sources {
    /// Those of the environment.
    pub(crate) environment_providers: Vec<ProviderSettings>,
    /// Opens the stored ones' credentials.
    pub(crate) keyring: Arc<Keyring>,
    /// Whether the sandbox may stand in.
    pub(crate) environment: Environment,
    /// Where receipts go.
    pub(crate) public_url: Option<BaseUrl>,
    /// For the tables, and the sandbox's inbox.
    pub(crate) pool: PgPool,
    /// One HTTP client a lane: its connections belong to that lane's thread.
    pub(crate) clients: [Client; 3],
}

/// The roster of this process.
pub(crate) struct Roster {
    sources: Sources,
    clock: DbClock,
    loaded: ArcSwap<Loaded>,
    /// Lanes that an operator has stopped.
    halted: [AtomicBool; 3],
    lanes_paused: [Gauge; 3],
    healths: Mutex<HashMap<String, Arc<Health>>>,
    notices: Notices,
}

impl Roster {
    /// An empty roster; nothing is claimed before it is loaded.
    pub(crate) fn new(sources: Sources, clock: DbClock) -> Self {
        Self {
            sources,
            clock,
            loaded: ArcSwap::default(),
            halted: Default::default(),
            lanes_paused: Lane::ALL.map(measures::lane_paused),
            healths: Mutex::default(),
            notices: Notices::default(),
        }
    }

    /// The present roster.
    pub(crate) fn load(&self) -> Arc<Loaded> {
        self.loaded.load_full()
    }

    /// Whether it was loaded since the start.
    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded.load().is_loaded
    }

    /// Whether any provider would take a message of `lane` now.
    pub(crate) fn is_open(&self, lane: Lane) -> bool {
        if self.is_halted(lane) {
            return false;
        }
        let now = self.clock.now();
        let loaded = self.loaded.load();
        match lane {
            Lane::Promo => loaded.firsts_for_promo().any(|entry| is_open_for_promo(entry, now)),
            Lane::Otp | Lane::Transactional => loaded.serving(lane).any(|entry| entry.is_open(now)),
        }
    }

    /// How many messages of `lane` the providers will let go soon. Promo stays with its first
    /// provider, so only those count that can be one.
    pub(crate) fn releasable(&self, lane: Lane) -> usize {
        let now = self.clock.now();
        let loaded = self.loaded.load();
        let sum = |all: usize, entry: &Entry| all.saturating_add(entry.health.releasable(lane));
        match lane {
            Lane::Promo => {
                loaded.firsts_for_promo().filter(|entry| is_open_for_promo(entry, now)).fold(0, sum)
            }
            Lane::Otp | Lane::Transactional => {
                loaded.serving(lane).filter(|entry| entry.is_open(now)).fold(0, sum)
            }
        }
    }

    /// While promo is closed because its providers pause: promo that expires before that time need
    /// not wait for them, since another provider is open.
    pub(crate) fn promo_moves_on_before(&self) -> Option<DateTime<Utc>> {
        let now = self.clock.now();
        let loaded = self.loaded.load();
        let back = loaded.firsts_for_promo().filter_map(|entry| entry.health.paused_until()).min()?;
        let another = loaded.serving(Lane::Promo).any(|entry| entry.is_open(now));
        (another && !self.is_halted(Lane::Promo)).then_some(back + PROMO_RESERVE)
    }

    fn is_halted(&self, lane: Lane) -> bool {
        self.halted[lane as usize].load(Ordering::Relaxed)
    }

    /// The conditions of all usable providers.
    pub(crate) fn healths(&self) -> Vec<Arc<Health>> {
        self.loaded.load().entries.iter().map(|entry| entry.health.clone()).collect()
    }

    /// Tells the others that a provider is paused.
    pub(crate) fn publish_pause(&self, provider: &str, until: DateTime<Utc>, pauses: i16) {
        self.notices.paused(provider, until, pauses);
    }

    /// Tells the others that a provider's row of pauses is over.
    pub(crate) fn publish_recovery(&self, provider: &str) {
        self.notices.recovered(provider);
    }

    /// Keeps the roster fresh, and the others informed, until dropped.
    pub(crate) async fn run(&self) {
        tokio::join!(self.reload(), self.notices.write(&self.sources.pool));
    }

    async fn reload(&self) {
        let mut known = None;
        let mut trouble = false;
        loop {
            match within(REFRESH_PATIENCE, self.refresh(&mut known)).await {
                Ok(()) => trouble = false,
                Err(error) if !trouble => {
                    trouble = true;
                    tracing::warn!(%error, "providers stay as they are until the database is back");
                }
                Err(_) => (),
            }
            tokio::time::sleep(RELOAD).await;
        }
    }

    async fn refresh(&self, known: &mut Option<Tables>) -> sqlx::Result<()> {
        let pool = &self.sources.pool;
        let tables = Tables {
            integrations: integrations::list(pool).await?,
            templates: templates::list(pool).await?,
            rules: country_rules::list_enabled(pool).await?,
        };
        let changed = (known.as_ref() != Some(&tables)).then(|| Arc::new(self.build(&tables)));
        let loaded = changed.clone().unwrap_or_else(|| self.load());
        let now = self.clock.now();
        let states = provider_state::list(pool).await?;
        let halted = pauses::list(pool).await?;
        for lane in Lane::ALL {
            let stops = |p: &Pause| {
                p.scope == PauseScope::All || (p.scope == PauseScope::Lane && p.name == lane.as_str())
            };
            let is_halted = halted.iter().any(stops);
            self.halted[lane as usize].store(is_halted, Ordering::Relaxed);
            self.lanes_paused[lane as usize].set(if is_halted { 1.0 } else { 0.0 });
        }
        for Entry { health, .. } in &loaded.entries {
            health
                .set_halted(halted.iter().any(|p| p.scope == PauseScope::Provider && p.name == health.name));
            if let Some(state) = states.iter().find(|state| state.provider_name == health.name) {
                health.learn_pause(state.paused_until, state.pauses, now);
            }
        }
        self.show(&loaded, now);
        // Only now: what is stopped or paused must not be used for a moment before that is known.
        if let Some(changed) = changed {
            self.loaded.store(changed);
            *known = Some(tables);
        }
        Ok(())
    }

    /// Shows how each provider stands, also one that was just taken out.
    fn show(&self, loaded: &Loaded, now: DateTime<Utc>) {
        for health in self.healths.lock().unwrap_or_else(PoisonError::into_inner).values() {
            health.show(loaded.entries.iter().any(|entry| Arc::ptr_eq(&entry.health, health)), now);
        }
    }

    fn build(&self, tables: &Tables) -> Loaded {
        let Sources { environment_providers, keyring, environment, .. } = &self.sources;
        let catalogue =
            Catalogue::load(environment_providers, &tables.integrations, keyring.credentials(), *environment);
        for problem in &catalogue.broken {
            tracing::error!(%problem, "a provider cannot be used");
        }
        let enabled = catalogue.providers.into_iter().filter(|settings| settings.enabled);
        Loaded {
            is_loaded: true,
            entries: enabled.filter_map(|settings| self.enlist(settings)).collect(),
            templates: tables
                .templates
                .iter()
                .map(|one| (one.key().to_string(), provider_templates(one)))
                .collect(),
            rules: country_rules::in_force(&tables.rules, &tables.templates),
        }
    }

    fn enlist(&self, settings: ProviderSettings) -> Option<Entry> {
        let Sources { clients, public_url, pool, environment, .. } = &self.sources;
        let adapter = |lane: Lane| {
            let context = BuildContext {
                client: clients[lane as usize].clone(),
                public_url: public_url.clone(),
                pool: pool.clone(),
                environment: *environment,
            };
            catalogue::build(&settings, &context)
        };
        let adapters = adapter(Lane::Otp)
            .and_then(|otp| Ok([otp, adapter(Lane::Transactional)?, adapter(Lane::Promo)?]));
        match adapters {
            Ok(adapters) => Some(Entry { health: self.health(&settings), settings, adapters }),
            Err(problem) => {
                tracing::error!(%problem, provider.id = settings.name, "a provider cannot be used");
                None
            }
        }
    }

    fn health(&self, settings: &ProviderSettings) -> Arc<Health> {
        let (rate, in_flight) = (settings.max_per_second, settings.max_in_flight);
        let mut healths = self.healths.lock().unwrap_or_else(PoisonError::into_inner);
        let health = healths
            .entry(settings.name.clone())
            .or_insert_with(|| Arc::new(Health::new(&settings.name, rate, in_flight)));
        health.gate().reconfigure(rate, in_flight);
        health.clone()
    }
}

/// Promo waits for its first provider. A long pause is looked into all the same: a message whose time
/// runs out before its end moves on.
fn is_open_for_promo(entry: &Entry, now: DateTime<Utc>) -> bool {
    entry.health.paused_until().is_none_or(|until| until <= now || until > now + LONG_PAUSE)
}

/// What the roster is made from, to see whether it changed.
#[derive(PartialEq)]
struct Tables {
    integrations: Vec<Integration>,
    templates: Vec<templates::Template>,
    rules: Vec<country_rules::RulesRow>,
}

fn provider_templates(template: &templates::Template) -> HashMap<String, ProviderTemplate> {
    serde_json::from_value(template.provider_templates.clone()).unwrap_or_else(|error| {
        tracing::error!(%error, template = template.name, "provider_templates cannot be read");
        HashMap::new()
    })
}
