//! Reading the canonical text of entities, as fast as a zone of a million demands: straight into Cedar's values.
//!
//! Cedar's own reader passes each value through an expression tree and its evaluator. This one reads only what
//! [`StoredEntity::body`](super::StoredEntity::body) writes, where nothing is implicit; extension values alone still go
//! through Cedar. That both read the same is tested when an entity is put into a zone, each time.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use cedar_policy_core::{
    FromNormalizedStr as _,
    ast::{Eid, EntityType, EntityUID, Name, Value, ValueKind},
    entities::{CedarValueJson, json::err::JsonDeserializationErrorContext},
    evaluator::RestrictedEvaluator,
    extensions::Extensions,
};
use cedarkeep_model::{LONG_KEY, unescape_longs};
use hashbrown::HashSet;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smol_str::SmolStr;

use super::StoredEntity;
use crate::{
    entity::{Entity, Key, Members, Prehashed, Probe},
    error::CedarError,
};

/// How many different sets are remembered: enough for those that many entities have (roles, tags, regions).
const MOST_SETS: usize = 4_096;

/// Reads stored entities, holding once what many of them say: types, uids and small sets. Runs on the
/// [pool](crate::CedarPool).
#[derive(Debug, Default)]
pub struct EntityReader {
    types: HashMap<SmolStr, EntityType>,
    keys: HashSet<Key, Prehashed>,
    references: std::collections::HashSet<Arc<EntityUID>>,
    sets: BTreeSet<Value>,
}

impl EntityReader {
    /// Reads the canonical text of one entity.
    ///
    /// # Errors
    /// [`CedarError::Unreadable`] for a text that [`StoredEntity::body`] does not write.
    pub fn read(&mut self, body: &str) -> Result<StoredEntity, CedarError> {
        let mut json = serde_json::Deserializer::from_str(body);
        let entity = Whole(self).deserialize(&mut json).and_then(|entity| json.end().map(|()| entity));
        entity
            .map(|entity| StoredEntity(Arc::new(entity)))
            .map_err(|error| CedarError::Unreadable(format!("a stored entity: {error}")))
    }

    fn uid(&mut self, TypeAndId { type_name, id }: &TypeAndId) -> Result<EntityUID, String> {
        let entity_type = if let Some(known) = self.types.get(type_name) {
            known.clone()
        } else {
            let name = Name::from_normalized_str(type_name).map_err(|error| error.to_string())?;
            let fresh = EntityType::from(name).with_loc(None);
            self.types.insert(type_name.clone(), fresh.clone());
            fresh
        };
        Ok(EntityUID::from_components(entity_type, Eid::new(id.clone()), None))
    }

    /// A uid as a value.
    fn reference(&mut self, parts: &TypeAndId) -> Result<Value, String> {
        let uid = self.uid(parts)?;
        if let Some(known) = self.references.get(&uid) {
            return Ok(Value::from(Arc::clone(known)));
        }
        let uid = Arc::new(uid);
        self.references.insert(Arc::clone(&uid));
        Ok(Value::from(uid))
    }

    fn set(&mut self, items: Vec<Value>) -> Value {
        let set = Value::set(items, None);
        // Of literals alone: extension values that are equal may still be written in two ways.
        if !matches!(set.value_kind(), ValueKind::Set(set) if set.fast.is_some()) {
            return set;
        }
        if let Some(known) = self.sets.get(&set) {
            return known.clone();
        }
        if self.sets.len() < MOST_SETS {
            self.sets.insert(set.clone());
        }
        set
    }

    fn key(&mut self, parts: &TypeAndId) -> Result<Key, String> {
        let uid = self.uid(parts)?;
        if let Some(known) = self.keys.get(&Probe::of(&uid)) {
            return Ok(known.clone());
        }
        let key = Key::new(uid);
        self.keys.insert(key.clone());
        Ok(key)
    }
}

/// Declares a reader of one JSON form: what it expects, and which values it takes.
macro_rules! reader {
    ($(#[$doc:meta])* $name:ident => $output:ty, $expected:literal, $($visit:item)+) => {
        $(#[$doc])*
        struct $name<'r>(&'r mut EntityReader);

        impl<'de> DeserializeSeed<'de> for $name<'_> {
            type Value = $output;

            fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<$output, D::Error> {
                json.deserialize_any(self)
            }
        }

        impl<'de> Visitor<'de> for $name<'_> {
            type Value = $output;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expected)
            }

            $($visit)+
        }
    };
}

