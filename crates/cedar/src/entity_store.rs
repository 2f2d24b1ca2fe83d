//! The entities of a zone, as decisions find them.
//!
//! A store never changes: [`EntityStore::with`] answers another one that shares with it all but what the change touches,
//! so that an upsert into a million entities costs what it upserts, and whoever decides by the former store goes on
//! undisturbed. Ancestors are walked when a decision asks for them, so moving a group costs nothing for its members.

mod hierarchy;

use std::{ops::Bound, sync::Arc};

use cedar_policy_core::ast::EntityUID;
use hashbrown::HashMap;
use imbl::{GenericHashMap, OrdMap, OrdSet, shared_ptr::DefaultSharedPtr};
use smol_str::{SmolStr, ToSmolStr as _};

use self::hierarchy::Depths;
use crate::{
    entity::{Entity, Key, Prehashed, Probe},
    stored_entity::StoredEntity,
    uid::Uid,
};

/// A map by uid that is shared with the stores before and after.
type Shared<V> = GenericHashMap<Key, V, Prehashed, DefaultSharedPtr>;

/// The entities of a zone. A clone is cheap and shares them.
#[derive(Debug, Clone, Default)]
pub struct EntityStore {
    entities: Shared<Arc<Entity>>,
    /// The ids of each type, by type and id.
    ids: OrdMap<SmolStr, OrdSet<SmolStr>>,
    depths: Depths,
    bytes: usize,
}

/// What is to become of one entity.
#[derive(Debug, Clone)]
pub enum Change {
    /// It is this from now on.
    Upsert(StoredEntity),
    /// It is there no longer.
    Delete(Uid),
}

/// Why a change would leave entities that cannot be decided by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidHierarchy(String);

impl EntityStore {
    /// The entity of this uid.
    pub(crate) fn get(&self, probe: Probe<'_>) -> Option<&Arc<Entity>> {
        self.entities.get(&probe)
    }

    /// The entity of this uid.
    #[must_use]
    pub fn entity(&self, uid: &Uid) -> Option<StoredEntity> {
        let uid: EntityUID = uid.cedar().clone().into();
        self.get(Probe::of(&uid)).cloned().map(StoredEntity)
    }

    /// How many entities there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// About how much memory they hold, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The types of which there are entities, ascending.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.ids.keys().map(SmolStr::as_str)
    }

    /// Type and id of every entity, ascending by type, then by id, both compared byte by byte.
    pub fn uids(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ids.iter().flat_map(|(type_name, ids)| ids.iter().map(|id| (type_name.as_str(), id.as_str())))
    }

    /// The ids of this type that follow `after` (all when absent), ascending, at most so many. What it costs depends on
    /// how many it answers, not on how many there are.
    #[must_use]
    pub fn page_of_type(&self, type_name: &str, after: Option<&str>, limit: usize) -> Vec<SmolStr> {
        let Some(ids) = self.ids.get(&SmolStr::new(type_name)) else { return Vec::new() };
        let start = after.map_or(Bound::Unbounded, |after| Bound::Excluded(SmolStr::new(after)));
        ids.range((start, Bound::Unbounded)).take(limit).cloned().collect()
    }

    /// What there is after these changes; of several for one uid the last counts.
    ///
    /// # Errors
    /// When an entity would be its own ancestor, or stand below more than
    /// [`MAX_ANCESTOR_DEPTH`](crate::MAX_ANCESTOR_DEPTH) others. Only the ancestors of what changes are looked at.
    pub fn with(&self, changes: Vec<Change>) -> Result<Self, InvalidHierarchy> {
        let mut last: HashMap<Key, Option<Arc<Entity>>, Prehashed> =
            HashMap::with_capacity_and_hasher(changes.len(), Prehashed);
        for change in changes {
            match change {
                Change::Upsert(StoredEntity(entity)) => last.insert(entity.key.clone(), Some(entity)),
                Change::Delete(uid) => last.insert(Key::new(uid.cedar().clone().into()), None),
            };
        }
        let mut next = self.clone();
        for key in last.keys() {
            next.take_out(key);
        }
        let mut upserted: Vec<Key> = Vec::with_capacity(last.len());
        for entity in last.into_values().flatten() {
            let entity = self.sharing(entity);
            upserted.push(entity.key.clone());
            next.put_in(entity);
        }
        next.depths.attach(&next.entities, &upserted)?;
        Ok(next)
    }

    fn take_out(&mut self, key: &Key) {
        let Some(entity) = self.entities.remove(key) else { return };
        self.depths.detach(&self.entities, &entity);
        self.bytes = self.bytes.saturating_sub(entity.bytes());
        let type_name = key.uid().entity_type().to_smolstr();
        if let Some(ids) = self.ids.get_mut(&type_name) {
            ids.remove(id_of(key.uid()));
            if ids.is_empty() {
                self.ids.remove(&type_name);
            }
        }
    }

    fn put_in(&mut self, entity: Arc<Entity>) {
        let uid = entity.key.uid();
        self.bytes = self.bytes.saturating_add(entity.bytes());
        self.ids.entry(uid.entity_type().to_smolstr()).or_default().insert(id_of(uid).clone());
        self.entities.insert(entity.key.clone(), entity);
    }

    /// The entity with those uids of this store that it names too, so that each is held once.
    fn sharing(&self, entity: Arc<Entity>) -> Arc<Entity> {
        let known = |key: &Key| self.entities.get_key_value(&key.probe()).map(|(own, _)| own.clone());
        let foreign = |key: &Key| known(key).is_some_and(|own| !own.is(key));
        if self.entities.is_empty() || !(foreign(&entity.key) || entity.parents.iter().any(foreign)) {
            return entity;
        }
        let mut entity = Arc::unwrap_or_clone(entity);
        entity.key = known(&entity.key).unwrap_or(entity.key);
        for parent in &mut entity.parents {
            if let Some(own) = known(parent) {
                *parent = own;
            }
        }
        Arc::new(entity)
    }
}

fn id_of(uid: &EntityUID) -> &SmolStr {
    let cedar_policy_core::ast::Eid::Eid(id) = uid.eid();
    id
}

#[cfg(test)]
mod tests;
