//! An installation, put together: its place taken, its store open, its service started.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use cedarkeep_attest::RsaKeys;
use cedarkeep_service::{Config, Parts, Service};
use cedarkeep_store::Store;
use cedarkeep_store_sql::{OpenOptions, PostgresStore, SqliteStore};

use crate::{
    place::{Database, Locks, Place, is_database, make_database},
    secrets,
    sources::{SystemClock, SystemIds},
};

/// Connections to a file that read at once: a reader works in memory most of the time, so some more than there are cores.
const READERS: u32 = 8;

/// An installation whose place nobody else uses as long as this is held.
pub(crate) struct Installation {
    pub(crate) service: Service,
    _locks: Locks,
}

impl Installation {
    /// Takes the place, making what is not there yet, and starts the service.
    pub(crate) async fn open(place: &Place, config: Config) -> anyhow::Result<Self> {
        let locks = place.take()?;
        let store = open_store(place).await?;
        let master = secrets::master_key(place, cedarkeep_service::is_begun(&*store).await?)?;
        let parts = Parts {
            store,
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            keys: Arc::new(RsaKeys::start()?),
            master,
            config,
        };
        Ok(Self { service: Service::start(parts).await?, _locks: locks })
    }
}

/// Opens the store of a place, making what is not there yet and bringing its schema up to date.
pub(crate) async fn open_store(place: &Place) -> anyhow::Result<Arc<dyn Store>> {
    match &place.database {
        Database::File(path) => {
            make_database(path)?;
            open_file(path, place).await
        }
        Database::Postgres(options) => Ok(Arc::new(PostgresStore::open(options).await.with_context(|| at(place))?)),
    }
}

/// Opens the store of a place as it is there.
///
/// # Errors
/// When there is none.
pub(crate) async fn open_existing(place: &Place) -> anyhow::Result<Arc<dyn Store>> {
    match &place.database {
        Database::File(path) if is_database(path)? => open_file(path, place).await,
        Database::File(path) => bail!("there is no store at {}", path.display()),
        Database::Postgres(options) => match PostgresStore::open_existing(options).await.with_context(|| at(place))? {
            Some(store) => Ok(Arc::new(store)),
            None => bail!("there is no store at {}", place.database),
        },
    }
}

async fn open_file(path: &Path, place: &Place) -> anyhow::Result<Arc<dyn Store>> {
    let options = OpenOptions { path: path.to_owned(), readers: READERS };
    Ok(Arc::new(SqliteStore::open(&options).await.with_context(|| at(place))?))
}

fn at(place: &Place) -> String {
    format!("the database {}", place.database)
}
