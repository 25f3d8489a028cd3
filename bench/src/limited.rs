//! A vendor that takes 200 messages a second and answers the rest with 429, and nobody has told the
//! gateway so. Codes go to another vendor meanwhile, and notice nothing.

use std::time::Duration;

use anyhow::ensure;
use bench::client::Client;
use bench::latency::{Latencies, arrivals, ask_for_codes, commits};
use bench::report::Figure;
use bench::stage::Stage;
use chrono::{DateTime, Utc};
use clap::Args;
use mock_provider::MockProvider;
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{Instant, sleep};

use crate::drains::{fill, resume};

/// What the vendor takes a second.
const ALLOWED: u32 = 200;
/// A try that begins so much later than the answer that forbade it, should not have begun.
const GRACE: Duration = Duration::from_millis(100);

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

/// One measurement.
struct Seen {
    /// Of what the vendor would have taken.
    share: f64,
    /// Tries that a pause forbade.
    forbidden: usize,
    codes: Latencies,
    /// Of one row by itself, which a code waits for too.
    commits: Latencies,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let silent = measure(options, "without Retry-After", &[]).await?;
    let speaking = measure(options, "with Retry-After", &["--rate-limit-retry-after"]).await?;
    let share = silent.share.min(speaking.share);
    let forbidden = silent.forbidden + speaking.forbidden;
    let p99 = silent.codes.p99().max(speaking.codes.p99());
    let commit = silent.commits.p99().max(speaking.commits.p99());
    let figure = |name, bar, seen: String, reached| Figure { name, bar, seen, reached, program: "limited" };
    Ok(vec![
        figure(
            "a vendor that takes 200/s and answers 429 beyond, rate not configured: what it takes, of its allowance",
            "≥ 90 %",
            format!("{:.0} % ({:.0} % without Retry-After)", speaking.share * 100.0, silent.share * 100.0),
            share >= 0.9,
        ),
        figure(
            "tries begun more than 100 ms after the 429 that forbade them",
            "none",
            format!("{forbidden}"),
            forbidden == 0,
        ),
        figure(
            "codes by another vendor meanwhile, 50/s",
            "p99 ≤ 4 ms",
            format!("p99 {p99:.2} ms; of this machine's Postgres, one commit meanwhile: p99 {commit:.2} ms"),
            p99 <= 4.0,
        ),
    ])
}

async fn measure(options: &Options, name: &str, flags: &[&str]) -> anyhow::Result<Seen> {
    let limit = ALLOWED.to_string();
    let stage = Stage::set(&[&["--twilio-rate-limit", &limit], flags].concat()).await?;
    let mock = MockProvider::start(mock_provider::Options::default())?;
    let (gateway, url) = stage.gateway("serve", &crate::codes::settings(&mock.url())).await?;
    let mut client = Client::connect(&url, stage.key.expose_secret()).await?;
    let messages = u64::from(ALLOWED * options.seconds) * 3 / 2;
    fill(&mut client, "transactional", messages).await?;
    resume(&mut client, "transactional").await?;
    let mut db = PgConnection::connect_with(stage.database.options()).await?;
    let (codes, pauses, commits) = tokio::join!(
        ask_for_codes(&url, stage.key.expose_secret(), 0, options.seconds),
        watch_pauses(&stage.pool, Duration::from_secs(u64::from(options.seconds))),
        commits(&mut db, options.seconds),
    );
    let (codes, commits) = (arrivals(&mock, &codes?).await?, commits?);
    gateway.stop()?;
    let tries = tries(&stage.pool).await?;
    let taken = tries.iter().filter(|one| one.outcome == "accepted").count();
    let first = tries.first().map_or_else(Utc::now, |one| one.started_at);
    let time = tries.last().map_or_else(Utc::now, |one| one.started_at) - first;
    let share = taken as f64 / (time.as_seconds_f64() * f64::from(ALLOWED));
    let forbidden = count_forbidden(&tries, &bans(&tries, &pauses?));
    // Nothing is lost: what was accepted is sent, or waits.
    let (logged, queued): (i64, i64) = sqlx::query_as(
        "select (select count(*) from public.sms_messages_log where type = 'transactional' and status = 'sent'),
                (select count(*) from smsgw.sms_outbox where lane = 'transactional')",
    )
    .fetch_one(&stage.pool)
    .await?;
    ensure!(logged + queued == i64::try_from(messages)?, "{logged} sent, {queued} wait, of {messages}");
    println!(
        "{name}: {taken} taken in {:.0} s, {:.1} % of the allowance; {} answers of 429, {forbidden} tries forbidden; \
         codes {codes}; one commit meanwhile {commits}",
        time.as_seconds_f64(),
        share * 100.0,
        tries.len() - taken,
    );
    stage.clear().await?;
    Ok(Seen { share, forbidden, codes, commits })
}

/// A call of the limited vendor.
#[derive(sqlx::FromRow)]
struct Try {
    started_at: DateTime<Utc>,
    /// When its answer was there.
    answered_at: DateTime<Utc>,
    outcome: String,
}

/// Calls of the limited vendor in their order.
async fn tries(pool: &PgPool) -> sqlx::Result<Vec<Try>> {
    sqlx::query_as(
        "select started_at, started_at + response_time_ms * interval '1 ms' as answered_at, outcome
         from smsgw.sms_attempts where provider_name = 'twilio' order by started_at",
    )
    .fetch_all(pool)
    .await
}

/// A pause: when it was first seen, and until when it holds.
type Pause = (DateTime<Utc>, DateTime<Utc>);

/// Notes every pause of the limited vendor that workers write down.
async fn watch_pauses(pool: &PgPool, time: Duration) -> sqlx::Result<Vec<Pause>> {
    let began = Instant::now();
    let mut pauses: Vec<Pause> = Vec::new();
    while began.elapsed() < time {
        let pause: Option<Pause> = sqlx::query_as(
            "select clock_timestamp(), paused_until from smsgw.sms_provider_state
             where provider_name = 'twilio' and paused_until > clock_timestamp()",
        )
        .fetch_optional(pool)
        .await?;
        if let Some(pause) = pause.filter(|new| pauses.last().is_none_or(|last| last.1 != new.1)) {
            pauses.push(pause);
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(pauses)
}

/// When tries were forbidden: from the first 429 after the ban before, which began a pause, to the end of that pause.
fn bans(tries: &[Try], pauses: &[Pause]) -> Vec<Pause> {
    let mut answers: Vec<_> =
        tries.iter().filter(|one| one.outcome == "throttled").map(|one| one.answered_at).collect();
    answers.sort_unstable();
    let mut over = DateTime::<Utc>::MIN_UTC;
    let ban = |&(seen, until): &Pause| {
        let from = answers.iter().copied().find(|at| *at >= over).map_or(seen, |first| first.min(seen));
        over = until;
        (from, until)
    };
    pauses.iter().map(ban).collect()
}

fn count_forbidden(tries: &[Try], bans: &[Pause]) -> usize {
    let forbids = |at: DateTime<Utc>| bans.iter().any(|(since, until)| *since + GRACE < at && at < *until);
    tries.iter().filter(|one| forbids(one.started_at)).count()
}
