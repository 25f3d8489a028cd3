//! A vendor that takes 200 messages a second and answers the rest with 429, and nobody has told the
//! gateway so. Codes go to another vendor meanwhile, and notice nothing: they take as long as where the
//! gateway was told, and no answer is 429.

use std::time::Duration;

use anyhow::ensure;
use bench::client::Client;
use bench::latency::{Latencies, arrivals, ask_for_codes};
use bench::report::Figure;
use bench::stage::{ACCOUNT, SENDER, Stage, TOKEN};
use chrono::{DateTime, Utc};
use clap::Args;
use mock_provider::MockProvider;
use secrecy::ExposeSecret;
use sqlx::PgPool;
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

/// How the gateway comes to know what the vendor takes.
#[derive(Clone, Copy)]
enum Limit {
    /// By answers of 429.
    Silent,
    /// By answers of 429 that say when to come again.
    Speaking,
    /// From its operator, so that no answer is 429: what codes take beside so many texts.
    Configured,
}

/// One measurement.
struct Seen {
    /// Of what the vendor would have taken.
    share: f64,
    /// Tries that a pause forbade.
    forbidden: usize,
    codes: Latencies,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let silent = measure(options, Limit::Silent).await?;
    let configured = measure(options, Limit::Configured).await?;
    let speaking = measure(options, Limit::Speaking).await?;
    let share = silent.share.min(speaking.share);
    let forbidden = silent.forbidden + speaking.forbidden;
    let worse = |of: fn(&Latencies) -> f64| of(&silent.codes).max(of(&speaking.codes));
    let (p50, p99) = (worse(Latencies::p50), worse(Latencies::p99));
    let (beside_p50, beside_p99) = (p50 / configured.codes.p50(), p99 / configured.codes.p99());
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
            format!("{}; with Retry-After {}", silent.codes, speaking.codes),
            p99 <= 4.0,
        ),
        figure(
            "the same, beside codes where the rate is configured and no answer is 429",
            "p50 ≤ 1.1, p99 ≤ 1.5",
            format!("p50 {beside_p50:.2}, p99 {beside_p99:.2} (configured: {})", configured.codes),
            beside_p50 <= 1.1 && beside_p99 <= 1.5,
        ),
    ])
}

/// Tells the gateway what the vendor takes, before there is a worker.
async fn configure(stage: &Stage) -> anyhow::Result<()> {
    let (api, url) = stage.gateway("api", &[]).await?;
    let mut client = Client::connect(&url, stage.key.expose_secret()).await?;
    let provider = serde_json::json!({
        "kind": "twilio", "sender": SENDER, "max_per_second": ALLOWED, "settings": {"base_url": stage.vendor},
        "credentials": {"account_sid": ACCOUNT, "auth_token": TOKEN},
    });
    // The environment's provider of this name gives way to it.
    let put = client.request("PUT", "/settings/api/twilio", &provider.to_string()).await?;
    ensure!((200..300).contains(&put.status), "the provider is refused: {}", put.status);
    api.stop()
}

async fn measure(options: &Options, limit: Limit) -> anyhow::Result<Seen> {
    let allowed = ALLOWED.to_string();
    let (name, flags): (_, &[&str]) = match limit {
        Limit::Silent => ("without Retry-After", &["--twilio-rate-limit", &allowed]),
        Limit::Speaking => {
            ("with Retry-After", &["--twilio-rate-limit", &allowed, "--rate-limit-retry-after"])
        }
        Limit::Configured => ("rate configured", &[]),
    };
    let stage = Stage::set(flags).await?;
    if matches!(limit, Limit::Configured) {
        configure(&stage).await?;
    }
    let mock = MockProvider::start(mock_provider::Options::default())?;
    let (gateway, url) = stage.gateway("serve", &crate::codes::settings(&mock.url())).await?;
    let mut client = Client::connect(&url, stage.key.expose_secret()).await?;
    let messages = u64::from(ALLOWED * options.seconds) * 3 / 2;
    fill(&mut client, "transactional", messages).await?;
    resume(&mut client, "transactional").await?;
    let (codes, pauses) = tokio::join!(
        ask_for_codes(&url, stage.key.expose_secret(), 0, options.seconds),
        watch_pauses(&stage.pool, Duration::from_secs(u64::from(options.seconds))),
    );
    let codes = arrivals(&mock, &codes?).await?;
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
         codes {codes}",
        time.as_seconds_f64(),
        share * 100.0,
        tries.len() - taken,
    );
    stage.clear().await?;
    Ok(Seen { share, forbidden, codes })
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
