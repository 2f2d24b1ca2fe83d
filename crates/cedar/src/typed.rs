//! Reads the contexts and the inline entities of requests straight into Cedar's values.
//!
//! Cedar's own readers copy the JSON several times over and take tens of microseconds for what is done here in one walk.
//! The rule is: **accept or abstain**. `Some` comes back only where Cedar's reader and its validation would accept, and
//! with the values that they would make; in every other case (a wrong type, an unusual spelling, whatever is rare)
//! `None` comes back, the caller asks Cedar, and Cedar's answer, error or not, counts. A member whose name begins with
//! `__` is one of three escapes in their plainest spelling, or the reader abstains.
//!
//! Everything here recurses with the JSON, of which [`MAX_JSON_DEPTH`] levels are read, as [`guard_json`] has it: some
//! hundred kilobytes of stack at the most, so that it may run on any thread, a 2 MiB async worker too.
//!
//! [`guard_json`]: crate::guard_json

use std::{collections::BTreeMap, sync::Arc};

use cedar_policy_core::ast::{EntityUID, Literal, Value, ValueKind};
use serde_json::{Map, Value as Json};
use smol_str::SmolStr;

use crate::{
    constructor::Constructor,
    entities::MAX_PARENTS,
    entity::{Entity, Key, Members},
    guard_json::MAX_JSON_DEPTH,
    name,
    shape::{Fields, Shape, Shapes},
};

/// The most values of a context, or of the entities of a request together, that are read here: a fraction of a
/// millisecond. A request may hold more, but they would keep the thread from its other requests.
pub(crate) const MAX_PASSING_VALUES: u64 = 10_000;

/// How many more values a context, or the entities of a request together, may hold.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    /// For one list of entities; the list itself is the first value.
    pub(crate) fn of_entities() -> Self {
        Self(MAX_PASSING_VALUES - 1)
    }

    /// Takes that many values, the deepest of which stands at `depth`; the outermost value stands at 1.
    fn take(&mut self, values: u64, depth: usize) -> Option<()> {
        self.0 = self.0.checked_sub(values)?;
        (depth <= MAX_JSON_DEPTH).then_some(())
    }
}

/// Reads a context. With a shape (that of the action) it fits the schema.
pub(crate) fn context(json: &Json, shape: Option<&Shape>) -> Option<Arc<BTreeMap<SmolStr, Value>>> {
    let mut reader = Reader { budget: &mut Budget(MAX_PASSING_VALUES) };
    match reader.value(json, shape, 1)?.value {
        ValueKind::Record(members) => Some(members),
        _ => None,
    }
}

/// Reads one of a list of entities. With shapes it fits the schema. How the entities of the list hang together
/// (duplicates, cycles, chains) is for the caller to check; that one is its own parent is seen here.
pub(crate) fn entity(json: &Json, shapes: Option<&Shapes>, budget: &mut Budget) -> Option<Entity> {
    const DEPTH: usize = 2;
    budget.take(1, DEPTH)?;
    let (mut uid, mut attrs, mut parents, mut tags) = (None, None, None, None);
    for (name, value) in json.as_object()? {
        match (name.as_str(), value) {
            ("uid", Json::Object(members)) => uid = Some(members),
            ("attrs", Json::Object(members)) => attrs = Some(members),
            ("parents", Json::Array(items)) => parents = Some(items),
            ("tags", Json::Object(members)) => tags = Some(members),
            _ => return None,
        }
    }
    let (uid, attrs, parents) = (uid?, attrs?, parents?);
    let mut reader = Reader { budget };
    let (type_name, id) = reader.reference(uid, DEPTH + 1)?;
    let shape = match shapes {
        Some(shapes) => Some(shapes.entity_type(type_name)?),
        None => None,
    };
    let uid = match shape {
        Some(shape) => shape.kind.uid(id)?,
        None => name::uid(type_name, id)?,
    };
    if uid.is_action() {
        return None;
    }
    let parents = reader.parents(parents, &uid, |type_name, id| match shape {
        Some(shape) => shape.parents.get(type_name)?.uid(id),
        None => name::uid(type_name, id),
    })?;
    let attrs =
        reader.members_of_entity(attrs, shape.map_or(Expected::Anything, |shape| Expected::Fields(&shape.attrs)))?;
    let tags = match tags {
        None => Members::default(),
        Some(tags) => {
            let expected = match shape.map(|shape| &shape.tags) {
                None => Expected::Anything,
                Some(Some(each)) => Expected::Each(each),
                Some(None) if tags.is_empty() => Expected::Anything,
                Some(None) => return None,
            };
            reader.members_of_entity(tags, expected)?
        }
    };
    Some(Entity { key: Key::new(uid), parents, attrs, tags })
}

struct Reader<'b> {
    budget: &'b mut Budget,
}

