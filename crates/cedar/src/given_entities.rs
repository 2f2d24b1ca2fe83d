//! Entities that are put into a zone.
//!
//! They are read, and checked against a schema, by Cedar, so that what is wrong is told in Cedar's words. What is kept is
//! not what came but what Cedar read, in its canonical text; and that text is read back here, before it is kept, the way
//! it will be read back later.

use cedar_policy::Entities;
use cedar_policy_core::{
    entities::{EntityJsonParser, TCComputation, err::EntitiesError},
    extensions::Extensions,
    validator::CoreSchema,
};
use cedarkeep_model::{LONG_KEY, has_reserved_key};
use serde_json::Value;

use crate::{
    entities::Links,
    entity::Entity,
    error::{CedarError, EvaluateError, Finding},
    guard_json,
    schema::Schema,
    stored_entity::{EntityReader, StoredEntity, canonical, json_of},
    uid::Uid,
};

/// The longest name of an entity's type, in bytes, its namespace included.
pub const MAX_ENTITY_TYPE_BYTES: usize = 512;

/// The longest id of an entity, in bytes.
pub const MAX_ENTITY_ID_BYTES: usize = 1_024;

/// The longest canonical text of an entity, in bytes.
pub const MAX_ENTITY_BYTES: usize = 256 << 10;

/// The most values (strings, numbers, lists, records, …) of an entity.
pub const MAX_ENTITY_VALUES: u64 = 10_000;

/// What an entity consists of. Cedar itself does not mind other members.
const MEMBERS: [&str; 4] = ["uid", "attrs", "parents", "tags"];

/// An entity that may be kept.
#[derive(Debug, Clone)]
pub struct GivenEntity {
    /// It.
    pub entity: StoredEntity,
    /// Its canonical text.
    pub body: String,
}

/// Reads Cedar entity JSON, one entity a value. Runs on the [pool](crate::CedarPool).
///
/// With `validate` they must fit the schema. Action entities are good only if they are exactly those of the schema,
/// validated or not; they are never kept, since decisions take them from the schema, and so they are left out of the
/// result. Neither uids that stand twice nor the hierarchy are looked at: that takes all entities there are.
///
/// # Errors
/// The first entity that cannot be kept, by its uid.
pub fn read_stored(values: &[Value], schema: &Schema, validate: bool) -> Result<Vec<GivenEntity>, EvaluateError> {
    let core = CoreSchema::new(schema.cedar().as_ref());
    let core = validate.then_some(&core);
    let cedar = EntityJsonParser::new(core, Extensions::all_available(), TCComputation::AssumeAlreadyComputed);
    let mut own = EntityReader::default();
    let (mut read, mut actions) = (Vec::with_capacity(values.len()), Vec::new());
    for value in values {
        let uid = check(value)?;
        if uid.is_action() {
            actions.push(value.clone());
            continue;
        }
        let entity = cedar.single_from_json_value(value.clone()).map_err(|error| named(&uid, refused(error)))?;
        let given = Entity::of(&entity)
            .ok_or_else(|| wrong(&uid, "it holds a value that is not known"))
            .and_then(|entity| kept(&mut own, &entity).map_err(|error| wrong(&uid, error)))?;
        read.push(given);
    }
    if !actions.is_empty() {
        // Cedar compares given actions with the schema's.
        Entities::from_json_value(Value::Array(actions), Some(schema.cedar())).map_err(refused)?;
    }
    Ok(read)
}

/// Measures an entity before Cedar reads it.
fn check(value: &Value) -> Result<Uid, EvaluateError> {
    guard_json::check_entity(value)?;
    let Links { uid, .. } = Links::of(value)?;
    let mut names = value.as_object().into_iter().flat_map(serde_json::Map::keys);
    if let Some(name) = names.find(|name| !MEMBERS.contains(&name.as_str())) {
        let known = MEMBERS.map(|name| format!("`{name}`")).join(", ");
        return Err(wrong(&uid, format_args!("unknown member `{name}`; an entity has {known}")));
    }
    let (type_bytes, id_bytes) = (uid.type_name().len(), uid.id().len());
    if type_bytes > MAX_ENTITY_TYPE_BYTES || id_bytes > MAX_ENTITY_ID_BYTES {
        let most = format!("at most {MAX_ENTITY_TYPE_BYTES} bytes and an id of at most {MAX_ENTITY_ID_BYTES}");
        return Err(EvaluateError::invalid(format!(
            "an entity has a type of {most}, here {type_bytes} and {id_bytes}"
        )));
    }
    if uid.id().contains('\0') {
        return Err(wrong(&uid, "an id that is kept has no NUL character"));
    }
    if has_reserved_key(value) {
        return Err(wrong(&uid, format_args!("the key `{LONG_KEY}` is reserved: rename the attribute, tag or member")));
    }
    Ok(uid)
}

/// The entity as it will be read back, which must be the same.
fn kept(reader: &mut EntityReader, entity: &Entity) -> Result<GivenEntity, CedarError> {
    let json = json_of(entity)?;
    // What was implicit under a schema lies deeper now.
    guard_json::check_depth(&json)?;
    let body = canonical(&json)?;
    if body.len() > MAX_ENTITY_BYTES {
        return Err(CedarError::TooLarge(format!("{} bytes; an entity has at most {MAX_ENTITY_BYTES}", body.len())));
    }
    let read = reader.read(&body)?;
    if !read.0.same_as(entity) {
        return Err(CedarError::Unreadable("it does not read back the same".to_owned()));
    }
    Ok(GivenEntity { entity: read, body })
}

fn wrong(uid: &Uid, what: impl std::fmt::Display) -> EvaluateError {
    EvaluateError::invalid(format!("{uid}: {what}"))
}

/// The same, beginning with the uid where it does not name it.
fn named(uid: &Uid, error: EvaluateError) -> EvaluateError {
    let named = uid.to_string();
    match error {
        EvaluateError::InvalidRequest(findings) if findings.iter().all(|finding| !finding.message.contains(&named)) => {
            let named = |finding: Finding| Finding { message: format!("{named}: {}", finding.message), ..finding };
            EvaluateError::InvalidRequest(findings.into_iter().map(named).collect())
        }
        other => other,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn refused(error: EntitiesError) -> EvaluateError {
    EvaluateError::InvalidRequest(vec![Finding::from_cedar(&error, None)])
}

#[cfg(test)]
mod tests;
