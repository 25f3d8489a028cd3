//! What all workers share about a provider: its pause after "slow down", and its rate.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// A provider's shared state.
#[derive(Clone, Debug)]
pub struct ProviderState {
    /// Its name.
    pub provider_name: String,
    /// Nobody calls it before this time.
    pub paused_until: Option<DateTime<Utc>>,
    /// Throttled answers in a row.
    pub pauses: i16,
}

/// Lists all providers that have any state.
pub async fn list(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ProviderState>> {
    sqlx::query_as!(ProviderState, "select provider_name, paused_until, pauses from smsgw.sms_provider_state")
        .fetch_all(db)
        .await
}

/// Pauses a provider for everyone until `until`; an earlier call with a later end stands.
pub async fn pause(
    db: impl PgExecutor<'_>,
    provider: &str,
    until: DateTime<Utc>,
    pauses: i16,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"insert into smsgw.sms_provider_state as s (provider_name, paused_until, pauses) values ($1, $2, $3)
           on conflict (provider_name) do update
           set paused_until = greatest(s.paused_until, excluded.paused_until),
               pauses = greatest(s.pauses, excluded.pauses)"#,
        provider,
        until,
        pauses,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets the pauses of a provider that took a message again.
pub async fn clear(db: impl PgExecutor<'_>, provider: &str) -> sqlx::Result<()> {
    sqlx::query!("update smsgw.sms_provider_state set pauses = 0 where provider_name = $1", provider)
        .execute(db)
        .await?;
    Ok(())
}

/// Leases up to `wanted` sends of `provider` in the slice that began at `slice` (milliseconds since
/// 1970), of which all workers together get `per_slice`; says how many were granted. A stored slice
/// far ahead is left from a clock that has gone back since.
pub async fn lease(
    db: impl PgExecutor<'_>,
    provider: &str,
    slice: i64,
    wanted: i32,
    per_slice: i32,
) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        r#"insert into smsgw.sms_provider_state as s (provider_name, slice, slice_used, slice_granted)
           values ($1, $2, least($3::integer, $4::integer), least($3, $4))
           on conflict (provider_name) do update set
               slice_granted = case when s.slice = $2 then greatest(least($3, $4 - s.slice_used), 0)
                                    when s.slice < $2 or s.slice > $2 + 60000 then least($3, $4)
                                    else 0 end,
               slice_used    = case when s.slice = $2 then greatest(least(s.slice_used + $3, $4), s.slice_used)
                                    when s.slice < $2 or s.slice > $2 + 60000 then least($3, $4)
                                    else s.slice_used end,
               slice         = case when s.slice > $2 + 60000 then $2 else greatest(s.slice, $2) end
           returning slice_granted"#,
        provider,
        slice,
        wanted,
        per_slice,
    )
    .fetch_one(db)
    .await
}
