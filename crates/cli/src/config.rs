//! Settings: flag over environment over file over default.

use std::{
    fmt, fs,
    net::{IpAddr, SocketAddr},
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use anyhow::{Context as _, bail};
use cedarkeep_http::{BaseUrl, HttpConfig, Limits, MetricsAccess, Origin, Rates, TlsFiles};
use clap::{Args, CommandFactory as _, ValueEnum, builder::BoolishValueParser};
use serde::{Deserialize, Deserializer, de, de::DeserializeOwned};

use crate::{
    args::{Cli, ConfigFile, ServeCommand},
    place::Place,
};

const DEFAULT_LISTEN: &str = "127.0.0.1:8180";
const DEFAULT_DATA_DIR: &str = "./data";

/// How `serve` behaves.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct ServeFlags {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:8180]
    #[arg(long, value_name = "ADDRESS", env = "CEDARKEEP_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// The URL under which clients reach the server, when it is not the one of their Host header
    #[arg(long, value_name = "URL", env = "CEDARKEEP_BASE_URL")]
    #[serde(deserialize_with = "from_text")]
    pub(crate) base_url: Option<BaseUrl>,
    /// Serve within TLS, with this certificate and those between it and a known authority, in PEM form
    ///
    /// Read again when it changes, and so is its key.
    #[arg(long, value_name = "FILE", env = "CEDARKEEP_TLS_CERTIFICATE")]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// The private key of the certificate, in PEM form, not encrypted
    #[arg(long, value_name = "FILE", env = "CEDARKEEP_TLS_KEY")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Serve /metrics on an address of its own, without a credential
    #[arg(long, value_name = "ADDRESS", env = "CEDARKEEP_METRICS_LISTEN")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// Fill an empty store with an example and print commands to try
    #[arg(
        long, value_name = "BOOL", env = "CEDARKEEP_WITH_EXAMPLE", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", value_parser = BoolishValueParser::new(),
    )]
    pub(crate) with_example: Option<bool>,
    /// What is logged, as directives of tracing: info, debug, `info,cedarkeep_http=warn` [default: info]
    #[arg(long, value_name = "FILTER", env = "CEDARKEEP_LOG")]
    pub(crate) log: Option<String>,
    /// The form of the log on stderr [default: auto, text on a terminal and JSON otherwise]
    #[arg(long, value_name = "FORM", env = "CEDARKEEP_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// A standby of the database that lists and loads of policy sets are read from when it is new enough: postgres://…
    ///
    /// A password belongs into the environment or into ~/.pgpass, as with --database-url.
    #[arg(long, value_name = "URL", env = "CEDARKEEP_READ_URL", hide_env_values = true)]
    pub(crate) read_url: Option<DatabaseUrl>,
    /// Threads for work on policies [default: one a core]
    #[arg(long, value_name = "N", env = "CEDARKEEP_CEDAR_THREADS")]
    pub(crate) cedar_threads: Option<NonZeroU16>,
    /// The most MiB of compiled policy sets that are kept in memory [default: 1024]
    #[arg(long, value_name = "N", env = "CEDARKEEP_COMPILED_MIB")]
    pub(crate) compiled_mib: Option<u32>,
    /// The most connections at once; one more waits [default: 4096]
    #[arg(long, value_name = "N", env = "CEDARKEEP_MAX_CONNECTIONS")]
    pub(crate) max_connections: Option<u32>,
    /// The most requests a second with one credential [default: any number]
    #[arg(long, value_name = "N", env = "CEDARKEEP_REQUESTS_PER_SECOND_PER_CREDENTIAL")]
    pub(crate) requests_per_second_per_credential: Option<NonZeroU32>,
    /// The most requests a second about one zone [default: any number]
    #[arg(long, value_name = "N", env = "CEDARKEEP_REQUESTS_PER_SECOND_PER_ZONE")]
    pub(crate) requests_per_second_per_zone: Option<NonZeroU32>,
    /// Of so many seconds the requests that were not sent may be sent at once [default: 1]
    #[arg(long, value_name = "N", env = "CEDARKEEP_REQUEST_BURST_SECONDS")]
    pub(crate) request_burst_seconds: Option<NonZeroU32>,
    /// The most requests a minute from one address that fail to authenticate [default: any number]
    ///
    /// Behind a proxy, name that with --trusted-proxy, or all clients are one.
    #[arg(long, value_name = "N", env = "CEDARKEEP_FAILED_AUTHENTICATIONS_PER_MINUTE")]
    pub(crate) failed_authentications_per_minute: Option<NonZeroU32>,
    /// Addresses of proxies in front, which say where a request came from in X-Forwarded-For
    #[arg(long, value_name = "ADDRESS", env = "CEDARKEEP_TRUSTED_PROXY", value_delimiter = ',')]
    pub(crate) trusted_proxy: Option<Vec<IpAddr>>,
    /// Origins whose pages may call from within a browser: `https://console.example.com` [default: none]
    #[arg(long, value_name = "ORIGIN", env = "CEDARKEEP_CORS_ORIGIN", value_delimiter = ',')]
    pub(crate) cors_origin: Option<Vec<Origin>>,
    /// How long a request may take to be answered, from the end of its headers [default: 60]
    #[arg(long, value_name = "N", env = "CEDARKEEP_REQUEST_SECONDS")]
    pub(crate) request_seconds: Option<NonZeroU16>,
    /// Decide no more by what is in memory once the store has not answered for so long [default: decide on]
    #[arg(long, value_name = "N", env = "CEDARKEEP_MAX_STORE_AGE_SECONDS")]
    pub(crate) max_store_age_seconds: Option<NonZeroU16>,
    /// How long requests under way may take to finish when the server stops [default: 20]
    #[arg(long, value_name = "N", env = "CEDARKEEP_DRAIN_SECONDS")]
    pub(crate) drain_seconds: Option<u16>,
}

