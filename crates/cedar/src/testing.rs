//! What the tests share: a pool, since Cedar must not run on a test thread either, and pinned versions.

pub(crate) mod generate;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use cedarkeep_model::{ForbidErrorRule, Origin, PolicyId};
use serde_json::{Value, json};

use crate::{
    CedarError, CedarPool, Change, CompiledSet, Compiler, Decision, DecisionRequest, DenyReason, Determining,
    EntityStore, EvaluateError, Facts, Given, Ground, InlineEntities, Passing, Pinned, PolicyError, Schema,
    SlotDecision, entity::Entity, load_schema, read_policy, read_schema, read_stored,
};

static POOL: LazyLock<CedarPool> = LazyLock::new(|| CedarPool::new(2).unwrap());

/// Runs a test on the pool and fails here with what failed there.
pub(crate) fn on_pool<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let caught = move || {
        catch_unwind(AssertUnwindSafe(test)).map_err(|payload| match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => format!("{:?}", payload.downcast::<&str>()),
        })
    };
    POOL.run_blocking(caught).unwrap().unwrap_or_else(|message| panic!("{message}"))
}

pub(crate) fn pinned_text(number: u32, text: &str) -> Pinned {
    pinned(number, Given::Text(text))
}

pub(crate) fn pinned_json(number: u32, value: &Value) -> Pinned {
    pinned(number, Given::Json(value))
}

fn pinned(number: u32, given: Given<'_>) -> Pinned {
    let content = read_policy(given).unwrap();
    assert_eq!(content.origin, if matches!(given, Given::Text(_)) { Origin::Text } else { Origin::Json });
    Pinned {
        policy_id: policy_id(number),
        policy_version_id: format!("0198c0de-0001-7000-8000-{number:012}").parse().unwrap(),
        name: format!("policy {number}"),
        origin: content.origin,
        cedar_raw: content.cedar_raw,
        cedar_json: content.cedar_json,
        sha: content.sha,
    }
}

pub(crate) fn policy_id(number: u32) -> PolicyId {
    format!("0198c0de-0000-7000-8000-{number:012}").parse().unwrap()
}

pub(crate) fn schema(text: &str) -> Schema {
    let content = read_schema(Given::Text(text)).unwrap();
    load_schema(&content.cedar_schema_json, content.schema_sha).unwrap()
}

/// Compiles versions with a compiler that checks no decision by itself.
pub(crate) fn compiled(pinned: &[Pinned], schema: Schema) -> Result<CompiledSet, CedarError> {
    Compiler::new(0).compile(pinned, schema)
}

/// Compiles texts as the policies 1, 2, ….
pub(crate) fn set(schema_text: &str, policies: &[&str]) -> CompiledSet {
    let pinned: Vec<Pinned> = (1..).zip(policies).map(|(number, text)| pinned_text(number, text)).collect();
    compiled(&pinned, schema(schema_text)).unwrap()
}

/// A zone's entities.
pub(crate) fn store_of(entities: &[Value], schema: &Schema) -> Arc<EntityStore> {
    let read = read_stored(entities, schema, false).unwrap();
    let changes = read.into_iter().map(|given| Change::Upsert(given.entity)).collect();
    Arc::new(EntityStore::default().with(changes).unwrap())
}

/// A question to a set, with everything that it depends on.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) request: DecisionRequest,
    pub(crate) entities: Value,
    /// What the zone holds.
    pub(crate) store: Arc<EntityStore>,
    pub(crate) validate: bool,
    pub(crate) rule: ForbidErrorRule,
}

/// A decision with its explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explained {
    pub(crate) decision: Decision,
    pub(crate) reason: Option<DenyReason>,
    pub(crate) determining_policies: Vec<Determining>,
    pub(crate) errors: Vec<PolicyError>,
}

impl Question {
    /// Checked against the schema, with this server's rule for a `forbid` that fails.
    pub(crate) fn new(principal: &str, action: &str, resource: &str, context: Value) -> Self {
        let uid = |text: &str| text.parse().unwrap();
        let request =
            DecisionRequest { principal: uid(principal), action: uid(action), resource: uid(resource), context };
        Self { request, entities: json!([]), store: Arc::default(), validate: true, rule: ForbidErrorRule::Deny }
    }

    fn ground(&self, set: &CompiledSet) -> Ground {
        Ground {
            schema: set.schema().clone(),
            store: Arc::clone(&self.store),
            validate: self.validate,
            replaces: false,
        }
    }

    /// Reads its entities in every way there is; they agree.
    pub(crate) fn read_entities(&self, set: &CompiledSet) -> Result<InlineEntities, EvaluateError> {
        let ground = self.ground(set);
        let read = ground.read_entities(&self.entities)?;
        if let Some(here) = ground.read_entities_here(&self.entities) {
            // Cedar keeps parents in no order.
            let sorted = |entity: &Entity| {
                let mut entity = entity.clone();
                entity.parents.sort_by(|a, b| a.uid().cmp(b.uid()));
                entity
            };
            assert_eq!(here.all().len(), read.all().len(), "{self:?}");
            for (key, entity) in here.all() {
                assert_eq!(read.all().get(key).map(sorted), Some(sorted(entity)), "{self:?}");
            }
        }
        Ok(read)
    }

    /// Reads it in every way there is; they agree.
    pub(crate) fn facts_among(&self, set: &CompiledSet, entities: &InlineEntities) -> Result<Facts, EvaluateError> {
        let ground = self.ground(set);
        let facts = ground.read(&self.request, entities)?;
        if let Some(here) = ground.read_here(&self.request, entities) {
            assert_eq!(here.context, facts.context, "{self:?}");
        }
        Ok(facts)
    }

    /// With its own entities.
    pub(crate) fn facts(&self, set: &CompiledSet) -> Result<Facts, EvaluateError> {
        self.facts_among(set, &self.read_entities(set)?)
    }

    /// Decides in every way there is: in passing, on the pool, plainly. They agree.
    pub(crate) fn decide(&self, set: &CompiledSet, facts: &Facts) -> Result<Explained, EvaluateError> {
        let decided = set.decide(facts, self.rule)?;
        assert_eq!(decided, set.decide_plainly(facts, self.rule)?, "{self:?}");
        if let Passing::Decided(passing, _) = set.decide_in_passing(facts, self.rule) {
            assert_eq!(passing, decided, "{self:?}");
        }
        let (determining_policies, errors) = set.explain(&decided);
        let SlotDecision { decision, reason, .. } = decided;
        Ok(Explained { decision, reason, determining_policies, errors })
    }

    /// Reads and decides in every way there is.
    pub(crate) fn ask(&self, set: &CompiledSet) -> Result<Explained, EvaluateError> {
        self.decide(set, &self.facts(set)?)
    }
}
