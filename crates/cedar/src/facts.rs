//! What a decision is made from, besides the policies: the request, and every entity that it can reach.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use cedar_policy_core::{
    ast::{self, EntityUID, EntityUIDEntry, Literal, Value, ValueKind},
    entities::{Entities, NoEntitiesSchema, TCComputation},
    extensions::Extensions,
};
use cedarkeep_model::Digest;
use hashbrown::HashMap;
use smol_str::SmolStr;

use crate::{
    entity::{Entity, Key, Prehashed, Probe},
    entity_store::EntityStore,
    schema::Schema,
};

/// So many ancestors are walked in passing, in well under a millisecond. A store may hold hierarchies in which an entity
/// has more.
pub(crate) const MOST_ANCESTORS: usize = 4_096;

/// The entities of a request, by uid.
pub(crate) type Inline = HashMap<Key, Entity, Prehashed>;

/// One request, read and checked, with the entities that stand behind it. It is bound to one schema: action entities
/// come from there and from nowhere else. Nothing in it can change any more.
#[derive(Debug, Clone)]
pub struct Facts {
    pub(crate) principal: Arc<EntityUID>,
    pub(crate) action: Arc<EntityUID>,
    pub(crate) resource: Arc<EntityUID>,
    /// A record.
    pub(crate) context: Value,
    pub(crate) inline: Arc<Inline>,
    pub(crate) store: Arc<EntityStore>,
    pub(crate) schema: Schema,
}

impl Facts {
    /// The digest of the schema that it is bound to.
    #[must_use]
    pub fn schema_sha(&self) -> Digest {
        self.schema.sha()
    }

    /// The entity of this uid: the request's word first (whether it counts at all was decided when it was read), then
    /// the store's, then the schema's for actions.
    pub(crate) fn entity(&self, probe: Probe<'_>) -> Option<&Entity> {
        if !self.inline.is_empty()
            && let Some(entity) = self.inline.get(&probe)
        {
            return Some(entity);
        }
        self.store.get(probe).map(|entity| &**entity).or_else(|| self.schema.action(probe))
    }

    /// Everything that this uid is `in`, but itself, each once.
    pub(crate) fn ancestors<'a>(&'a self, own: Probe<'a>) -> Vec<Probe<'a>> {
        self.above(own, self.entity(own), usize::MAX)
    }

    /// Everything that this uid, whose entity this is, is `in`, but itself, each once. The walk ends early once it has met
    /// more than `most`.
    ///
    /// It is walked anew each time. Hierarchies are shallow and a step costs one look into a map, while ancestors that
    /// are kept with each entity would make moving one group as dear as the group is large.
    pub(crate) fn above<'a>(&'a self, own: Probe<'a>, mut entity: Option<&'a Entity>, most: usize) -> Vec<Probe<'a>> {
        let mut found: Vec<Probe<'a>> = Vec::new();
        let mut seen = Seen::default();
        let mut next = 0;
        loop {
            for parent in entity.map_or(&[][..], |entity| &entity.parents) {
                let parent = parent.probe();
                if parent != own && seen.is_new(parent, &found) {
                    found.push(parent);
                }
            }
            let Some(above) = found.get(next).filter(|_| found.len() <= most) else { return found };
            entity = self.entity(*above);
            next += 1;
        }
    }

    /// Whether the first uid is one of the others, or stands somewhere below one. None where more than
    /// [`MOST_ANCESTORS`] would have to be walked.
    pub(crate) fn is_in(&self, own: Probe<'_>, others: &[Probe<'_>]) -> Option<bool> {
        if others.contains(&own) {
            return Some(true);
        }
        let above = self.above(own, self.entity(own), MOST_ANCESTORS);
        (above.len() <= MOST_ANCESTORS).then(|| above.iter().any(|above| others.contains(above)))
    }

    /// The request in Cedar's form.
    pub(crate) fn cedar_request(&self) -> ast::Request {
        let known = |uid: &Arc<EntityUID>| EntityUIDEntry::Known { euid: Arc::clone(uid), loc: None };
        let context = match self.context.value_kind() {
            ValueKind::Record(members) => Arc::clone(members),
            _ => Arc::new(BTreeMap::new()),
        };
        ast::Request::new_unchecked(
            known(&self.principal),
            known(&self.action),
            known(&self.resource),
            Some(ast::Context::Value(context)),
        )
    }

    /// The entities in Cedar's form, as far as an evaluation can look that starts at the request or at one of these
    /// literals and looks at most so many entities up one behind the other. Their ancestors stand with each.
    pub(crate) fn cedar_entities<'a>(&self, literals: impl Iterator<Item = &'a EntityUID>, hops: u32) -> Entities {
        let mut due: HashSet<EntityUID> = literals.cloned().collect();
        due.extend([&self.principal, &self.action, &self.resource].map(|uid| (**uid).clone()));
        due.extend(self.context.all_literal_uids());
        let mut reached: std::collections::HashMap<EntityUID, Arc<ast::Entity>> = std::collections::HashMap::new();
        for _ in 0..=hops {
            let mut beyond = HashSet::new();
            for uid in due {
                let Some(entity) = self.entity(Probe::of(&uid)) else { continue };
                let values = entity.attrs.iter().chain(&entity.tags).map(|(_, value)| value);
                beyond.extend(values.flat_map(Value::all_literal_uids));
                let cedar = entity.to_cedar(self.ancestors(Probe::of(&uid)).into_iter().map(|probe| probe.uid));
                reached.insert(uid, Arc::new(cedar));
            }
            beyond.retain(|uid| !reached.contains_key(uid));
            due = beyond;
            if due.is_empty() {
                break;
            }
        }
        let closed = TCComputation::AssumeAlreadyComputed;
        // Nothing can be refused: each uid stands once, and no schema is asked.
        Entities::new()
            .add_entities(reached.into_values(), None::<&NoEntitiesSchema>, closed, Extensions::all_available())
            .unwrap_or_default()
    }
}

/// What a walk has met. Few are compared one by one, many are hashed.
#[derive(Default)]
struct Seen<'a>(HashSet<Probe<'a>, Prehashed>);

impl<'a> Seen<'a> {
    const FEW: usize = 32;

    fn is_new(&mut self, probe: Probe<'a>, found: &[Probe<'a>]) -> bool {
        if found.len() < Self::FEW {
            return !found.contains(&probe);
        }
        if self.0.is_empty() {
            self.0.extend(found);
        }
        self.0.insert(probe)
    }
}

/// A uid as a value.
pub(crate) fn uid_value(uid: &Arc<EntityUID>) -> Value {
    Value::new(Literal::EntityUID(Arc::clone(uid)), None)
}

/// A value without places in a text.
pub(crate) fn placeless(value: &Value) -> Value {
    let kind = match value.value_kind() {
        ValueKind::Set(set) if set.fast.is_none() => ValueKind::set(set.iter().map(placeless)),
        ValueKind::Record(members) => ValueKind::record_arc(Arc::new(
            members.iter().map(|(name, value)| (name.clone(), placeless(value))).collect::<BTreeMap<SmolStr, _>>(),
        )),
        other => other.clone(),
    };
    Value { value: kind, loc: None }
}