/// What the members of an object must be.
#[derive(Clone, Copy)]
enum Expected<'s> {
    Anything,
    Fields(&'s Fields),
    Each(&'s Shape),
}

impl Reader<'_> {
    fn value(&mut self, json: &Json, shape: Option<&Shape>, depth: usize) -> Option<Value> {
        self.budget.take(1, depth)?;
        match (json, shape) {
            (Json::Bool(value), None | Some(Shape::Bool)) => Some(literal(*value)),
            (Json::Number(value), None | Some(Shape::Long)) => value.as_i64().map(literal),
            (Json::String(value), None | Some(Shape::String)) => Some(literal(SmolStr::new(value))),
            (Json::String(text), Some(Shape::Extension(constructor))) => constructor.call(text),
            (Json::Array(items), None) => self.set(items, None, depth),
            (Json::Array(items), Some(Shape::Set(element))) => self.set(items, Some(element), depth),
            (Json::Object(members), None) => self.unvalidated(members, depth),
            (Json::Object(members), Some(Shape::Record(fields))) => {
                self.record(members, Expected::Fields(fields), depth)
            }
            (Json::Object(members), Some(Shape::Entity(kind))) => {
                let (type_name, id) = self.uid(members, depth)?;
                (type_name == kind.name).then(|| kind.uid(id)).flatten().map(literal)
            }
            (Json::Object(members), Some(Shape::Extension(constructor))) => {
                let (function, argument) = self.call(members, depth)?;
                if function == constructor.name { constructor.call(argument) } else { None }
            }
            _ => None,
        }
    }

    fn set(&mut self, items: &[Json], element: Option<&Shape>, depth: usize) -> Option<Value> {
        let items = items.iter().map(|item| self.value(item, element, depth + 1)).collect::<Option<Vec<_>>>()?;
        Some(Value::set(items, None))
    }

    /// An object of which nothing is known before: an escape, or else a record.
    fn unvalidated(&mut self, members: &Map<String, Json>, depth: usize) -> Option<Value> {
        match only(members) {
            Some(("__entity", _)) => {
                let (type_name, id) = self.uid(members, depth)?;
                name::uid(type_name, id).map(literal)
            }
            Some(("__extn", _)) => {
                let (function, argument) = self.call(members, depth)?;
                Constructor::named(function)?.call(argument)
            }
            _ => self.record(members, Expected::Anything, depth),
        }
    }

    fn record(&mut self, members: &Map<String, Json>, expected: Expected<'_>, depth: usize) -> Option<Value> {
        let mut record = BTreeMap::new();
        self.members(members, expected, depth, |name, value| drop(record.insert(name, value)))?;
        Some(Value::record_arc(Arc::new(record), None))
    }

    /// Attributes or tags.
    fn members_of_entity(&mut self, json: &Map<String, Json>, expected: Expected<'_>) -> Option<Members> {
        const DEPTH: usize = 3;
        self.budget.take(1, DEPTH)?;
        let mut members = Vec::with_capacity(json.len());
        self.members(json, expected, DEPTH, |name, value| members.push((name, value)))?;
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Some(members.into_boxed_slice())
    }

    /// Reads the members of an object that stands at `depth`; all that must be there are.
    fn members(
        &mut self,
        json: &Map<String, Json>,
        expected: Expected<'_>,
        depth: usize,
        mut keep: impl FnMut(SmolStr, Value),
    ) -> Option<()> {
        let mut missing = if let Expected::Fields(fields) = expected { fields.required } else { 0 };
        for (name, value) in json {
            let (name, shape) = match expected {
                Expected::Anything if name.starts_with("__") => return None,
                Expected::Anything => (SmolStr::new(name), None),
                Expected::Each(shape) => (SmolStr::new(name), Some(shape)),
                Expected::Fields(fields) => {
                    let (name, field) = fields.get(name)?;
                    missing -= usize::from(field.required);
                    (name.clone(), Some(&field.shape))
                }
            };
            keep(name, self.value(value, shape, depth + 1)?);
        }
        (missing == 0).then_some(())
    }

    fn parents(
        &mut self,
        items: &[Json],
        child: &EntityUID,
        uid: impl Fn(&str, &str) -> Option<EntityUID>,
    ) -> Option<Box<[Key]>> {
        const DEPTH: usize = 3;
        self.budget.take(1, DEPTH)?;
        if items.len() > MAX_PARENTS {
            return None;
        }
        let mut parents: Vec<Key> = Vec::with_capacity(items.len());
        for item in items {
            let (type_name, id) = self.reference(item.as_object()?, DEPTH + 1)?;
            let parent = uid(type_name, id)?;
            if parent.is_action() || parent == *child {
                return None;
            }
            let parent = Key::new(parent);
            if !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        Some(parents.into_boxed_slice())
    }

    /// As [`uid`](Self::uid), of an object that is not counted yet.
    fn reference<'j>(&mut self, json: &'j Map<String, Json>, depth: usize) -> Option<(&'j str, &'j str)> {
        self.budget.take(1, depth)?;
        self.uid(json, depth)
    }

    /// The type and the id of a reference that stands at `depth`, with or without its escape.
    fn uid<'j>(&mut self, json: &'j Map<String, Json>, depth: usize) -> Option<(&'j str, &'j str)> {
        self.pair(json, "__entity", ["type", "id"], depth)
    }

    /// The name of a function and its argument, a string, likewise.
    fn call<'j>(&mut self, json: &'j Map<String, Json>, depth: usize) -> Option<(&'j str, &'j str)> {
        self.pair(json, "__extn", ["fn", "arg"], depth)
    }

    /// The strings under two names, in the object at `depth` or in the only one that it holds, and nothing else.
    fn pair<'j>(
        &mut self,
        json: &'j Map<String, Json>,
        escape: &str,
        [first, second]: [&str; 2],
        depth: usize,
    ) -> Option<(&'j str, &'j str)> {
        let (inner, values, deepest) = match only(json) {
            Some((name, Json::Object(inner))) if name == escape => (inner, 3, depth + 2),
            _ => (json, 2, depth + 1),
        };
        self.budget.take(values, deepest)?;
        let (mut one, mut other) = (None, None);
        for (name, value) in inner {
            if name == first {
                one = Some(value.as_str()?);
            } else if name == second {
                other = Some(value.as_str()?);
            } else {
                return None;
            }
        }
        Some((one?, other?))
    }
}

fn only(json: &Map<String, Json>) -> Option<(&str, &Json)> {
    let mut members = json.iter();
    let first = members.next()?;
    members.next().is_none().then_some((first.0.as_str(), first.1))
}

fn literal(value: impl Into<Literal>) -> Value {
    Value::new(value.into(), None)
}

#[cfg(test)]
mod tests;
