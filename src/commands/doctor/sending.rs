//! Sending: somebody does it, nothing is stopped, nothing waits too long.

use std::time::Duration;

use chrono::Utc;
use shared::clock::DbClock;
use shared::lane::Lane;
use shared::store::outbox::{self, LaneDepth, Watermark};
use shared::store::pauses::{self, Pause, PauseScope};
use shared::store::provider_state;
use shared::store::workers::{self, ListedWorker};
use sqlx::PgPool;

use super::Finding;
use crate::commands::pause::describe;

/// As takeover has it: who is silent for longer is dead.
const SILENT_SECONDS: f64 = 5.0;
/// Counting stops here.
const COUNTED: i64 = 10_000;

/// Looks at pauses, workers and the queue.
pub(super) async fn check(pool: &PgPool) -> Vec<Finding> {
    match look(pool).await {
        Ok(findings) => findings,
        Err(error) => vec![Finding::fail("sending", error.to_string(), "see the error")],
    }
}

async fn look(pool: &PgPool) -> sqlx::Result<Vec<Finding>> {
    let stopped = pauses::list(pool).await?;
    let mut findings: Vec<_> = stopped.iter().map(by_operator).collect();
    let now = DbClock::start(pool).await.map_or_else(|_| Utc::now(), |clock| clock.now());
    for state in provider_state::list(pool).await? {
        if let Some(until) = state.paused_until.filter(|until| *until > now) {
            let seconds = (until - now).num_seconds();
            let detail = format!("provider {} said slow down and rests for {seconds} s", state.provider_name);
            let cure = "wait; if it comes again and again, set --max-per-second, or ask the vendor for a higher rate";
            findings.push(Finding::warn("pauses", detail, cure));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("pauses", "nothing is paused"));
    }
    findings.extend(of_workers(&workers::list(pool).await?));
    for depth in outbox::list_depths(pool, [Watermark::START; 3], COUNTED).await? {
        findings.push(of_lane(&depth, &stopped));
    }
    Ok(findings)
}

fn by_operator(pause: &Pause) -> Finding {
    let since = pause.paused_at.format("%Y-%m-%d %H:%M");
    let detail = format!("{} is paused since {since} UTC", describe(pause.scope, &pause.name));
    let cure = match pause.scope {
        PauseScope::All => "smsgw resume".to_owned(),
        PauseScope::Lane => format!("smsgw resume --lane {}", pause.name),
        PauseScope::Provider => format!("smsgw resume --provider {}", pause.name),
    };
    match pause.scope {
        PauseScope::All => Finding::fail("pauses", detail, cure),
        PauseScope::Lane | PauseScope::Provider => Finding::warn("pauses", detail, cure),
    }
}

fn of_workers(all: &[ListedWorker]) -> Vec<Finding> {
    let living = all.iter().filter(|one| one.holds_lock && one.silent_seconds < SILENT_SECONDS).count();
    let silent = all.iter().filter(|one| one.silent_seconds >= SILENT_SECONDS);
    let mut findings: Vec<_> = silent
        .map(|one| {
            let detail =
                format!("{} (process {}) is silent for {:.0} s", one.host, one.pid, one.silent_seconds);
            let cure = "look at its log and restart it; living workers take its messages over";
            Finding::warn("workers", detail, cure)
        })
        .collect();
    findings.push(match living {
        0 => Finding::fail(
            "workers",
            "none lives, so nothing is sent",
            "start `smsgw serve` or `smsgw worker`",
        ),
        some => Finding::ok("workers", format!("{some} live")),
    });
    findings
}

fn of_lane(depth: &LaneDepth, stopped: &[Pause]) -> Finding {
    let LaneDepth { lane, messages, oldest_due_seconds: oldest } = *depth;
    let more = if messages >= COUNTED { " or more" } else { "" };
    let detail = format!("{lane}: {messages}{more} wait, the oldest is due for {oldest:.0} s");
    let stopped = stopped.iter().any(|one| match one.scope {
        PauseScope::All => true,
        PauseScope::Lane => one.name == lane.as_str(),
        PauseScope::Provider => false,
    });
    let patience = match lane {
        Lane::Otp => Duration::from_secs(10),
        Lane::Transactional => Duration::from_secs(60),
        Lane::Promo => Duration::from_secs(3600),
    };
    if oldest < patience.as_secs_f64() {
        return Finding::ok("queue", detail);
    }
    let cure = match stopped {
        true => "it is paused: `smsgw resume` lets it go on",
        false => "see workers, pauses and providers above; `smsgw outbox review` shows why each waits",
    };
    match lane {
        Lane::Otp | Lane::Transactional => Finding::fail("queue", detail, cure),
        Lane::Promo => Finding::warn("queue", detail, cure),
    }
}