/// Where the store is.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct StoreFlags {
    /// The folder for everything that is kept [default: ./data]
    #[arg(long, value_name = "FOLDER", env = "CEDARKEEP_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where the store is: sqlite:PATH, or postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full
    ///
    /// By default cedarkeep.db in the data folder. A password belongs into the environment, as a part of this or as
    /// PGPASSWORD, or into ~/.pgpass: what stands on a command line can be read by everybody on the machine.
    #[arg(long, value_name = "URL", env = "CEDARKEEP_DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<DatabaseUrl>,
    /// The most connections to PostgreSQL at once [default: 8]
    #[arg(long, value_name = "N", env = "CEDARKEEP_DATABASE_POOL_SIZE")]
    pub(crate) database_pool_size: Option<NonZeroU16>,
    /// How long PostgreSQL may work, or wait for a lock, for one statement [default: 30]
    #[arg(long, value_name = "N", env = "CEDARKEEP_DATABASE_STATEMENT_SECONDS")]
    pub(crate) database_statement_seconds: Option<NonZeroU16>,
    /// A file that holds the master key, instead of the environment
    #[arg(long, value_name = "FILE", env = "CEDARKEEP_MASTER_KEY_FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
}

/// A URL that may hold a password: nothing prints it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct DatabaseUrl(pub(crate) String);

impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// The form of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One line of text an event.
    Text,
    /// One JSON object an event.
    Json,
}

/// Everything that `serve` must know, settled.
#[derive(Debug)]
pub(crate) struct ServeSettings {
    pub(crate) place: Place,
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) with_example: bool,
    pub(crate) log: Option<String>,
    pub(crate) log_format: LogFormat,
    pub(crate) http: HttpConfig,
    pub(crate) service: cedarkeep_service::Config,
}

impl ServeSettings {
    /// Settles the flags of `serve`, reading the file that they name.
    pub(crate) fn settle(command: ServeCommand) -> anyhow::Result<Self> {
        let file = read(&command.file)?;
        let mut place = Place::settle(command.store.or(part(file.as_ref())?))?;
        let flags = command.flags.or(part(file.as_ref())?);
        if let Some(url) = &flags.read_url {
            place.read_from(url)?;
        }
        let listen = match flags.listen {
            Some(listen) => listen,
            None => DEFAULT_LISTEN.parse()?,
        };
        let defaults = cedarkeep_service::Config::default();
        let service = cedarkeep_service::Config {
            cedar_threads: flags.cedar_threads.map_or(defaults.cedar_threads, |threads| threads.get().into()),
            compiled_bytes: flags.compiled_mib.map_or(defaults.compiled_bytes, |mib| u64::from(mib) << 20),
            max_store_age: flags.max_store_age_seconds.map(|seconds| Duration::from_secs(seconds.get().into())),
            ..defaults
        };
        Ok(Self {
            place,
            listen,
            tls: tls(&flags)?,
            metrics_listen: flags.metrics_listen,
            with_example: flags.with_example.unwrap_or(false),
            log: flags.log.clone(),
            log_format: flags.log_format.unwrap_or_default(),
            http: http(flags),
            service,
        })
    }
}

/// The files for TLS: both or neither, wherever they are named.
fn tls(flags: &ServeFlags) -> anyhow::Result<Option<TlsFiles>> {
    match (flags.tls_certificate.clone(), flags.tls_key.clone()) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        _ => bail!("TLS takes both --tls-certificate and --tls-key"),
    }
}

fn http(flags: ServeFlags) -> HttpConfig {
    let mut limits = Limits::default();
    limits.rates = Rates {
        per_credential: flags.requests_per_second_per_credential,
        per_zone: flags.requests_per_second_per_zone,
        burst_seconds: flags.request_burst_seconds.unwrap_or(limits.rates.burst_seconds),
        failures_per_minute: flags.failed_authentications_per_minute,
    };
    if let Some(connections) = flags.max_connections {
        limits.max_connections = usize::try_from(connections).unwrap_or(usize::MAX);
    }
    if let Some(seconds) = flags.request_seconds {
        limits.request_deadline = Duration::from_secs(seconds.get().into());
    }
    if let Some(seconds) = flags.drain_seconds {
        limits.drain_deadline = Duration::from_secs(seconds.into());
    }
    let metrics = match flags.metrics_listen {
        Some(_) => MetricsAccess::Elsewhere,
        None => MetricsAccess::WithCredential,
    };
    HttpConfig {
        public_base_url: flags.base_url,
        tls: flags.tls_certificate.is_some(),
        metrics,
        limits,
        trusted_proxies: flags.trusted_proxy.unwrap_or_default(),
        cors_origins: flags.cors_origin.unwrap_or_default(),
        adopt: None,
    }
}

