//! Where an installation keeps its data: on SQLite, or on PostgreSQL when `ENGINE=postgres` says so.

use std::{env, ffi::OsStr, fs, path::Path, process::Command, sync::Arc};

use cedarkeep_postgres_harness::{Database, server as postgres};
use cedarkeep_store::Store;
use cedarkeep_store_sql::{OpenOptions, PostgresOptions, PostgresStore, SqliteStore};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::server::cedarkeep;

/// An engine that a store can be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// A server, started by the test itself.
    Postgres,
}

impl Engine {
    /// The one that the environment asks for.
    #[must_use]
    pub fn chosen() -> Self {
        match env::var("ENGINE").as_deref() {
            Err(_) | Ok("" | "sqlite") => Self::Sqlite,
            Ok("postgres") => Self::Postgres,
            Ok(other) => panic!("ENGINE is sqlite or postgres, not {other}"),
        }
    }
}

/// A data folder, and on PostgreSQL a database. Both go with it.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    database: Option<Database>,
}

impl Default for Home {
    fn default() -> Self {
        Self::on(Engine::chosen())
    }
}

impl Home {
    /// An empty one.
    #[must_use]
    pub fn on(engine: Engine) -> Self {
        let database = (engine == Engine::Postgres).then(|| postgres().database());
        Self { folder: tempfile::tempdir().unwrap(), database }
    }

    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the database on a server.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.database.as_ref().map(Database::url)
    }

    /// What SQL answers in the database on a server.
    #[expect(clippy::must_use_candidate, reason = "some of it is run for its effect")]
    pub fn psql(&self, sql: &str) -> String {
        self.database.as_ref().expect("the home is on a server").psql(sql)
    }

    /// The store in it.
    pub async fn open(&self) -> Arc<dyn Store> {
        match &self.database {
            None => {
                let options = OpenOptions { path: self.file(), readers: 4 };
                Arc::new(SqliteStore::open(&options).await.unwrap())
            }
            Some(database) => {
                let options = PostgresOptions::from_url(&database.url()).unwrap();
                Arc::new(PostgresStore::open(&options).await.unwrap())
            }
        }
    }

    /// The binary, told where the data is.
    pub fn cedarkeep<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = cedarkeep(arguments);
        command.env("CEDARKEEP_DATA_DIR", self.folder());
        if let Some(database) = &self.database {
            command.env("CEDARKEEP_DATABASE_URL", database.url());
        }
        command
    }

    /// `cedarkeep serve` on a free port.
    #[must_use]
    pub fn serve(&self) -> Command {
        self.cedarkeep(["serve", "--listen", "127.0.0.1:0"])
    }

    /// Changes what is stored, with the guards taken away as somebody who owns the database could.
    pub async fn tamper(&self, sql: &str) {
        let change = AssertSqlSafe(sql.to_owned());
        let changed = match &self.database {
            None => {
                let mut db = SqliteConnection::connect(&format!("sqlite:{}", self.file().display())).await.unwrap();
                let triggers =
                    sqlx::query_scalar("SELECT 'DROP TRIGGER ' || name FROM sqlite_master WHERE type = 'trigger'");
                let guards: Vec<String> = triggers.fetch_all(&mut db).await.unwrap();
                for guard in guards {
                    db.execute(AssertSqlSafe(guard)).await.unwrap();
                }
                let changed = db.execute(change).await.unwrap().rows_affected();
                db.close().await.unwrap();
                changed
            }
            Some(database) => {
                let mut db = PgConnection::connect(&database.url()).await.unwrap();
                let triggers = sqlx::query_scalar(
                    "SELECT DISTINCT 'ALTER TABLE ' || tgrelid::regclass || ' DISABLE TRIGGER USER' FROM pg_trigger \
                     WHERE NOT tgisinternal",
                );
                let guards: Vec<String> = triggers.fetch_all(&mut db).await.unwrap();
                for guard in guards {
                    db.execute(AssertSqlSafe(guard)).await.unwrap();
                }
                db.execute(change).await.unwrap().rows_affected()
            }
        };
        assert!(changed > 0, "{sql} changes nothing");
    }

    /// Whether these bytes stand anywhere in what is stored.
    #[must_use]
    pub fn holds(&self, text: &str) -> bool {
        let stored = match &self.database {
            None => {
                let journal = fs::read(self.file().with_extension("db-wal")).unwrap_or_default();
                [fs::read(self.file()).unwrap(), journal].concat()
            }
            Some(database) => database.dump().into_bytes(),
        };
        assert!(stored.len() > 1_000, "nothing is stored");
        stored.windows(text.len()).any(|window| window == text.as_bytes())
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder().join("cedarkeep.db")
    }
}
