//! The API's state and its router.

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use ipnet::IpNet;
use shared::clock::DbClock;
use shared::config::{ApiConfig, Environment, UserTokens};
use shared::db::Database;
use shared::handoff::Handoff;
use shared::lane::Lane;
use shared::origin::Origin;
use shared::provider::catalogue::{BuildContext, ProviderSettings};
use shared::provider::checkers::Checkers;
use shared::provider::http::{BaseUrl, Client};
use shared::seal::Keyring;
use shared::text::MessageText;
use shared::wake::Wake;
use sqlx::PgPool;
use tokio::sync::Semaphore;

use crate::auth::{KeyOrigins, Keys, Users};
use crate::console::Streams;
use crate::country_rules::InForce;
use crate::fields::Reach;
use crate::idempotency::Answer;
use crate::intake::Intake;
use crate::measures::{Measures, PrometheusHandle};
use crate::otp::checks::CheckLog;
use crate::otp::guard::Guard;
use crate::otp::policies::Policies;
use crate::outcomes::Outcomes;
use crate::routes;
use crate::signers::Signers;
use crate::templates::Templates;
use crate::tokens::Tokens;
use crate::trace::Trace;

/// Batches that are checked and stored at the same time; more would only take turns at the processor.
const BATCHES: usize = 2;
/// Batches whose bodies are held, each of up to 16 MB.
const BATCH_BODIES: usize = 16;

/// Lists of recipients that are read, and of results that are written, at the same time.
const LISTS: usize = 4;

/// Passwords of operators that are hashed at the same time: each takes 19 MiB and a processor for a while.
const PASSWORDS: usize = 2;

/// What the API is made of.
pub struct Parts<'a> {
    /// For connections of its own.
    pub database: &'a Database,
    /// For everything that is not hot.
    pub pool: PgPool,
    /// The database's time, kept right as long as the API runs.
    pub clock: DbClock,
    /// Tells the workers what was committed.
    pub wake: Wake,
    /// The worker of this process, if there is one.
    pub handoff: Handoff,
    /// Keys for codes, API keys and credentials.
    pub keyring: Arc<Keyring>,
    /// Whether there is a sandbox.
    pub environment: Environment,
    /// Settings.
    pub config: &'a ApiConfig,
    /// Providers of the environment: their secrets say whether a receipt is theirs.
    pub providers: Vec<ProviderSettings>,
    /// For checks of codes that a provider made.
    pub client: Client,
    /// Which tokens of end users are believed.
    pub users: UserTokens,
    /// Where providers reach this gateway; without it no receipt can be checked.
    pub public_url: Option<BaseUrl>,
    /// What `/metrics` shows, see [`crate::install_metrics`].
    pub metrics: PrometheusHandle,
}

/// The API's state; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<State>);

/// What handlers use.
pub struct State {
    pub(crate) pool: PgPool,
    pub(crate) clock: DbClock,
    pub(crate) wake: Wake,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) environment: Environment,
    pub(crate) reach: Reach,
    pub(crate) keys: Keys,
    pub(crate) key_origins: KeyOrigins,
    pub(crate) cors_origins: Vec<Origin>,
    pub(crate) users: Users,
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) templates: Templates,
    pub(crate) policies: Policies,
    pub(crate) rules: InForce,
    pub(crate) checks: CheckLog,
    pub(crate) guard: Guard,
    pub(crate) providers: Vec<ProviderSettings>,
    pub(crate) checkers: Checkers,
    pub(crate) signers: Signers,
    pub(crate) public_url: Option<BaseUrl>,
    pub(crate) stop_reply: Option<MessageText>,
    pub(crate) intake: Intake,
    pub(crate) outcomes: Outcomes,
    pub(crate) tokens: Tokens,
    pub(crate) batches: Semaphore,
    pub(crate) batch_bodies: Arc<Semaphore>,
    pub(crate) lists: Arc<Semaphore>,
    pub(crate) passwords: Semaphore,
    pub(crate) streams: Streams,
    pub(crate) trials: BuildContext,
    pub(crate) measures: Arc<Measures>,
    pub(crate) metrics: PrometheusHandle,
}

impl App {
    /// Starts the API's own tasks, which end when the last clone is dropped. Needs a runtime, not yet
    /// a database: until there is one, requests are answered 503.
    pub fn start(parts: Parts<'_>) -> Self {
        let intake = Intake::start(&parts);
        let guard = guard_of(&parts);
        let checks = CheckLog::start(parts.pool.clone(), guard.clone());
        Self::with(parts, intake, checks, guard)
    }

    /// An API that only says how the process is, for [`crate::serve_health`].
    pub fn observer(parts: Parts<'_>) -> Self {
        let guard = guard_of(&parts);
        Self::with(parts, Intake::closed(), CheckLog::closed(), guard)
    }

    fn with(parts: Parts<'_>, intake: Intake, checks: CheckLog, guard: Guard) -> Self {
        let Parts {
            database: _,
            handoff: _,
            pool,
            clock,
            wake,
            keyring,
            environment,
            config,
            providers,
            client,
            users,
            public_url,
            metrics,
        } = parts;
        // No receipts are asked for where nothing is sent.
        let context = BuildContext { client, public_url: None, pool: pool.clone(), environment };
        Self(Arc::new(State {
            intake,
            outcomes: Outcomes::new(pool.clone()),
            tokens: Tokens::new(keyring.clone(), public_url.as_ref()),
            reach: Reach { default_region: config.default_region, allowed: config.reach.clone() },
            keys: Keys::new(),
            key_origins: KeyOrigins::new(),
            cors_origins: config.callers.cors_origins.clone(),
            users: Users::new(users),
            proxies: config.callers.trusted_proxies.clone(),
            templates: Templates::new(),
            policies: Policies::new(),
            rules: InForce::new(),
            checks,
            guard,
            providers: providers.clone(),
            checkers: Checkers::new(providers.clone(), keyring.clone(), context.clone()),
            signers: Signers::new(providers, public_url.clone()),
            public_url,
            stop_reply: config.stop_reply.clone(),
            batches: Semaphore::new(BATCHES),
            batch_bodies: Arc::new(Semaphore::new(BATCH_BODIES)),
            lists: Arc::new(Semaphore::new(LISTS)),
            passwords: Semaphore::new(PASSWORDS),
            streams: Streams::new(),
            trials: context,
            pool,
            clock,
            wake,
            keyring,
            environment,
            measures: Arc::new(Measures::new()),
            metrics,
        }))
    }

    /// Tells the workers, the metrics and the trace of messages that were committed, unless an old answer was
    /// given again.
    pub(crate) fn committed(&self, lane: Lane, count: usize, answer: &Answer, trace: &Trace) {
        if !answer.is_replayed() && count > 0 {
            self.wake.notify(lane);
            self.accepted(lane, count, trace);
        }
    }

    /// Tells the metrics and the trace of messages that were committed.
    pub(crate) fn accepted(&self, lane: Lane, count: usize, trace: &Trace) {
        self.measures.accepted(lane, count);
        trace.accepted(lane, count);
    }

    /// All doors.
    pub(crate) fn router(&self) -> Router {
        routes::all(self).with_state(self.clone())
    }

    /// Those that say how the process is.
    pub(crate) fn health_router(&self) -> Router {
        routes::health().with_state(self.clone())
    }
}

fn guard_of(parts: &Parts<'_>) -> Guard {
    Guard::new(parts.providers.clone(), Arc::clone(&parts.keyring), parts.environment)
}

impl Deref for App {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
