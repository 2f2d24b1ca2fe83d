//! The entities of zones in memory: read from the store once, then following its changes.
//!
//! Bindings and entities that decide together must be of one revision, and a read sees a moment of its own. So the zone
//! is read first and its entities after it: when no entity turns up that changed later than the zone says, they are
//! those of its revision; else the zone is read again.

use std::sync::Arc;

use cedarkeep_cedar::{Change, EntityReader, EntityStore, StoredEntity, Uid};
use cedarkeep_model::{Digest, EntityChange, EntityRecord, ZoneId};
use cedarkeep_store::{Read, Slice, Window, ZoneState};
use moka::future::Cache;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Code, Error, Service, chain::Pages};

/// How many bytes of entities are kept of zones that no snapshot holds.
const MOST_BYTES: u64 = 2 << 30;
/// How many zones can have their own turns at the same time.
const MOST_TURNS: u64 = 10_000;
/// How many rows are read at once.
const PAGE: u32 = 2_000;
/// How often a zone is read again that changes meanwhile.
const MOST_LOOKS: u32 = 100;

/// The entities of a zone.
#[derive(Debug)]
pub(crate) struct ZoneEntities {
    /// The zone's revision that they are of.
    pub(crate) revision: u64,
    /// They.
    pub(crate) store: EntityStore,
}

/// The entities that are kept, and whose turn it is to read or change them.
pub(crate) struct EntityCache {
    zones: Cache<ZoneId, Arc<ZoneEntities>>,
    turns: Cache<ZoneId, Arc<Mutex<()>>>,
    write_turns: Cache<ZoneId, Arc<Mutex<()>>>,
}

impl Default for EntityCache {
    fn default() -> Self {
        let weigh = |_: &ZoneId, zone: &Arc<ZoneEntities>| u32::try_from(zone.store.bytes() >> 10).unwrap_or(u32::MAX);
        let zones = Cache::builder().max_capacity(MOST_BYTES >> 10).weigher(weigh).build();
        Self { zones, turns: Cache::new(MOST_TURNS), write_turns: Cache::new(MOST_TURNS) }
    }
}

impl EntityCache {
    /// Keeps entities, unless later ones are kept already.
    pub(crate) async fn put(&self, zone: ZoneId, entities: Arc<ZoneEntities>) {
        let later = |known: Option<moka::Entry<ZoneId, Arc<ZoneEntities>>>| {
            let known = known.map(moka::Entry::into_value).filter(|known| known.revision > entities.revision);
            std::future::ready(known.unwrap_or(entities))
        };
        self.zones.entry(zone).and_upsert_with(later).await;
    }

    /// Waits until nobody else of this process has the zone's entities in hand.
    async fn turn(&self, zone: ZoneId) -> OwnedMutexGuard<()> {
        self.turns.get_with(zone, async { Arc::default() }).await.lock_owned().await
    }

    /// Waits until nobody else of this process changes the zone's entities, so that plans are seldom made in vain.
    pub(crate) async fn write_turn(&self, zone: ZoneId) -> OwnedMutexGuard<()> {
        self.write_turns.get_with(zone, async { Arc::default() }).await.lock_owned().await
    }
}

/// How long the entities of a zone took to load, in seconds.
pub const ENTITIES_LOAD_METRIC: &str = "cedarkeep_entities_load_seconds";

impl Service {
    /// A zone and its entities, both of one revision; none when there is no such zone. What was read before (of
    /// `former`, or whatever is kept) is only brought up to date.
    #[tracing::instrument(target = "cedarkeep::trace", level = "trace", name = "read zone", skip_all)]
    pub(crate) async fn zone_moment(
        &self,
        zone: ZoneId,
        former: Option<&Arc<ZoneEntities>>,
    ) -> Result<Option<(ZoneState, Arc<ZoneEntities>)>, Error> {
        for _ in 0..MOST_LOOKS {
            let Some(state) = self.read().await?.zone_state(zone).await? else {
                self.0.entities.zones.invalidate(&zone).await;
                return Ok(None);
            };
            if let Some(entities) = self.entities_at(former, zone, state.zone.revision).await? {
                return Ok(Some((state, entities)));
            }
        }
        let message = "the zone changes faster than its entities can be read; try again";
        Err(Error::new(Code::Unavailable, message))
    }

    /// The zone's entities at this revision, which the zone has been seen to have; none when it has moved on from there.
    pub(crate) async fn entities_at(
        &self,
        former: Option<&Arc<ZoneEntities>>,
        zone: ZoneId,
        revision: u64,
    ) -> Result<Option<Arc<ZoneEntities>>, Error> {
        let of_that = |entities: &Arc<ZoneEntities>| entities.revision == revision;
        if let Some(former) = former.filter(|former| of_that(former)) {
            return Ok(Some(Arc::clone(former)));
        }
        let _turn = self.0.entities.turn(zone).await;
        let entities = match self.newest_entities(former, zone).await {
            Some(newest) if newest.revision > revision => return Ok(None),
            Some(newest) if of_that(&newest) => newest,
            newest => Arc::new(self.gather(Source::Committed(self), zone, newest.as_deref(), revision).await?),
        };
        self.0.entities.put(zone, Arc::clone(&entities)).await;
        Ok(Some(entities).filter(of_that))
    }

    /// The same within a transaction that has taken the zone. It may see what others have not committed yet, so what it
    /// finds is not kept.
    pub(crate) async fn entities_within(
        &self,
        store: &mut dyn Read,
        zone: ZoneId,
        revision: u64,
    ) -> Result<Arc<ZoneEntities>, Error> {
        match self.newest_entities(None, zone).await.filter(|newest| newest.revision <= revision) {
            Some(newest) if newest.revision == revision => Ok(newest),
            newest => Ok(Arc::new(self.gather(Source::Within(store), zone, newest.as_deref(), revision).await?)),
        }
    }

