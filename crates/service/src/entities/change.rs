//! Changing entities: read and planned beside the store, then written in one transaction if the zone is still the one
//! that the plan was made for.

use std::{collections::HashSet, sync::Arc};

use cedarkeep_cedar::{
    Change, EntityStore, EvaluateError, GivenEntity, InvalidHierarchy, PoolError, Schema, Uid, load_schema, read_stored,
};
use cedarkeep_model::{
    BindingMode, Digest, EntityRecord, EventKind, PolicySchema, SchemaVersion, ScopeType, Zone, ZoneId, canonical_bytes,
};
use cedarkeep_store::Read;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{EntitiesChanged, PutMode, collection_etag, not_found};
use crate::{
    Call, Code, Error, Service,
    entity_cache::ZoneEntities,
    publish::{cedar_error, notices},
    transact::Tx,
};

/// How many entities are read in one go on the threads that decide.
const READ_AT_ONCE: usize = 100;
/// How often a change is planned beside the store, before the zone is taken for it.
const MOST_PLANS: u32 = 3;

/// What is to change.
pub(super) enum Wanted {
    Put { mode: PutMode, entities: Vec<Value> },
    Delete(Uid),
    DeleteAll,
}

/// What a condition of the call is about.
#[derive(Clone)]
pub(super) enum Condition {
    /// All entities together.
    Collection,
    /// The one of this type and id.
    Entity(String, String),
}

/// What was changed.
#[derive(Serialize, Deserialize)]
pub(super) struct Changed {
    pub(super) counts: EntitiesChanged,
    /// The entity that the condition is about, before.
    pub(super) before: Option<EntityRecord>,
    /// The same, after.
    pub(super) after: Option<EntityRecord>,
}

/// What was given, read under a schema.
#[derive(Clone, Default)]
struct Given {
    entities: Arc<Vec<GivenEntity>>,
    /// How many of those given are actions.
    actions: u64,
}

/// What will be written.
struct Plan {
    mode: &'static str,
    upserts: Vec<Row>,
    /// How many of them were not there before.
    created: u64,
    deletes: Vec<(String, String)>,
    /// Whether what is deleted is all that there is.
    deletes_all: bool,
    unchanged: u64,
    /// The zone's entities once it is written.
    next: EntityStore,
}

struct Row {
    entity_type: String,
    entity_id: String,
    body: String,
    sha: Digest,
}

impl Service {
    pub(super) async fn change_entities(
        &self,
        call: &Call,
        zone: ZoneId,
        wanted: Wanted,
        condition: Condition,
    ) -> Result<Changed, Error> {
        let (values, planned) = match wanted {
            Wanted::Put { mode, entities } => (entities, Planned::Put(mode)),
            Wanted::Delete(uid) => (Vec::new(), Planned::Delete(uid)),
            Wanted::DeleteAll => (Vec::new(), Planned::DeleteAll),
        };
        let mut work = Work { zone, values: Arc::new(values), planned, given: None };
        let _turn = self.0.entities.write_turn(zone).await;
        let call = Call { idempotency: None, ..call.clone() };
        for _ in 0..MOST_PLANS {
            let Some((planned_for, plan)) = work.plan(self).await? else { continue };
            let (conditions, condition) = (call.clone(), condition.clone());
            let write =
                self.transact_once(&call, move |tx| Box::pin(write(tx, conditions, planned_for, condition, plan)));
            match write.await {
                Ok(Some(changed)) => return Ok(changed),
                Err(error) if !error.is_lost() => return Err(error),
                // The zone was another one, or another transaction won.
                Ok(None) | Err(_) => {}
            }
        }
        // Somebody else keeps changing the zone: now nobody can until this is planned.
        let conditions = call.clone();
        let locked = self.transact_once(&call, move |tx| {
            Box::pin(async move {
                let (planned_for, plan) = work.plan_within(tx).await?;
                write(tx, conditions, planned_for, condition, plan).await
            })
        });
        let broken = "the zone that a transaction has taken is not the one that it was planned for";
        locked.await?.ok_or_else(|| Error::new(Code::Internal, broken))
    }

