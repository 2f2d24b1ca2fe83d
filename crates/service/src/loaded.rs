//! Bound versions that are kept ready, bounded by bytes.
//!
//! A binding only points at its version: what keeps it alive is one cache for all zones, from which the versions go that
//! were not asked for longest. A decision takes its pointer and no lock; once a second it tells the cache that the
//! version is in use.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use arc_swap::ArcSwapOption;
use cedarkeep_model::{PolicySetVersionId, ZoneId};
use moka::sync::Cache;
use tokio::sync::Mutex;

use crate::{Error, snapshot::LoadedSet};

/// What a loaded version is known by.
pub(crate) type LoadedKey = (ZoneId, PolicySetVersionId);

/// What keeps versions alive.
pub(crate) struct LoadedSets {
    cache: Cache<LoadedKey, Arc<LoadedSet>>,
    started: Instant,
}

impl LoadedSets {
    /// Keeps versions of so many bytes together.
    pub(crate) fn new(bytes: u64) -> Self {
        let weigh = |_: &LoadedKey, set: &Arc<LoadedSet>| u32::try_from(set.bytes()).unwrap_or(u32::MAX);
        metrics::gauge!(OPEN_STATEMENTS).increment(0.0);
        Self { cache: Cache::builder().max_capacity(bytes).weigher(weigh).build(), started: Instant::now() }
    }
}

/// How long bound versions took to load, in seconds: read, verified and, where nobody else has done so, compiled.
pub const LOAD_METRIC: &str = "cedarkeep_set_load_seconds";

/// How many statements of bound versions every request has to look at.
const OPEN_STATEMENTS: &str = "cedarkeep_open_statements";

/// Statements that every request has to look at; counted until it is dropped.
struct OpenStatements(f64);

impl OpenStatements {
    fn of(set: &LoadedSet) -> Self {
        let statements = u32::try_from(set.compiled.open_statements()).map_or(f64::from(u32::MAX), f64::from);
        metrics::gauge!(OPEN_STATEMENTS).increment(statements);
        Self(statements)
    }
}

impl Drop for OpenStatements {
    fn drop(&mut self) {
        metrics::gauge!(OPEN_STATEMENTS).decrement(self.0);
    }
}

/// A pointer at a version that may have to be loaded, again and again.
#[derive(Default)]
pub(crate) struct Loadable {
    place: ArcSwapOption<Weak<LoadedSet>>,
    /// The second in which the cache was last told.
    told: AtomicU64,
    loading: Mutex<()>,
    /// Counted from the first load on for as long as the binding stands.
    open: OnceLock<OpenStatements>,
}

impl Loadable {
    /// The version, if it is ready.
    pub(crate) fn ready(&self, sets: &LoadedSets, key: LoadedKey) -> Option<Arc<LoadedSet>> {
        let loaded = self.place.load().as_ref()?.upgrade()?;
        let second = sets.started.elapsed().as_secs();
        // Read before it is written, since every decision on the version passes here.
        let due = self.told.load(Ordering::Relaxed) != second && self.told.swap(second, Ordering::Relaxed) != second;
        if due && sets.cache.get(&key).is_none() {
            // Somebody else still holds what the cache has given up.
            sets.cache.insert(key, Arc::clone(&loaded));
        }
        Some(loaded)
    }

    /// The version; who asks while it is loaded waits for the one who loads it.
    pub(crate) async fn get(
        &self,
        sets: &LoadedSets,
        key: LoadedKey,
        load: impl Future<Output = Result<Arc<LoadedSet>, Error>>,
    ) -> Result<Arc<LoadedSet>, Error> {
        if let Some(loaded) = self.ready(sets, key) {
            return Ok(loaded);
        }
        let _turn = self.loading.lock().await;
        if let Some(loaded) = self.ready(sets, key) {
            return Ok(loaded);
        }
        let begun = Instant::now();
        let loaded = load.await.inspect_err(|_| counted("failed"))?;
        counted("loaded");
        metrics::histogram!(LOAD_METRIC).record(begun.elapsed().as_secs_f64());
        self.open.get_or_init(|| OpenStatements::of(&loaded));
        self.place.store(Some(Arc::new(Arc::downgrade(&loaded))));
        sets.cache.insert(key, Arc::clone(&loaded));
        Ok(loaded)
    }
}

fn counted(outcome: &'static str) {
    metrics::counter!("cedarkeep_set_loads_total", "outcome" => outcome).increment(1);
}
