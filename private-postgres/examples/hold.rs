//! Holds a cluster until it is killed; the tests kill it to see what is left behind.
//!
//! `hold kept DIR | temporary | download`. Prints the postmaster's pid, then the cluster's directory.

use private_postgres::{Binaries, Cluster, Error, Options};
use std::{env, future, process::ExitCode};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["kept", dir] => hold(Options::kept(dir)).await,
        ["temporary"] => hold(Options::temporary().without_fsync()).await,
        ["download"] => Binaries::download().await.map(drop),
        _ => return ExitCode::from(2),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn hold(options: Options) -> Result<(), Error> {
    let cluster = Cluster::start(options).await?;
    println!("{}", cluster.pid());
    println!("{}", cluster.dir().display());
    future::pending().await
}
