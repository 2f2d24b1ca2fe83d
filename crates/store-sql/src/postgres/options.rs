//! How to reach a PostgreSQL server.

use std::{fmt, str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgSslMode},
};

/// What may stand behind the `?` of a URL. Others are refused: sqlx would log them with their values, which may be a
/// password under a misspelt name, and go on without.
const PARAMETERS: [&str; 16] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "options",
];

/// How to reach a PostgreSQL database and how much to ask of it. Its `Debug` tells no password.
#[derive(Clone)]
pub struct PostgresOptions {
    connect: PgConnectOptions,
    /// The most connections at once.
    pub pool_size: u32,
    /// How long a statement may take, waiting for locks included.
    pub statement_timeout: Duration,
    /// How long a caller waits for a connection.
    pub acquire_timeout: Duration,
    /// A standby of this server, for what may be read there.
    pub replica: Option<Box<PostgresOptions>>,
}

/// Why a database URL cannot be used. The message does not repeat it: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database URL must be postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full: {0}")]
pub struct InvalidUrl(String);

impl PostgresOptions {
    /// Reads a URL `postgres://user:password@host:port/database?sslmode=verify-full`. What it leaves open comes from the
    /// environment (`PGPASSWORD` and its like) and from `~/.pgpass`, as with every client of PostgreSQL.
    ///
    /// # Errors
    /// When it is not of this form; the error does not repeat it.
    pub fn from_url(url: &str) -> Result<Self, InvalidUrl> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(InvalidUrl("it begins with another scheme".to_owned()));
        }
        let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
            if !PARAMETERS.contains(&name) {
                return Err(InvalidUrl(format!("it has a parameter that is not one of {}", PARAMETERS.join(", "))));
            }
        }
        let connect = PgConnectOptions::from_str(url).map_err(|error| match error {
            sqlx::Error::Configuration(reason) => InvalidUrl(reason.to_string()),
            _ => InvalidUrl("it cannot be read".to_owned()),
        })?;
        Ok(Self {
            connect: connect.statement_cache_capacity(256).application_name("cedarkeep").disable_statement_logging(),
            pool_size: 8,
            statement_timeout: Duration::from_secs(30),
            acquire_timeout: Duration::from_secs(5),
            replica: None,
        })
    }

    /// Server and database, without user and password: for messages.
    #[must_use]
    pub fn place(&self) -> String {
        let socket = self.connect.get_socket().map(|socket| socket.display().to_string());
        let host = socket.unwrap_or_else(|| self.connect.get_host().to_owned());
        let database = self.connect.get_database().unwrap_or_else(|| self.connect.get_username());
        format!("{host}:{}/{database}", self.connect.get_port())
    }

    /// Whether somebody between here and the server could read or answer in its stead.
    pub(super) fn is_exposed(&self) -> bool {
        let host = self.connect.get_host();
        let local = self.connect.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let verified = matches!(self.connect.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull);
        !local && !verified
    }

    /// For the connections of the pool.
    pub(super) fn limited(&self) -> PgConnectOptions {
        let milliseconds = self.statement_timeout.as_millis();
        self.connect.clone().options([
            ("statement_timeout", milliseconds.to_string()),
            // Every transaction here is a few statements: one that stands still has lost its client.
            ("idle_in_transaction_session_timeout", "60000".to_owned()),
        ])
    }

    /// For migrations, which may take their time.
    pub(super) fn unlimited(&self) -> PgConnectOptions {
        self.connect.clone().options([("statement_timeout", "0")])
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("place", &self.place())
            .field("pool_size", &self.pool_size)
            .field("statement_timeout", &self.statement_timeout)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("replica", &self.replica)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_told() {
        for url in [
            "postgres://keeper:hunter2@db.example:5433/cedar?sslmode=verify-full",
            "postgresql://keeper@db.example:5433/cedar?password=hunter2",
        ] {
            let options = PostgresOptions::from_url(url).unwrap();
            assert_eq!(options.place(), "db.example:5433/cedar");
            assert!(!format!("{options:?}").contains("hunter2"), "{options:?}");
        }
        for url in [
            "postgres://keeper:hunter2@db.example:port/cedar",
            "postgres://keeper:hunter2@db.example/cedar?sslmode=sometimes",
            "postgres://keeper@db.example/cedar?pasword=hunter2",
            "mysql://keeper:hunter2@db.example/cedar",
            "hunter2",
        ] {
            let error = PostgresOptions::from_url(url).unwrap_err().to_string();
            assert!(error.contains("postgres://USER") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_way_that_others_may_listen_on_is_known() {
        for (url, exposed) in [
            ("postgres://db.example/cedar", true),
            ("postgres://db.example/cedar?sslmode=require", true),
            ("postgres://db.example/cedar?sslmode=verify-full", false),
            ("postgres://127.0.0.1/cedar", false),
            ("postgres:///cedar?host=/run/postgresql", false),
        ] {
            assert_eq!(PostgresOptions::from_url(url).unwrap().is_exposed(), exposed, "{url}");
        }
    }
}
