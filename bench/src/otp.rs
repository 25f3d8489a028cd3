//! Codes as a login flow sends and checks them: as many as the machine can, and how long an answer takes at half of
//! what it must reach.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench::client::{Client, number};
use bench::cpu::Cpu;
use bench::latency::Latencies;
use bench::report::Figure;
use bench::stage::{LOGGED, Program, Stage};
use clap::Args;
use futures::future::try_join_all;
use mock_provider::ArrivalPage;
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::time::{Instant as Turn, interval_at};

/// Sends a second that must be reached.
const SENDS: u32 = 1_500;
/// Checks a second that must be reached.
const CHECKS: u32 = 3_000;
/// Requests that only warm up.
const WARM_UP: u32 = 2_000;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Clients at once
    #[arg(long, default_value_t = 64)]
    clients: u32,
    /// Seconds of each measurement, at the rate that must be reached
    #[arg(long, default_value_t = 8)]
    seconds: u32,
}

/// One gateway, its callers, and what they have asked it for.
struct Flow<'a> {
    stage: &'a Stage,
    gateway: &'a Program,
    clients: Vec<Client>,
    /// Sessions that were started.
    started: Vec<Started>,
}

/// A session, and where its code went.
struct Started {
    id: String,
    phone: String,
}

/// A request: its path and body, and the status of its answer.
struct Request {
    path: &'static str,
    body: String,
    status: u16,
}

/// What an answer took from when its request was due, in milliseconds, and its body.
struct Answered {
    took: f64,
    body: Vec<u8>,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let stage = Stage::set(&[]).await?;
    let (gateway, url) = stage.gateway("serve", &[]).await?;
    let key = stage.key.expose_secret();
    let clients = try_join_all((0..options.clients).map(|_| Client::connect(&url, key))).await?;
    let mut flow = Flow { stage: &stage, gateway: &gateway, clients, started: Vec::new() };
    flow.send(WARM_UP, None).await?;
    let sends = flow.send(SENDS * options.seconds, None).await?;
    let paced_sends = flow.send(SENDS / 2 * options.seconds, Some(SENDS / 2)).await?;
    let (full, half) = (CHECKS * options.seconds, CHECKS / 2 * options.seconds);
    let missing = (WARM_UP + full + half).saturating_sub(u32::try_from(flow.started.len())?);
    flow.send(missing, None).await?;
    let mut right = flow.right_checks().await?.into_iter();
    let mut next = |count: u32| right.by_ref().take(count as usize).collect();
    flow.check(next(WARM_UP), None).await?;
    let checks = flow.check(next(full), None).await?;
    let paced_checks = flow.check(next(half), Some(CHECKS / 2)).await?;
    gateway.stop()?;
    stage.clear().await?;
    let rate = |name, bar, least: u32, seen: Seen| Figure {
        name,
        bar,
        reached: seen.per_second >= f64::from(least),
        seen: format!("{:.0}/s; {}", seen.per_second, seen.cpu),
        program: "otp",
    };
    let pace = |name, seen: Seen| Figure {
        name,
        bar: "p99 < 50 ms",
        reached: seen.latencies.p99() < 50.0,
        seen: seen.latencies.to_string(),
        program: "otp",
    };
    Ok(vec![
        rate("codes asked for by 64 clients, sent and logged", "≥ 1,500/s", SENDS, sends),
        pace("the answer to who asks for a code, 750/s", paced_sends),
        rate("right codes checked for 64 clients", "≥ 3,000/s", CHECKS, checks),
        pace("the answer to who checks a code, 1,500/s", paced_checks),
    ])
}

/// What one measurement saw.
struct Seen {
    per_second: f64,
    latencies: Latencies,
    cpu: String,
}

