//! `cargo run --release -p bench -- <program>`: measures, and prints figures beside what they must reach.

use bench::report::{Figure, page};
use clap::{Parser, Subcommand};

mod alone;
mod claim;
mod codes;
mod drains;
mod singles;

#[derive(Parser)]
#[command(about = "Measures the gateway on a private Postgres with stock settings, against the mock vendor")]
struct Cli {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// Does a deep backlog under an old snapshot slow the claim?
    Claim(claim::Options),
    /// Single texts over HTTP, beside the bare program
    Singles(singles::Options),
    /// A campaign to a fast vendor; texts to a slow one
    Drains(drains::Options),
    /// How long a code takes: idle, beside a campaign, API and worker apart
    Codes(codes::Options),
    /// The queue alone, with a provider that says yes at once
    Alone(alone::Options),
    /// All of them; writes bench/RESULTS.md
    All,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let figures = match Cli::parse().program {
        Program::Claim(options) => claim::run(&options).await?,
        Program::Singles(options) => singles::run(&options).await?,
        Program::Drains(options) => drains::run(&options).await?,
        Program::Codes(options) => codes::run(&options).await?,
        Program::Alone(options) => alone::run(&options).await?,
        Program::All => all().await?,
    };
    print!("{}", page(&figures));
    Ok(())
}

/// Everything, with its default options.
async fn all() -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for program in ["singles", "drains", "alone", "codes", "claim"] {
        let found = match Cli::parse_from(["bench", program]).program {
            Program::Claim(options) => claim::run(&options).await,
            Program::Singles(options) => singles::run(&options).await,
            Program::Drains(options) => drains::run(&options).await,
            Program::Codes(options) => codes::run(&options).await,
            Program::Alone(options) => alone::run(&options).await,
            Program::All => unreachable!("the list above does not hold it"),
        };
        figures.extend(found?);
        std::fs::write("bench/RESULTS.md", page(&figures))?;
    }
    Ok(figures)
}
