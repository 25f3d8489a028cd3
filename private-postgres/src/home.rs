//! The directory of one cluster: where it can be, who owns it, and the lock that keeps a second smsgw out.
//!
//! ```text
//! lock            held (flock) by the running owner, whose pid it names; freed by the system when it dies
//! server.log      of this start; server.log.1 of the one before
//! cluster/        whole or absent: made beside as cluster.new-…, then renamed
//!   data/         Postgres' own
//!   password      of the superuser
//! ```

use crate::{
    account::Account,
    error::{Doing, Error},
    options::Place,
};
use std::{
    env,
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf, absolute},
};

/// Where clusters live that the unprivileged account cannot reach at the place wished for.
const REACHABLE: &str = "/var/lib/smsgw";

/// A cluster's directory, ours as long as this lives.
pub(crate) struct Home {
    dir: PathBuf,
    wished: PathBuf,
    account: Account,
    temporary: bool,
    _lock: File,
}

impl Home {
    /// Makes the directory if need be and takes its lock.
    pub(crate) fn open(place: &Place) -> Result<Self, Error> {
        let wished = make(place)?;
        let account = Account::owning(&wished.join("cluster"));
        let dir = settle(&wished, account)?;
        let lock = lock(&dir, &wished)?;
        Ok(Self { dir, wished, account, temporary: matches!(place, Place::Temporary), _lock: lock })
    }

    /// The user that owns the cluster.
    pub(crate) fn account(&self) -> Account {
        self.account
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn cluster(&self) -> PathBuf {
        self.dir.join("cluster")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.cluster().join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// What is to be removed in the end.
    pub(crate) fn trash(&self) -> Option<&Path> {
        self.temporary.then_some(self.dir.as_path())
    }

    /// The place the caller wished for, if the data is elsewhere.
    pub(crate) fn moved_from(&self) -> Option<&Path> {
        (self.dir != self.wished).then_some(self.wished.as_path())
    }

    /// The major version that made the data; `None` before there is any.
    pub(crate) fn made_by(&self) -> Result<Option<String>, Error> {
        let path = self.data().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).doing(|| format!("read {}", path.display())),
        }
    }

    pub(crate) fn password(&self) -> Result<String, Error> {
        let path = self.cluster().join("password");
        fs::read_to_string(&path).doing(|| format!("read {}", path.display()))
    }
}

/// Random characters for names and passwords, `2 * N` of them.
pub(crate) fn random_hex<const N: usize>() -> Result<String, Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).doing(|| "get random bytes".to_owned())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn make(place: &Place) -> Result<PathBuf, Error> {
    let (dir, recursive) = match place {
        Place::Kept(dir) => (dir.clone(), true),
        // Never one that is there: in a shared directory it could be another user's.
        Place::Temporary => {
            let name = format!("smsgw-postgres-{}", random_hex::<8>()?);
            (env::temp_dir().join(name), false)
        }
    };
    let made = make_private(&dir, recursive).and_then(|()| absolute(&dir)?.canonicalize());
    made.doing(|| format!("create {}", dir.display()))
}

fn make_private(dir: &Path, recursive: bool) -> io::Result<()> {
    if let (true, Some(parent)) = (recursive, dir.parent()) {
        fs::create_dir_all(parent)?;
    }
    DirBuilder::new().recursive(recursive).mode(0o700).create(dir)
}

/// Gives the directory to the account; where that is not enough to reach it, uses another.
fn settle(wished: &Path, account: Account) -> Result<PathBuf, Error> {
    let reached = account.own(wished).and_then(|()| account.reaches(wished));
    if reached.doing(|| format!("prepare {}", wished.display()))? {
        return Ok(wished.to_path_buf());
    }
    let dir = Path::new(REACHABLE).join(format!("dev-{:016x}", fingerprint(wished)));
    make_reachable(&dir).and_then(|()| account.own(&dir)).doing(|| format!("create {}", dir.display()))?;
    // Empty unless data was put there by hand; then it stays.
    drop(fs::remove_dir(wished));
    tracing::info!(
        wished = %wished.display(), used = %dir.display(),
        "Postgres cannot run as root, and its own user cannot reach the data directory; its data is elsewhere"
    );
    Ok(dir)
}

fn make_reachable(dir: &Path) -> io::Result<()> {
    if !Path::new(REACHABLE).exists() {
        fs::create_dir_all(REACHABLE)?;
        fs::set_permissions(REACHABLE, Permissions::from_mode(0o755))?;
    }
    make_private(dir, true)
}

/// FNV-1a: the same in every build, so that the next run finds the data again.
fn fingerprint(path: &Path) -> u64 {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn lock(dir: &Path, wished: &Path) -> Result<File, Error> {
    let path = dir.join("lock");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .doing(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(&mut file, wished)),
        Err(TryLockError::Error(error)) => {
            return Err(error).doing(|| format!("lock {}", path.display()));
        }
    }
    file.set_len(0)
        .and_then(|()| write!(file, "{}", std::process::id()))
        .doing(|| format!("write {}", path.display()))?;
    Ok(file)
}

fn in_use(lock: &mut File, wished: &Path) -> Error {
    let mut pid = String::new();
    if lock.read_to_string(&mut pid).is_err() || pid.is_empty() {
        pid.push_str("unknown");
    }
    Error::InUse { dir: wished.to_path_buf(), pid }
}
