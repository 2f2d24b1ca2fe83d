//! What decides in a zone right now: settings, bindings, entities and revision of one moment, swapped whole when it
//! changes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use cedarkeep_cedar::{CompiledSet, EntityStore};
use cedarkeep_model::{
    AttestationStatement, AttestationStatus, Binding, BindingMode, PolicyId, PolicySetId, PolicySetVersion,
    PolicySetVersionId, ScopeType, SetVersionRecord, Zone, ZoneId, texts_digest,
};
use cedarkeep_store::{EventMark, Read, ZoneState};
use moka::future::Cache;

use crate::{
    Code, Error, Service,
    entity_cache::ZoneEntities,
    keys,
    loaded::{Loadable, LoadedKey},
    publish_set::{compile, manifest, pinned_version, text_digest},
};

/// How many zones are kept ready at the most.
const MOST_ZONES: u64 = 100_000;

/// Zones share so many counters of changes; two that share one cost each other a look at the store.
const EPOCHS: usize = 1_024;

/// The zones that are kept ready. A reader loads one pointer and waits for nobody.
pub(crate) struct Snapshots {
    zones: Cache<ZoneId, Arc<ArcSwap<Snapshot>>>,
    /// Count the changes of zones that were not ready at the time. One that was being read just then may have been read
    /// before the change, and is ready only afterwards: it carries the count from before it was read.
    epochs: Vec<AtomicU64>,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { zones: Cache::new(MOST_ZONES), epochs: (0..EPOCHS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Snapshots {
    fn epoch(&self, zone: ZoneId) -> Option<&AtomicU64> {
        // The last bits of an id are random.
        self.epochs.get(usize::try_from(zone.uuid().as_u128() % EPOCHS as u128).unwrap_or(0))
    }

    /// The zones that are ready, and at which revision; none where one may have been read before its last change.
    pub(crate) fn ready(&self) -> Vec<(ZoneId, Option<u64>)> {
        let revision = |zone, snapshot: &Snapshot| {
            if snapshot.epoch == self.seen(zone) { Some(snapshot.zone.revision) } else { None }
        };
        self.zones.iter().map(|(zone, place)| (*zone, revision(*zone, &place.load()))).collect()
    }

    /// The newest event of a zone that what is ready was read after.
    pub(crate) async fn mark(&self, zone: ZoneId) -> Option<EventMark> {
        self.zones.get(&zone).await.and_then(|place| place.load().newest)
    }

    /// The revision at which a zone is ready.
    pub(crate) async fn revision(&self, zone: ZoneId) -> Option<u64> {
        self.zones.get(&zone).await.map(|place| place.load().zone.revision)
    }

    fn seen(&self, zone: ZoneId) -> u64 {
        self.epoch(zone).map_or(0, |epoch| epoch.load(Ordering::SeqCst))
    }

    fn count(&self, zone: ZoneId) {
        if let Some(epoch) = self.epoch(zone) {
            epoch.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What has changed in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ZoneChange {
    /// What decides; the zone's revision tells.
    Decides,
    /// What decisions show: names, or what a version rests on. Nothing that is loaded is kept.
    Shows,
}

/// One moment of a zone.
pub(crate) struct Snapshot {
    pub(crate) zone: Zone,
    newest: Option<EventMark>,
    /// The zone's entities at this revision.
    pub(crate) entities: Arc<EntityStore>,
    read: Arc<ZoneEntities>,
    /// The zone's count of changes from before it was read.
    epoch: u64,
    zone_slot: Slot,
    resources: HashMap<String, Slot>,
    users: HashMap<String, Slot>,
    sessions: HashMap<String, Slot>,
}

/// What stands in a slot.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) active: Option<Arc<BoundSet>>,
    pub(crate) shadow: Option<Arc<BoundSet>>,
}

/// A binding with its version, loaded and verified when it is first asked.
pub(crate) struct BoundSet {
    pub(crate) binding: Binding,
    pub(crate) loaded: Loadable,
}

/// A version whose manifest, texts, schema and attestation were verified against one another.
pub(crate) struct LoadedSet {
    pub(crate) compiled: Arc<CompiledSet>,
    /// The names of the pinned policies.
    pub(crate) names: HashMap<PolicyId, String>,
}

impl LoadedSet {
    /// About how much memory it holds.
    pub(crate) fn bytes(&self) -> usize {
        /// An entry of the table of names, without the name.
        const NAME: usize = 64;
        self.compiled.bytes() + self.names.values().map(|name| NAME + name.len()).sum::<usize>()
    }
}

impl Snapshot {
    fn new(state: ZoneState, read: Arc<ZoneEntities>, epoch: u64, former: Option<&Self>) -> Self {
        let mut snapshot = Self {
            zone: state.zone,
            newest: state.newest,
            entities: Arc::new(read.store.clone()),
            read,
            epoch,
            zone_slot: Slot::default(),
            resources: HashMap::new(),
            users: HashMap::new(),
            sessions: HashMap::new(),
        };
        for binding in state.bindings {
            let target = || binding.scope_target_id.clone();
            let known = former.and_then(|former| former.slot(binding.scope_type, target));
            let known = known.and_then(|slot| slot.of(binding.mode)).filter(|known| known.binding == binding);
            let slot = match binding.scope_type {
                ScopeType::Zone => &mut snapshot.zone_slot,
                ScopeType::Resource => snapshot.resources.entry(target()).or_default(),
                ScopeType::User => snapshot.users.entry(target()).or_default(),
                ScopeType::Session => snapshot.sessions.entry(target()).or_default(),
            };
            let place = match binding.mode {
                BindingMode::Active => &mut slot.active,
                BindingMode::Shadow => &mut slot.shadow,
            };
            let fresh = || Arc::new(BoundSet { binding: binding.clone(), loaded: Loadable::default() });
            *place = Some(known.map_or_else(fresh, Arc::clone));
        }
        snapshot
    }

    /// The slot of this kind; the target is asked for only where it could make a difference.
    pub(crate) fn slot(&self, scope: ScopeType, target: impl FnOnce() -> String) -> Option<&Slot> {
        let slots = match scope {
            ScopeType::Zone => return Some(&self.zone_slot),
            ScopeType::Resource => &self.resources,
            ScopeType::User => &self.users,
            ScopeType::Session => &self.sessions,
        };
        if slots.is_empty() { None } else { slots.get(&target()) }
    }
}

impl Slot {
    pub(crate) fn of(&self, mode: BindingMode) -> Option<&Arc<BoundSet>> {
        match mode {
            BindingMode::Active => self.active.as_ref(),
            BindingMode::Shadow => self.shadow.as_ref(),
        }
    }
}

impl Service {
    /// What decides in the zone now.
    pub(crate) async fn snapshot(&self, zone: ZoneId) -> Result<Arc<Snapshot>, Error> {
        self.check_age()?;
        let load = async {
            let epoch = self.0.snapshots.seen(zone);
            let moment = self.zone_moment(zone, None).await?;
            let (state, entities) = moment.ok_or_else(|| Error::not_found("zone"))?;
            Ok::<_, Error>(Arc::new(ArcSwap::from_pointee(Snapshot::new(state, entities, epoch, None))))
        };
        let shared = |error: Arc<Error>| Error::new(error.code(), error.message().to_owned()).with_source(error);
        let place = self.0.snapshots.zones.try_get_with(zone, load).await.map_err(shared)?;
        let snapshot = place.load_full();
        if snapshot.epoch == self.0.snapshots.seen(zone) {
            return Ok(snapshot);
        }
        self.refresh(zone, &place, ZoneChange::Decides).await?;
        Ok(place.load_full())
    }

    /// Brings the zone's snapshot up to date after a commit of this instance: its caller must not meet an older one.
    pub(crate) async fn zone_changed(&self, zone: ZoneId, change: ZoneChange) {
        if self.0.snapshots.zones.get(&zone).await.is_none() {
            return self.0.snapshots.count(zone);
        }
        if let Err(error) = self.look_again(zone, change).await {
            self.drop_snapshot(zone, &error).await;
        }
    }

    /// Brings the zone's snapshot up to date, if it has one. As long as the store is not there it stays as it is.
    pub(crate) async fn look_again(&self, zone: ZoneId, change: ZoneChange) -> Result<(), Error> {
        let Some(place) = self.0.snapshots.zones.get(&zone).await else { return Ok(()) };
        match self.refresh(zone, &place, change).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_unreachable() => Err(error),
            Err(error) => {
                self.drop_snapshot(zone, &error).await;
                Ok(())
            }
        }
    }

    async fn drop_snapshot(&self, zone: ZoneId, why: &Error) {
        if why.code() != Code::NotFound {
            tracing::error!(%zone, error = why as &dyn std::error::Error, "a zone's snapshot is loaded anew");
        }
        self.0.snapshots.zones.invalidate(&zone).await;
        self.0.snapshots.count(zone);
    }

    /// Of two that do so at once, the newer revision stays.
    async fn refresh(&self, zone: ZoneId, place: &ArcSwap<Snapshot>, change: ZoneChange) -> Result<(), Error> {
        let epoch = self.0.snapshots.seen(zone);
        let former = Arc::clone(&place.load().read);
        let moment = self.zone_moment(zone, Some(&former)).await?;
        let (state, entities) = moment.ok_or_else(|| Error::not_found("zone"))?;
        place.rcu(|former| {
            if former.zone.revision > state.zone.revision {
                Arc::clone(former)
            } else {
                let kept = (change == ZoneChange::Decides).then_some(&**former);
                Arc::new(Snapshot::new(state.clone(), Arc::clone(&entities), epoch, kept))
            }
        });
        Ok(())
    }
}

impl BoundSet {
    /// The version, if it is ready.
    pub(crate) fn ready(&self, service: &Service) -> Option<Arc<LoadedSet>> {
        self.loaded.ready(&service.0.loaded, self.key())
    }

    /// The version, loaded once for all who ask at the same time.
    pub(crate) async fn get(&self, service: &Service) -> Result<Arc<LoadedSet>, Error> {
        let Binding { zone_id, policy_set_id, policy_set_version_id, .. } = self.binding;
        let load = async { Self::load(service, zone_id, policy_set_id, policy_set_version_id).await.map(Arc::new) };
        self.loaded.get(&service.0.loaded, self.key(), load).await
    }

    fn key(&self) -> LoadedKey {
        (self.binding.zone_id, self.binding.policy_set_version_id)
    }

    /// Loads a version and verifies all of it: the attestation against the zone's keys and the stored record, the
    /// manifest and texts against their digests, every content against its own.
    pub(crate) async fn load(
        service: &Service,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
    ) -> Result<LoadedSet, Error> {
        if let Some(copy) = service.copy_as_known(zone).await {
            match Self::load_from(copy, service, zone, set, id).await {
                Ok(loaded) => return Ok(loaded),
                // It may be of a version that is newer than the copy.
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "not to be loaded from the read replica");
                }
            }
        }
        Self::load_from(service.read().await?, service, zone, set, id).await
    }

    #[tracing::instrument(target = "cedarkeep::trace", level = "trace", name = "load set version", skip_all)]
    async fn load_from(
        mut store: Box<dyn Read>,
        service: &Service,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
    ) -> Result<LoadedSet, Error> {
        let version = store.set_version(zone, set, id).await?;
        let version = version.ok_or_else(|| Error::not_found("policy set version"))?;
        let statement = match newest_statement(&mut *store, zone, id).await {
            // Between two reads its key may have been revoked, after it was signed again: that shows at a second look.
            Err(_) => newest_statement(&mut *store, zone, id).await?,
            good => good?,
        };
        check_record(&version.record, &statement)?;
        let names = store.pinned_names(zone, id).await?.into_iter().collect();
        let compiled = compiled(service, store, version).await?;
        Ok(LoadedSet { compiled, names })
    }
}

/// What the newest attestation of a version states, verified against the keys that are published after it was read.
async fn newest_statement(
    store: &mut dyn Read,
    zone: ZoneId,
    id: PolicySetVersionId,
) -> Result<AttestationStatement, Error> {
    let newest = store.attestations(zone, id).await?.pop();
    let envelope = newest.map(|record| record.envelope).ok_or_else(|| damaged("it has no attestation"))?;
    let jwks = keys::published(store, zone).await?;
    let (statement, _) = cedarkeep_attest::verify_envelope(&serde_json::to_vec(&envelope)?, &jwks)
        .map_err(|refusal| damaged("its attestation does not verify").with_source(refusal))?;
    Ok(statement)
}

fn damaged(what: &str) -> Error {
    let message = format!("a bound policy set version cannot be used: {what}; run `cedarkeep fsck`");
    Error::new(Code::IntegrityError, message)
}

/// Whether the stored record is the one that was attested.
pub(crate) fn check_record(record: &SetVersionRecord, statement: &AttestationStatement) -> Result<(), Error> {
    let same = record.manifest.sha()? == record.manifest_sha
        && statement.manifest_sha == record.manifest_sha
        && statement.zone_id == record.zone_id
        && statement.policy_set_id == record.policy_set_id
        && statement.policy_set_version_id == record.id
        && statement.policy_set_version == record.version
        && statement.scope_type == record.scope_type
        && statement.schema_version == record.schema_version
        && statement.schema_sha == record.schema_sha
        && statement.texts_sha == record.texts_sha
        && statement.validation == record.validation
        // What was signed again was read by the Cedar of that day.
        && (statement.cedar_version == record.cedar_version || statement.status == AttestationStatus::ReSigned);
    if same { Ok(()) } else { Err(damaged("its record is not the attested one")) }
}

async fn compiled(
    service: &Service,
    mut store: Box<dyn Read>,
    version: PolicySetVersion,
) -> Result<Arc<CompiledSet>, Error> {
    let record = version.record;
    let compile = async {
        let ids: Vec<_> = record.manifest.entries().iter().map(|entry| entry.policy_version_id).collect();
        let pinned = store.policy_versions_by_id(record.zone_id, &ids).await?;
        let schema = store.schema(record.zone_id, record.schema_version.as_str()).await?;
        let schema = schema.ok_or_else(|| damaged("its schema is missing"))?;
        drop(store);
        let (compiler, record) = (Arc::clone(&service.0.compiler), record.clone());
        let work = move || {
            if schema.schema_sha != record.schema_sha || manifest(&pinned)? != record.manifest {
                return Err(damaged("what it pins is not what the manifest says"));
            }
            if texts_digest(pinned.iter().map(text_digest).collect())? != record.texts_sha {
                return Err(damaged("a text is not the attested one"));
            }
            let pinned: Vec<_> = pinned.into_iter().map(pinned_version).collect();
            compile(&compiler, &pinned, &schema).map(Arc::new)
        };
        service.0.cedar.run(work).await?
    };
    service.0.compiled.get(record.manifest_sha, record.schema_sha, compile).await
}
