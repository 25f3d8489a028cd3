//! Twice as much is offered as the machine can do: codes still leave soon, what is refused is refused
//! honestly, and what was accepted is sent.

use std::time::Duration;

use anyhow::ensure;
use bench::client::{Client, number, send_by_many};
use bench::latency::{arrivals, ask_for_codes};
use bench::report::Figure;
use bench::stage::{LOGGED, Stage};
use clap::Args;
use futures::future::try_join_all;
use mock_provider::MockProvider;
use secrecy::ExposeSecret;
use tokio::time::{Instant, interval_at};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds of each measurement
    #[arg(long, default_value_t = 15)]
    seconds: u32,
    /// Connections that offer texts
    #[arg(long, default_value_t = 1000)]
    connections: u32,
}

/// What became of the texts that were offered.
#[derive(Default)]
struct Answers {
    accepted: u64,
    /// With 429 or 503, and a time after which to try again.
    put_off: u64,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let (stage, mock) = (Stage::set(&[]).await?, MockProvider::start(mock_provider::Options::default())?);
    let (gateway, url) = stage.gateway("serve", &crate::codes::settings(&mock.url())).await?;
    let key = stage.key.expose_secret();
    let began = Instant::now();
    let closed = send_by_many(&url, key, 64, Duration::from_secs(5)).await? as u64;
    stage.sent_and_logged(closed, i64::try_from(closed)?, LOGGED, Duration::from_secs(120)).await?;
    let capacity = closed as f64 / began.elapsed().as_secs_f64();
    let offered = capacity * 2.0;
    let (answers, codes) =
        tokio::join!(offer(&url, key, offered, options), ask_for_codes(&url, key, 2, options.seconds));
    let (answers, codes) = (answers?, arrivals(&mock, &codes?).await?);
    let texts = closed + answers.accepted;
    let all = i64::try_from(texts)? + i64::from(options.seconds + 2) * i64::from(bench::latency::RATE);
    stage.sent_and_logged(texts, all, LOGGED, Duration::from_secs(300)).await?;
    println!(
        "{capacity:.0}/s when nobody hurries; offered {offered:.0}/s for {} s: {} accepted and sent, {} put off; codes {codes}",
        options.seconds, answers.accepted, answers.put_off,
    );
    gateway.stop()?;
    stage.clear().await?;
    Ok(vec![Figure {
        name: "a code from request to vendor while twice the capacity is offered; nothing accepted is lost",
        bar: "p99 ≤ 24 ms",
        seen: codes.to_string(),
        reached: codes.p99() <= 24.0,
        program: "overload",
    }])
}

/// Offers texts at an even pace, as far as the connections are free.
async fn offer(url: &str, key: &str, per_second: f64, options: &Options) -> anyhow::Result<Answers> {
    let each = Duration::from_secs_f64(f64::from(options.connections) / per_second);
    let start = Instant::now() + Duration::from_secs(1);
    let until = start + Duration::from_secs(u64::from(options.seconds));
    let offerers = (0..options.connections).map(async |offerer| {
        let mut client = Client::connect(url, key).await?;
        let mut turns = interval_at(start + each * offerer / options.connections, each);
        let (mut answers, mut n) = (Answers::default(), u64::from(offerer) * 1_000_000 + 500_000);
        while turns.tick().await < until {
            n += 1;
            let body = format!(r#"{{"to":"{}","text":"Your table for two is booked at 20:00."}}"#, number(n));
            let answer = client.post("/sms/send-transactional", &body).await?;
            match answer.status {
                202 => answers.accepted += 1,
                429 | 503 => {
                    ensure!(answer.retry_after.is_some(), "{} without Retry-After", answer.status);
                    answers.put_off += 1;
                }
                other => anyhow::bail!("{other}: {}", String::from_utf8_lossy(answer.body)),
            }
        }
        anyhow::Ok(answers)
    });
    let all = try_join_all(offerers).await?;
    Ok(all.iter().fold(Answers::default(), |sum, one| Answers {
        accepted: sum.accepted + one.accepted,
        put_off: sum.put_off + one.put_off,
    }))
}