/// The place that these flags and the file they name say.
pub(crate) fn settle_place(flags: StoreFlags, file: &ConfigFile) -> anyhow::Result<Place> {
    let file = read(file)?;
    Place::settle(flags.or(part(file.as_ref())?))
}

impl StoreFlags {
    /// These, and where they say nothing, those below.
    fn or(self, below: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(below.data_dir),
            database_url: self.database_url.or(below.database_url),
            database_pool_size: self.database_pool_size.or(below.database_pool_size),
            database_statement_seconds: self.database_statement_seconds.or(below.database_statement_seconds),
            master_key_file: self.master_key_file.or(below.master_key_file),
        }
    }

    /// The data folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR))
    }
}

impl ServeFlags {
    fn or(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            base_url: self.base_url.or(below.base_url),
            tls_certificate: self.tls_certificate.or(below.tls_certificate),
            tls_key: self.tls_key.or(below.tls_key),
            metrics_listen: self.metrics_listen.or(below.metrics_listen),
            with_example: self.with_example.or(below.with_example),
            log: self.log.or(below.log),
            log_format: self.log_format.or(below.log_format),
            read_url: self.read_url.or(below.read_url),
            cedar_threads: self.cedar_threads.or(below.cedar_threads),
            compiled_mib: self.compiled_mib.or(below.compiled_mib),
            max_connections: self.max_connections.or(below.max_connections),
            requests_per_second_per_credential: self
                .requests_per_second_per_credential
                .or(below.requests_per_second_per_credential),
            requests_per_second_per_zone: self.requests_per_second_per_zone.or(below.requests_per_second_per_zone),
            request_burst_seconds: self.request_burst_seconds.or(below.request_burst_seconds),
            failed_authentications_per_minute: self
                .failed_authentications_per_minute
                .or(below.failed_authentications_per_minute),
            trusted_proxy: self.trusted_proxy.or(below.trusted_proxy),
            cors_origin: self.cors_origin.or(below.cors_origin),
            request_seconds: self.request_seconds.or(below.request_seconds),
            max_store_age_seconds: self.max_store_age_seconds.or(below.max_store_age_seconds),
            drain_seconds: self.drain_seconds.or(below.drain_seconds),
        }
    }
}

/// The text of a configuration file in which every key is one of ours.
struct FileText {
    path: PathBuf,
    text: String,
}

fn read(file: &ConfigFile) -> anyhow::Result<Option<FileText>> {
    let Some(path) = file.config.clone() else { return Ok(None) };
    let text = fs::read_to_string(&path).with_context(|| format!("the configuration file {}", path.display()))?;
    let table: toml::Table =
        text.parse().map_err(discreet).with_context(|| format!("the configuration file {}", path.display()))?;
    let known = known_keys();
    if let Some(unknown) = table.keys().find(|key| !known.contains(key)) {
        bail!("the configuration file {}: unknown key {unknown:?}; known are {}", path.display(), known.join(", "));
    }
    Ok(Some(FileText { path, text }))
}

/// The keys of a file are the flags of `serve`, as the command line itself knows them.
fn known_keys() -> Vec<String> {
    let command = Cli::command();
    let flags = command.find_subcommand("serve").into_iter().flat_map(clap::Command::get_arguments);
    let names = flags.filter_map(clap::Arg::get_long).filter(|name| !["config", "help"].contains(name));
    names.map(str::to_owned).collect()
}

/// The part of the file that these flags name.
fn part<T: DeserializeOwned + Default>(file: Option<&FileText>) -> anyhow::Result<T> {
    let Some(FileText { path, text }) = file else { return Ok(T::default()) };
    toml::from_str(text).map_err(discreet).with_context(|| format!("the configuration file {}", path.display()))
}

/// Errors quote the line that they are about; one with a password in it must not be.
fn discreet(mut error: toml::de::Error) -> toml::de::Error {
    let quoted = error.to_string();
    if quoted.contains("database-url") || quoted.contains("read-url") || quoted.contains("://") {
        error.set_input(None);
    }
    error
}

fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err: std::fmt::Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_flag_is_documented_and_no_other() {
        let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md")).unwrap();
        let rows = text.lines().skip_while(|line| !line.starts_with("| Flag of `serve` |")).skip(2);
        let names = rows.take_while(|line| line.starts_with('|')).filter_map(|row| row.split('|').nth(1));
        let told = names.flat_map(|cell| cell.split('`')).filter_map(|word| word.strip_prefix("--")).map(str::to_owned);
        assert_eq!(told.collect::<BTreeSet<_>>(), known_keys().into_iter().collect());
    }
}
