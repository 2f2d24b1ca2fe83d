//! An installation, put together: its place taken, its store open, its service started.

use std::sync::Arc;

use anyhow::Context as _;
use cedarkeep_attest::RsaKeys;
use cedarkeep_service::{Config, Parts, Service};
use cedarkeep_store_sql::{OpenOptions, SqliteStore};

use crate::{
    place::{Locks, Place},
    secrets,
    sources::{SystemClock, SystemIds},
};

/// Connections that read at once: a reader works in memory most of the time, so some more than there are cores.
const READERS: u32 = 8;

/// An installation that nobody else uses as long as this is held.
pub(crate) struct Installation {
    pub(crate) service: Service,
    _locks: Locks,
}

impl Installation {
    /// Takes the place, making what is not there yet, and starts the service.
    pub(crate) async fn open(place: &Place, config: Config) -> anyhow::Result<Self> {
        let locks = place.take()?;
        let master = secrets::master_key(place)?;
        place.make_database()?;
        let parts = Parts {
            store: Arc::new(open_store(place).await?),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            keys: Arc::new(RsaKeys::start()?),
            master,
            config,
        };
        Ok(Self { service: Service::start(parts).await?, _locks: locks })
    }
}

/// Opens the store of a place.
pub(crate) async fn open_store(place: &Place) -> anyhow::Result<SqliteStore> {
    let options = OpenOptions { path: place.database.clone(), readers: READERS };
    SqliteStore::open(&options).await.with_context(|| format!("the database {}", place.database.display()))
}
