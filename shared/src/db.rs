//! Connections to Postgres, with the rights and settings each use needs.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, PgTransaction, Postgres};

use crate::store::roles;

/// All schema changes, built into the binary.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// How long a request waits for a connection of a pool. While the database comes back, a pool tries less and less
/// often, so whoever asked before would wait longest and keep others from their turn.
const ACQUIRE_PATIENCE: Duration = Duration::from_millis(1500);

/// Where the database is and how to become the gateway's role there.
#[derive(Clone, Debug)]
pub struct Database {
    options: PgConnectOptions,
}

/// What a dedicated connection is for; sets its name in `pg_stat_activity` and its planner.
#[derive(Clone, Copy, Debug)]
pub enum Use {
    /// Claims: always the index, one plan for ever.
    Queue(&'static str),
    /// Acknowledgements: as claims; what is found is then joined with the results by hashing.
    Ack(&'static str),
    /// Intake: one plan for ever, since planning an insert takes longer than inserting a row.
    Intake(&'static str),
    /// Codes: as intake; a statement that looks before it writes does not wait long for others, see [`is_contended`].
    Codes(&'static str),
    /// Checks of codes: as intake, and whoever would have to wait for others is told so, see [`is_contended`].
    Checks(&'static str),
    /// Anything else that lives long: presence, listening.
    Service(&'static str),
}

impl Database {
    /// Reads a `postgres://` URL.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn new(url: &str) -> sqlx::Result<Self> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("smsgw")
            .log_slow_statements(tracing::log::LevelFilter::Warn, Duration::from_secs(2))
            .log_statements(tracing::log::LevelFilter::Trace);
        Ok(Self { options })
    }

    /// A pool of connections that have only the gateway's rights.
    pub fn pool(&self, max_connections: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_PATIENCE)
            .after_connect(|connection, _| Box::pin(become_gateway(connection)))
            .connect_lazy_with(self.options.clone())
    }

    /// One connection of its own for `purpose`.
    ///
    /// # Errors
    /// When the database cannot be reached or refuses.
    pub async fn connect(&self, purpose: Use) -> sqlx::Result<PgConnection> {
        let name = match purpose {
            Use::Queue(name)
            | Use::Ack(name)
            | Use::Intake(name)
            | Use::Codes(name)
            | Use::Checks(name)
            | Use::Service(name) => name,
        };
        let options = self.options.clone().application_name(name);
        within(Duration::from_secs(3), async {
            let mut connection = PgConnection::connect_with(&options).await?;
            become_gateway(&mut connection).await?;
            if let Some(planner) = purpose.planner() {
                sqlx::raw_sql(planner).execute(&mut connection).await?;
            }
            Ok(connection)
        })
        .await
    }

    /// Connection options with the owner's rights, for migrations and listening.
    pub fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Brings the schema up to date. Waits at most a second for each lock and tries again, so a
    /// busy gateway is never stopped by a waiting migration.
    ///
    /// # Errors
    /// When a migration fails for another reason than a busy table, or is busy for a minute.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        const TRIES: u32 = 60;
        for _ in 1..TRIES {
            match self.migrate_once().await {
                Err(error) if lock_is_busy(&error) => tokio::time::sleep(Duration::from_secs(1)).await,
                done => return done,
            }
        }
        self.migrate_once().await
    }

    async fn migrate_once(&self) -> Result<(), MigrateError> {
        let mut owner = PgConnection::connect_with(&self.options).await?;
        sqlx::raw_sql("set client_min_messages = warning; set lock_timeout = '1s'")
            .execute(&mut owner)
            .await?;
        roles::ensure(&mut owner).await?;
        let done = MIGRATIONS.run(&mut owner).await;
        owner.close().await?;
        done
    }
}

impl Use {
    const fn planner(self) -> Option<&'static str> {
        match self {
            Self::Queue(_) => Some(QUEUE_PLANNER),
            Self::Ack(_) => Some(ACK_PLANNER),
            Self::Intake(_) => Some(INTAKE_PLANNER),
            Self::Codes(_) => Some(CODES_PLANNER),
            Self::Checks(_) => Some(CHECKS_PLANNER),
            Self::Service(_) => None,
        }
    }
}

/// Statistics lag behind a queue that fills and empties in seconds; a plan made for an empty table
/// would scan a full one. So nothing but the index is offered, and plans are not made anew.
const QUEUE_PLANNER: &str = "set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; \
    set enable_mergejoin = off; set jit = off; set plan_cache_mode = force_generic_plan";

/// The same, for a few rows found by their ids and joined with as many results: never each with each.
const ACK_PLANNER: &str = "set enable_seqscan = off; set enable_bitmapscan = off; set enable_nestloop = off; \
    set enable_mergejoin = off; set jit = off; set plan_cache_mode = force_generic_plan";

/// Rows come from the request; what little is looked up beside them has an index.
const INTAKE_PLANNER: &str =
    "set enable_seqscan = off; set jit = off; set plan_cache_mode = force_generic_plan";

/// As for intake. What a code that comes alone was decided by is soon out of date.
const CODES_PLANNER: &str = "set enable_seqscan = off; set jit = off; set plan_cache_mode = force_generic_plan; \
    set lock_timeout = '100ms'";

/// As for intake, and never the whole outbox hashed for a few sessions. Checks of many are not held up by one whose phone
/// somebody holds.
const CHECKS_PLANNER: &str = "set enable_seqscan = off; set enable_hashjoin = off; set jit = off; \
    set plan_cache_mode = force_generic_plan; set lock_timeout = '200ms'";

/// Takes the gateway's rights. A process that is frozen or cut off in the middle of a transaction
/// must not keep its locks: others wait for them to take its messages over, or to say "stop".
async fn become_gateway(connection: &mut PgConnection) -> sqlx::Result<()> {
    const BECOME: &str = "set role smsgw_app; set idle_in_transaction_session_timeout = '3s'";
    sqlx::raw_sql(BECOME).execute(connection).await?;
    Ok(())
}

/// Gives `work` a deadline. A connection can go silent without breaking: what takes longer is lost
/// with its connection, which the caller must then drop.
///
/// # Errors
/// Those of `work`; after `limit`, one that [`is_away`] recognises.
pub async fn within<T>(limit: Duration, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let timed_out = || Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| timed_out())
}

/// A connection of `pool`, asked for in little room: sqlx keeps in place what making one may take, 14 KB, and a request that
/// might come to need one would carry that about.
///
/// # Errors
/// When none is there in time.
pub async fn acquire(pool: &PgPool) -> sqlx::Result<PoolConnection<Postgres>> {
    Box::pin(pool.acquire()).await
}

/// A transaction of `pool`, asked for as [`acquire`] does.
///
/// # Errors
/// As there.
pub async fn begin(pool: &PgPool) -> sqlx::Result<PgTransaction<'static>> {
    Box::pin(pool.begin()).await
}

/// Whether [`within`] gave up waiting: the database may well be there, and what was asked for is too much.
pub fn is_too_slow(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(cause) if cause.kind() == std::io::ErrorKind::TimedOut)
}

fn lock_is_busy(error: &MigrateError) -> bool {
    let cause = match error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => cause,
        _ => return false,
    };
    is_contended(cause)
}

/// Whether others held what was asked for, for longer than there was time, or waited for it in turn. Nothing was done.
pub fn is_contended(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    // lock_not_available, deadlock_detected
    matches!(code.as_deref(), Some("55P03" | "40P01"))
}

/// Whether a row is at fault: the same row will fail again, and others would not.
pub fn is_rows_fault(error: &sqlx::Error) -> bool {
    match error {
        // Data exceptions and broken constraints.
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
        }
        sqlx::Error::Encode(_) => true,
        _ => false,
    }
}

/// Whether an error means that the database is away rather than that it said no.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Class 57P: shutting down, crashed, cannot connect now. 53300: too many connections.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == "53300"),
        _ => false,
    }
}
