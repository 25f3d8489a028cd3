//! Where PostgreSQL is installed: on the PATH, in the places distributions use, or among our downloads.

use crate::{
    account::Account,
    download,
    error::{BoxError, Error},
};
use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

/// The oldest major version that has `security_invoker` views, which the schema needs.
const OLDEST: u32 = 15;

/// An installed PostgreSQL server that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    bin_dir: PathBuf,
    major: u32,
}

/// Directories `<parent>/<prefix>*/bin`.
struct Place {
    parent: PathBuf,
    prefix: &'static str,
}

impl Binaries {
    /// The first on the PATH, else the newest in the usual places; only version 15 or newer counts.
    #[must_use]
    pub fn find() -> Option<Self> {
        Self::list().into_iter().next()
    }

    /// As [`Self::find`], and downloads PostgreSQL when there is none.
    ///
    /// # Errors
    /// As [`Self::download`].
    pub async fn find_or_download() -> Result<Self, Error> {
        match Self::find() {
            Some(found) => Ok(found),
            None => Self::download().await,
        }
    }

    /// Downloads PostgreSQL to where [`Self::find`] sees it from then on.
    ///
    /// # Errors
    /// [`Error::NoBinaries`], without a network after half a minute at most.
    pub async fn download() -> Result<Self, Error> {
        let downloaded = Self::fetch(download::DEFAULT_MAJOR).await;
        downloaded.map_err(|source| Error::NoBinaries { oldest: OLDEST, source })
    }

    /// The installation that can read data of this major version, downloaded if need be.
    pub(crate) async fn for_data(dir: &Path, version: &str) -> Result<Self, Error> {
        let installed = Self::list();
        let majors: Vec<_> = installed.iter().map(|one| one.major.to_string()).collect();
        if let Some(index) = majors.iter().position(|major| major == version) {
            return Ok(installed[index].clone());
        }
        let fetched = match version.parse::<u32>() {
            Ok(OLDEST..) => Self::fetch(version).await,
            _ => Err(format!("older than PostgreSQL {OLDEST}").into()),
        };
        fetched.map_err(|source| Error::OtherVersion {
            dir: dir.to_path_buf(),
            data: version.to_owned(),
            installed: if majors.is_empty() { "none".to_owned() } else { majors.join(", ") },
            source,
        })
    }

    async fn fetch(major: &str) -> Result<Self, BoxError> {
        let bin_dir = download::download(major).await?;
        Self::at(&bin_dir).ok_or_else(|| format!("{} does not run here", bin_dir.display()).into())
    }

    /// All that are installed, in the order of [`Self::find`].
    pub(crate) fn list() -> Vec<Self> {
        Self::list_in(&env::var_os("PATH").unwrap_or_default(), &usual_places())
    }

    fn list_in(path: &OsStr, places: &[Place]) -> Vec<Self> {
        let on_path = env::split_paths(path).filter_map(|dir| Self::at(&real_bin_dir(&dir)?));
        let mut elsewhere: Vec<_> =
            places.iter().flat_map(Place::bin_dirs).filter_map(|dir| Self::at(&dir)).collect();
        elsewhere.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        on_path.chain(elsewhere).collect()
    }

    /// The installation in `bin_dir`, if it is one that we can use; asked as the user that will run it.
    fn at(bin_dir: &Path) -> Option<Self> {
        if !bin_dir.join("initdb").is_file() {
            return None;
        }
        let mut command = Account::unprivileged().command(bin_dir.join("postgres"));
        let output = command.arg("--version").current_dir("/").output().ok()?;
        let major = parse_major(&String::from_utf8_lossy(&output.stdout))?;
        (major >= OLDEST).then(|| Self { bin_dir: bin_dir.to_path_buf(), major })
    }

    /// The directory that holds `initdb`, `postgres` and, in most installations, `psql`.
    #[must_use]
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// The major version, as 15.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }
}

