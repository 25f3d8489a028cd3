//! What `dev` keeps on disk beside its database: keys, and where other commands find it.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use secrecy::{ExposeSecret, SecretString};
use shared::config::{DatabaseConfig, Environment, SecretsConfig, SiteConfig};
use shared::seal::{Keyring, MasterKey};

/// The folder of a `dev` gateway.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    dir: PathBuf,
}

impl Home {
    /// Opens the folder, making it if needed.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// Where the private database lives.
    pub(crate) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// The master key, made at the first start.
    pub(crate) fn master_key(&self) -> Result<MasterKey> {
        let path = self.dir.join("master.key");
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().with_context(|| format!("{} is damaged", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key = MasterKey::generate();
                write_private(&path, key.to_base64().expose_secret())?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The key that the printed examples use, if it was made before.
    pub(crate) fn api_key(&self) -> Option<SecretString> {
        fs::read_to_string(self.dir.join("dev.key")).ok().map(|text| SecretString::from(text.trim()))
    }

    /// Keeps the key that the printed examples use.
    pub(crate) fn keep_api_key(&self, key: &SecretString) -> Result<()> {
        write_private(&self.dir.join("dev.key"), key.expose_secret())
    }

    /// Tells other commands where the database is.
    pub(crate) fn publish_database(&self, url: &str) -> Result<()> {
        write_private(&self.dir.join("database.url"), url)
    }
}

/// The keys of the master key given, else those of the `dev` gateway in this folder.
pub(crate) fn keyring(given: &SecretsConfig) -> Result<Keyring> {
    let error = match given.keyring() {
        Ok(keyring) => return Ok(keyring),
        Err(error) => error,
    };
    match fs::read_to_string(dev_dir().join("master.key")) {
        Ok(text) if !given.is_given() => {
            let key: MasterKey = text.trim().parse().context("the master key of `dev` is damaged")?;
            Ok(Keyring::new(&key, &[]))
        }
        _ => Err(error.into()),
    }
}

/// The database given, else that of the `dev` gateway in this folder.
pub(crate) fn database_url(given: &DatabaseConfig) -> Result<SecretString> {
    let error = match given.url() {
        Ok(url) => return Ok(url),
        Err(error) => error,
    };
    let published = fs::read_to_string(dev_dir().join("database.url"));
    published.map(SecretString::from).map_err(|_| error.into())
}

/// The key that `dev` in this folder uses, if there is one.
pub(crate) fn dev_api_key() -> Option<SecretString> {
    Home { dir: dev_dir() }.api_key()
}

/// Where the gateway runs: what belongs to the `dev` gateway in this folder is in development.
pub(crate) fn environment(site: &SiteConfig, database: &DatabaseConfig) -> Environment {
    match database.url() {
        Err(_) if dev_dir().join("database.url").exists() => Environment::Development,
        Ok(_) | Err(_) => site.environment,
    }
}

fn dev_dir() -> PathBuf {
    std::env::var_os("SMSGW_DEV_DIR").map_or_else(|| PathBuf::from(".smsgw"), PathBuf::from)
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let draft = path.with_extension("new");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&draft, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}
