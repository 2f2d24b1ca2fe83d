//! A policy set ready to decide.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use cedar_policy_core::ast::{PolicyID, PolicySet};
use cedarkeep_model::{Digest, PolicyId, PolicyVersionId};

use crate::{
    content::Pinned,
    error::CedarError,
    evaluate::Effect,
    index::{Index, StatementNumber},
    schema::{Schema, WeakSchema, load_schema},
    unit::{Statement, Unit, Units},
};

/// What the member table and the index keep for a statement, and the plain policy set from the first check on, measured
/// in the same way as what a unit keeps.
const BYTES_A_MEMBER: usize = 1_750;

/// A plain evaluation visits every policy; of sets beyond this size fewer decisions are checked by one, so that the
/// checks of any set cost about as much of each decision.
const CHECKED_FULLY: u64 = 100;

/// The policies of a set version's manifest and the schema that the version pins, indexed and ready to decide.
#[derive(Debug)]
pub struct CompiledSet {
    pub(crate) schema: Schema,
    pub(crate) index: Index,
    /// By number.
    members: Vec<Member>,
    /// Kept alive for the sets to come.
    _units: Vec<Arc<Unit>>,
    /// How many entities an evaluation can look up one behind the other.
    pub(crate) hops: u32,
    has_permit: bool,
    open: usize,
    bytes: usize,
    plain: OnceLock<PolicySet>,
    distrusted: AtomicBool,
    decisions: AtomicU64,
    check_every: u64,
}

/// One statement that can decide, and the version that it is of.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) policy_id: PolicyId,
    pub(crate) policy_version_id: PolicyVersionId,
    pub(crate) name: Arc<str>,
    pub(crate) statement: Arc<Statement>,
}

/// Compiles sets and remembers, as long as any of them lives, what it has read: a set that shares policies with another
/// costs little more than those that differ.
#[derive(Debug)]
pub struct Compiler {
    units: Units,
    schemas: Mutex<HashMap<Digest, WeakSchema>>,
    /// The schemas that were asked for last, the latest first.
    recent: Mutex<VecDeque<Schema>>,
    check_every: u64,
}

/// So many schemas stay although nothing may be using them: publishing asks for one with each version, and reading it
/// anew would be an eighth of that work.
const RECENT: usize = 4;

impl Compiler {
    /// Of so many decisions one is checked by a plain evaluation, of a large set fewer; 0 for none.
    #[must_use]
    pub fn new(check_every: u64) -> Self {
        Self { units: Units::default(), schemas: Mutex::default(), recent: Mutex::default(), check_every }
    }

    /// Loads a stored schema, or shares the one that was loaded from the same bytes and is in use. Runs on the
    /// [pool](crate::CedarPool).
    ///
    /// # Errors
    /// As [`load_schema`].
    pub fn schema(&self, cedar_schema_json: &str, expected: Digest) -> Result<Schema, CedarError> {
        let content = Digest::of_parts([expected.bytes().as_slice(), cedar_schema_json.as_bytes()]);
        let known = self.schemas().get(&content).and_then(WeakSchema::upgrade);
        let schema = match known {
            Some(schema) => schema,
            None => self.load(cedar_schema_json, expected, content)?,
        };
        self.keep(&schema);
        Ok(schema)
    }

    fn load(&self, cedar_schema_json: &str, expected: Digest, content: Digest) -> Result<Schema, CedarError> {
        let schema = load_schema(cedar_schema_json, expected)?;
        let mut schemas = self.schemas();
        schemas.retain(|_, schema| schema.upgrade().is_some());
        schemas.insert(content, schema.downgrade());
        Ok(schema)
    }