    async fn newest_entities(&self, former: Option<&Arc<ZoneEntities>>, zone: ZoneId) -> Option<Arc<ZoneEntities>> {
        let kept = self.0.entities.zones.get(&zone).await;
        former.cloned().into_iter().chain(kept).max_by_key(|entities| entities.revision)
    }

    /// Reads the entities of a zone that has been seen at this revision: all, or what has changed since `former`. They
    /// are those of this revision or, when something has changed meanwhile, of the last change.
    ///
    /// Rows are read at several moments, and only together with every later change do they make a whole. So nothing is
    /// put together before all of it is read.
    async fn gather(
        &self,
        mut source: Source<'_>,
        zone: ZoneId,
        former: Option<&ZoneEntities>,
        revision: u64,
    ) -> Result<ZoneEntities, Error> {
        let begun = self.0.clock.now();
        let (mut rows, mut reader, mut last) = (Vec::new(), EntityReader::default(), revision);
        let mut pages = Pages::of(PAGE);
        while let Some(window) = pages.next_window().filter(|_| former.is_none()) {
            let slice = source.entities(zone, &window).await?;
            let kept = pages.take(slice).into_iter().map(EntityChange::Kept).collect();
            reader = self.read_changes(reader, kept, &mut rows).await?;
        }
        let after = former.map_or(revision, |former| former.revision);
        let mut pages = Pages::of(PAGE);
        while let Some(window) = pages.next_window() {
            let slice = source.changes(zone, after, &window).await?;
            let changes = pages.take(slice);
            last = changes.iter().map(EntityChange::changed_revision).fold(last, u64::max);
            reader = self.read_changes(reader, changes, &mut rows).await?;
        }
        drop(reader);
        let store = former.map(|former| former.store.clone()).unwrap_or_default();
        let store = if rows.is_empty() { store } else { apply(store, rows).await? };
        if former.is_none() {
            let micros = u32::try_from(self.0.clock.now().micros() - begun.micros()).unwrap_or(0);
            metrics::histogram!(ENTITIES_LOAD_METRIC).record(f64::from(micros) / 1e6);
        }
        Ok(ZoneEntities { revision: last, store })
    }

    async fn read_changes(
        &self,
        mut reader: EntityReader,
        changes: Vec<EntityChange>,
        rows: &mut Vec<Change>,
    ) -> Result<EntityReader, Error> {
        if changes.is_empty() {
            return Ok(reader);
        }
        let read = move || {
            let changes = changes.iter().map(|change| read_change(&mut reader, change)).collect::<Result<Vec<_>, _>>();
            (reader, changes)
        };
        let (reader, read) = self.0.cedar.run(read).await?;
        rows.extend(read?);
        Ok(reader)
    }
}

/// Where rows come from.
enum Source<'a> {
    /// From what is committed; no connection is held between two reads.
    Committed(&'a Service),
    /// From within a transaction.
    Within(&'a mut dyn Read),
}

impl Source<'_> {
    async fn entities(&mut self, zone: ZoneId, window: &Window) -> Result<Slice<EntityRecord>, Error> {
        Ok(match self {
            Self::Committed(service) => service.read().await?.entities(zone, None, window).await?,
            Self::Within(store) => store.entities(zone, None, window).await?,
        })
    }

    async fn changes(&mut self, zone: ZoneId, after: u64, window: &Window) -> Result<Slice<EntityChange>, Error> {
        Ok(match self {
            Self::Committed(service) => service.read().await?.entity_changes(zone, after, window).await?,
            Self::Within(store) => store.entity_changes(zone, after, window).await?,
        })
    }
}

/// Off the threads that serve requests: of a large zone it takes seconds.
async fn apply(store: EntityStore, changes: Vec<Change>) -> Result<EntityStore, Error> {
    let applied = tokio::task::spawn_blocking(move || store.with(changes)).await;
    let broken = |error| Error::new(Code::Internal, "the entities could not be put together").with_source(error);
    applied.map_err(broken)?.map_err(|error| damaged("they cannot stand together").with_source(error))
}

fn read_change(reader: &mut EntityReader, change: &EntityChange) -> Result<Change, Error> {
    match change {
        EntityChange::Kept(record) => {
            read_record(reader, record).map(Change::Upsert).map_err(|problem| damaged(&problem))
        }
        EntityChange::Deleted { entity_type, entity_id, .. } => {
            Uid::new(entity_type, entity_id).map(Change::Delete).map_err(|error| damaged("a uid").with_source(error))
        }
    }
}

/// Reads an entity that must be the one that was put under its uid, or answers what it is not. Runs on the Cedar pool.
pub(crate) fn read_record(reader: &mut EntityReader, record: &EntityRecord) -> Result<StoredEntity, String> {
    let named = || format!("{}::{:?}", record.entity_type, record.entity_id);
    if Digest::of(record.body.as_bytes()) != record.sha {
        return Err(format!("entity {} does not have its digest", named()));
    }
    let entity = reader.read(&record.body).map_err(|error| format!("entity {}: {error}", named()))?;
    let uid = entity.uid();
    if uid.id() == record.entity_id && uid.type_name() == record.entity_type {
        Ok(entity)
    } else {
        Err(format!("entity {} stands under another uid", named()))
    }
}

fn damaged(what: &str) -> Error {
    Error::new(Code::IntegrityError, format!("the zone's entities cannot be used: {what}; run `cedarkeep fsck`"))
}
