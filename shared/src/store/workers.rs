//! Living workers: registering, beating, and finding the dead.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, PgExecutor};

use crate::ids::WorkerId;

/// First key of the advisory lock that a living worker holds; the second is its id.
pub const WORKER_LOCK: i32 = 0x534d_5357;

/// Registers a new worker and takes its lock on this connection, which must live as long as it.
pub async fn register(db: &mut PgConnection, host: &str, pid: i32) -> sqlx::Result<WorkerId> {
    sqlx::query_scalar!(
        r#"with born as (
               insert into smsgw.sms_workers (host, pid, backend_pid) values ($1, $2, pg_backend_pid())
               returning id
           )
           select id as "id!: WorkerId" from born, pg_advisory_lock($3, id)"#,
        host,
        pid,
        WORKER_LOCK,
    )
    .fetch_one(db)
    .await
}

/// Comes back after a lost connection. `false` if the worker was declared dead meanwhile.
pub async fn resume(db: &mut PgConnection, worker: WorkerId) -> sqlx::Result<bool> {
    // In one statement, so that the lock is never held by a process that others do not know of and
    // could not cut off.
    let alive = sqlx::query!(
        r#"update smsgw.sms_workers set backend_pid = pg_backend_pid(), beat_at = clock_timestamp()
           where id = $2 and pg_try_advisory_lock($1, $2)"#,
        WORKER_LOCK,
        worker as WorkerId,
    )
    .execute(db)
    .await?;
    Ok(alive.rows_affected() == 1)
}

/// Says "I live". `None` if the worker was declared dead.
pub async fn beat(db: impl PgExecutor<'_>, worker: WorkerId) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        r#"update smsgw.sms_workers set beat_at = clock_timestamp() where id = $1 returning beat_at"#,
        worker as WorkerId,
    )
    .fetch_optional(db)
    .await
}

/// A worker that may be dead.
#[derive(Clone, Copy, Debug)]
pub struct Suspect {
    /// Its id.
    pub id: WorkerId,
    /// The server process of its connection.
    pub backend_pid: i32,
    /// Nobody holds its lock: its connection is gone.
    pub lock_free: bool,
    /// It has not beaten for 5 s: frozen, or cut off.
    pub silent: bool,
}

/// Lists workers whose lock is free or who have been silent for 5 s.
///
/// Empty within 5 s of a database start: then all locks are free, and the living come back for them.
pub async fn list_suspects(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Suspect>> {
    sqlx::query_as!(
        Suspect,
        r#"select id as "id: WorkerId", backend_pid, lock_free as "lock_free!", silent as "silent!"
           from (
               select id, backend_pid, beat_at < clock_timestamp() - interval '5 seconds' as silent,
                      not exists (
                          select from pg_locks
                          where locktype = 'advisory' and granted and objsubid = 2
                            and database = (select oid from pg_database where datname = current_database())
                            and classid = $1::integer::oid and objid = id::oid
                      ) as lock_free
               from smsgw.sms_workers
           ) w
           where (lock_free or silent)
             and pg_postmaster_start_time() < clock_timestamp() - interval '5 seconds'"#,
        WORKER_LOCK,
    )
    .fetch_all(db)
    .await
}

/// Ends the connection of a frozen worker, so that it can start nothing more and its lock is freed.
pub async fn cut_off(db: impl PgExecutor<'_>, suspect: Suspect) -> sqlx::Result<()> {
    sqlx::query!(
        r#"select pg_terminate_backend(pid) as "ended?" from pg_stat_activity
           where pid = $1 and datname = current_database()
             and exists (select from pg_locks l where l.pid = $1 and l.locktype = 'advisory'
                           and l.classid = $2::integer::oid and l.objid = $3::integer::oid)"#,
        suspect.backend_pid,
        WORKER_LOCK,
        suspect.id as WorkerId,
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

/// Takes the lock of a dead worker for this transaction. `false` if it lives or another has it.
///
/// Waits for its claims that the database is still working on: they hold its row, and nothing is
/// claimed in its name from here on.
pub async fn lock_dead(db: &mut PgConnection, worker: WorkerId) -> sqlx::Result<bool> {
    let locked = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock($1, $2) as "locked!""#,
        WORKER_LOCK,
        worker as WorkerId,
    )
    .fetch_one(&mut *db)
    .await?;
    if locked {
        sqlx::query!("select from smsgw.sms_workers where id = $1 for update", worker as WorkerId)
            .execute(&mut *db)
            .await?;
    }
    Ok(locked)
}

/// Waits until what is just being stored or claimed in a worker's name is committed or rolled back: it holds the worker's row.
///
/// # Errors
/// When that takes longer than a moment; the row then stays as it is.
pub async fn outwait_stores(db: &mut PgConnection, worker: WorkerId) -> sqlx::Result<()> {
    let mut tx = db.begin_with("begin; set local lock_timeout = '2s'").await?;
    sqlx::query!("select from smsgw.sms_workers where id = $1 for update", worker as WorkerId)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// Strikes a worker off: it has stopped, or its rows were taken over. One that still holds messages
/// stays, for others to take it over.
pub async fn remove(db: &mut PgConnection, worker: WorkerId) -> sqlx::Result<()> {
    let mut tx = db.begin().await?;
    // What is just being stored or claimed in its name holds its row, and is seen by the statement that follows.
    sqlx::query!("select from smsgw.sms_workers where id = $1 for update", worker as WorkerId)
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        r#"delete from smsgw.sms_workers
           where id = $1 and not exists (select from smsgw.sms_outbox where worker_id = $1)"#,
        worker as WorkerId,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// A worker as an operator sees it.
#[derive(Clone, Debug)]
pub struct ListedWorker {
    /// The machine it runs on.
    pub host: String,
    /// Its process there.
    pub pid: i32,
    /// Seconds since it last said that it lives.
    pub silent_seconds: f64,
    /// Whether it holds its lock, as every living worker does.
    pub holds_lock: bool,
}

/// Lists all workers that are on record, dead ones too until they are taken over.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ListedWorker>> {
    sqlx::query_as!(
        ListedWorker,
        r#"select host, pid, extract(epoch from clock_timestamp() - beat_at)::float8 as "silent_seconds!",
                  exists (
                      select from pg_locks
                      where locktype = 'advisory' and granted and objsubid = 2
                        and database = (select oid from pg_database where datname = current_database())
                        and classid = $1::integer::oid and objid = id::oid
                  ) as "holds_lock!"
           from smsgw.sms_workers order by id"#,
        WORKER_LOCK,
    )
    .fetch_all(db)
    .await
}
