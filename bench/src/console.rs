//! The console on a gateway with a long log and a deep queue: how long its first page takes and weighs, and what a list
//! that stays fresh costs while messages come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench::client::{Client, number};
use bench::report::{Figure, median, quantile};
use bench::stage::{Program, Stage};
use chrono::TimeDelta;
use clap::Args;
use secrecy::ExposeSecret;
use shared::ids::MessageId;
use shared::operator::Role;
use shared::store::{operator_sessions, operators};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{interval, sleep};
use uuid::Uuid;

use crate::drains::fill;

const FIRST: &str = "/console/messages";
/// Rows of the log that are written together.
const CHUNK: i64 = 10_000;
/// Texts that are asked for at a time, ten times a second for each thousand of the rate.
const BATCH: u64 = 100;
const LIVE: usize = 3;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Messages in the log
    #[arg(long, default_value_t = 1_000_000)]
    logged: i64,
    /// Messages that wait
    #[arg(long, default_value_t = 100_000)]
    queued: u64,
    /// How often the page is loaded
    #[arg(long, default_value_t = 300)]
    loads: usize,
    /// Messages a second beside a list that stays fresh
    #[arg(long, default_value_t = 2_000)]
    rate: u64,
    /// Seconds of each measurement of that
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let stage = Stage::set(&[]).await?;
    let (gateway, url) = stage.gateway("serve", &[]).await?;
    fill_log(&stage, options.logged).await?;
    let mut client = Client::connect(&url, stage.key.expose_secret()).await?;
    fill(&mut client, "promo", options.queued).await?;
    let cookie = sign_in(&stage).await?;
    let (p95, bytes) = load(&url, &cookie, options.loads).await?;
    println!("first page: p95 {p95:.1} ms, {bytes} bytes with its files");
    let share = live(&gateway, &url, &stage, &cookie, options).await?;
    gateway.stop()?;
    stage.clear().await?;
    let figure = |name, bar, seen, reached| Figure { name, bar, seen, reached, program: "console" };
    Ok(vec![
        figure(
            "the console's first page, with 1,000,000 messages in the log and 100,000 queued",
            "p95 ≤ 100 ms, < 100 KB",
            format!(
                "p95 {p95:.1} ms; {:.0} KB with its styles and scripts, not compressed",
                bytes as f64 / 1e3
            ),
            p95 <= 100.0 && bytes < 100_000,
        ),
        figure(
            "a list that stays fresh, at 2,000 messages/s: its share of the gateway's processor time",
            "< 5 %",
            format!("{:.1} %", share * 100.0),
            share < 0.05,
        ),
    ])
}

/// Messages of the last day.
async fn fill_log(stage: &Stage, messages: i64) -> anyhow::Result<()> {
    let now = chrono::Utc::now();
    for chunk in 0..messages / CHUNK {
        let at = |n: i64| now - TimeDelta::milliseconds((messages - chunk * CHUNK - n) * 80);
        let ids: Vec<Uuid> = (0..CHUNK).map(|n| MessageId::new(at(n)).0).collect();
        sqlx::query(
            "insert into sms_messages_log (id, \"to\", type, text, provider_name, status, status_code,
                                           response_time_ms, segments, attempts, created_at)
             select id, '+9198' || lpad((n % 100000000)::text, 8, '0'), 'transactional',
                    'Your booking is confirmed; we look forward to seeing you.', 'twilio', 'sent', 201, 40, 1, 1,
                    smsgw.uuid_time(id)
             from unnest($1::uuid[]) with ordinality as new (id, n)",
        )
        .bind(&ids)
        .execute(&stage.pool)
        .await?;
    }
    Ok(())
}

/// The cookie of a new operator.
async fn sign_in(stage: &Stage) -> anyhow::Result<String> {
    let id = operators::upsert(&stage.pool, &"bench".parse()?, Role::SuperAdmin, None).await?;
    let keyring = stage.keyring();
    let secret = operator_sessions::begin(&stage.pool, keyring.operators(), id).await?;
    Ok(format!("__Host-smsgw={}", secret.expose_secret()))
}

