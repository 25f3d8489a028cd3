//! `guard_decisions`, as an operator lists them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::guard::{Mode, Outcome, Rule};
use crate::ids::{GuardDecisionId, SessionId};

/// One decision.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// Its id.
    pub id: GuardDecisionId,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Of which session; `None` once the person was forgotten.
    pub session_id: Option<SessionId>,
    /// Masked.
    pub phone: String,
    /// The number without its last four digits.
    pub prefix: String,
    /// ISO 3166 code, or `none`.
    pub country: String,
    /// The block of addresses that asked.
    pub client: Option<String>,
    /// `allow`, `challenge` or `block`.
    pub outcome: String,
    /// By which rule.
    pub rule: String,
    /// Which rules there were.
    pub rule_version: i16,
    /// `observe` or `enforce`.
    pub mode: String,
    /// Whether the code was sent.
    pub is_sent: bool,
    /// What the rules looked at.
    pub inputs: serde_json::Value,
    /// When the code was verified.
    pub converted_at: Option<DateTime<Utc>>,
}

impl Decided {
    /// What became of the code, in words.
    pub fn fate(&self) -> &'static str {
        let is_obeyed = self.mode == Mode::Enforce.as_str() || self.rule == Rule::SpendCap.as_str();
        match (self.is_sent, self.converted_at) {
            (true, Some(_)) => "verified",
            (true, None) => "sent",
            (false, _) if is_obeyed && self.outcome != Outcome::Allow.as_str() => "withheld",
            // Its phone was locked, or no provider took it.
            (false, _) => "not sent",
        }
    }
}

/// Which decisions are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of one prefix.
    pub prefix: Option<String>,
    /// With one outcome.
    pub outcome: Option<Outcome>,
    /// Those before this one.
    pub before: Option<GuardDecisionId>,
    /// So many.
    pub limit: i64,
}

/// Lists decisions, newest first.
pub async fn list_decisions(db: impl PgExecutor<'_>, wanted: &Wanted) -> sqlx::Result<Vec<Decided>> {
    sqlx::query_as!(
        Decided,
        r#"select id as "id: GuardDecisionId", at, session_id as "session_id: SessionId", phone, prefix, country, client,
                  outcome, rule, rule_version, mode, is_sent, inputs, converted_at
           from smsgw.guard_decisions
           where ($1::text is null or prefix = $1) and ($2::text is null or outcome = $2)
             and ($3::uuid is null or id < $3)
           order by id desc limit $4"#,
        wanted.prefix,
        wanted.outcome.map(Outcome::as_str),
        wanted.before as Option<GuardDecisionId>,
        wanted.limit,
    )
    .fetch_all(db)
    .await
}
