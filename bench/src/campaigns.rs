//! Campaigns: how fast a list is taken in, how soon and how fast its people are texted, what codes feel of it, and how
//! exactly a throttle is kept.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench::client::{Client, number, upload};
use bench::latency::{Latencies, arrivals, ask_for_codes};
use bench::report::Figure;
use bench::stage::Stage;
use clap::Args;
use mock_provider::MockProvider;
use secrecy::ExposeSecret;

use crate::codes::settings;
use crate::drains::{drain, until_sent};

/// Messages a second of the throttled campaign.
const THROTTLE: u64 = 500;
/// How long it is watched.
const WATCHED: Duration = Duration::from_secs(10);

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Rows of the list
    #[arg(long, default_value_t = 1_000_000)]
    recipients: u64,
    /// Seconds during which codes are asked for
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// What one campaign showed.
struct Seen {
    rows_per_second: f64,
    grown_mb: f64,
    first: Duration,
    per_second: f64,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let seen = from_list_to_end(options.recipients).await?;
    let plain = drain("promo", options.recipients.min(200_000), &[], &[]).await?;
    let ratio = seen.per_second / plain;
    let codes = beside_codes(options).await?;
    let error = throttled().await?;
    let figure = |name, bar, seen: String, reached| Figure { name, bar, seen, reached, program: "campaigns" };
    Ok(vec![
        figure(
            "a list taken in over HTTP, read, checked and committed",
            "≥ 30,000 rows/s",
            format!("{:.0}/s; memory grew by {:.0} MB", seen.rows_per_second, seen.grown_mb),
            seen.rows_per_second >= 30_000.0,
        ),
        figure(
            "the first text after a campaign's start",
            "≤ 10 s",
            format!("{:.2} s", seen.first.as_secs_f64()),
            seen.first <= Duration::from_secs(10),
        ),
        figure(
            "a campaign drained, beside a plain promo drain",
            "≥ 0.9",
            format!("{ratio:.2} ({:.0}/s beside {plain:.0}/s)", seen.per_second),
            ratio >= 0.9,
        ),
        figure("a code while a campaign drains", "p99 ≤ 12 ms", codes.to_string(), codes.p99() <= 12.0),
        figure(
            "a throttle of 500/s, over 10 s",
            "exact to 2 %",
            format!("{:+.2} %", error * 100.0),
            error.abs() <= 0.02,
        ),
    ])
}

/// A list of so many people; each has a name, which the text does not need.
fn list(recipients: u64) -> String {
    let mut list = String::with_capacity(recipients as usize * 22 + 16);
    list.push_str("phone,name\n");
    for n in 0..recipients {
        list.push_str(&number(n));
        list.push_str(",Ann\n");
    }
    list
}

