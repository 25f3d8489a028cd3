//! `smsgw.operator_sessions` and `smsgw.operator_links`: what signs an operator in, known by its keyed hash alone.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgExecutor;

use crate::ids::OperatorId;
use crate::operator::Role;
use crate::seal::{Mac, random_secret};

/// What the hash of a session's secret begins with, so that a link's never passes for one.
const SESSION: &[u8] = b"session";
/// What the hash of a link's secret begins with.
const LINK: &[u8] = b"link";

/// A session that is not used for so long is over …
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// … and any is after this.
pub const LONGEST: Duration = Duration::from_secs(12 * 3600);
/// How long a link signs in.
pub const LINK_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Their number.
    pub id: OperatorId,
    /// What they sign in as.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// Signs an operator in with a session of its own, whose secret is for their browser alone; forgets those that are over.
pub async fn begin(db: impl PgExecutor<'_>, mac: &Mac, operator: OperatorId) -> sqlx::Result<SecretString> {
    let secret = random_secret();
    sqlx::query!(
        "with old as (
             delete from smsgw.operator_sessions
             where seen_at < clock_timestamp() - make_interval(secs => $3)
                or created_at < clock_timestamp() - make_interval(secs => $4)
         )
         insert into smsgw.operator_sessions (mac, operator_id) values ($1, $2)",
        mac.tag(&[SESSION, secret.expose_secret().as_bytes()]),
        operator as OperatorId,
        IDLE.as_secs_f64(),
        LONGEST.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(secret)
}

/// Finds who is signed in by the session of this secret, and notes, at most once a minute, that it is in use.
pub async fn find(db: impl PgExecutor<'_>, mac: &Mac, secret: &str) -> sqlx::Result<Option<SignedIn>> {
    sqlx::query_as!(
        SignedIn,
        r#"with live as (
               select s.mac, o.id, o.name, o.role
               from smsgw.operator_sessions s
               join smsgw.operators o on o.id = s.operator_id and o.disabled_at is null
               where s.mac = any($1)
                 and s.seen_at > clock_timestamp() - make_interval(secs => $2)
                 and s.created_at > clock_timestamp() - make_interval(secs => $3)
           ),
           used as (
               update smsgw.operator_sessions s set seen_at = clock_timestamp()
               from live where s.mac = live.mac and s.seen_at < clock_timestamp() - interval '1 minute'
           )
           select id as "id: OperatorId", name, role as "role: Role" from live"#,
        &mac.tags(&[SESSION, secret.as_bytes()]),
        IDLE.as_secs_f64(),
        LONGEST.as_secs_f64(),
    )
    .fetch_optional(db)
    .await
}

/// Finds who is signed in by the session of this secret, without it being in use.
pub async fn watch(db: impl PgExecutor<'_>, mac: &Mac, secret: &str) -> sqlx::Result<Option<SignedIn>> {
    sqlx::query_as!(
        SignedIn,
        r#"select o.id as "id: OperatorId", o.name, o.role as "role: Role"
           from smsgw.operator_sessions s
           join smsgw.operators o on o.id = s.operator_id and o.disabled_at is null
           where s.mac = any($1)
             and s.seen_at > clock_timestamp() - make_interval(secs => $2)
             and s.created_at > clock_timestamp() - make_interval(secs => $3)"#,
        &mac.tags(&[SESSION, secret.as_bytes()]),
        IDLE.as_secs_f64(),
        LONGEST.as_secs_f64(),
    )
    .fetch_optional(db)
    .await
}

/// Ends the session of this secret.
pub async fn end(db: impl PgExecutor<'_>, mac: &Mac, secret: &str) -> sqlx::Result<()> {
    let macs = mac.tags(&[SESSION, secret.as_bytes()]);
    sqlx::query!("delete from smsgw.operator_sessions where mac = any($1)", &macs).execute(db).await?;
    Ok(())
}

/// Makes a link for an operator and says where on the gateway it leads; forgets those that are over.
pub async fn make_link(db: impl PgExecutor<'_>, mac: &Mac, operator: OperatorId) -> sqlx::Result<String> {
    let secret = random_secret();
    let secret = secret.expose_secret();
    sqlx::query!(
        "with old as (delete from smsgw.operator_links where ends_at < clock_timestamp())
         insert into smsgw.operator_links (mac, operator_id, ends_at)
         values ($1, $2, clock_timestamp() + make_interval(secs => $3))",
        mac.tag(&[LINK, secret.as_bytes()]),
        operator as OperatorId,
        LINK_LIFETIME.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(format!("/console/link/{secret}"))
}

/// Takes the link of this secret, and says whom it signs in: of two who come with it, one.
pub async fn take_link(db: impl PgExecutor<'_>, mac: &Mac, secret: &str) -> sqlx::Result<Option<OperatorId>> {
    sqlx::query_scalar!(
        r#"delete from smsgw.operator_links l
           using smsgw.operators o
           where l.mac = any($1) and l.ends_at > clock_timestamp() and o.id = l.operator_id and o.disabled_at is null
           returning o.id as "id: OperatorId""#,
        &mac.tags(&[LINK, secret.as_bytes()]),
    )
    .fetch_optional(db)
    .await
}
