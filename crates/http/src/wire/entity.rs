//! The entities of a zone, as Cedar entity JSON.

use std::borrow::Cow;

use cedarkeep_model::{EntityRecord, LONG_KEY, unescape_longs};
use cedarkeep_service::{EntitiesChanged as Changed, PutMode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Array, RefOr, Schema, schema::Type::Object},
};

use super::kinds::{EntityUid, bare, kind, members, reference};
use crate::{body::RequestBody, failure::Failure};

kind!(
    /// An entity.
    Entity => members(
        "An entity in Cedar's entity JSON, with every entity reference and extension value spelled out.",
        vec![
            ("uid", reference::<EntityUid>(), "Its uid: `type` and `id`."),
            ("attrs", bare(Object), "Its attributes."),
            ("parents", Schema::Array(Array::new(bare(Object))).into(), "The uids of its parents."),
            ("tags?", bare(Object), "Its tags."),
        ],
    )
);

/// An entity as it goes out: large integers are plain integers again.
pub(crate) fn entity_json(record: EntityRecord) -> Result<Box<RawValue>, Failure> {
    if !record.body.contains(LONG_KEY) {
        return super::raw(record.body);
    }
    let escaped: Value = serde_json::from_str(&record.body).map_err(|_| Failure::internal())?;
    super::raw(unescape_longs(&escaped).to_string())
}

/// Entities to be put.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "mode": "upsert",
    "entities": [
        {"uid": {"type": "User", "id": "alice"}, "attrs": {}, "parents": [{"type": "Team", "id": "sales"}]},
        {"uid": {"type": "Team", "id": "sales"}, "attrs": {}, "parents": []}
    ]
}))]
pub(crate) struct EntitiesPut {
    /// `upsert` (when left out): entities that are not named stay as they are. `replace`: they are deleted.
    #[serde(default, deserialize_with = "crate::wire::present")]
    #[schema(nullable = false)]
    mode: Option<EntitiesMode>,
    /// Up to 10,000 entities in Cedar's entity JSON; none may stand twice.
    #[schema(value_type = Vec<Entity>, max_items = 10_000)]
    entities: Vec<Value>,
}

/// What becomes of entities that are not named.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EntitiesMode {
    Upsert,
    Replace,
}

impl RequestBody for EntitiesPut {
    const LARGE: bool = true;
}

impl EntitiesPut {
    pub(crate) fn given(self) -> (PutMode, Vec<Value>) {
        let mode = match self.mode {
            None | Some(EntitiesMode::Upsert) => PutMode::Upsert,
            Some(EntitiesMode::Replace) => PutMode::Replace,
        };
        (mode, self.entities)
    }
}

/// An entity to be put.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"attrs": {}, "parents": [{"type": "Team", "id": "sales"}]}))]
pub(crate) struct EntityPut {
    /// The one in the path, if any.
    #[schema(value_type = Option<EntityUid>, nullable = false)]
    #[serde(default, deserialize_with = "crate::wire::present")]
    uid: Option<Value>,
    /// Its attributes.
    attrs: Map<String, Value>,
    /// The uids of its parents.
    #[schema(value_type = Vec<EntityUid>)]
    parents: Vec<Value>,
    /// Its tags.
    #[serde(default, deserialize_with = "crate::wire::present")]
    #[schema(nullable = false)]
    tags: Option<Map<String, Value>>,
}

impl RequestBody for EntityPut {}

impl EntityPut {
    /// Cedar's entity JSON.
    pub(crate) fn given(self) -> Value {
        let Self { uid, attrs, parents, tags } = self;
        let mut entity = Map::new();
        entity.extend(uid.map(|uid| ("uid".to_owned(), uid)));
        entity.insert("attrs".to_owned(), Value::Object(attrs));
        entity.insert("parents".to_owned(), Value::Array(parents));
        entity.extend(tags.map(|tags| ("tags".to_owned(), Value::Object(tags))));
        Value::Object(entity)
    }
}

/// What a change of entities came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntitiesChanged {
    /// How many are new, or other than before.
    upserted: u64,
    /// How many are gone.
    deleted: u64,
    /// How many of those given were there already, just so.
    unchanged: u64,
    /// How many the zone has now.
    total: u64,
    /// The zone's revision from which on decisions see it.
    revision: u64,
}

impl From<Changed> for EntitiesChanged {
    fn from(changed: Changed) -> Self {
        let Changed { upserted, deleted, unchanged, total, revision, .. } = changed;
        Self { upserted, deleted, unchanged, total, revision }
    }
}
