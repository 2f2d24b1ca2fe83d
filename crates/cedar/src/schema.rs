//! Schemas: reading what a client publishes, and loading what is stored.

use std::sync::{Arc, OnceLock, Weak};

use cedar_policy::{Entities, SchemaFragment, Validator};
use cedarkeep_model::{Digest, canonical_digest, json};
use serde_json::Value;

use crate::{
    content::Given,
    entity::{Entity, Probe},
    error::{CedarError, Finding},
    facts::Inline,
    guard_json, guard_schema,
    shape::Shapes,
};

/// The largest schema, in bytes of text or of compact JSON.
pub const MAX_SCHEMA_BYTES: usize = 1 << 20;

/// A schema ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaContent {
    /// The text as it came, or printed for one that came as JSON.
    pub cedar_schema: String,
    /// The Cedar schema JSON. It is stored and never derived again: the digest is over it.
    pub cedar_schema_json: String,
    /// SHA-256 over its canonical form.
    pub schema_sha: Digest,
}

/// A schema ready to validate and to evaluate with. A clone is cheap and shares it.
#[derive(Debug, Clone)]
pub struct Schema(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    validator: Validator,
    actions: Entities,
    by_key: OnceLock<Inline>,
    sha: Digest,
    bytes: usize,
    work_a_byte: u64,
    shapes: OnceLock<Shapes>,
}

/// A schema as long as somebody uses it.
#[derive(Debug)]
pub(crate) struct WeakSchema(Weak<Inner>);

impl WeakSchema {
    pub(crate) fn upgrade(&self) -> Option<Schema> {
        self.0.upgrade().map(Schema)
    }
}

impl Schema {
    pub(crate) fn downgrade(&self) -> WeakSchema {
        WeakSchema(Arc::downgrade(&self.0))
    }

    /// Whether it is the same copy of a schema.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The digest of its JSON.
    #[must_use]
    pub fn sha(&self) -> Digest {
        self.0.sha
    }

    pub(crate) fn cedar(&self) -> &cedar_policy::Schema {
        self.0.validator.schema()
    }

    pub(crate) fn validator(&self) -> &Validator {
        &self.0.validator
    }

    /// The action entities with their hierarchy.
    pub(crate) fn actions(&self) -> &Entities {
        &self.0.actions
    }

    /// An action entity, as decisions read it.
    pub(crate) fn action(&self, action: Probe<'_>) -> Option<&Entity> {
        let read = || {
            let cedar: &cedar_policy_core::entities::Entities = self.0.actions.as_ref();
            cedar.iter().filter_map(Entity::of).map(|entity| (entity.key.clone(), entity)).collect()
        };
        self.0.by_key.get_or_init(read).get(&action)
    }

    /// What contexts and entities must be.
    pub(crate) fn shapes(&self) -> &Shapes {
        self.0.shapes.get_or_init(|| Shapes::of(self.cedar().as_ref()))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// How much work it is to validate one byte of policy.
    pub(crate) fn work_a_byte(&self) -> u64 {
        self.0.work_a_byte
    }
}

/// Reads a schema that a client publishes. Runs on the [pool](crate::CedarPool). Warnings of Cedar (a name that
/// shadows another) do not stop it.
pub fn read_schema(given: Given<'_>) -> Result<SchemaContent, CedarError> {
    let (cedar_schema, value) = match given {
        Given::Text(text) => {
            let value = fragment_of(text)?
                .to_json_value()
                .map_err(|error| CedarError::invalid(Finding::from_cedar(&error, None)))?;
            (text.to_owned(), value)
        }
        Given::Json(value) => {
            check(value)?;
            let fragment = SchemaFragment::from_json_value(value.clone())
                .map_err(|error| CedarError::invalid(Finding::from_cedar(&error, None)))?;
            let text = fragment.to_cedarschema().map_err(|error| {
                let message = format!("this schema has no form as Cedar text, send it as text: {error}");
                CedarError::invalid(Finding::new(message))
            })?;
            (text, value.clone())
        }
    };
    let schema_sha = digest(&value)?;
    let cedar_schema_json = value.to_string();
    load_schema(&cedar_schema_json, schema_sha)?;
    Ok(SchemaContent { cedar_schema, cedar_schema_json, schema_sha })
}

/// Loads a stored schema, checking that it still is what was published. Runs on the [pool](crate::CedarPool).
pub fn load_schema(cedar_schema_json: &str, expected: Digest) -> Result<Schema, CedarError> {
    let value = json::parse(cedar_schema_json.as_bytes()).map_err(|error| CedarError::Unreadable(error.to_string()))?;
    let found = digest(&value)?;
    if found != expected {
        return Err(CedarError::DigestMismatch { expected, found });
    }
    let work_a_byte = check(&value)?;
    let schema = cedar_policy::Schema::from_json_value(value)
        .map_err(|error| CedarError::invalid(Finding::from_cedar(&error, None)))?;
    if !schema.is_complete() {
        let message = "the schema has `external` declarations; declare every name in it";
        return Err(CedarError::invalid(Finding::new(message)));
    }
    if schema.entity_types().next().is_none() && schema.actions().next().is_none() {
        return Err(CedarError::invalid(Finding::new("the schema declares neither an entity type nor an action")));
    }
    let actions = schema.action_entities().map_err(|error| CedarError::invalid(Finding::from_cedar(&error, None)))?;
    let bytes = cedar_schema_json.len();
    Ok(Schema(Arc::new(Inner {
        validator: Validator::new(schema),
        actions,
        by_key: OnceLock::new(),
        sha: found,
        bytes,
        work_a_byte,
        shapes: OnceLock::new(),
    })))
}

fn fragment_of(text: &str) -> Result<SchemaFragment, CedarError> {
    if text.len() > MAX_SCHEMA_BYTES {
        return Err(too_large(text.len()));
    }
    guard_schema::check_text(text)?;
    match SchemaFragment::from_cedarschema_str(text) {
        // The warnings are dropped one by one before the text they borrow.
        Ok((fragment, warnings)) => {
            drop(warnings);
            Ok(fragment)
        }
        Err(error) => Err(CedarError::invalid(Finding::from_cedar(&error, Some(text)))),
    }
}

fn check(value: &Value) -> Result<u64, CedarError> {
    guard_json::check_depth(value)?;
    let length = value.to_string().len();
    if length > MAX_SCHEMA_BYTES {
        return Err(too_large(length));
    }
    guard_schema::check_json(value)
}

fn digest(value: &Value) -> Result<Digest, CedarError> {
    canonical_digest(value).map_err(|error| CedarError::Unreadable(error.to_string()))
}

fn too_large(bytes: usize) -> CedarError {
    CedarError::TooLarge(format!("{bytes} bytes of schema; at most {MAX_SCHEMA_BYTES} are read"))
}

#[cfg(test)]
mod tests;