/// Loads the first page again and again; gives its p95 in ms, and its bytes with those of its files.
async fn load(url: &str, cookie: &str, loads: usize) -> anyhow::Result<(f64, usize)> {
    let mut browser = Client::browser(url, cookie).await?;
    let (mut times, mut page) = (Vec::with_capacity(loads), String::new());
    for _ in 0..loads {
        let began = Instant::now();
        let answer = browser.request("GET", FIRST, "").await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(answer.status == 200, "the page is answered {}", answer.status);
        page = String::from_utf8(answer.body.to_vec())?;
    }
    ensure!(page.matches("<tr id=\"message-").count() >= 50, "a page without messages");
    times.sort_by(f64::total_cmp);
    let mut bytes = page.len();
    for file in page.split('"').filter(|part| part.starts_with("/console/assets/")) {
        bytes += browser.request("GET", file, "").await?.body.len();
    }
    Ok((quantile(&times, 0.95), bytes))
}

/// How much more of the processor the gateway takes for the same messages while somebody looks on.
async fn live(
    gateway: &Program,
    url: &str,
    stage: &Stage,
    cookie: &str,
    options: &Options,
) -> anyhow::Result<f64> {
    let mut shares = Vec::new();
    send(gateway, url, stage, options).await?;
    for _ in 0..LIVE {
        let alone = send(gateway, url, stage, options).await?;
        let heard = Arc::new(AtomicU64::new(0));
        let looking = tokio::spawn(look_on(url.to_owned(), cookie.to_owned(), heard.clone()));
        sleep(Duration::from_secs(1)).await;
        let beside = send(gateway, url, stage, options).await?;
        looking.abort();
        let heard = heard.load(Ordering::Relaxed);
        ensure!(heard + 2 > options.seconds, "the list was sent {heard} times");
        println!("a second of messages: {alone:.3} s of processor, with a list {beside:.3} s");
        shares.push((beside - alone) / beside);
    }
    Ok(median(shares).max(0.0))
}

/// Sends at the rate; gives the gateway's seconds of processor for each second of that.
async fn send(gateway: &Program, url: &str, stage: &Stage, options: &Options) -> anyhow::Result<f64> {
    let mut client = Client::connect(url, stage.key.expose_secret()).await?;
    let mut ticks = interval(Duration::from_secs(1) * u32::try_from(BATCH)? / u32::try_from(options.rate)?);
    let (before, began) = (gateway.cpu(), Instant::now());
    for batch in 0..options.rate * options.seconds / BATCH {
        ticks.tick().await;
        let text = |n| format!(r#"{{"to":"{}","text":"Your table is ready."}}"#, number(batch * BATCH + n));
        let list: Vec<String> = (0..BATCH).map(text).collect();
        let body = format!(r#"{{"lane":"transactional","messages":[{}]}}"#, list.join(","));
        ensure!(client.post("/sms/send-batch", &body).await?.status == 202, "not accepted");
    }
    let late = began.elapsed().saturating_sub(Duration::from_secs(options.seconds));
    ensure!(late < Duration::from_secs(1), "the rate was not kept: {late:?} late");
    Ok(gateway.cpu().each_since(before, usize::try_from(options.seconds)?) / 1e3)
}

/// Reads a list that stays fresh, without end, and counts how often it comes.
async fn look_on(url: String, cookie: String, heard: Arc<AtomicU64>) -> anyhow::Result<()> {
    let host = url.strip_prefix("http://").context("an http:// address")?;
    let mut stream = TcpStream::connect(host).await?;
    let head = format!("GET {FIRST}/live HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await? {
        // The end of every list that is sent.
        heard.fetch_add(u64::from(line.contains("rel=\"next\"")), Ordering::Relaxed);
    }
    Ok(())
}
