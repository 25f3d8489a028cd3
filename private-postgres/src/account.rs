//! The operating system's user Postgres runs as: ourselves, or an unprivileged one when we are root.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    os::unix::{fs as unix_fs, fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

/// `nobody` on most systems; an id needs no entry in the user database to own files and processes.
const UNNAMED: Ids = Ids { uid: 65534, gid: 65534 };

#[derive(Debug, Clone, Copy)]
struct Ids {
    uid: u32,
    gid: u32,
}

/// The user the server and its tools run as. Postgres refuses to run as root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account(Option<Ids>);

impl Account {
    /// Ourselves unless we are root; then the user `postgres` if there is one, else an unnamed id.
    pub(crate) fn unprivileged() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self(None);
        }
        Self(Some(user_postgres().unwrap_or(UNNAMED)))
    }

    /// As [`Self::unprivileged`], but keeps to the owner of data that is already there.
    pub(crate) fn owning(data: &Path) -> Self {
        match (Self::unprivileged(), fs::metadata(data)) {
            (Self(Some(_)), Ok(existing)) if existing.uid() != 0 => {
                Self(Some(Ids { uid: existing.uid(), gid: existing.gid() }))
            }
            (account, _) => account,
        }
    }

    /// A command that runs as this user, without the `PG…` variables that would bend it.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Self(Some(Ids { uid, gid })) = self {
            command.uid(uid).gid(gid);
        }
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        // English messages: we recognise one of them.
        command.env("LC_ALL", "C").stdin(Stdio::null());
        command
    }

    /// Makes this user the owner of `path`.
    pub(crate) fn own(self, path: &Path) -> io::Result<()> {
        match self {
            Self(Some(Ids { uid, gid })) => unix_fs::chown(path, Some(uid), Some(gid)),
            Self(None) => Ok(()),
        }
    }

    /// Whether this user can enter `dir`: asked by trying, since modes do not tell of ACLs and the like.
    pub(crate) fn reaches(self, dir: &Path) -> io::Result<bool> {
        let mut probe = self.command("/bin/sh");
        probe.args(["-c", "cd -- \"$1\"", "sh"]).arg(dir).current_dir("/").stderr(Stdio::null());
        Ok(probe.status()?.success())
    }
}

fn user_postgres() -> Option<Ids> {
    let id_of = |flag| {
        let output = Command::new("id").args([flag, "postgres"]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    Some(Ids { uid: id_of("-u")?, gid: id_of("-g")? })
}
