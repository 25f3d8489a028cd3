//! Single texts, accepted over HTTP by many clients, sent over HTTP and logged: the gateway beside the
//! bare program.

use std::time::{Duration, Instant};

use bench::client::send_by_many;
use bench::cpu::Cpu;
use bench::report::{Figure, median};
use bench::stage::{LOGGED, Program, Stage};
use clap::Args;
use secrecy::ExposeSecret;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Clients at once
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Measurements of each program, taken in turns
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Only the gateway
    #[arg(long)]
    no_bare: bool,
}

/// One measurement; processor time in milliseconds a message.
struct Seen {
    per_second: f64,
    program: f64,
    postgres: f64,
    vendor: f64,
    client: f64,
}

/// Measures; prints as it goes.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let stage = Stage::set(&[]).await?;
    let (mut gateway, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..options.repeats {
        let (program, url) = stage.gateway("serve", &[]).await?;
        gateway.push(measure("gateway", &stage, &program, &url, LOGGED, options).await?);
        println!("          memory at its peak {:.0} MB", program.peak_resident_mb());
        program.stop()?;
        if !options.no_bare {
            let (program, url) = stage.bare().await?;
            let logged = "select count(*) from public.bare_log";
            bare.push(measure("bare", &stage, &program, &url, logged, options).await?);
        }
    }
    stage.clear().await?;
    let rate = |seen: &[Seen]| median(seen.iter().map(|one| one.per_second).collect());
    let cpu = median(gateway.iter().map(|one| one.program + one.postgres).collect());
    let measured = [("gateway", &gateway), ("bare", &bare)].into_iter().filter(|(_, seen)| !seen.is_empty());
    let apart: Vec<_> = measured.map(|(name, seen)| apart(name, seen)).collect();
    let mut figures = vec![
        Figure {
            name: "single texts, 64 clients, over HTTP in and out, logged",
            bar: "≥ 14,000/s",
            seen: format!("{:.0}/s", rate(&gateway)),
            reached: rate(&gateway) >= 14_000.0,
            program: "singles",
        },
        Figure {
            name: "processor time of gateway and Postgres for each",
            bar: "≤ 0.08 ms",
            seen: format!("{cpu:.3} ms; {}", apart.join("; ")),
            reached: cpu <= 0.08,
            program: "singles",
        },
    ];
    if !bare.is_empty() {
        // Each beside the one right after it: what else a machine does changes from minute to minute.
        let pairs = gateway.iter().zip(&bare).map(|(gateway, bare)| gateway.per_second / bare.per_second);
        let ratio = median(pairs.collect());
        figures.push(Figure {
            name: "the same, beside the bare program",
            bar: "≥ 0.7",
            seen: format!("{ratio:.2} (bare: {:.0}/s)", rate(&bare)),
            reached: ratio >= 0.7,
            program: "singles",
        });
    }
    Ok(figures)
}

/// The middle one's processor time, by process.
fn apart(name: &str, seen: &[Seen]) -> String {
    let middle = |of: fn(&Seen) -> f64| median(seen.iter().map(of).collect());
    format!(
        "{name} {:.3}, its Postgres {:.3}, vendor {:.3}, client {:.3}",
        middle(|one| one.program),
        middle(|one| one.postgres),
        middle(|one| one.vendor),
        middle(|one| one.client),
    )
}

async fn measure(
    name: &str,
    stage: &Stage,
    program: &Program,
    url: &str,
    logged: &'static str,
    options: &Options,
) -> anyhow::Result<Seen> {
    let key = stage.key.expose_secret();
    let sent = stage.vendor_requests().await?;
    let rows: i64 = sqlx::query_scalar(logged).fetch_one(&stage.pool).await?;
    let until = async |accepted: usize| {
        let (sent, rows) = (sent + accepted as u64, rows + i64::try_from(accepted)?);
        stage.sent_and_logged(sent, rows, logged, Duration::from_secs(120)).await
    };
    let warm = send_by_many(url, key, options.clients, Duration::from_secs(2)).await?;
    until(warm).await?;
    let cpu = || (program.cpu(), stage.postgres_cpu(), stage.vendor_cpu(), Cpu::own());
    let (began, from) = (Instant::now(), cpu());
    let accepted = send_by_many(url, key, options.clients, Duration::from_secs(options.seconds)).await?;
    let accepting = began.elapsed();
    until(warm + accepted).await?;
    let (took, to) = (began.elapsed(), cpu());
    let seen = Seen {
        per_second: accepted as f64 / took.as_secs_f64(),
        program: to.0.each_since(from.0, accepted),
        postgres: to.1.each_since(from.1, accepted),
        vendor: to.2.each_since(from.2, accepted),
        client: to.3.each_since(from.3, accepted),
    };
    println!(
        "{name:8}  {:6.0}/s accepted, {:6.0}/s accepted, sent and logged; ms of processor a message: {name} {:.3}, \
         Postgres {:.3}, vendor {:.3}, client {:.3}",
        accepted as f64 / accepting.as_secs_f64(),
        seen.per_second,
        seen.program,
        seen.postgres,
        seen.vendor,
        seen.client,
    );
    Ok(seen)
}
