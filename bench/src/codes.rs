//! How long a code takes from the request to the vendor: on an idle gateway, while a campaign drains
//! through a checkpoint, and with API and worker in processes of their own; there also a text that an
//! application asks for in SQL.

use std::time::Duration;

use anyhow::ensure;
use bench::client::Client;
use bench::latency::{Latencies, RATE, arrivals, ask_for_codes, commits, micros};
use bench::report::Figure;
use bench::stage::Stage;
use clap::Args;
use mock_provider::MockProvider;
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};
use tokio::time::{interval, sleep};

use crate::drains::{fill, resume};

/// Seconds of warming up.
const WARM_UP: u32 = 2;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Messages of the campaign beside which codes are sent
    #[arg(long, default_value_t = 1_000_000)]
    campaign: u64,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let (idle, commit) = alone(options).await?;
    let (apart, door) = apart(options).await?;
    let (beside, memory) = beside_a_campaign(options).await?;
    let figure = |name, bar, seen: String, reached| Figure { name, bar, seen, reached, program: "codes" };
    Ok(vec![
        figure(
            "a code from request to vendor, 50/s, idle",
            "p50 ≤ 1.5 ms, p99 ≤ 4 ms",
            format!("{idle}; of this machine's Postgres, one commit alone: {commit}"),
            idle.p50() <= 1.5 && idle.p99() <= 4.0,
        ),
        figure(
            "the same while promo drains, through a checkpoint",
            "p99 ≤ 12 ms",
            beside.to_string(),
            beside.p99() <= 12.0,
        ),
        figure("the same, API and worker apart", "p50 ≤ 10 ms", apart.to_string(), apart.p50() <= 10.0),
        figure("a text asked for in SQL, 50/s", "p50 ≤ 40 ms", door.to_string(), door.p50() <= 40.0),
        figure(
            "resident memory at its peak, while 1,000,000 messages are accepted and drain",
            "≤ 100 MB",
            format!("{memory:.0} MB"),
            memory <= 100.0,
        ),
    ])
}

/// The vendor is here, so that both times are of one clock; what is not a code goes to the stage's.
pub(crate) fn settings(mock_url: &str) -> [(&'static str, &str); 5] {
    [
        ("TWO_FACTOR_API_KEY", "mock-2factor-key"),
        ("TWO_FACTOR_BASE_URL", mock_url),
        ("SMS_SENDER_ID", "TFCTOR"),
        ("SMS_TEMPLATE", "Login"),
        ("SMSGW_PROVIDER_ORDER", "2factor,twilio"),
    ]
}

/// Codes, and before them what a commit takes here: a code waits for one.
async fn alone(options: &Options) -> anyhow::Result<(Latencies, Latencies)> {
    let (stage, mock) = (Stage::set(&[]).await?, MockProvider::start(mock_provider::Options::default())?);
    let mut db = PgConnection::connect_with(stage.database.options()).await?;
    let commit = commits(&mut db, options.seconds / 4).await?;
    println!("one commit, idle: {commit}");
    let (gateway, url) = stage.gateway("serve", &settings(&mock.url())).await?;
    let asked = ask_for_codes(&url, stage.key.expose_secret(), WARM_UP, options.seconds).await?;
    let seen = arrivals(&mock, &asked).await?;
    println!("codes, idle: {seen}");
    gateway.stop()?;
    stage.clear().await?;
    Ok((seen, commit))
}

/// Codes, then texts by SQL.
async fn apart(options: &Options) -> anyhow::Result<(Latencies, Latencies)> {
    let (stage, mock) = (Stage::set(&[]).await?, MockProvider::start(mock_provider::Options::default())?);
    let mock_url = mock.url();
    let (api, url) = stage.gateway("api", &[]).await?;
    let here = [&settings(&mock_url)[..], &[("TWILIO_BASE_URL", mock_url.as_str())]].concat();
    let (worker, _) = stage.gateway("worker", &here).await?;
    let asked = ask_for_codes(&url, stage.key.expose_secret(), WARM_UP, options.seconds).await?;
    let codes = arrivals(&mock, &asked).await?;
    println!("codes, API and worker apart: {codes}");
    let texts = by_sql(&stage, &mock, options.seconds).await?;
    println!("texts asked for in SQL: {texts}");
    api.stop()?;
    worker.stop()?;
    stage.clear().await?;
    Ok((codes, texts))
}

/// An application that asks for a text in its own transaction, evenly.
async fn by_sql(stage: &Stage, mock: &MockProvider, seconds: u32) -> anyhow::Result<Latencies> {
    let mut db = PgConnection::connect_with(stage.database.options()).await?;
    sqlx::raw_sql("set role smsgw_enqueue").execute(&mut db).await?;
    let mut turns = interval(Duration::from_secs(1) / RATE);
    let mut asked = Vec::new();
    for turn in 0..(WARM_UP + seconds) * RATE {
        turns.tick().await;
        let (phone, at) = (format!("+9197{:08}", 10_000_000 + turn), micros());
        sqlx::query("select public.sms_enqueue($1, 'Your table for two is booked at 20:00.')")
            .bind(&phone)
            .execute(&mut db)
            .await?;
        if turn >= WARM_UP * RATE {
            asked.push((phone, at));
        }
    }
    arrivals(mock, &asked).await
}

/// Also tells the gateway's memory at its peak, in MB.
async fn beside_a_campaign(options: &Options) -> anyhow::Result<(Latencies, f64)> {
    let (stage, mock) = (Stage::set(&[]).await?, MockProvider::start(mock_provider::Options::default())?);
    let (gateway, url) = stage.gateway("serve", &settings(&mock.url())).await?;
    let mut client = Client::connect(&url, stage.key.expose_secret()).await?;
    fill(&mut client, "promo", options.campaign).await?;
    resume(&mut client, "promo").await?;
    let mut owner = PgConnection::connect_with(stage.database.options()).await?;
    let checkpoint = async {
        sleep(Duration::from_secs(u64::from(options.seconds) / 3)).await;
        sqlx::raw_sql("checkpoint").execute(&mut owner).await?;
        anyhow::Ok(())
    };
    let asking = ask_for_codes(&url, stage.key.expose_secret(), 0, options.seconds);
    let (asked, checkpointed) = tokio::join!(asking, checkpoint);
    checkpointed?;
    let (seen, left) = (arrivals(&mock, &asked?).await?, stage.queued().await?);
    let memory = gateway.peak_resident_mb();
    println!("codes while promo drains: {seen}; {left} promo left, memory {memory:.0} MB");
    ensure!(left > 0, "the campaign was over too early: take a larger one");
    gateway.stop()?;
    stage.clear().await?;
    Ok((seen, memory))
}
