//! Runs a command that needs the gateway's schema while it compiles: `with_database COMMAND [ARGUMENT]…`.
//!
//! Starts a temporary cluster, applies `migrations/*.sql` with `psql`, sets `DATABASE_URL` and `SQLX_OFFLINE=false`
//! for the command and ends with its exit code. `psql`, because the gateway's own `migrate` cannot be compiled yet.

use private_postgres::{Cluster, Options};
use std::{
    env,
    error::Error,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [program, arguments @ ..] = &arguments[..] else {
        eprintln!("usage: with_database COMMAND [ARGUMENT]...");
        return ExitCode::from(2);
    };
    match run(program, arguments).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("with_database: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(program: &OsStr, arguments: &[OsString]) -> Result<ExitCode, Box<dyn Error>> {
    let cluster = Cluster::start(Options::temporary().without_fsync()).await?;
    let outcome = prepare_and_run(&cluster, program, arguments);
    cluster.stop().await?;
    outcome
}

fn prepare_and_run(
    cluster: &Cluster,
    program: &OsStr,
    arguments: &[OsString],
) -> Result<ExitCode, Box<dyn Error>> {
    for file in migrations()? {
        apply(cluster, &file)?;
    }
    let status = Command::new(program)
        .args(arguments)
        .env("DATABASE_URL", cluster.url())
        .env("SQLX_OFFLINE", "false")
        .status()
        .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    // A command that a signal ended has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Their names begin with the time they were written, so their order is the order to apply them in.
fn migrations() -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(MIGRATIONS)?.collect::<io::Result<Vec<_>>>()?;
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sql"));
    files.sort();
    Ok(files)
}

fn apply(cluster: &Cluster, file: &Path) -> Result<(), Box<dyn Error>> {
    let psql = psql(cluster);
    let status = Command::new(&psql)
        .args(["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"])
        .args(["--output=/dev/null", "--file"])
        .arg(file)
        .env("PGOPTIONS", "--client-min-messages=warning")
        .envs(connection(cluster))
        .status()
        .map_err(|error| format!("cannot run {} (install PostgreSQL's client): {error}", psql.display()))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} failed", file.display()).into()),
    }
}

/// The server's own, unless it came without one; then whichever is on the PATH.
fn psql(cluster: &Cluster) -> PathBuf {
    let own = cluster.binaries().bin_dir().join("psql");
    if own.is_file() { own } else { "psql".into() }
}

/// Where the cluster is, in psql's variables: an argument would show the password to everyone on the machine.
fn connection(cluster: &Cluster) -> [(&'static str, String); 5] {
    let url = cluster.url();
    let password = url.split([':', '@']).nth(2).unwrap_or_default();
    [
        ("PGHOST", "127.0.0.1".to_owned()),
        ("PGPORT", cluster.port().to_string()),
        ("PGUSER", "postgres".to_owned()),
        ("PGDATABASE", "postgres".to_owned()),
        ("PGPASSWORD", password.to_owned()),
    ]
}
