//! Reads attributes and contexts of callers that know nothing of Cedar.
//!
//! What Cedar can hold is kept. What it cannot hold (null, a fraction, an escape that says nothing) is left out and
//! counted; whether the schema declares what had to be left out is told, for a policy may have waited for it. Where the
//! schema declares a reference or an address, its plain form is taken for one, as Cedar itself does under a schema; beyond
//! that nothing is held against the schema here. All this recurses with the JSON, which nests 128 levels at the most.

use cedar_policy_core::ast::EntityType;
use serde_json::{Map, Number, Value, json};

use crate::{
    constructor::Constructor,
    entity::Probe,
    entity_store::EntityStore,
    schema::Schema,
    shape::{Fields, Shape},
    stored_entity::json_of,
    uid::Uid,
};

/// What had to be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many values.
    pub values: u64,
    /// Where the first stood that the schema declares, or that is a part of something declared.
    pub declared: Option<String>,
}

/// An action and the types between which it stands, as names.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    /// The principal's entity type.
    pub principal: &'a str,
    /// The resource's.
    pub resource: &'a str,
}

impl Schema {
    /// Whether it declares an entity type of this name.
    #[must_use]
    pub fn declares_type(&self, name: &str) -> bool {
        if self.shapes().entity_type(name).is_some() {
            return true;
        }
        let same = |declared: &EntityType| !declared.is_action() && declared.to_string() == name;
        self.cedar().as_ref().entity_types().any(|declared| same(declared.name()))
    }

    /// Whether it declares this action.
    #[must_use]
    pub fn declares_action(&self, action: &Uid) -> bool {
        self.action(Probe::of(action.cedar().as_ref())).is_some()
    }

    /// The action of this name. Where several namespaces have one, that of the resource's type counts, then that of the
    /// principal's; of any others none is meant.
    #[must_use]
    pub fn action_named(&self, name: &str, parties: Parties<'_>) -> Option<Uid> {
        let near = [parties.resource, parties.principal].map(|of| of.rsplit_once("::").map_or("", |(space, _)| space));
        let in_namespace = |space: &str| {
            let uid =
                if space.is_empty() { Uid::new("Action", name) } else { Uid::new(&format!("{space}::Action"), name) };
            uid.ok().filter(|uid| self.declares_action(uid))
        };
        if let Some(found) = near.into_iter().find_map(in_namespace) {
            return Some(found);
        }
        let mut others = self.action_uids().filter(|uid| uid.id() == name);
        others.next().filter(|_| others.next().is_none())
    }

