//! What purposes allow and how often codes may be sent: settings of an operator.

use std::time::Duration;

use serde::Serialize;
use sqlx::PgExecutor;

use crate::limits::{Kind, Limit};
use crate::otp_code::CodeLength;
use crate::otp_policy::{Policy, Purpose, Resend};

/// A purpose as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRow {
    /// See [`Policy`], also of what follows.
    pub purpose: String,
    /// Digits.
    pub code_length: i16,
    /// Seconds.
    pub lifetime_seconds: i32,
    /// Checks of one session.
    pub max_attempts: i16,
    /// Seconds.
    pub cool_down_seconds: i32,
    /// Codes of one session, and of one phone within the window.
    pub max_sends: i16,
    /// Seconds.
    pub send_window_seconds: i32,
    /// `new` or `same`.
    pub resend: String,
    /// A template's name.
    pub template: String,
    /// A host.
    pub origin: Option<String>,
}

impl PolicyRow {
    /// What it says; `None` for a purpose that this version does not know.
    pub fn policy(&self) -> Option<Policy> {
        let purpose: Purpose = self.purpose.parse().ok()?;
        Some(Policy {
            purpose,
            code_length: u8::try_from(self.code_length).ok().and_then(|n| CodeLength::try_from(n).ok())?,
            lifetime: seconds(self.lifetime_seconds),
            max_attempts: self.max_attempts,
            cool_down: seconds(self.cool_down_seconds),
            max_sends: self.max_sends,
            send_window: seconds(self.send_window_seconds),
            resend: if self.resend == "same" { Resend::Same } else { Resend::New },
            template: self.template.clone(),
            origin: self.origin.clone(),
        })
    }
}

/// A limit as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitRow {
    /// See [`Limit`], also of what follows.
    pub name: String,
    /// `ip`, `phone`, `user`, `country` or `key`.
    pub kind: String,
    /// Seconds.
    pub per_seconds: i32,
    /// Sends.
    pub most: i32,
}

impl LimitRow {
    /// What it says; `None` for a kind that this version does not know.
    pub fn limit(&self) -> Option<Limit> {
        let kind: Kind = self.kind.parse().ok()?;
        let most = u32::try_from(self.most).ok()?;
        Some(Limit { name: self.name.clone(), kind, per: seconds(self.per_seconds), most })
    }
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// Lists what the purposes allow.
pub async fn list_policies(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<PolicyRow>> {
    sqlx::query_as!(
        PolicyRow,
        "select purpose, code_length, lifetime_seconds, max_attempts, cool_down_seconds, max_sends,
                send_window_seconds, resend, template, origin
         from smsgw.otp_purposes order by purpose"
    )
    .fetch_all(db)
    .await
}

/// Sets what one purpose allows.
pub async fn replace_policy(db: impl PgExecutor<'_>, row: &PolicyRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.otp_purposes (purpose, code_length, lifetime_seconds, max_attempts, cool_down_seconds,
                                         max_sends, send_window_seconds, resend, template, origin)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (purpose) do update set
             code_length = excluded.code_length, lifetime_seconds = excluded.lifetime_seconds,
             max_attempts = excluded.max_attempts, cool_down_seconds = excluded.cool_down_seconds,
             max_sends = excluded.max_sends, send_window_seconds = excluded.send_window_seconds,
             resend = excluded.resend, template = excluded.template, origin = excluded.origin",
        row.purpose,
        row.code_length,
        row.lifetime_seconds,
        row.max_attempts,
        row.cool_down_seconds,
        row.max_sends,
        row.send_window_seconds,
        row.resend,
        row.template,
        row.origin,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Lists the limits.
pub async fn list_limits(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<LimitRow>> {
    sqlx::query_as!(LimitRow, "select name, kind, per_seconds, most from smsgw.otp_limits order by name")
        .fetch_all(db)
        .await
}

/// Sets one limit.
pub async fn replace_limit(db: impl PgExecutor<'_>, row: &LimitRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.otp_limits (name, kind, per_seconds, most) values ($1, $2, $3, $4)
         on conflict (name) do update set kind = excluded.kind, per_seconds = excluded.per_seconds,
                                          most = excluded.most",
        row.name,
        row.kind,
        row.per_seconds,
        row.most,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes one limit; `false` if there is none of that name.
pub async fn delete_limit(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from smsgw.otp_limits where name = $1", name).execute(db).await?;
    Ok(done.rows_affected() == 1)
}
