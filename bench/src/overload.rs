//! Twice as much is offered as the machine can do: codes still leave soon, what is refused is refused honestly, and
//! what was accepted is sent. Callers who are told when to come back keep to it, as `Retry-After` asks them to.

use std::time::Duration;

use bench::client::{Client, number, send_by_many};
use bench::latency::{Asked, arrivals, ask_for_codes};
use bench::report::Figure;
use bench::stage::{LOGGED, Stage};
use clap::Args;
use futures::future::try_join_all;
use mock_provider::MockProvider;
use secrecy::ExposeSecret;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, interval_at};

/// Seconds of warming up.
const WARM_UP: u32 = 2;

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
    /// Not sent, because that time had not come.
    kept_back: u64,
}

impl Answers {
    fn offered(&self) -> u64 {
        self.accepted + self.put_off + self.kept_back
    }

    fn add(mut self, other: &Self) -> Self {
        self.accepted += other.accepted;
        self.put_off += other.put_off;
        self.kept_back += other.kept_back;
        self
    }
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
    let asking = ask_apart(url.clone(), key.to_owned(), options.seconds);
    let (answers, asked) = tokio::join!(offer(&url, key, offered, options), asking);
    let (answers, codes) = (answers?, arrivals(&mock, &asked?).await?);
    let rate = |count: u64| count as f64 / f64::from(options.seconds);
    let texts = closed + answers.accepted;
    let all = i64::try_from(texts)? + i64::from(options.seconds + WARM_UP) * i64::from(bench::latency::RATE);
    stage.sent_and_logged(texts, all, LOGGED, Duration::from_secs(300)).await?;
    let seen = format!(
        "{codes}; of {:.0} texts/s {:.0} accepted and sent, {:.0} put off, {:.0} kept back until Retry-After; without \
         hurry it sends {capacity:.0}",
        rate(answers.offered()),
        rate(answers.accepted),
        rate(answers.put_off),
        rate(answers.kept_back),
    );
    println!("{seen}");
    gateway.stop()?;
    stage.clear().await?;
    Ok(vec![Figure {
        name: "a code from request to vendor while twice the capacity is offered; nothing accepted is lost",
        bar: "p99 ≤ 24 ms",
        reached: codes.p99() <= 24.0 && rate(answers.offered()) >= 0.95 * offered,
        seen,
        program: "overload",
    }])
}

/// Asks for codes on a thread of their own: they should wait for the gateway, not for those who offer texts.
async fn ask_apart(url: String, key: String, seconds: u32) -> anyhow::Result<Vec<Asked>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    spawn_blocking(move || runtime.block_on(ask_for_codes(&url, &key, WARM_UP, seconds))).await?
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
        let mut not_before = start;
        while turns.tick().await < until {
            if Instant::now() < not_before {
                answers.kept_back += 1;
                continue;
            }
            n += 1;
            let body = format!(r#"{{"to":"{}","text":"Your table for two is booked at 20:00."}}"#, number(n));
            let answer = client.post("/sms/send-transactional", &body).await?;
            match (answer.status, answer.retry_after) {
                (202, _) => answers.accepted += 1,
                (429 | 503, Some(seconds)) => {
                    answers.put_off += 1;
                    not_before = Instant::now() + Duration::from_secs(seconds.into());
                }
                (429 | 503, None) => anyhow::bail!("{} without Retry-After", answer.status),
                (other, _) => anyhow::bail!("{other}: {}", String::from_utf8_lossy(answer.body)),
            }
        }
        anyhow::Ok(answers)
    });
    Ok(try_join_all(offerers).await?.iter().fold(Answers::default(), Answers::add))
}
