//! Wake-ups: "there is something due in this lane", without waiting for the next poll.
//!
//! Within a process it is a `Notify`; other processes hear a debounced NOTIFY, sent after the
//! commit and on a connection of its own. (A NOTIFY inside the producers' transactions serialises
//! their commits: 5.5k/s fall to 348.) A lost wake-up costs one poll interval, never a message.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{PgConnection, postgres::PgListener};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::db::{Database, Use, within};
use crate::lane::Lane;

/// The channel of NOTIFY; its payload is a lane's name.
const CHANNEL: &str = "smsgw_wake";
/// A NOTIFY that takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// At most one NOTIFY a lane in this time: a poll comes as often.
const DEBOUNCE: Duration = Duration::from_millis(5);

/// Wake-ups of this process, by lane. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Wake {
    local: Arc<[Notify; 3]>,
    remote: Arc<[Notify; 3]>,
    /// The server process that tells the others; what it says is no news here.
    own: Arc<AtomicU32>,
}

impl Wake {
    /// Says that something was committed to `lane`.
    pub fn notify(&self, lane: Lane) {
        self.local[lane as usize].notify_one();
        self.remote[lane as usize].notify_one();
    }

    /// Wakes this process only: what another process has said.
    fn notify_local(&self, lane: Lane) {
        self.local[lane as usize].notify_one();
    }

    /// Resolves at the next wake-up of `lane` (or at once after one nobody waited for).
    pub fn notified(&self, lane: Lane) -> Notified<'_> {
        self.local[lane as usize].notified()
    }

    /// Passes wake-ups on to other processes until the future is dropped.
    pub async fn send_to_others(&self, database: &Database) {
        let mut connection: Option<PgConnection> = None;
        loop {
            let lane = tokio::select! {
                biased;
                () = self.remote[Lane::Otp as usize].notified() => Lane::Otp,
                () = self.remote[Lane::Transactional as usize].notified() => Lane::Transactional,
                () = self.remote[Lane::Promo as usize].notified() => Lane::Promo,
            };
            if connection.is_none() {
                connection = self.connect(database).await.ok();
            }
            if let Some(open) = connection.as_mut() {
                let told = sqlx::query!("select pg_notify($1, $2)", CHANNEL, lane.as_str()).execute(open);
                if let Err(error) = within(PATIENCE, told).await {
                    tracing::debug!(%error, "wake-up not sent; polling covers it");
                    connection = None;
                }
            }
            tokio::time::sleep(DEBOUNCE).await;
        }
    }

    async fn connect(&self, database: &Database) -> sqlx::Result<PgConnection> {
        let mut connection = database.connect(Use::Service("smsgw wake")).await?;
        let pid = sqlx::query_scalar!(r#"select pg_backend_pid() as "pid!""#).fetch_one(&mut connection);
        let pid = within(PATIENCE, pid).await?;
        self.own.store(pid.unsigned_abs(), Ordering::Relaxed);
        Ok(connection)
    }

    /// Hears the wake-ups of other processes until the future is dropped.
    pub async fn hear_others(&self, database: &Database) {
        loop {
            if let Err(error) = self.listen(database).await {
                tracing::debug!(%error, "not listening for wake-ups; polling covers it");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn listen(&self, database: &Database) -> sqlx::Result<()> {
        let pool = database.pool(1);
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            let heard = listener.recv().await?;
            if heard.process_id() == self.own.load(Ordering::Relaxed) {
                continue;
            }
            if let Ok(lane) = heard.payload().parse() {
                self.notify_local(lane);
            }
        }
    }
}
