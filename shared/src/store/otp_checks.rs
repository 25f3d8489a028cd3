//! Checks of codes: a row each for the log, and counts for the brake.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use crate::brake::Checks;
use crate::ids::{CheckId, SessionId};
use crate::store::sparse;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The code was right.
    Right,
    /// It was not.
    Wrong,
    /// Its session was over.
    Ended,
    /// Its session or phone was locked.
    Locked,
    /// The provider that made the code could not be asked.
    Away,
}

impl CheckOutcome {
    /// All outcomes, as they are declared.
    pub const ALL: [Self; 5] = [Self::Right, Self::Wrong, Self::Ended, Self::Locked, Self::Away];

    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Ended => "ended",
            Self::Locked => "locked",
            Self::Away => "away",
        }
    }
}

/// One check of a session that exists.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its id.
    pub id: CheckId,
    /// Of which session.
    pub session: SessionId,
    /// The session's user.
    pub user_id: Option<String>,
    /// The session's phone, E.164.
    pub phone: String,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// Who made the code, if a provider did.
    pub provider: Option<String>,
    /// How long it took.
    pub response_time_ms: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Appends checks and says which; those that are there already are left alone.
pub async fn insert(db: impl PgExecutor<'_>, checks: &[Check]) -> sqlx::Result<Vec<CheckId>> {
    let users: Vec<_> = checks.iter().map(|check| check.user_id.as_deref()).collect();
    let providers: Vec<_> = checks.iter().map(|check| check.provider.as_deref()).collect();
    sqlx::query_scalar!(
        r#"insert into public.sms_otp_checks (id, session_id, user_id, phone, outcome, provider_name, response_time_ms,
                                            created_at)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[],
                              $8::timestamptz[])
         on conflict (id) do nothing
         returning id as "id: CheckId""#,
        &checks.iter().map(|check| check.id.0).collect::<Vec<_>>(),
        &checks.iter().map(|check| check.session.0).collect::<Vec<_>>(),
        sparse(&users) as &[Option<&str>],
        &checks.iter().map(|check| check.phone.as_str()).collect::<Vec<_>>() as &[&str],
        &checks.iter().map(|check| check.outcome.as_str()).collect::<Vec<_>>() as &[&str],
        sparse(&providers) as &[Option<&str>],
        &checks.iter().map(|check| check.response_time_ms).collect::<Vec<_>>(),
        &checks.iter().map(|check| check.created_at).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await
}

/// Counts checks that were just made.
pub async fn count(db: impl PgExecutor<'_>, made: Checks) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.otp_check_counts as c (bucket, checks, failures, under_attack)
         values (date_bin('5 minutes', clock_timestamp(), 'epoch'), $1, $2,
                 exists (select from smsgw.otp_brake where until > clock_timestamp()))
         on conflict (bucket) do update set checks = c.checks + excluded.checks,
                                            failures = c.failures + excluded.failures,
                                            under_attack = c.under_attack or excluded.under_attack",
        i64::try_from(made.checks).unwrap_or(i64::MAX),
        i64::try_from(made.failures).unwrap_or(i64::MAX),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What the brake goes by.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The last hour.
    pub hour: Checks,
    /// The week before it.
    pub week: Checks,
    /// Whether the brake holds already.
    pub holds: bool,
}

/// Looks at the counts of the last hour and the week before, and at the brake.
pub async fn look(db: impl PgExecutor<'_>) -> sqlx::Result<Look> {
    let row = sqlx::query!(
        r#"with counted as (
               select bucket > clock_timestamp() - interval '1 hour' as is_recent, checks, failures
               from smsgw.otp_check_counts
               where bucket > clock_timestamp() - interval '7 days 1 hour'
                 -- What was counted during an attack is not what is usual.
                 and (bucket > clock_timestamp() - interval '1 hour' or not under_attack)
           )
           select coalesce(sum(checks) filter (where is_recent), 0)::bigint as "hour_checks!",
                  coalesce(sum(failures) filter (where is_recent), 0)::bigint as "hour_failures!",
                  coalesce(sum(checks) filter (where not is_recent), 0)::bigint as "week_checks!",
                  coalesce(sum(failures) filter (where not is_recent), 0)::bigint as "week_failures!",
                  exists (select from smsgw.otp_brake where until > clock_timestamp()) as "holds!"
           from counted"#
    )
    .fetch_one(db)
    .await?;
    let checks = |checks: i64, failures: i64| Checks {
        checks: checks.unsigned_abs(),
        failures: failures.unsigned_abs(),
    };
    Ok(Look {
        hour: checks(row.hour_checks, row.hour_failures),
        week: checks(row.week_checks, row.week_failures),
        holds: row.holds,
    })
}

/// Trips the brake, for all gateways, or holds it for longer.
pub async fn trip(db: impl PgExecutor<'_>, hold: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.otp_brake as b (tripped_at, until)
         values (clock_timestamp(), clock_timestamp() + make_interval(secs => $1))
         on conflict (singleton) do update set
             tripped_at = case when b.until > clock_timestamp() then b.tripped_at else excluded.tripped_at end,
             until = excluded.until",
        hold.as_secs_f64(),
    )
    .execute(db)
    .await?;
    Ok(())
}
