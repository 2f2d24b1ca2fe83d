//! Where an installation keeps its things: the data folder, the database file, the files beside them.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use cedarkeep_store_sql::PostgresOptions;

use crate::config::{DatabaseUrl, StoreFlags};

/// Where an installation keeps its things.
#[derive(Debug)]
pub(crate) struct Place {
    /// The data folder.
    pub(crate) data_dir: PathBuf,
    /// The database.
    pub(crate) database: Database,
    /// Where the master key is, when the operator said so.
    pub(crate) master_key_file: Option<PathBuf>,
}

/// Where the database is.
#[derive(Debug)]
pub(crate) enum Database {
    /// A file of the embedded engine.
    File(PathBuf),
    /// On a PostgreSQL server.
    Postgres(Box<PostgresOptions>),
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Postgres(options) => write!(f, "postgres://{}", options.place()),
        }
    }
}

/// Held as long as nobody else may use the place.
#[derive(Debug)]
pub(crate) struct Locks {
    _files: Vec<File>,
}

impl Place {
    /// What the flags say, with the defaults where they say nothing.
    pub(crate) fn settle(flags: StoreFlags) -> anyhow::Result<Self> {
        let data_dir = flags.data_dir();
        let mut database = match &flags.database_url {
            Some(DatabaseUrl(url)) => database(url)?,
            None => Database::File(data_dir.join("cedarkeep.db")),
        };
        if let Database::Postgres(options) = &mut database {
            let seconds = flags.database_statement_seconds.map(|seconds| Duration::from_secs(seconds.get().into()));
            options.pool_size = flags.database_pool_size.map_or(options.pool_size, |size| size.get().into());
            options.statement_timeout = seconds.unwrap_or(options.statement_timeout);
        }
        Ok(Self { data_dir, database, master_key_file: flags.master_key_file })
    }

    /// Reads what it may from this standby of the database.
    ///
    /// # Errors
    /// When the database has no standbys, or the URL cannot be used.
    pub(crate) fn read_from(&mut self, DatabaseUrl(url): &DatabaseUrl) -> anyhow::Result<()> {
        let Database::Postgres(options) = &mut self.database else {
            bail!("--read-url names a standby of a PostgreSQL server: it needs --database-url postgres://…")
        };
        let mut replica = PostgresOptions::from_url(url).context("--read-url")?;
        replica.pool_size = options.pool_size;
        replica.statement_timeout = options.statement_timeout;
        options.replica = Some(Box::new(replica));
        Ok(())
    }

    /// Makes the data folder, for its owner alone, and takes the place. A database on a server is taken by nobody: other
    /// instances have data folders of their own.
    ///
    /// # Errors
    /// When another process has taken it.
    pub(crate) fn take(&self) -> anyhow::Result<Locks> {
        make_folder(&self.data_dir)?;
        let mut files = vec![lock(&self.data_dir.join("lock"))?];
        if let Database::File(path) = &self.database {
            // Two data folders may name one database, so both are taken.
            let mut beside = path.clone().into_os_string();
            beside.push(".lock");
            files.push(lock(Path::new(&beside))?);
        }
        Ok(Locks { _files: files })
    }

    /// The file that the administrator's token is written to when the server makes one.
    pub(crate) fn admin_token_file(&self) -> PathBuf {
        self.data_dir.join("admin.token")
    }

    /// The file that the master key is in.
    pub(crate) fn master_key_file(&self) -> PathBuf {
        match (&self.master_key_file, &self.database) {
            (Some(file), _) => file.clone(),
            (None, Database::File(path)) => path.with_file_name("master.key"),
            (None, Database::Postgres(_)) => self.data_dir.join("master.key"),
        }
    }
}

