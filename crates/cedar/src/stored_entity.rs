//! Entities in the form in which a zone keeps them: one canonical text each.
//!
//! The text is Cedar's own entity JSON with nothing left implicit, so that it means the same without a schema, in the
//! canonical form of RFC 8785 with large integers as [`escape_longs`] writes them. Equal entities have equal texts.

mod read;

use std::sync::Arc;

use cedar_policy_core::{
    ast::{EntityUID, Value as CedarValue},
    entities::CedarValueJson,
};
use cedarkeep_model::{canonical_bytes, escape_longs};
use serde_json::{Map, Value, json};

pub use self::read::EntityReader;
use crate::{
    entity::{Entity, Key, Members},
    error::CedarError,
    uid::Uid,
};

/// An entity, ready to decide by. A clone is cheap and shares it.
#[derive(Debug, Clone)]
pub struct StoredEntity(pub(crate) Arc<Entity>);

impl StoredEntity {
    /// Its uid.
    #[must_use]
    pub fn uid(&self) -> Uid {
        Uid::from(cedar_policy::EntityUid::from(self.0.key.uid().clone()))
    }

    /// Its canonical text.
    ///
    /// # Errors
    /// When it holds what has no form as JSON: a record with a member named like one of Cedar's escapes.
    pub fn body(&self) -> Result<String, CedarError> {
        canonical(&json_of(&self.0)?)
    }
}

/// The canonical text of Cedar's entity JSON.
pub(crate) fn canonical(json: &Value) -> Result<String, CedarError> {
    String::from_utf8(canonical_bytes(&escape_longs(json)).map_err(unprintable)?).map_err(unprintable)
}

/// Cedar's entity JSON, parents in order of their uids.
pub(crate) fn json_of(entity: &Entity) -> Result<Value, CedarError> {
    let mut parents: Vec<&EntityUID> = entity.parents.iter().map(Key::uid).collect();
    parents.sort_unstable();
    let parents: Vec<Value> = parents.into_iter().map(uid_json).collect();
    let mut json = Map::new();
    json.insert("uid".to_owned(), uid_json(entity.key.uid()));
    json.insert("attrs".to_owned(), members_json(&entity.attrs)?);
    json.insert("parents".to_owned(), Value::Array(parents));
    if !entity.tags.is_empty() {
        json.insert("tags".to_owned(), members_json(&entity.tags)?);
    }
    Ok(Value::Object(json))
}

fn uid_json(uid: &EntityUID) -> Value {
    json!({"type": uid.entity_type().to_string(), "id": AsRef::<str>::as_ref(uid.eid())})
}

fn members_json(members: &Members) -> Result<Value, CedarError> {
    members.iter().map(|(name, value)| Ok((name.to_string(), value_json(value)?))).collect()
}

fn value_json(value: &CedarValue) -> Result<Value, CedarError> {
    let json = CedarValueJson::from_value(value.clone()).map_err(unprintable)?;
    serde_json::to_value(json).map_err(unprintable)
}

fn unprintable(error: impl std::fmt::Display) -> CedarError {
    CedarError::Unreadable(error.to_string())
}
