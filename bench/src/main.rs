//! `cargo run --release -p bench -- <program>`: measures, and prints figures beside what they must reach.

use bench::cpu::Machine;
use bench::report::{Build, Figure, page};
use clap::{Parser, Subcommand};

mod alone;
mod campaigns;
mod claim;
mod codes;
mod console;
mod drains;
mod guard;
mod limited;
mod otp;
mod overload;
mod singles;
mod vendor;

/// Programs that measure the `smsgw` beside this one …
const OF_SMSGW: [&str; 10] =
    ["vendor", "singles", "drains", "codes", "campaigns", "otp", "guard", "console", "limited", "overload"];
/// … and those that run what they measure themselves.
const OF_THIS: [&str; 2] = ["alone", "claim"];

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
    /// A campaign from its list to its end, and what codes feel of it
    Campaigns(campaigns::Options),
    /// How long a code takes: idle, beside a campaign, API and worker apart
    Codes(codes::Options),
    /// The console's first page, and what a list that stays fresh costs
    Console(console::Options),
    /// How many codes can be sent and checked, and how long the answers take
    Otp(otp::Options),
    /// What the pumping guard adds to the start of a code
    Guard(guard::Options),
    /// A vendor with a limit that nobody told the gateway of
    Limited(limited::Options),
    /// Twice as much as the machine can do
    Overload(overload::Options),
    /// The queue alone, with a provider that says yes at once
    Alone(alone::Options),
    /// The mock vendor by itself
    Vendor(vendor::Options),
    /// All of them; writes bench/RESULTS.md, or bench/TRAINED.md of what bench/train built
    All,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let began = Machine::now();
    let figures = match Cli::parse().program {
        Program::All => all(began).await?,
        one => run(&one).await?,
    };
    print!("{}", page(&figures, began, Build::of_this()?));
    Ok(())
}

async fn run(program: &Program) -> anyhow::Result<Vec<Figure>> {
    match program {
        Program::Claim(options) => claim::run(options).await,
        Program::Singles(options) => singles::run(options).await,
        Program::Drains(options) => drains::run(options).await,
        Program::Campaigns(options) => campaigns::run(options).await,
        Program::Codes(options) => codes::run(options).await,
        Program::Console(options) => console::run(options).await,
        Program::Otp(options) => otp::run(options).await,
        Program::Guard(options) => guard::run(options).await,
        Program::Alone(options) => alone::run(options).await,
        Program::Limited(options) => limited::run(options).await,
        Program::Overload(options) => overload::run(options).await,
        Program::Vendor(options) => vendor::run(options).await,
        Program::All => Ok(Vec::new()),
    }
}

/// Everything, with its default options; the page grows as it goes.
async fn all(began: Machine) -> anyhow::Result<Vec<Figure>> {
    let (mut figures, build) = (Vec::new(), Build::of_this()?);
    let of_this = match build {
        Build::Plain => &OF_THIS[..],
        Build::Trained => &[],
    };
    for name in OF_SMSGW.iter().chain(of_this) {
        figures.extend(run(&Cli::parse_from(["bench", name]).program).await?);
        std::fs::write(build.file(), page(&figures, began, build))?;
    }
    Ok(figures)
}