/// The database that a URL names.
fn database(url: &str) -> anyhow::Result<Database> {
    // The URL itself may hold a password: no error repeats it.
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match scheme {
        "sqlite" => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path.starts_with(':') || path.contains('?') {
                bail!("the database URL must be sqlite:PATH, where PATH is a file and nothing follows it");
            }
            Ok(Database::File(PathBuf::from(path)))
        }
        "postgres" | "postgresql" => Ok(Database::Postgres(Box::new(PostgresOptions::from_url(url)?))),
        _ => bail!("the database URL must be sqlite:PATH or postgres://USER@HOST:PORT/DATABASE"),
    }
}

/// Whether there is a database in this file.
pub(crate) fn is_database(path: &Path) -> anyhow::Result<bool> {
    match fs::metadata(path) {
        Ok(found) => Ok(found.len() > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("the database {}", path.display())),
    }
}

/// Makes the database file, for its owner alone, when it is not there; SQLite gives the files beside it its mode.
pub(crate) fn make_database(path: &Path) -> anyhow::Result<()> {
    private(OpenOptions::new().append(true).create(true), path)
        .map(drop)
        .with_context(|| format!("the database {}", path.display()))
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
    fn a_database_url_names_a_file_or_a_server() {
        for (url, name) in [
            ("sqlite:a.db", "a.db"),
            ("sqlite:/b/a.db", "/b/a.db"),
            ("sqlite://a.db", "a.db"),
            ("sqlite:///a", "/a"),
            ("postgres://user:hunter2@db:5433/cedarkeep", "postgres://db:5433/cedarkeep"),
        ] {
            assert_eq!(database(url).unwrap().to_string(), name, "{url}");
        }
        for url in ["sqlite:", "sqlite", "sqlite::memory:", "sqlite:a.db?mode=ro", "mysql:a", "a.db", "", "postgres:a"]
        {
            assert!(database(url).is_err(), "{url}");
        }
    }

    #[test]
    fn no_password_is_printed() {
        let url = "postgres://user:hunter2@db/cedarkeep";
        let flags = StoreFlags { database_url: Some(url.into()), ..StoreFlags::default() };
        let place = Place::settle(flags).unwrap();
        assert!(!format!("{place:?} {}", place.database).contains("hunter2"));
        let flags = StoreFlags { database_url: Some(url.into()), ..StoreFlags::default() };
        assert!(!format!("{flags:?}").contains("hunter2"));
        let error = database(&format!("{url}?sslmode=hunter3")).unwrap_err();
        assert!(!format!("{error:#}").contains("hunter2"), "{error:#}");
    }

    #[test]
    fn a_replica_is_one_of_a_server() {
        let url = DatabaseUrl::from("postgres://user:hunter2@standby/cedarkeep");
        let database_url = Some("postgres://db/cedarkeep".into());
        let flags = StoreFlags { database_url, database_pool_size: 3.try_into().ok(), ..StoreFlags::default() };
        let mut place = Place::settle(flags).unwrap();
        place.read_from(&url).unwrap();
        assert!(!format!("{place:?}").contains("hunter2"));
        let Database::Postgres(options) = &place.database else { panic!("a server") };
        let replica = options.replica.as_ref().unwrap();
        assert_eq!((replica.place().as_str(), replica.pool_size), ("standby:5432/cedarkeep", 3));
        let mut file = Place::settle(StoreFlags::default()).unwrap();
        assert!(file.read_from(&url).unwrap_err().to_string().contains("--database-url"));
        let error = place.read_from(&"mysql://user:hunter2@standby/cedarkeep".into()).unwrap_err();
        assert!(!format!("{error:#}").contains("hunter2"), "{error:#}");
    }

    #[test]
    fn what_is_set_reaches_the_server() {
        let flags = StoreFlags {
            database_url: Some("postgres://db/cedarkeep".into()),
            database_pool_size: 3.try_into().ok(),
            database_statement_seconds: 7.try_into().ok(),
            ..StoreFlags::default()
        };
        let Database::Postgres(options) = Place::settle(flags).unwrap().database else { panic!("a server") };
        assert_eq!((options.pool_size, options.statement_timeout), (3, Duration::from_secs(7)));
    }
}
