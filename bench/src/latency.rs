//! How long messages take from the request to the vendor.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::ensure;
use futures::future::try_join_all;
use mock_provider::MockProvider;
use sqlx::PgConnection;
use tokio::time::{Instant, interval, interval_at, sleep};

use crate::client::Client;
use crate::report::quantile;

/// Codes a second.
pub const RATE: u32 = 50;
/// Connections that take turns.
const CLIENTS: u32 = 10;
/// How long the last ones may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Latencies in milliseconds, sorted.
pub struct Latencies(Vec<f64>);

impl Latencies {
    /// Of so many milliseconds each.
    pub fn of(mut times: Vec<f64>) -> Self {
        times.sort_unstable_by(f64::total_cmp);
        Self(times)
    }

    /// What half of them do not exceed.
    pub fn p50(&self) -> f64 {
        quantile(&self.0, 0.5)
    }

    /// What 99 of 100 do not exceed.
    pub fn p99(&self) -> f64 {
        quantile(&self.0, 0.99)
    }
}

impl std::fmt::Display for Latencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let worst = self.0.last().copied().unwrap_or_default();
        write!(f, "p50 {:.2} ms, p99 {:.2} ms (worst {worst:.1})", self.p50(), self.p99())
    }
}

/// A message that was asked for: to whom, and when, in microseconds since 1970.
pub type Asked = (String, i64);

/// Asks for codes at an even pace, whatever becomes of those before; leaves out those of the first
/// `warm_up` seconds.
///
/// # Errors
/// When one is refused.
pub async fn ask_for_codes(url: &str, key: &str, warm_up: u32, seconds: u32) -> anyhow::Result<Vec<Asked>> {
    let (start, each) = (Instant::now() + Duration::from_millis(100), Duration::from_secs(1) / RATE);
    let askers = (0..CLIENTS).map(async |asker| {
        let mut client = Client::connect(url, key).await?;
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
    Ok(try_join_all(askers).await?.into_iter().flatten().collect())
}

/// Waits until all of `asked` have arrived at `mock`, and tells how long each took.
///
/// # Errors
/// When one does not arrive.
pub async fn arrivals(mock: &MockProvider, asked: &[Asked]) -> anyhow::Result<Latencies> {
    let began = Instant::now();
    loop {
        let all = mock.arrivals();
        let arrived: HashMap<_, _> = all.iter().map(|one| (one.to.as_str(), one.at_micros)).collect();
        let times = asked.iter().map(|(phone, at)| Some((arrived.get(phone.as_str())? - at) as f64 / 1000.0));
        if let Some(times) = times.collect() {
            return Ok(Latencies::of(times));
        }
        ensure!(began.elapsed() < PATIENCE, "messages are missing");
        sleep(Duration::from_millis(20)).await;
    }
}

/// How long one row takes to be committed by itself, [`RATE`] times a second: what no code can be faster than.
///
/// # Errors
/// When the database refuses.
pub async fn commits(db: &mut PgConnection, seconds: u32) -> anyhow::Result<Latencies> {
    sqlx::raw_sql("create table public.bench_commits (id bigint primary key)").execute(&mut *db).await?;
    let mut turns = interval(Duration::from_secs(1) / RATE);
    let mut times = Vec::new();
    for id in 0..i64::from(seconds * RATE) {
        turns.tick().await;
        let began = Instant::now();
        sqlx::query("insert into public.bench_commits values ($1)").bind(id).execute(&mut *db).await?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    sqlx::raw_sql("drop table public.bench_commits").execute(&mut *db).await?;
    Ok(Latencies::of(times))
}

/// Now, in microseconds since 1970.
pub fn micros() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}
