//! How long a code takes from the request to the vendor: on an idle gateway, while a campaign drains
//! through a checkpoint, and with API and worker in processes of their own.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use bench::client::Client;
use bench::report::{Figure, quantile};
use bench::stage::Stage;
use clap::Args;
use futures::future::try_join_all;
use mock_provider::MockProvider;
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};
use tokio::time::{Instant, interval_at, sleep};

use crate::drains::fill;

/// Codes a second.
const RATE: u32 = 50;
/// Connections that take turns.
const CLIENTS: u32 = 10;

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

/// Latencies in milliseconds, sorted.
struct Latencies(Vec<f64>);

impl Latencies {
    fn p50(&self) -> f64 {
        quantile(&self.0, 0.5)
    }

    fn p99(&self) -> f64 {
        quantile(&self.0, 0.99)
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let worst = self.0.last().copied().unwrap_or_default();
        write!(f, "p50 {:.2} ms, p99 {:.2} ms (worst {worst:.1})", self.p50(), self.p99())
    }
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let idle = alone(options).await?;
    let apart = apart(options).await?;
    let beside = beside_a_campaign(options).await?;
    let figure = |name, bar, seen: &Latencies, reached| Figure {
        name,
        bar,
        seen: seen.to_string(),
        reached,
        program: "codes",
    };
    Ok(vec![
        figure(
            "a code from request to vendor, 50/s, idle",
            "p50 ≤ 1.5 ms, p99 ≤ 4 ms",
            &idle,
            idle.p50() <= 1.5 && idle.p99() <= 4.0,
        ),
        figure(
            "the same while promo drains, through a checkpoint",
            "p99 ≤ 12 ms",
            &beside,
            beside.p99() <= 12.0,
        ),
        figure("the same, API and worker apart", "p50 ≤ 10 ms", &apart, apart.p50() <= 10.0),
    ])
}

/// The vendor for codes is here, so that both times are of one clock; texts go to the stage's vendor.
fn settings(mock_url: &str) -> [(&'static str, &str); 5] {
    [
        ("TWO_FACTOR_API_KEY", "mock-2factor-key"),
        ("TWO_FACTOR_BASE_URL", mock_url),
        ("SMS_SENDER_ID", "TFCTOR"),
        ("SMS_TEMPLATE", "Login"),
        ("SMSGW_PROVIDER_ORDER", "2factor,twilio"),
    ]
}

async fn alone(options: &Options) -> anyhow::Result<Latencies> {
    let (stage, mock) = (Stage::set(&[]).await?, MockProvider::start(mock_provider::Options::default())?);
    let (gateway, url) = stage.gateway("serve", &settings(&mock.url())).await?;
    let seen = latencies(&stage, &mock, &url, 2, options.seconds).await?;
    println!("codes, idle: {seen}");
    gateway.stop()?;
    stage.clear().await?;
    Ok(seen)
}

async fn apart(options: &Options) -> anyhow::Result<Latencies> {
    let (stage, mock) = (Stage::set(&[]).await?, MockProvider::start(mock_provider::Options::default())?);
    let (api, url) = stage.gateway("api", &[]).await?;
    let (worker, _) = stage.gateway("worker", &settings(&mock.url())).await?;
    let seen = latencies(&stage, &mock, &url, 2, options.seconds).await?;
    println!("codes, API and worker apart: {seen}");
    api.stop()?;
    worker.stop()?;
    stage.clear().await?;
    Ok(seen)
}

async fn beside_a_campaign(options: &Options) -> anyhow::Result<Latencies> {
    let (stage, mock) = (Stage::set(&[]).await?, MockProvider::start(mock_provider::Options::default())?);
    let (gateway, url) = stage.gateway("serve", &settings(&mock.url())).await?;
    let mut client = Client::connect(&url, stage.key.expose_secret()).await?;
    fill(&mut client, "promo", options.campaign).await?;
    let resumed = client.request("DELETE", "/settings/pauses?scope=lane&name=promo", "").await?;
    ensure!(resumed.status == 204, "not resumed: {}", resumed.status);
    let mut owner = PgConnection::connect_with(stage.database.options()).await?;
    let checkpoint = async {
        sleep(Duration::from_secs(u64::from(options.seconds) / 3)).await;
        sqlx::raw_sql("checkpoint").execute(&mut owner).await?;
        anyhow::Ok(())
    };
    let (seen, checkpointed) = tokio::join!(latencies(&stage, &mock, &url, 0, options.seconds), checkpoint);
    checkpointed?;
    let (seen, left) = (seen?, stage.queued().await?);
    println!(
        "codes while promo drains: {seen}; {left} promo left, memory {:.0} MiB",
        gateway.peak_resident_mib()
    );
    ensure!(left > 0, "the campaign was over too early: take a larger one");
    gateway.stop()?;
    stage.clear().await?;
    Ok(seen)
}

/// Asks for codes at an even pace, whatever becomes of those before, and waits until all have arrived.
async fn latencies(
    stage: &Stage,
    mock: &MockProvider,
    url: &str,
    warm_up: u32,
    seconds: u32,
) -> anyhow::Result<Latencies> {
    let (start, each) = (Instant::now() + Duration::from_millis(100), Duration::from_secs(1) / RATE);
    let askers = (0..CLIENTS).map(async |asker| {
        let mut client = Client::connect(url, stage.key.expose_secret()).await?;
        let mut turns = interval_at(start + each * asker, each * CLIENTS);
        let mut asked = Vec::new();
        for turn in 0..(warm_up + seconds) * RATE / CLIENTS {
            turns.tick().await;
            let phone = format!("+9199{:08}", 10_000_000 + turn * CLIENTS + asker);
            let at = micros();
            let answer = client.post("/otp/send", &format!(r#"{{"phone":"{phone}"}}"#)).await?;
            ensure!(answer.status == 202, "a code is refused: {}", answer.status);
            if turn >= warm_up * RATE / CLIENTS {
                asked.push((phone, at));
            }
        }
        Ok(asked)
    });
    let asked: Vec<_> = try_join_all(askers).await?.into_iter().flatten().collect();
    let (began, all) = (Instant::now(), u64::from((warm_up + seconds) * RATE));
    while mock.arrival_total() < all {
        ensure!(began.elapsed() < Duration::from_secs(20), "codes are missing");
        sleep(Duration::from_millis(20)).await;
    }
    let arrived: HashMap<_, _> = mock.arrivals().iter().map(|one| (one.to.clone(), one.at_micros)).collect();
    let mut times: Vec<f64> =
        asked.iter().filter_map(|(phone, at)| Some((arrived.get(phone)? - at) as f64 / 1000.0)).collect();
    times.sort_unstable_by(f64::total_cmp);
    Ok(Latencies(times))
}

fn micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}
