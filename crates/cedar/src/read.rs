//! Reading requests: what an enforcement point says, checked and made into facts.

use std::{collections::HashSet, sync::Arc};

use cedar_policy::Context;
use cedar_policy_core::ast::{Context as CedarContext, Value as CedarValue};
use serde_json::Value;

use crate::{
    entities,
    entity::{Entity, Key, Prehashed, Probe},
    entity_store::EntityStore,
    error::{EvaluateError, Finding},
    facts::{Facts, Inline},
    guard_json,
    schema::Schema,
    typed::{self, Budget},
    uid::Uid,
};

/// A request as enforcement points make it.
#[derive(Debug, Clone)]
pub struct DecisionRequest {
    /// Who.
    pub principal: Uid,
    /// Does what.
    pub action: Uid,
    /// To what.
    pub resource: Uid,
    /// Under which circumstances: a JSON object.
    pub context: Value,
}

/// Against what a request is read.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Its action entities count, and requests are checked against it when asked.
    pub schema: Schema,
    /// The zone's entities.
    pub store: Arc<EntityStore>,
    /// Whether the request and its entities must fit the schema.
    pub validate: bool,
    /// Whether the entities of a request stand in for stored ones; else they may only add to them.
    pub replaces: bool,
}

/// The entities of a request or of a batch, read once. They are good for every request on the same ground.
#[derive(Debug, Clone, Default)]
pub struct InlineEntities(Arc<Inline>);

impl Ground {
    /// Reads entities in passing, on any thread. None where only [`read_entities`](Self::read_entities) can say: what
    /// is rare, and whatever is wrong.
    #[must_use]
    pub fn read_entities_here(&self, entities: &Value) -> Option<InlineEntities> {
        /// Among so few a cycle is found at once; longer lists are looked at on the pool.
        const FEW: usize = 64;
        let items = entities.as_array().filter(|items| items.len() <= FEW)?;
        let mut budget = Budget::of_entities();
        let shapes = self.validate.then(|| self.schema.shapes());
        let mut inline = Inline::with_capacity_and_hasher(items.len(), Prehashed);
        for item in items {
            let entity = typed::entity(item, shapes, &mut budget)?;
            if inline.insert(entity.key.clone(), entity).is_some() {
                return None;
            }
        }
        self.settle(inline).ok()
    }

    /// Reads entities. Runs on the [pool](crate::CedarPool).
    ///
    /// # Errors
    /// What does not fit the schema, a limit, or the zone's rule for entities in requests.
    pub fn read_entities(&self, entities: &Value) -> Result<InlineEntities, EvaluateError> {
        let read = entities::read(entities, Some(&self.schema), self.validate)?;
        let cedar: &cedar_policy_core::entities::Entities = read.as_ref();
        let others = cedar.iter().filter(|entity| !entity.uid().is_action());
        let unknown = || EvaluateError::invalid("an entity has a value that is not known");
        let inline = others
            .map(|entity| Entity::of(entity).map(|entity| (entity.key.clone(), entity)).ok_or_else(unknown))
            .collect::<Result<Inline, _>>()?;
        self.settle(inline)
    }

    /// Applies the zone's rule to entities that its store holds, and looks for cycles through the store.
    fn settle(&self, inline: Inline) -> Result<InlineEntities, EvaluateError> {
        if !self.replaces
            && let Some(key) = inline.keys().find(|key| self.store.get(key.probe()).is_some())
        {
            let message = format!(
                "the zone's entity store holds {}, and requests may only add to it (request_entities is extend); leave \
                 it out",
                key.uid()
            );
            return Err(EvaluateError::invalid(message));
        }
        let given = InlineEntities(Arc::new(inline));
        let known = |entity: &&Entity| {
            entity.parents.iter().any(|parent| given.0.contains_key(parent) || self.store.get(parent.probe()).is_some())
        };
        for entity in given.0.values().filter(known) {
            if given.climbs_to_itself(&entity.key, &self.store) {
                let message = format!("the entities form a cycle: {} is its own ancestor", entity.key.uid());
                return Err(EvaluateError::invalid(message));
            }
        }
        Ok(given)
    }

    /// Reads a request in passing, on any thread. None where only [`read`](Self::read) can say.
    #[must_use]
    pub fn read_here(&self, request: &DecisionRequest, entities: &InlineEntities) -> Option<Facts> {
        let shapes = self.validate.then(|| self.schema.shapes());
        let shape = match shapes {
            None => None,
            Some(shapes) => {
                let (principal, resource) = (request.principal.cedar().as_ref(), request.resource.cedar().as_ref());
                let action = shapes.action(Probe::of(request.action.cedar().as_ref()))?;
                if !action.applies(principal, resource) {
                    return None;
                }
                Some(&action.context)
            }
        };
        let context = typed::context(&request.context, shape)?;
        Some(self.facts(request, CedarValue::record_arc(context, None), entities))
    }

    /// Reads a request. Runs on the [pool](crate::CedarPool).
    ///
    /// # Errors
    /// What does not fit the schema or a limit.
    pub fn read(&self, request: &DecisionRequest, entities: &InlineEntities) -> Result<Facts, EvaluateError> {
        guard_json::check_request(&request.context)?;
        let schema = self.validate.then(|| self.schema.cedar());
        let action = request.action.cedar();
        let context = Context::from_json_value(request.context.clone(), schema.map(|schema| (schema, action)))
            .map_err(|error| EvaluateError::InvalidRequest(vec![Finding::from_cedar(&error, None)]))?;
        let CedarContext::Value(members) = context.as_ref() else {
            return Err(EvaluateError::invalid("the context has a value that is not known"));
        };
        let value = CedarValue::record_arc(Arc::clone(members), None);
        let (principal, resource) = (request.principal.cedar().clone(), request.resource.cedar().clone());
        cedar_policy::Request::new(principal, action.clone(), resource, context, schema)
            .map_err(|error| EvaluateError::InvalidRequest(vec![Finding::from_cedar(&error, None)]))?;
        Ok(self.facts(request, value, entities))
    }

    fn facts(&self, request: &DecisionRequest, context: CedarValue, entities: &InlineEntities) -> Facts {
        Facts {
            principal: request.principal.shared(),
            action: request.action.shared(),
            resource: request.resource.shared(),
            context,
            inline: Arc::clone(&entities.0),
            store: Arc::clone(&self.store),
            schema: self.schema.clone(),
        }
    }
}

impl InlineEntities {
    #[cfg(test)]
    pub(crate) fn all(&self) -> &Inline {
        &self.0
    }

    /// Whether the parents of this entity, theirs and so on lead back to it.
    fn climbs_to_itself(&self, own: &Key, store: &EntityStore) -> bool {
        let mut seen = HashSet::new();
        let mut due = vec![own];
        while let Some(key) = due.pop() {
            let entity = self.0.get(key).or_else(|| store.get(key.probe()).map(|entity| &**entity));
            for parent in entity.map_or(&[][..], |entity| &entity.parents) {
                if parent == own {
                    return true;
                }
                if seen.insert(parent.probe()) {
                    due.push(parent);
                }
            }
        }
        false
    }
}
