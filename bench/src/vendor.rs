//! The mock vendor by itself: it must take more than the gateway can send, else it would be what is measured.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bench::client::{Client, number};
use bench::report::{Figure, median};
use bench::stage::{ACCOUNT, vendor};
use clap::Args;
use futures::future::try_join_all;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Clients at once
    #[arg(long, default_value_t = 64)]
    clients: u64,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often
    #[arg(long, default_value_t = 3)]
    repeats: usize,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let (_logs, _vendor, url) = vendor(&[]).await?;
    let mut rates = Vec::new();
    for _ in 0..options.repeats {
        let until = Instant::now() + Duration::from_secs(options.seconds);
        let senders = (0..options.clients).map(|client| send(&url, client * 1_000_000, until));
        let taken: u64 = try_join_all(senders).await?.iter().sum();
        let rate = taken as f64 / options.seconds as f64;
        println!("vendor alone: {rate:.0} requests/s");
        rates.push(rate);
    }
    let rate = median(rates);
    Ok(vec![Figure {
        name: "the mock vendor alone, never the limit",
        bar: "≥ 30,000 requests/s",
        seen: format!("{rate:.0}/s"),
        reached: rate >= 30_000.0,
        program: "vendor",
    }])
}

async fn send(url: &str, from: u64, until: Instant) -> anyhow::Result<u64> {
    let mut client = Client::to_twilio(url).await?;
    // Where a text goes: Twilio's Messages resource.
    let (path, mut taken) = (format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"), 0);
    while Instant::now() < until {
        let to = number(from + taken);
        let body = format!("To=%2B{}&From=%2B15005550006&Body=Your+table+is+booked+at+20%3A00.", &to[1..]);
        let answer = client.post(&path, &body).await?;
        ensure!(answer.status == 201, "{}: {}", answer.status, String::from_utf8_lossy(answer.body));
        taken += 1;
    }
    Ok(taken)
}