    async fn read_given(&self, values: Arc<Vec<Value>>, schema: PolicySchema, validate: bool) -> Result<Given, Error> {
        if values.is_empty() {
            return Ok(Given::default());
        }
        let load = move || load_schema(&schema.cedar_schema_json, schema.schema_sha);
        let schema: Schema = self.0.cedar.run(load).await?.map_err(|error| cedar_error(&error))?;
        let mut read = Vec::with_capacity(values.len());
        for start in (0..values.len()).step_by(READ_AT_ONCE) {
            let (values, schema) = (Arc::clone(&values), schema.clone());
            let some = move || {
                let some = values.get(start..values.len().min(start + READ_AT_ONCE)).unwrap_or_default();
                read_stored(some, &schema, validate)
            };
            let some: Result<_, PoolError> = self.0.cedar.run(some).await;
            read.extend(some?.map_err(entity_error)?);
        }
        let actions = (values.len() - read.len()) as u64;
        Ok(Given { entities: Arc::new(read), actions })
    }
}

/// What is to be planned, as often as it takes.
struct Work {
    zone: ZoneId,
    values: Arc<Vec<Value>>,
    planned: Planned,
    /// What was given as it reads under the schema of this digest, checked against it or not.
    given: Option<((Digest, bool), Given)>,
}

impl Work {
    /// A plan for the zone as it is, and the zone that it is for; none when it has changed under way.
    async fn plan(&mut self, service: &Service) -> Result<Option<(Zone, Plan)>, Error> {
        let (mut store, zone) = service.living(self.zone).await?;
        let schema = schema_of_entities(&mut *store, &zone).await?;
        drop(store);
        let given = self.given_under(service, &zone, schema).await?;
        let moment = service.zone_moment(self.zone, None).await?;
        let Some((_, entities)) = moment.filter(|(state, _)| state.zone.revision == zone.revision) else {
            return Ok(None);
        };
        Ok(Some((zone, self.planned(service, given, entities).await?)))
    }

    /// A plan for the zone that a transaction has taken.
    async fn plan_within(&mut self, tx: &mut Tx) -> Result<(Zone, Plan), Error> {
        let (zone, service) = (tx.zone(self.zone).await?, tx.service.clone());
        let schema = schema_of_entities(&mut *tx.store, &zone).await?;
        let given = self.given_under(&service, &zone, schema).await?;
        let entities = service.entities_within(&mut *tx.store, zone.id, zone.revision).await?;
        let plan = self.planned(&service, given, entities).await?;
        Ok((zone, plan))
    }

    async fn given_under(&mut self, service: &Service, zone: &Zone, schema: PolicySchema) -> Result<Given, Error> {
        let under = (schema.schema_sha, zone.settings.validate_requests);
        let given = match self.given.take() {
            Some((known, given)) if known == under => given,
            _ => service.read_given(Arc::clone(&self.values), schema, under.1).await?,
        };
        self.given = Some((under, given.clone()));
        Ok(given)
    }

    async fn planned(&self, service: &Service, given: Given, entities: Arc<ZoneEntities>) -> Result<Plan, Error> {
        let planned = self.planned.clone();
        service.0.cedar.run(move || plan(&planned, &given, &entities.store)).await?
    }
}

/// [`Wanted`] without what was given.
#[derive(Clone)]
enum Planned {
    Put(PutMode),
    Delete(Uid),
    DeleteAll,
}

/// The schema that the zone's entities must fit: that of the version which stands active in the zone's own slot, else the
/// zone's default.
pub(crate) async fn schema_of_entities(store: &mut dyn Read, zone: &Zone) -> Result<PolicySchema, Error> {
    let slot = store.slot(zone.id, ScopeType::Zone, &zone.id.to_string(), BindingMode::Active).await?;
    let missing =
        || Error::new(Code::IntegrityError, "the schema of the zone's entities is missing; run `cedarkeep fsck`");
    let version: SchemaVersion = match slot {
        Some(binding) => {
            let bound = store.set_version(zone.id, binding.policy_set_id, binding.policy_set_version_id).await?;
            bound.ok_or_else(missing)?.record.schema_version
        }
        None => zone.default_schema_version.clone(),
    };
    store.schema(zone.id, version.as_str()).await?.ok_or_else(missing)
}

