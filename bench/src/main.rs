//! `cargo run --release -p bench -- <program>`: prints figures.

use clap::{Parser, Subcommand};

mod claim;

#[derive(Parser)]
#[command(about = "Measures parts of the gateway on a private Postgres with stock settings")]
struct Cli {
    #[command(subcommand)]
    program: Program,
}

#[derive(Subcommand)]
enum Program {
    /// Does a deep backlog under an old snapshot slow the claim?
    Claim(claim::Options),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().program {
        Program::Claim(options) => claim::run(&options).await,
    }
}