    /// The names of the actions that apply to these two types, ascending, each once.
    #[must_use]
    pub fn actions_between(&self, parties: Parties<'_>) -> Vec<String> {
        let anyone = |type_name| Uid::new(type_name, "").ok();
        let (Some(principal), Some(resource)) = (anyone(parties.principal), anyone(parties.resource)) else {
            return Vec::new();
        };
        let applies = |action: &Uid| {
            let shape = self.shapes().action(Probe::of(action.cedar().as_ref()));
            shape.is_some_and(|shape| shape.applies_to(principal.cedar().as_ref(), resource.cedar().as_ref()))
        };
        let mut names: Vec<String> = self.action_uids().filter(applies).map(|uid| uid.id().to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn action_uids(&self) -> impl Iterator<Item = Uid> {
        self.actions().iter().map(|entity| Uid::from(entity.uid()))
    }

    /// Whether the context of this action has a member of that name.
    #[must_use]
    pub fn declares_in_context(&self, action: &Uid, member: &str) -> bool {
        matches!(Known::in_context_of(self, action).member(member), Known::Declared | Known::Shaped(_))
    }

    /// A context as Cedar can read it.
    #[must_use]
    pub fn foreign_context(&self, action: &Uid, context: &Map<String, Value>) -> (Map<String, Value>, LeftOut) {
        let mut reader = Reader::default();
        let context = reader.members(context, Known::in_context_of(self, action), "context");
        (context, reader.left_out)
    }

    /// An entity with these attributes, in Cedar's entity JSON. Parents and tags, which such callers cannot say, are
    /// those of the entity that the store holds.
    #[must_use]
    pub fn foreign_entity(&self, uid: &Uid, attributes: &Map<String, Value>, store: &EntityStore) -> (Value, LeftOut) {
        let mut reader = Reader::default();
        let type_name = uid.type_name();
        let known = self.shapes().entity_type(&type_name).map_or(Known::Declared, |shape| Known::Fields(&shape.attrs));
        let attrs = reader.members(attributes, known, &type_name);
        let stored = store.entity(uid).and_then(|stored| json_of(&stored.0).ok());
        let mut entity = match stored {
            Some(Value::Object(stored)) => stored,
            _ => Map::from_iter([("parents".to_owned(), json!([]))]),
        };
        entity.insert("uid".to_owned(), uid.to_json());
        entity.insert("attrs".to_owned(), Value::Object(attrs));
        (Value::Object(entity), reader.left_out)
    }
}

/// What the schema says of the place where a value stands.
#[derive(Clone, Copy)]
enum Known<'s> {
    /// Nothing.
    Undeclared,
    /// That there is something, but not here what.
    Declared,
    /// What it is.
    Shaped(&'s Shape),
    /// What its members are.
    Fields(&'s Fields),
}

impl<'s> Known<'s> {
    fn in_context_of(schema: &'s Schema, action: &Uid) -> Self {
        let shape = schema.shapes().action(Probe::of(action.cedar().as_ref()));
        shape.map_or(Self::Declared, |shape| Self::Shaped(&shape.context))
    }

    fn member(self, name: &str) -> Self {
        let fields = match self {
            Self::Undeclared => return Self::Undeclared,
            Self::Fields(fields) => fields,
            Self::Shaped(Shape::Record(fields)) => fields,
            Self::Declared | Self::Shaped(_) => return Self::Declared,
        };
        fields.get(name).map_or(Self::Undeclared, |(_, field)| Self::Shaped(&field.shape))
    }

    fn element(self) -> Self {
        match self {
            Self::Undeclared => Self::Undeclared,
            Self::Shaped(Shape::Set(element)) => Self::Shaped(element),
            Self::Declared | Self::Shaped(_) | Self::Fields(_) => Self::Declared,
        }
    }
}

#[derive(Default)]
struct Reader {
    left_out: LeftOut,
}

impl Reader {
    fn members(&mut self, json: &Map<String, Value>, known: Known<'_>, at: &str) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, value) in json {
            let known = known.member(name);
            // Such names are Cedar's escapes.
            let read = if name.starts_with("__") { None } else { self.value(value, known, name) };
            match read {
                Some(value) => drop(kept.insert(name.clone(), value)),
                None => self.leave_out(known, || format!("{at}.{name}")),
            }
        }
        kept
    }

    /// `None` for what is to be left out.
    fn value(&mut self, json: &Value, known: Known<'_>, at: &str) -> Option<Value> {
        match json {
            Value::Null => None,
            Value::Bool(_) => Some(json.clone()),
            Value::Number(number) => whole(number).map(Value::from),
            Value::String(text) => Some(match known {
                Known::Shaped(Shape::Extension(made_by)) if made_by.call(text).is_some() => {
                    json!({"__extn": {"fn": made_by.name, "arg": text}})
                }
                _ => json.clone(),
            }),
            Value::Array(items) => {
                let mut kept = Vec::with_capacity(items.len());
                for item in items {
                    match self.value(item, known.element(), at) {
                        Some(item) => kept.push(item),
                        None => self.leave_out(known.element(), || format!("an element of {at}")),
                    }
                }
                Some(Value::Array(kept))
            }
            Value::Object(members) => self.object(members, known, at),
        }
    }

    fn object(&mut self, members: &Map<String, Value>, known: Known<'_>, at: &str) -> Option<Value> {
        let mut of_it = members.iter();
        if let (Some((name, inner)), None) = (of_it.next(), of_it.next())
            && name.starts_with("__")
        {
            return escaped(name, inner);
        }
        if matches!(known, Known::Shaped(Shape::Entity(_)))
            && let Ok(uid) = Uid::from_json(&Value::Object(members.clone()))
        {
            return Some(json!({"__entity": uid.to_json()}));
        }
        Some(Value::Object(self.members(members, known, at)))
    }

    fn leave_out(&mut self, known: Known<'_>, place: impl FnOnce() -> String) {
        self.left_out.values += 1;
        if !matches!(known, Known::Undeclared) && self.left_out.declared.is_none() {
            self.left_out.declared = Some(place());
        }
    }
}

/// An escape of Cedar's in its plainest spelling, if it says something.
fn escaped(name: &str, inner: &Value) -> Option<Value> {
    let text = |member: &str| inner.get(member).and_then(Value::as_str);
    match (name, inner.as_object()?.len()) {
        ("__entity", 2) => Uid::from_json(inner).ok().map(|uid| json!({"__entity": uid.to_json()})),
        ("__extn", 2) => {
            let (function, argument) = (text("fn")?, text("arg")?);
            Constructor::named(function)?.call(argument)?;
            Some(json!({"__extn": {"fn": function, "arg": argument}}))
        }
        _ => None,
    }
}

/// The integer that a number is; `1.0` is one, too.
fn whole(number: &Number) -> Option<i64> {
    /// Beyond these a double stands for more than one integer.
    const EXACT: f64 = 9_007_199_254_740_991.0;
    let of_double = || {
        let double =
            number.as_f64().filter(|double| number.is_f64() && double.fract() == 0.0 && double.abs() <= EXACT)?;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        Some(double as i64)
    };
    number.as_i64().or_else(of_double)
}

#[cfg(test)]
mod tests;