/// Makes a campaign of `recipients`; gives its address and how long the list took.
async fn prepared(
    url: &str,
    key: &str,
    recipients: u64,
    throttle: Option<u64>,
) -> anyhow::Result<(String, Duration)> {
    let mut client = Client::connect(url, key).await?;
    let throttle = throttle.map(|rate| format!(r#","max_per_second":{rate}"#)).unwrap_or_default();
    let wanted = format!(r#"{{"name":"bench","text":"Only today: everything at half price."{throttle}}}"#);
    let made = client.post("/sms/campaigns", &wanted).await?;
    ensure!(made.status == 201, "not made: {}", made.status);
    let made: serde_json::Value = serde_json::from_slice(made.body)?;
    let campaign = format!("/sms/campaigns/{}", made["campaign_id"].as_str().context("an id")?);
    let list = list(recipients);
    let began = Instant::now();
    let told = upload(url, key, &format!("{campaign}/recipients"), list.into_bytes()).await?;
    let took = began.elapsed();
    let last = told.lines().rfind(|line| line.contains(r#""type":"done""#));
    let last: serde_json::Value =
        serde_json::from_str(last.with_context(|| format!("the list was refused: {told}"))?)?;
    ensure!(last["added"].as_u64() == Some(recipients), "not all were added: {last}");
    Ok((campaign, took))
}

async fn start(url: &str, key: &str, campaign: &str) -> anyhow::Result<()> {
    let mut client = Client::connect(url, key).await?;
    let started = client.post(&format!("{campaign}/start"), "").await?;
    ensure!(started.status == 200, "not started: {}", started.status);
    Ok(())
}

async fn from_list_to_end(recipients: u64) -> anyhow::Result<Seen> {
    let stage = Stage::set(&[]).await?;
    let (gateway, url) = stage.gateway("serve", &[]).await?;
    let key = stage.key.expose_secret();
    let before = gateway.peak_resident_mb();
    let (campaign, took) = prepared(&url, key, recipients, None).await?;
    let (rows_per_second, grown_mb) =
        (recipients as f64 / took.as_secs_f64(), gateway.peak_resident_mb() - before);
    println!("{recipients} rows taken in: {rows_per_second:.0}/s; memory grew by {grown_mb:.0} MB");
    let go = start(&url, key, &campaign);
    let (first, per_second) = until_sent((&stage, &gateway), "of a campaign", recipients, go).await?;
    gateway.stop()?;
    stage.clear().await?;
    Ok(Seen { rows_per_second, grown_mb, first, per_second })
}

async fn beside_codes(options: &Options) -> anyhow::Result<Latencies> {
    let (stage, mock) = (Stage::set(&[]).await?, MockProvider::start(mock_provider::Options::default())?);
    let (gateway, url) = stage.gateway("serve", &settings(&mock.url())).await?;
    let key = stage.key.expose_secret();
    let (campaign, _) = prepared(&url, key, options.recipients, None).await?;
    start(&url, key, &campaign).await?;
    let asked = ask_for_codes(&url, key, 2, options.seconds).await?;
    let (seen, left) = (arrivals(&mock, &asked).await?, stage.queued().await?);
    println!("codes while a campaign drains: {seen}; {left} texts left in the queue");
    ensure!(left > 0, "the campaign was over too early: take a larger one");
    gateway.stop()?;
    stage.clear().await?;
    Ok(seen)
}

/// By how much the rate over ten seconds misses the throttle, at worst.
async fn throttled() -> anyhow::Result<f64> {
    let (stage, mock) = (Stage::set(&[]).await?, MockProvider::start(mock_provider::Options::default())?);
    let vendor = mock.url();
    let (gateway, url) = stage.gateway("serve", &[("TWILIO_BASE_URL", vendor.as_str())]).await?;
    let key = stage.key.expose_secret();
    let recipients = THROTTLE * (WATCHED.as_secs() + 4);
    let (campaign, _) = prepared(&url, key, recipients, Some(THROTTLE)).await?;
    start(&url, key, &campaign).await?;
    let patience = Instant::now() + Duration::from_secs(60);
    while mock.arrival_total() < recipients {
        ensure!(Instant::now() < patience, "only {} of {recipients} arrived", mock.arrival_total());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut times: Vec<i64> = mock.arrivals().iter().map(|one| one.at_micros).collect();
    times.sort_unstable();
    let (window, wanted) = (i64::try_from(WATCHED.as_micros())?, (THROTTLE * WATCHED.as_secs()) as f64);
    let last = times.last().copied().context("arrivals")?;
    let errors = times.iter().enumerate().filter(|(_, at)| *at + window <= last).map(|(from, at)| {
        let count = times.partition_point(|time| *time < at + window) - from;
        count as f64 / wanted - 1.0
    });
    let worst = errors.max_by(|a, b| a.abs().total_cmp(&b.abs())).context("ten seconds of arrivals")?;
    println!("a throttle of {THROTTLE}/s over any 10 s: {:+.2} % at worst", worst * 100.0);
    gateway.stop()?;
    stage.clear().await?;
    Ok(worst)
}
