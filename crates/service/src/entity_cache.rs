//! The entities of zones in memory: read from the store once, then following its changes.
//!
//! Bindings and entities that decide together must be of one revision, and a read sees a moment of its own. So the zone
//! is read first and its entities after it: when no entity turns up that changed later than the zone says, they are
//! those of its revision; else the zone is read again.

use std::sync::Arc;

use cedarkeep_cedar::{Change, EntityReader, EntityStore, StoredEntity, Uid};
use cedarkeep_model::{Digest, EntityChange, EntityRecord, ZoneId};
use cedarkeep_store::{Direction, Order, Position, Window, ZoneState};
use moka::future::Cache;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Code, Error, Service};

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
        let kept = self.0.entities.zones.get(&zone).await;
        let newest = former.cloned().into_iter().chain(kept).max_by_key(|entities| entities.revision);
        let entities = match newest {
            Some(newest) if newest.revision > revision => return Ok(None),
            Some(newest) if of_that(&newest) => newest,
            Some(newest) => Arc::new(self.follow(zone, &newest, revision).await?),
            None => Arc::new(self.load(zone, revision).await?),
        };
        self.0.entities.put(zone, Arc::clone(&entities)).await;
        Ok(Some(entities).filter(of_that))
    }

    /// Reads all entities of a zone that has been seen at this revision.
    async fn load(&self, zone: ZoneId, revision: u64) -> Result<ZoneEntities, Error> {
        let begun = self.0.clock.now();
        let (mut rows, mut start, mut reader) = (Vec::new(), None, EntityReader::default());
        loop {
            let slice = self.read().await?.entities(zone, None, &window(start)).await?;
            start = slice.items.last().map(|(position, _)| position.clone());
            let changes = slice.items.into_iter().map(|(_, record)| EntityChange::Kept(record)).collect();
            let (more, read) = (slice.more, self.read_changes(reader, changes).await?);
            reader = read.0;
            rows.extend(read.1);
            if !more {
                break;
            }
        }
        drop(reader);
        let store = apply(EntityStore::default(), rows).await?;
        let whole = self.follow(zone, &ZoneEntities { revision, store }, revision).await?;
        let micros = u32::try_from(self.0.clock.now().micros() - begun.micros()).unwrap_or(0);
        metrics::histogram!(ENTITIES_LOAD_METRIC).record(f64::from(micros) / 1e6);
        Ok(whole)
    }

    /// Follows the changes after a revision, to this one or, when there are later changes, to the last of them.
    async fn follow(&self, zone: ZoneId, former: &ZoneEntities, revision: u64) -> Result<ZoneEntities, Error> {
        let (mut rows, mut start, mut reader, mut last) = (Vec::new(), None, EntityReader::default(), revision);
        loop {
            let slice = self.read().await?.entity_changes(zone, former.revision, &window(start)).await?;
            start = slice.items.last().map(|(position, _)| position.clone());
            let changes: Vec<_> = slice.items.into_iter().map(|(_, change)| change).collect();
            last = changes.iter().map(EntityChange::changed_revision).fold(last, u64::max);
            let (more, read) = (slice.more, self.read_changes(reader, changes).await?);
            reader = read.0;
            rows.extend(read.1);
            if !more {
                break;
            }
        }
        let store = if rows.is_empty() { former.store.clone() } else { apply(former.store.clone(), rows).await? };
        Ok(ZoneEntities { revision: last, store })
    }

    async fn read_changes(
        &self,
        mut reader: EntityReader,
        changes: Vec<EntityChange>,
    ) -> Result<(EntityReader, Vec<Change>), Error> {
        if changes.is_empty() {
            return Ok((reader, Vec::new()));
        }
        let read = move || {
            let changes =
                changes.iter().map(|change| read_change(&mut reader, change)).collect::<Result<_, Error>>()?;
            Ok((reader, changes))
        };
        self.0.cedar.run(read).await?
    }
}

fn window(start: Option<Position>) -> Window {
    Window { order: Order::Asc, start, direction: Direction::Forward, limit: PAGE }
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