impl Flow<'_> {
    /// Starts `count` sessions, each for a number of its own, and sees all codes sent and logged.
    async fn send(&mut self, count: u32, per_second: Option<u32>) -> anyhow::Result<Seen> {
        let first = self.started.len() as u64;
        let phones: Vec<String> = (first..first + u64::from(count)).map(number).collect();
        let requests = phones.iter().map(|phone| Request {
            path: "/otp/send",
            body: format!(r#"{{"phone":"{phone}"}}"#),
            status: 202,
        });
        let (began, from, requests) = (Instant::now(), self.cpu(), requests.collect());
        let answers = ask(&mut self.clients, requests, per_second).await?;
        let accepting = began.elapsed();
        let total = first + u64::from(count);
        self.stage.sent_and_logged(total, i64::try_from(total)?, LOGGED, Duration::from_secs(120)).await?;
        let seen = self.seen(&answers, began.elapsed(), from);
        println!(
            "sends   {:6.0}/s accepted, {:6.0}/s accepted, sent and logged; answers {}; {}",
            f64::from(count) / accepting.as_secs_f64(),
            seen.per_second,
            seen.latencies,
            seen.cpu,
        );
        for (phone, answer) in phones.into_iter().zip(answers) {
            let Sent { session_id } = serde_json::from_slice(&answer.body)?;
            self.started.push(Started { id: session_id, phone });
        }
        Ok(seen)
    }

    /// Checks the codes of sessions.
    async fn check(&mut self, checks: Vec<Request>, per_second: Option<u32>) -> anyhow::Result<Seen> {
        let (began, from) = (Instant::now(), self.cpu());
        let answers = ask(&mut self.clients, checks, per_second).await?;
        let seen = self.seen(&answers, began.elapsed(), from);
        println!("checks  {:6.0}/s; answers {}; {}", seen.per_second, seen.latencies, seen.cpu);
        Ok(seen)
    }

    /// A check with the right code for every session, as the phones have got them.
    async fn right_checks(&self) -> anyhow::Result<Vec<Request>> {
        let texts = texts(&self.stage.vendor).await?;
        let check = |Started { id, phone }: &Started| {
            let digits = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
            let text = texts.get(phone).context("a phone without a text")?;
            let code =
                text.split(|c: char| !c.is_ascii_digit()).find(digits).context("a text without a code")?;
            let body = format!(r#"{{"session_id":"{id}","otp":"{code}"}}"#);
            Ok(Request { path: "/otp/verify", body, status: 200 })
        };
        self.started.iter().map(check).collect()
    }

    /// Of the gateway, its Postgres and the clients.
    fn cpu(&self) -> [Cpu; 3] {
        [self.gateway.cpu(), self.stage.postgres_cpu(), Cpu::own()]
    }

    fn seen(&self, answers: &[Answered], took: Duration, from: [Cpu; 3]) -> Seen {
        let [gateway, postgres, clients] = self.cpu();
        let each = |to: Cpu, from: Cpu| to.each_since(from, answers.len());
        Seen {
            per_second: answers.len() as f64 / took.as_secs_f64(),
            latencies: Latencies::of(answers.iter().map(|answer| answer.took).collect()),
            cpu: format!(
                "ms of processor each: gateway {:.3}, its Postgres {:.3}, clients {:.3}",
                each(gateway, from[0]),
                each(postgres, from[1]),
                each(clients, from[2]),
            ),
        }
    }
}

/// What is read of the answer to a send.
#[derive(Deserialize)]
struct Sent {
    session_id: String,
}

/// Makes all requests, evenly at `per_second` or as fast as they are answered; the answers are in their order.
async fn ask(
    clients: &mut [Client],
    requests: Vec<Request>,
    per_second: Option<u32>,
) -> anyhow::Result<Vec<Answered>> {
    let many = clients.len();
    let each = per_second.map_or(Duration::from_nanos(1), |rate| Duration::from_secs(1) / rate);
    let start = Turn::now() + Duration::from_millis(20);
    let requests = &requests;
    let asking = clients.iter_mut().enumerate().map(async |(client, connection)| {
        let mut turns = interval_at(start + each * u32::try_from(client)?, each * u32::try_from(many)?);
        let mut answers = Vec::new();
        for Request { path, body, status } in requests.iter().skip(client).step_by(many) {
            // Whoever has to wait for the answer before has waited for this one as well.
            let due = if per_second.is_some() { turns.tick().await } else { Turn::now() };
            let answer = connection.post(path, body).await?;
            let text = || String::from_utf8_lossy(answer.body).into_owned();
            ensure!(answer.status == *status, "{path}: {}: {}", answer.status, text());
            answers.push(Answered { took: due.elapsed().as_secs_f64() * 1000.0, body: answer.body.to_vec() });
        }
        anyhow::Ok(answers.into_iter())
    });
    let mut answers = try_join_all(asking).await?;
    Ok((0..requests.len()).filter_map(|n| answers[n % many].next()).collect())
}

/// What the vendor has delivered, by phone.
async fn texts(vendor: &str) -> anyhow::Result<HashMap<String, String>> {
    let (mut client, mut since, mut texts) = (Client::connect(vendor, "none").await?, 0, HashMap::new());
    loop {
        let path = format!("/_mock/arrivals?since={since}&limit=1000");
        let page: ArrivalPage = serde_json::from_slice(client.request("GET", &path, "").await?.body)?;
        if page.arrivals.is_empty() {
            return Ok(texts);
        }
        since = page.next;
        texts.extend(page.arrivals.iter().map(|arrival| (arrival.to.clone(), arrival.body.clone())));
    }
}