impl Place {
    fn new(parent: impl Into<PathBuf>, prefix: &'static str) -> Self {
        Self { parent: parent.into(), prefix }
    }

    fn bin_dirs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.parent).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(self.prefix.as_bytes()))
            .map(|entry| entry.path().join("bin"))
            .collect()
    }
}

fn usual_places() -> Vec<Place> {
    let mut places = vec![
        Place::new("/usr/lib/postgresql", ""),         // Debian, Ubuntu
        Place::new("/usr", "pgsql-"),                  // PostgreSQL's packages for Red Hat
        Place::new("/usr/lib", "postgresql"),          // SUSE
        Place::new("/usr/lib64", "postgresql-"),       // Gentoo
        Place::new("/usr/local", "pgsql"),             // built from source
        Place::new("/opt/homebrew/opt", "postgresql"), // Homebrew on Apple silicon
        Place::new("/usr/local/opt", "postgresql"),    // Homebrew on Intel
        Place::new("/Applications/Postgres.app/Contents/Versions", ""),
    ];
    places.extend(download::directory().map(|dir| Place::new(dir, download::PREFIX)));
    places
}

/// Follows links such as `/usr/local/bin/postgres`: initdb looks for its files next to where it really is.
fn real_bin_dir(dir: &Path) -> Option<PathBuf> {
    let postgres = dir.join("postgres").canonicalize().ok()?;
    Some(postgres.parent()?.to_path_buf())
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian …)`, `16beta1` and the like.
fn parse_major(version: &str) -> Option<u32> {
    let (_, number) = version.split_once("(PostgreSQL) ")?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// An installation that only tells its version, where every user can reach it.
    fn install(root: &Path, name: &str, version: &str) -> PathBuf {
        let bin = root.join(name).join("bin");
        fs::create_dir_all(&bin).unwrap();
        for program in ["postgres", "initdb"] {
            let script = format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n");
            fs::write(bin.join(program), script).unwrap();
            fs::set_permissions(bin.join(program), fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }

    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        root
    }

    fn majors(path: &OsStr, root: &Path) -> Vec<u32> {
        let found = Binaries::list_in(path, &[Place::new(root, "pgsql-")]);
        found.iter().map(Binaries::major).collect()
    }

    #[test]
    fn the_newest_comes_first_and_the_too_old_not_at_all() {
        let root = machine();
        install(root.path(), "pgsql-9.6", "9.6.24");
        install(root.path(), "pgsql-15", "15.18 (Debian 15.18-0+deb12u1)");
        install(root.path(), "pgsql-17", "17beta1");
        install(root.path(), "pgsql-13", "13.20");
        assert_eq!(majors(OsStr::new(""), root.path()), [17, 15]);
    }

    #[test]
    fn the_path_wins_and_its_links_are_followed() {
        let root = machine();
        install(root.path(), "pgsql-17", "17.2");
        let real = install(root.path(), "elsewhere", "16.1").canonicalize().unwrap();
        let linked = root.path().join("linked");
        fs::create_dir(&linked).unwrap();
        symlink(real.join("postgres"), linked.join("postgres")).unwrap();
        assert_eq!(majors(linked.as_os_str(), root.path()), [16, 17]);
        let first = Binaries::list_in(linked.as_os_str(), &[]).remove(0);
        assert_eq!(first.bin_dir(), real);
    }

    #[test]
    fn an_installation_without_initdb_or_one_that_does_not_run_is_passed_over() {
        let root = machine();
        let client_only = install(root.path(), "pgsql-17", "17.2");
        fs::remove_file(client_only.join("initdb")).unwrap();
        let broken = install(root.path(), "pgsql-16", "16.1");
        fs::write(broken.join("postgres"), "#!/no/such/loader\n").unwrap();
        install(root.path(), "pgsql-15", "15.1");
        assert_eq!(majors(OsStr::new(""), root.path()), [15]);
    }
}