    fn keep(&self, schema: &Schema) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|other| !other.is(schema));
        recent.push_front(schema.clone());
        recent.truncate(RECENT);
    }

    fn schemas(&self) -> MutexGuard<'_, HashMap<Digest, WeakSchema>> {
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn unit(&self, pinned: &Pinned) -> Result<Arc<Unit>, CedarError> {
        self.units.get(pinned)
    }

    /// Compiles a manifest's policies. Runs on the [pool](crate::CedarPool).
    ///
    /// Each version is read from the form it came in and its content digest is recomputed: what does not have the
    /// digest that the manifest names never decides.
    pub fn compile(&self, policies: &[Pinned], schema: Schema) -> Result<CompiledSet, CedarError> {
        let units = policies.iter().map(|pinned| self.unit(pinned)).collect::<Result<Vec<_>, _>>()?;
        let mut members = Vec::new();
        for (pinned, unit) in policies.iter().zip(&units) {
            let name: Arc<str> = pinned.name.as_str().into();
            members.extend(unit.statements.iter().map(|statement| Member {
                policy_id: pinned.policy_id,
                policy_version_id: pinned.policy_version_id,
                name: Arc::clone(&name),
                statement: Arc::clone(statement),
            }));
        }
        let statements = || members.iter().map(|member| &*member.statement);
        let larger = (members.len() as u64 / CHECKED_FULLY).max(1);
        Ok(CompiledSet {
            index: Index::new(statements()),
            hops: statements().map(|statement| statement.size().hops).max().unwrap_or(0),
            has_permit: statements().any(|statement| statement.effect == Effect::Permit),
            open: statements().filter(|statement| statement.scope.is_open()).count(),
            bytes: schema.bytes() + units.iter().map(|unit| unit.bytes).sum::<usize>() + members.len() * BYTES_A_MEMBER,
            schema,
            members,
            _units: units,
            plain: OnceLock::new(),
            distrusted: AtomicBool::new(false),
            decisions: AtomicU64::new(0),
            check_every: self.check_every.saturating_mul(larger),
        })
    }
}

impl CompiledSet {
    /// How many statements can decide: static policies and template links.
    #[must_use]
    pub fn statements(&self) -> usize {
        self.members.len()
    }

    /// How many of them leave principal, action and resource open, so that every request has to look at them.
    #[must_use]
    pub fn open_statements(&self) -> usize {
        self.open
    }

    /// Whether any policy permits; a set without one denies everything in its slot.
    #[must_use]
    pub fn has_permit(&self) -> bool {
        self.has_permit
    }

    /// About how much memory it holds, in bytes, for caches that are bounded by bytes. What it shares with other sets
    /// counts in each.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The schema that it decides with.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The digest of its schema.
    #[must_use]
    pub fn schema_sha(&self) -> Digest {
        self.schema.sha()
    }

    pub(crate) fn member(&self, number: StatementNumber) -> Option<&Member> {
        self.members.get(number as usize)
    }

    /// The same policies as a policy set of Cedar, each under its number.
    pub(crate) fn plain(&self) -> &PolicySet {
        self.plain.get_or_init(|| {
            let numbered = (0_u32..).zip(&self.members);
            let policies = numbered.map(|(number, member)| {
                let (template, id) = (member.statement.policy.template(), PolicyID::from_string(number.to_string()));
                // A link and its template are two things under two ids.
                let apart = template.new_id(PolicyID::from_string(format!("template {number}")));
                (member, id, apart)
            });
            let mut set = PolicySet::new();
            for (member, id, template) in policies {
                let policy = &member.statement.policy;
                let added = if policy.is_static() {
                    set.add(policy.new_id(id)).is_ok()
                } else {
                    let template_id = template.id().clone();
                    set.add_template(template).is_ok() && set.link(template_id, id, policy.env().clone()).is_ok()
                };
                debug_assert!(added, "ids are numbers, each once");
            }
            set
        })
    }

    /// Whether the index has once decided otherwise than Cedar.
    #[must_use]
    pub fn is_distrusted(&self) -> bool {
        self.distrusted.load(Ordering::Relaxed)
    }

    /// From now on every decision is a plain evaluation.
    pub(crate) fn distrust(&self) {
        self.distrusted.store(true, Ordering::Relaxed);
    }

    /// Whether it is the turn of this decision to be checked.
    pub(crate) fn is_due_for_check(&self) -> bool {
        self.check_every > 0
            && self.decisions.fetch_add(1, Ordering::Relaxed).wrapping_add(1).is_multiple_of(self.check_every)
    }
}

#[cfg(test)]
mod tests;