/// What changes, and what there will be. Runs on the Cedar pool.
fn plan(wanted: &Planned, given: &Given, store: &EntityStore) -> Result<Plan, Error> {
    let mut plan = Plan {
        mode: "delete",
        upserts: Vec::new(),
        created: 0,
        deletes: Vec::new(),
        deletes_all: false,
        unchanged: given.actions,
        next: store.clone(),
    };
    match wanted {
        Planned::Put(mode) => put(&mut plan, *mode, given, store)?,
        Planned::Delete(uid) => {
            if store.entity(uid).is_some() {
                plan.deletes.push((uid.type_name(), uid.id().to_owned()));
                plan.next = store.with(vec![Change::Delete(uid.clone())]).map_err(hierarchy_error)?;
            }
        }
        Planned::DeleteAll => {
            plan.deletes = store.uids().map(owned).collect();
            plan.deletes_all = true;
            plan.next = EntityStore::default();
        }
    }
    Ok(plan)
}

fn put(plan: &mut Plan, mode: PutMode, given: &Given, store: &EntityStore) -> Result<(), Error> {
    let (mut uids, mut changes) = (HashSet::with_capacity(given.entities.len()), Vec::new());
    for GivenEntity { entity, body } in given.entities.iter() {
        let uid = entity.uid();
        let known = store.entity(&uid).map(|known| known.body()).transpose().map_err(|error| cedar_error(&error))?;
        if known.as_ref() == Some(body) {
            plan.unchanged += 1;
        } else {
            plan.created += u64::from(known.is_none());
            changes.push(Change::Upsert(entity.clone()));
            let (entity_type, entity_id) = (uid.type_name(), uid.id().to_owned());
            plan.upserts.push(Row { entity_type, entity_id, body: body.clone(), sha: Digest::of(body.as_bytes()) });
        }
        if !uids.insert((uid.type_name(), uid.id().to_owned())) {
            return Err(Error::new(Code::InvalidRequest, format!("{uid} stands twice among the entities")));
        }
    }
    plan.next = match mode {
        PutMode::Upsert => {
            plan.mode = "upsert";
            store.with(changes).map_err(hierarchy_error)?
        }
        PutMode::Replace => {
            plan.mode = "replace";
            plan.deletes = store.uids().map(owned).filter(|uid| !uids.contains(uid)).collect();
            plan.deletes_all = plan.deletes.len() == store.len();
            let all = given.entities.iter().map(|given| Change::Upsert(given.entity.clone())).collect();
            EntityStore::default().with(all).map_err(hierarchy_error)?
        }
    };
    Ok(())
}

fn owned((entity_type, entity_id): (&str, &str)) -> (String, String) {
    (entity_type.to_owned(), entity_id.to_owned())
}

/// Writes what was planned, or nothing when the zone is not the one that it was planned for any more.
async fn write(
    tx: &mut Tx,
    call: Call,
    planned_for: Zone,
    condition: Condition,
    plan: Plan,
) -> Result<Option<Changed>, Error> {
    let zone = tx.zone(planned_for.id).await?;
    let former = tx.store.entities_revision(zone.id).await?;
    let before = match &condition {
        Condition::Collection => {
            call.check(&collection_etag(former))?;
            None
        }
        Condition::Entity(entity_type, entity_id) => {
            let before = tx.store.entity(zone.id, entity_type, entity_id).await?;
            if plan.mode == "delete" && before.is_none() {
                return Err(not_found());
            }
            call.check_replacing(before.as_ref().map(EntityRecord::etag).as_deref())?;
            before
        }
    };
    if zone.revision != planned_for.revision || zone.default_schema_version != planned_for.default_schema_version {
        return Ok(None);
    }
    let mut counts = EntitiesChanged {
        upserted: plan.upserts.len() as u64,
        deleted: plan.deletes.len() as u64,
        unchanged: plan.unchanged,
        total: plan.next.len() as u64,
        revision: zone.revision,
        entities_revision: former,
    };
    if counts.upserted + counts.deleted > 0 {
        counts.revision = tx.decides_anew(zone.id).await?;
        counts.entities_revision = counts.revision;
        write_rows(tx, zone.id, counts, plan).await?;
    }
    let after = match &condition {
        Condition::Collection => None,
        Condition::Entity(entity_type, entity_id) => tx.store.entity(zone.id, entity_type, entity_id).await?,
    };
    Ok(Some(Changed { counts, before, after }))
}

