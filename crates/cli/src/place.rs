//! Where an installation keeps its things: the data folder, the database file, the files beside them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::config::StoreFlags;

/// Where an installation keeps its things.
#[derive(Debug)]
pub(crate) struct Place {
    /// The data folder.
    pub(crate) data_dir: PathBuf,
    /// The database file.
    pub(crate) database: PathBuf,
    /// Where the master key is, when the operator said so.
    pub(crate) master_key_file: Option<PathBuf>,
}

/// Held as long as nobody else may use the place.
#[derive(Debug)]
pub(crate) struct Locks {
    _files: [File; 2],
}

impl Place {
    /// What the flags say, with the defaults where they say nothing.
    pub(crate) fn settle(flags: StoreFlags) -> anyhow::Result<Self> {
        let data_dir = flags.data_dir();
        let database = match &flags.database_url {
            Some(url) => database_path(url)?,
            None => data_dir.join("cedarkeep.db"),
        };
        Ok(Self { data_dir, database, master_key_file: flags.master_key_file })
    }

    /// Makes the data folder, for its owner alone, and takes the place.
    ///
    /// # Errors
    /// When another process has taken it.
    pub(crate) fn take(&self) -> anyhow::Result<Locks> {
        make_folder(&self.data_dir)?;
        // Two data folders may name one database, so both are taken.
        let mut beside = self.database.clone().into_os_string();
        beside.push(".lock");
        Ok(Locks { _files: [lock(&self.data_dir.join("lock"))?, lock(Path::new(&beside))?] })
    }

    /// Whether there is a database already.
    pub(crate) fn has_database(&self) -> anyhow::Result<bool> {
        match fs::metadata(&self.database) {
            Ok(found) => Ok(found.len() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("the database {}", self.database.display())),
        }
    }

    /// Makes the database file, for its owner alone, when it is not there; SQLite gives the files beside it its mode.
    pub(crate) fn make_database(&self) -> anyhow::Result<()> {
        private(OpenOptions::new().append(true).create(true), &self.database)
            .map(drop)
            .with_context(|| format!("the database {}", self.database.display()))
    }

    /// The file that the administrator's token is written to when the server makes one.
    pub(crate) fn admin_token_file(&self) -> PathBuf {
        self.data_dir.join("admin.token")
    }

    /// The file that the master key is in.
    pub(crate) fn master_key_file(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.database.with_file_name("master.key"))
    }
}

/// The path that a database URL names.
fn database_path(url: &str) -> anyhow::Result<PathBuf> {
    // The URL itself may hold a password: no error repeats it.
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match scheme {
        "sqlite" => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path.starts_with(':') || path.contains('?') {
                bail!("the database URL must be sqlite:PATH, where PATH is a file and nothing follows it");
            }
            Ok(PathBuf::from(path))
        }
        "postgres" | "postgresql" => {
            bail!("this build has only the embedded engine: the database URL must be sqlite:PATH, not PostgreSQL")
        }
        _ => bail!("the database URL must be sqlite:PATH"),
    }
}

/// Makes a folder that only its owner may enter. One that is there already keeps its mode: it may be there for others
/// too.
fn make_folder(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the data folder {}", path.display()))?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        let folder = path.display().to_string();
        tracing::warn!(folder, "other users of this machine may enter the data folder; chmod 700 closes it");
    }
    Ok(())
}

fn lock(path: &Path) -> anyhow::Result<File> {
    let at = || format!("the lock {}", path.display());
    let file = private(OpenOptions::new().append(true).create(true), path).with_context(at)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let folder = path.parent().unwrap_or(path).display();
            bail!("another cedarkeep is running on {folder}; stop it first, or give this one a --data-dir of its own")
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(at),
    }
}

/// Opens a file with these options, made for its owner alone.
pub(crate) fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_names_a_file() {
        for (url, path) in
            [("sqlite:a.db", "a.db"), ("sqlite:/b/a.db", "/b/a.db"), ("sqlite://a.db", "a.db"), ("sqlite:///a", "/a")]
        {
            assert_eq!(database_path(url).unwrap(), Path::new(path), "{url}");
        }
        for url in ["sqlite:", "sqlite", "sqlite::memory:", "sqlite:a.db?mode=ro", "mysql:a", "a.db", ""] {
            assert!(database_path(url).is_err(), "{url}");
        }
    }

    #[test]
    fn another_engine_is_refused_without_repeating_the_password() {
        let error = database_path("postgres://user:hunter2@db/cedarkeep").unwrap_err().to_string();
        assert!(error.contains("embedded engine") && !error.contains("hunter2"), "{error}");
    }
}
