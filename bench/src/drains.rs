//! How fast what waits is sent: a campaign to a fast vendor, and texts to a slow one.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bench::client::{Client, number};
use bench::report::{Figure, median};
use bench::stage::{LOGGED, Program, Stage};
use clap::Args;
use secrecy::ExposeSecret;

/// Messages of one batch request.
const BATCH: u64 = 10_000;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Messages of the campaign
    #[arg(long, default_value_t = 200_000)]
    messages: u64,
    /// How often
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Promo texts sent at once, if not as many as usual
    #[arg(long)]
    slots: Option<u16>,
    /// Milliseconds until the vendor answers a promo text
    #[arg(long, default_value_t = 0)]
    latency: u64,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let mut rates = Vec::new();
    let latency = options.latency.to_string();
    let vendor = ["--twilio-latency-ms", &latency];
    let slots = options.slots.map(|slots| slots.to_string());
    let settings = slots.as_deref().map(|slots| ("SMSGW_PROMO_SLOTS", slots));
    for _ in 0..options.repeats {
        rates.push(drain("promo", options.messages, &vendor, settings.as_slice()).await?);
    }
    let fast = median(rates);
    let slow = drain(
        "transactional",
        2 * BATCH,
        &["--twilio-latency-ms", "100"],
        // One is held a little longer than its call: until the result is written.
        &[("SMSGW_TRANSACTIONAL_SLOTS", "115")],
    );
    let slow = slow.await?;
    Ok(vec![
        Figure {
            name: "200,000 promo drained to a fast vendor",
            bar: "≥ 28,000/s",
            seen: format!("{fast:.0}/s"),
            reached: fast >= 28_000.0,
            program: "drains",
        },
        Figure {
            name: "a vendor that answers after 100 ms, 100 in flight",
            bar: "≥ 950/s",
            seen: format!("{slow:.0}/s"),
            reached: slow >= 950.0,
            program: "drains",
        },
    ])
}

/// Fills a paused lane, lets it go, and gives messages a second.
pub(crate) async fn drain(
    lane: &str,
    messages: u64,
    vendor: &[&str],
    settings: &[(&str, &str)],
) -> anyhow::Result<f64> {
    let stage = Stage::set(vendor).await?;
    let (gateway, url) = stage.gateway("serve", settings).await?;
    let mut client = Client::connect(&url, stage.key.expose_secret()).await?;
    fill(&mut client, lane, messages).await?;
    let (_, rate) = until_sent((&stage, &gateway), lane, messages, resume(&mut client, lane)).await?;
    gateway.stop()?;
    stage.clear().await?;
    Ok(rate)
}

/// Lets messages `go` and waits until all are sent and logged; gives the time to the first and messages a second from
/// there on.
pub(crate) async fn until_sent(
    (stage, gateway): (&Stage, &Program),
    what: &str,
    messages: u64,
    go: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<(Duration, f64)> {
    let cpu = (gateway.cpu(), stage.postgres_cpu(), stage.vendor_cpu());
    go.await?;
    let gone = Instant::now();
    // Workers hear of it within a quarter of a second, which is no part of the drain.
    while stage.vendor_requests().await? == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (first, began) = (gone.elapsed(), Instant::now());
    stage.sent_and_logged(messages, i64::try_from(messages)?, LOGGED, Duration::from_secs(300)).await?;
    let rate = messages as f64 / began.elapsed().as_secs_f64();
    let each = usize::try_from(messages)?;
    println!(
        "{messages} {what}: {rate:6.0}/s; ms of processor a message: gateway {:.3}, Postgres {:.3}, vendor {:.3}; \
         memory {:.0} MB",
        gateway.cpu().each_since(cpu.0, each),
        stage.postgres_cpu().each_since(cpu.1, each),
        stage.vendor_cpu().each_since(cpu.2, each),
        gateway.peak_resident_mb(),
    );
    Ok((first, rate))
}

/// Pauses a lane and puts messages into it.
pub(crate) async fn fill(client: &mut Client, lane: &str, messages: u64) -> anyhow::Result<()> {
    let paused = client.post("/settings/pauses", &format!(r#"{{"scope":"lane","name":"{lane}"}}"#)).await?;
    ensure!(paused.status == 200, "not paused: {}", paused.status);
    for batch in 0..messages.div_ceil(BATCH) {
        let message = |n| {
            format!(
                r#"{{"to":"{}","text":"Only today: everything at half price."}}"#,
                number(batch * BATCH + n)
            )
        };
        let list: Vec<String> = (0..BATCH.min(messages - batch * BATCH)).map(message).collect();
        let body = format!(r#"{{"lane":"{lane}","messages":[{}]}}"#, list.join(","));
        let accepted = client.post("/sms/send-batch", &body).await?;
        ensure!(accepted.status == 202, "not accepted: {}", accepted.status);
    }
    Ok(())
}

/// Lets a paused lane go.
pub(crate) async fn resume(client: &mut Client, lane: &str) -> anyhow::Result<()> {
    let resumed = client.request("DELETE", &format!("/settings/pauses?scope=lane&name={lane}"), "").await?;
    ensure!(resumed.status == 204, "not resumed: {}", resumed.status);
    Ok(())
}