async fn write_rows(tx: &mut Tx, zone: ZoneId, counts: EntitiesChanged, plan: Plan) -> Result<(), Error> {
    let (revision, created) = (counts.revision, plan.created);
    let upserted = plan.upserts.iter().map(|row| (row.entity_type.as_str(), row.entity_id.as_str(), Some(row.sha)));
    let deleted = plan.deletes.iter().map(|(entity_type, id)| (entity_type.as_str(), id.as_str(), None));
    let changes_sha = changes_sha(upserted.chain(deleted).collect())?;
    if plan.deletes_all {
        tx.store.delete_all_entities(zone, revision).await?;
    } else {
        tx.store.delete_entities(zone, revision, &plan.deletes).await?;
    }
    let record = |Row { entity_type, entity_id, body, sha }| EntityRecord {
        zone_id: zone,
        entity_type,
        entity_id,
        body,
        sha,
        changed_revision: revision,
    };
    let records: Vec<EntityRecord> = plan.upserts.into_iter().map(record).collect();
    tx.store.put_entities(&records).await?;
    let EntitiesChanged { upserted, deleted, unchanged, total, .. } = counts;
    let body = json!({
        "mode": plan.mode, "upserted": upserted, "created": created, "deleted": deleted, "unchanged": unchanged, "total": total,
        "revision": revision, "changes_sha": changes_sha,
    });
    tx.event(zone, EventKind::EntitiesChanged, body).await?;
    // So that the next decision need not read what is at hand here.
    tx.keep_once_committed(zone, Arc::new(ZoneEntities { revision, store: plan.next }));
    Ok(())
}

/// SHA-256 over the canonical form of the list of changes, by type and id: of each its uid and the digest of its body,
/// null for one that was deleted.
pub(crate) fn changes_sha(mut changes: Vec<(&str, &str, Option<Digest>)>) -> Result<Digest, serde_json::Error> {
    changes.sort_unstable_by_key(|(entity_type, id, _)| (*entity_type, *id));
    // A list of a million is not written out: its canonical form is that of its items between brackets and commas.
    let mut parts: Vec<Vec<u8>> = Vec::with_capacity(2 * changes.len() + 1);
    for (index, (entity_type, id, sha)) in changes.into_iter().enumerate() {
        parts.push(if index == 0 { b"[".to_vec() } else { b",".to_vec() });
        parts.push(canonical_bytes(&json!({"type": entity_type, "id": id, "sha256": sha}))?);
    }
    if parts.is_empty() {
        parts.push(b"[".to_vec());
    }
    parts.push(b"]".to_vec());
    Ok(Digest::of_parts(parts))
}

fn entity_error(error: EvaluateError) -> Error {
    match error {
        EvaluateError::InvalidRequest(ref findings) => {
            let first = findings.first().map_or_else(|| error.to_string(), |finding| finding.message.clone());
            Error::new(Code::InvalidRequest, first)
                .with_notices(notices(findings))
                .with_detail("errors", json!(findings))
        }
        EvaluateError::RecursionLimit => {
            Error::new(Code::Unavailable, "an entity could not be read to its end").with_source(error)
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn hierarchy_error(error: InvalidHierarchy) -> Error {
    Error::new(Code::InvalidRequest, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_changes_is_that_of_their_canonical_list() {
        let sha = Digest::of(b"x");
        let listed = json!([
            {"type": "A", "id": "2", "sha256": sha}, {"type": "A", "id": "ü", "sha256": null},
            {"type": "B", "id": "1", "sha256": sha},
        ]);
        let changes = vec![("B", "1", Some(sha)), ("A", "ü", None), ("A", "2", Some(sha))];
        assert_eq!(changes_sha(changes).unwrap(), cedarkeep_model::canonical_digest(&listed).unwrap());
        assert_eq!(changes_sha(Vec::new()).unwrap(), Digest::of(b"[]"));
    }
}
