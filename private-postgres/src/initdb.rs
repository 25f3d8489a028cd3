//! Makes a new cluster: whole, or not at all.

use crate::{
    binaries::Binaries,
    error::{Doing, Error},
    home::{Home, random_hex},
    supervisor::supervised,
};
use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    process::Stdio,
};

const UNFINISHED: &str = "cluster.new-";

/// Runs initdb beside the final place and renames the result, after clearing what a killed run left.
pub(crate) async fn create(home: &Home, binaries: &Binaries, durable: bool) -> Result<(), Error> {
    remove_unfinished(home.dir()).doing(|| format!("clear {}", home.dir().display()))?;
    // A name of its own: the initdb of a killed run may be about to clear the old one.
    let new = home.dir().join(format!("{UNFINISHED}{}", random_hex::<4>()?));
    let password = random_hex::<24>()?;
    prepare(home, &new, &password).doing(|| format!("create {}", new.display()))?;
    run(home, binaries, &new, durable).await?;
    fs::rename(&new, home.cluster()).doing(|| format!("create {}", home.cluster().display()))
}

fn remove_unfinished(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            tracing::info!(path = %entry.path().display(), "removing a cluster that was never finished");
            // Nothing depends on it, and the supervisor of its initdb may be removing it just now.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
    Ok(())
}

fn prepare(home: &Home, new: &Path, password: &str) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(new)?;
    home.account().own(new)?;
    let path = new.join("password");
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(password.as_bytes())?;
    home.account().own(&path)
}

async fn run(home: &Home, binaries: &Binaries, new: &Path, durable: bool) -> Result<(), Error> {
    let mut command = supervised(home.account(), Some(new), &binaries.program("initdb"));
    command
        .arg("-D")
        .arg(new.join("data"))
        .arg("--pwfile")
        .arg(new.join("password"))
        // Loopback is open to every user of the machine, and a superuser runs programs: ask for the password.
        .args(["--username=postgres", "--auth=scram-sha-256"])
        // The same on every machine; text is compared by bytes.
        .args(["--encoding=UTF8", "--locale=C"])
        .args((!durable).then_some("--no-sync"))
        .current_dir(new)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let spawned = tokio::process::Command::from(command).spawn();
    let mut initdb = spawned.doing(|| "run initdb".to_owned())?;
    // Held to the end: waiting would close it first.
    let _lifeline = initdb.stdin.take();
    let output = initdb.wait_with_output().await;
    let output = output.doing(|| "run initdb".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(Error::Initdb { output: String::from_utf8_lossy(&text).trim().to_owned() })
}
