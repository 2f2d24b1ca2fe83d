//! A policy version ready to decide: read once, shared by every set that pins it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use cedar_policy_core::ast::{Effect as CedarEffect, Expr, ExprKind, Policy};
use cedarkeep_model::{Digest, Origin};

use crate::{
    condition::Condition,
    content::{Pinned, Statements, statement_order},
    error::CedarError,
    evaluate::Effect,
    scope::Scope,
};

/// What is kept for a statement of any size, and for one node of its conditions in Cedar's form: the growth of the resident memory by
/// 15,000 policies without and with conditions.
const BYTES_A_STATEMENT: usize = 1_500;
const BYTES_A_NODE: usize = 160;

/// The content of one policy version.
#[derive(Debug)]
pub(crate) struct Unit {
    /// What can decide, in the order of the ids.
    pub(crate) statements: Vec<Arc<Statement>>,
    pub(crate) bytes: usize,
    /// The schemas against which validation found nothing at all.
    clean: Mutex<HashSet<Digest>>,
}

/// A static policy or a template link.
#[derive(Debug)]
pub(crate) struct Statement {
    /// As Cedar has read it, with its own id (`policy0`, …).
    pub(crate) policy: Policy,
    pub(crate) cedar_id: String,
    pub(crate) effect: Effect,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) scope: Scope,
    /// What is left of it once the scope has matched.
    pub(crate) condition: Option<Condition>,
}

/// How large the conditions of a statement are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// The depth of the tree.
    pub(crate) depth: u32,
    /// Its nodes.
    pub(crate) nodes: u32,
    /// How many entities can be looked up one behind the other.
    pub(crate) hops: u32,
}

impl Unit {
    fn read(pinned: &Pinned) -> Result<Self, CedarError> {
        let read = Statements::pinned(pinned)?;
        let mut policies: Vec<&cedar_policy::Policy> = read.set.policies().collect();
        policies.sort_by(|a, b| statement_order(a.id().as_ref()).cmp(&statement_order(b.id().as_ref())));
        let statements =
            policies.into_iter().map(|policy| Statement::of(policy).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        let nodes: usize = statements.iter().map(|statement| statement.size().nodes as usize).sum();
        let conditions = statements.iter().filter_map(|statement| statement.condition.as_ref());
        let laid_out: usize = conditions.map(Condition::bytes).sum();
        let bytes = pinned.bytes() + statements.len() * BYTES_A_STATEMENT + nodes * BYTES_A_NODE + laid_out;
        Ok(Self { statements, bytes, clean: Mutex::default() })
    }

    /// Whether validation against this schema has found nothing before.
    pub(crate) fn is_clean(&self, schema: Digest) -> bool {
        self.clean.lock().unwrap_or_else(PoisonError::into_inner).contains(&schema)
    }

    /// Remembers that validation against this schema found nothing.
    pub(crate) fn mark_clean(&self, schema: Digest) {
        self.clean.lock().unwrap_or_else(PoisonError::into_inner).insert(schema);
    }
}

impl Statement {
    fn of(policy: &cedar_policy::Policy) -> Result<Self, CedarError> {
        let cedar: &Policy = policy.as_ref();
        let scope = Scope::of(cedar)
            .ok_or_else(|| CedarError::Unreadable(format!("`{}` has a slot that nothing fills", policy.id())))?;
        Ok(Self {
            policy: cedar.clone(),
            cedar_id: policy.id().to_string(),
            effect: match cedar.effect() {
                CedarEffect::Permit => Effect::Permit,
                CedarEffect::Forbid => Effect::Forbid,
            },
            annotations: policy.annotations().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            scope,
            condition: cedar.non_scope_constraints().map(Condition::of),
        })
    }

    /// How large its conditions are.
    pub(crate) fn size(&self) -> Size {
        self.condition.as_ref().map(|condition| condition.size).unwrap_or_default()
    }
}

impl Size {
    /// Recurses as deep as the tree, which the guards have measured: on the pool.
    pub(crate) fn of(expr: &Expr) -> Self {
        let mut size = Self { depth: 1, nodes: 1, hops: 0 };
        for child in children(expr) {
            let child = Self::of(child);
            size.depth = size.depth.max(child.depth + 1);
            size.nodes += child.nodes;
            size.hops = size.hops.max(child.hops);
        }
        size.hops += match expr.expr_kind() {
            // Of the operators `in`, `getTag` and `hasTag` look an entity up; counting the others costs nothing.
            ExprKind::GetAttr { .. } | ExprKind::HasAttr { .. } | ExprKind::BinaryApp { .. } => 1,
            ExprKind::ExtHasAttr { attrs, .. } => u32::try_from(attrs.len()).unwrap_or(u32::MAX),
            _ => 0,
        };
        size
    }
}

fn children(expr: &Expr) -> Vec<&Expr> {
    match expr.expr_kind() {
        ExprKind::If { test_expr, then_expr, else_expr } => vec![test_expr, then_expr, else_expr],
        ExprKind::And { left, right } | ExprKind::Or { left, right } => vec![left, right],
        ExprKind::UnaryApp { arg, .. } => vec![arg],
        ExprKind::BinaryApp { arg1, arg2, .. } => vec![arg1, arg2],
        ExprKind::ExtensionFunctionApp { args, .. } => args.iter().collect(),
        ExprKind::GetAttr { expr, .. }
        | ExprKind::HasAttr { expr, .. }
        | ExprKind::ExtHasAttr { expr, .. }
        | ExprKind::Like { expr, .. }
        | ExprKind::Is { expr, .. } => vec![expr],
        ExprKind::Set(items) => items.iter().collect(),
        ExprKind::Record(members) => members.values().collect(),
        ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => Vec::new(),
    }
}

/// The units that somebody uses right now, by exact content: what one set has read, another need not read again. It
/// keeps nothing alive by itself, so it needs no bound of its own.
#[derive(Debug, Default)]
pub(crate) struct Units(Mutex<HashMap<Digest, Weak<Unit>>>);

/// After so many new units the dead ones are swept out.
const SWEEP_EVERY: usize = 4_096;

impl Units {
    /// The unit of a pinned version, read now or shared. Equal bytes under an equal digest were checked when they were
    /// read, so a shared unit is as good as one read anew.
    pub(crate) fn get(&self, pinned: &Pinned) -> Result<Arc<Unit>, CedarError> {
        let content = pinned.exact_content();
        if let Some(unit) = self.lock().get(&content).and_then(Weak::upgrade) {
            return Ok(unit);
        }
        // Two may read the same at once; the later one stays.
        let unit = Arc::new(Unit::read(pinned)?);
        let mut units = self.lock();
        units.insert(content, Arc::downgrade(&unit));
        if units.len().is_multiple_of(SWEEP_EVERY) {
            units.retain(|_, unit| unit.strong_count() > 0);
        }
        Ok(unit)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Weak<Unit>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pinned {
    /// The bytes from which it is loaded.
    fn source(&self) -> &str {
        match (self.origin, &self.cedar_raw) {
            (Origin::Text, Some(text)) => text,
            _ => &self.cedar_json,
        }
    }

    /// A digest over everything that reading it depends on: the form, the bytes and the digest that they must have.
    fn exact_content(&self) -> Digest {
        let form: &[u8] = match self.origin {
            Origin::Text => b"text\0",
            Origin::Json => b"json\0",
        };
        Digest::of_parts([form, self.sha.bytes(), self.source().as_bytes()])
    }
}