reader! {
    /// An entity.
    Whole => Entity, "an entity",
    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Entity, A::Error> {
        let (mut key, mut parents, mut attrs, mut tags) = (None, None, None, None);
        while let Some(name) = json.next_key_seed(Text)? {
            match name.as_str() {
                "uid" if key.is_none() => key = Some(json.next_value_seed(OneKey(self.0))?),
                "parents" if parents.is_none() => parents = Some(json.next_value_seed(Keys(self.0))?),
                "attrs" if attrs.is_none() => attrs = Some(json.next_value_seed(NamedValues(self.0))?),
                "tags" if tags.is_none() => tags = Some(json.next_value_seed(NamedValues(self.0))?),
                other => return Err(A::Error::custom(format!("the member {other}"))),
            }
        }
        let missing = |name| A::Error::missing_field(name);
        Ok(Entity {
            key: key.ok_or_else(|| missing("uid"))?,
            parents: parents.ok_or_else(|| missing("parents"))?,
            attrs: attrs.ok_or_else(|| missing("attrs"))?,
            tags: tags.unwrap_or_default(),
        })
    }
}

/// A text.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = SmolStr;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<SmolStr, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Text {
    type Value = SmolStr;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<SmolStr, E> {
        Ok(SmolStr::new(text))
    }
}

/// The two parts of a uid.
struct TypeAndId {
    type_name: SmolStr,
    id: SmolStr,
}

/// A uid as its two parts.
struct Parts;

impl<'de> DeserializeSeed<'de> for Parts {
    type Value = TypeAndId;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<TypeAndId, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Parts {
    type Value = TypeAndId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a uid")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<TypeAndId, A::Error> {
        let (mut type_name, mut id) = (None, None);
        while let Some(name) = json.next_key_seed(Text)? {
            match name.as_str() {
                "type" if type_name.is_none() => type_name = Some(json.next_value_seed(Text)?),
                "id" if id.is_none() => id = Some(json.next_value_seed(Text)?),
                other => return Err(A::Error::custom(format!("the member {other} in a uid"))),
            }
        }
        match (type_name, id) {
            (Some(type_name), Some(id)) => Ok(TypeAndId { type_name, id }),
            _ => Err(A::Error::custom("a uid without its two parts")),
        }
    }
}

reader! {
    /// A uid.
    OneKey => Key, "a uid",
    fn visit_map<A: MapAccess<'de>>(self, json: A) -> Result<Key, A::Error> {
        let parts = Parts.visit_map(json)?;
        self.0.key(&parts).map_err(A::Error::custom)
    }
}

reader! {
    /// Uids.
    Keys => Box<[Key]>, "a list of uids",
    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Box<[Key]>, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = json.next_element_seed(OneKey(self.0))? {
            keys.push(key);
        }
        Ok(keys.into())
    }
}

reader! {
    /// Values by name. Here no name is an escape.
    NamedValues => Members, "values by name",
    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Members, A::Error> {
        let mut members: Vec<(SmolStr, Value)> = Vec::new();
        while let Some(name) = json.next_key_seed(Text)? {
            members.push((name, json.next_value_seed(OneValue(self.0))?));
        }
        // RFC 8785 sorts by UTF-16, maps of values by UTF-8.
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        if members.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
            return Err(A::Error::custom("a name stands twice"));
        }
        Ok(members.into())
    }
}

reader! {
    /// A value.
    OneValue => Value, "a Cedar value",
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map(Value::from).map_err(E::custom)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut json: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = json.next_element_seed(OneValue(self.0))? {
            items.push(item);
        }
        Ok(self.0.set(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut json: A) -> Result<Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some(name) = json.next_key_seed(Text)? {
            let escaped = match name.as_str() {
                "__entity" => {
                    let parts = json.next_value_seed(Parts)?;
                    Some(self.0.reference(&parts).map_err(A::Error::custom)?)
                }
                "__extn" => Some(extension(&json.next_value()?).map_err(A::Error::custom)?),
                LONG_KEY => {
                    let digits = json.next_value_seed(Text)?;
                    Some(Value::from(digits.parse::<i64>().map_err(A::Error::custom)?))
                }
                _ => None,
            };
            if let Some(value) = escaped {
                // No record has a member of such a name, so the escape stands alone.
                if members.is_empty() && json.next_key::<IgnoredAny>()?.is_none() {
                    return Ok(value);
                }
                return Err(A::Error::custom(format!("{name} beside another member")));
            }
            if members.insert(name, json.next_value_seed(OneValue(self.0))?).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::record_arc(Arc::new(members), None))
    }
}

/// What an extension function makes of its arguments.
fn extension(call: &serde_json::Value) -> Result<Value, String> {
    let call = unescape_longs(&serde_json::json!({ "__extn": call }));
    let json: CedarValueJson = serde_json::from_value(call).map_err(|error| error.to_string())?;
    let expression = json.into_expr(&|| JsonDeserializationErrorContext::Unknown).map_err(|error| error.to_string())?;
    let evaluator = RestrictedEvaluator::new(Extensions::all_available());
    let value = evaluator.interpret(expression.as_borrowed()).map_err(|error| error.to_string())?;
    Ok(value.with_maybe_source_loc(None))
}
