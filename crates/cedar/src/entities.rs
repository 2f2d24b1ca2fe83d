//! The entities of a request.
//!
//! Cedar closes the hierarchy over all ancestors, which is quadratic in the length of a chain: hence the caps, checked
//! before Cedar sees an entity. And an action entity in a request could move an action out of the group that a `forbid`
//! names: actions and their hierarchy come from the schema alone, whether requests are checked against it or not.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Entities, EntityUid};
use serde_json::Value;

use crate::{
    error::{EvaluateError, Finding},
    guard_json,
    schema::Schema,
    uid::Uid,
};

/// The most entities of a request.
pub const MAX_ENTITIES: usize = 1_000;

/// The most parents of an entity.
pub const MAX_PARENTS: usize = 100;

/// The longest chain of ancestors above an entity.
pub const MAX_ANCESTOR_DEPTH: usize = 100;

/// Reads Cedar entity JSON, and adds the action entities of the schema. Runs on the [pool](crate::CedarPool). With
/// `validate` they must fit the schema. Without a schema nothing says what the actions are, and everything given counts.
pub(crate) fn read(value: &Value, schema: Option<&Schema>, validate: bool) -> Result<Entities, EvaluateError> {
    guard_json::check_request(value)?;
    let Value::Array(items) = value else {
        return Err(EvaluateError::invalid("`entities` is a list of entities, each with `uid`, `attrs` and `parents`"));
    };
    if items.len() > MAX_ENTITIES {
        return Err(EvaluateError::invalid(format!("{} entities; a request has at most {MAX_ENTITIES}", items.len())));
    }
    let links = items.iter().map(Links::of).collect::<Result<Vec<_>, _>>()?;
    check_hierarchy(&links)?;
    let Some(schema) = schema else { return Entities::from_json_value(value.clone(), None).map_err(refused) };

    let (actions, others): (Vec<_>, Vec<_>) = items.iter().zip(&links).partition(|(_, links)| links.uid.is_action());
    let array = |items: Vec<(&Value, &Links)>| Value::Array(items.into_iter().map(|(item, _)| item.clone()).collect());
    if !actions.is_empty() {
        // Cedar compares given actions with the schema's; equal ones add nothing.
        Entities::from_json_value(array(actions), Some(schema.cedar())).map_err(refused)?;
    }
    if validate {
        Entities::from_json_value(array(others), Some(schema.cedar())).map_err(refused)
    } else {
        let others = Entities::from_json_value(array(others), None).map_err(refused)?;
        others.add_entities(schema.actions().iter().cloned(), None).map_err(refused)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn refused(error: cedar_policy::entities_errors::EntitiesError) -> EvaluateError {
    EvaluateError::InvalidRequest(vec![Finding::from_cedar(&error, None)])
}

/// An entity's place in the hierarchy.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) uid: Uid,
    parents: Vec<Uid>,
}

impl Links {
    pub(crate) fn of(entity: &Value) -> Result<Self, EvaluateError> {
        let uid = |value: &Value| Uid::from_json(value).map_err(|error| EvaluateError::invalid(error.to_string()));
        let own = entity.get("uid").ok_or_else(|| EvaluateError::invalid("an entity without `uid`"))?;
        let own = uid(own)?;
        let parents = match entity.get("parents") {
            Some(Value::Array(parents)) if parents.len() > MAX_PARENTS => {
                let message = format!("{own} has {} parents; an entity has at most {MAX_PARENTS}", parents.len());
                return Err(EvaluateError::invalid(message));
            }
            Some(Value::Array(parents)) => parents.iter().map(uid).collect::<Result<_, _>>()?,
            _ => return Err(EvaluateError::invalid(format!("{own} needs a list of `parents`, possibly empty"))),
        };
        Ok(Self { uid: own, parents })
    }
}

/// Refuses duplicates, cycles and long chains, one generation at a time from the top.
fn check_hierarchy(links: &[Links]) -> Result<(), EvaluateError> {
    let mut waiting: HashMap<&EntityUid, HashSet<&EntityUid>> = HashMap::with_capacity(links.len());
    for Links { uid, parents } in links {
        if waiting.insert(uid.cedar(), parents.iter().map(Uid::cedar).collect()).is_some() {
            return Err(EvaluateError::invalid(format!("{uid} stands twice among the entities")));
        }
    }
    let mut children: HashMap<&EntityUid, Vec<&EntityUid>> = HashMap::new();
    let given: HashSet<&EntityUid> = waiting.keys().copied().collect();
    for (uid, parents) in &mut waiting {
        // A parent that is not among the entities is where the chain ends.
        parents.retain(|parent| given.contains(parent));
        for parent in parents.iter() {
            children.entry(parent).or_default().push(uid);
        }
    }
    let mut generation: Vec<&EntityUid> =
        waiting.iter().filter(|(_, parents)| parents.is_empty()).map(|(uid, _)| *uid).collect();
    let mut placed = generation.len();
    let mut depth = 0;
    while !generation.is_empty() {
        if depth > MAX_ANCESTOR_DEPTH {
            let message = format!("the entities form a chain of more than {MAX_ANCESTOR_DEPTH} ancestors");
            return Err(EvaluateError::invalid(message));
        }
        let mut next = Vec::new();
        for parent in generation {
            for child in children.remove(parent).unwrap_or_default() {
                if waiting.get_mut(child).is_some_and(|parents| parents.remove(parent) && parents.is_empty()) {
                    next.push(child);
                }
            }
        }
        placed += next.len();
        generation = next;
        depth += 1;
    }
    if placed == links.len() {
        Ok(())
    } else {
        Err(EvaluateError::invalid("the entities form a cycle: an entity is its own ancestor"))
    }
}

#[cfg(test)]
mod tests;
