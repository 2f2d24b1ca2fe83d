//! The decision of one slot.

use std::collections::BTreeMap;

use cedar_policy_core::{
    ast::{EntityUID, Expr, ExprKind, Literal, Policy, PolicyID},
    authorizer::{self, AuthorizationError, Authorizer},
    evaluator::{EvaluationError, Evaluator},
    extensions::Extensions,
};
use cedarkeep_model::{ForbidErrorRule, PolicyId, PolicyVersionId};
use serde::Serialize;

use crate::{
    compile::{CompiledSet, Member},
    error::{EvaluateError, Finding},
    facts::Facts,
    index::StatementNumber,
    interpret,
    scene::Scene,
    unit::{Size, Statement},
};

/// What a policy does when it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Allows, unless another forbids.
    Permit,
    /// Denies.
    Forbid,
}

/// Allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Go ahead.
    Allow,
    /// Do not.
    Deny,
}

/// Why a slot, or the whole, denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DenyReason {
    /// The zone slot has no active binding.
    NoActivePolicySet,
    /// The zone demands a bound session and the request has none.
    SessionRequired,
    /// A `forbid` applies.
    Forbidden,
    /// No `permit` applies.
    NoPermit,
    /// A `forbid` failed, so nobody knows whether it would have applied.
    ForbidErrored,
    /// The request names a type or an action that the schema does not declare; no policy was asked.
    Undeclared,
    /// What the schema declares had to be left out of the request; no policy was asked.
    LeftOut,
}

/// A policy that brought the decision about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Determining {
    /// The policy.
    pub policy_id: PolicyId,
    /// Its version.
    pub policy_version_id: PolicyVersionId,
    /// Its name.
    pub name: String,
    /// The statement within the version.
    pub cedar_id: String,
    /// What the statement does.
    pub effect: Effect,
    /// The statement's annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A policy that failed and was skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyError {
    /// The policy.
    pub policy_id: PolicyId,
    /// Its version.
    pub policy_version_id: PolicyVersionId,
    /// The statement within the version.
    pub cedar_id: String,
    /// What failed.
    pub message: String,
}

/// What one slot says. Statements stand in the order of the manifest, then of their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotDecision {
    /// Allow or deny.
    pub decision: Decision,
    /// Set on a deny.
    pub reason: Option<DenyReason>,
    /// The permits that allowed, or the forbids that denied; empty when nothing applied or a `forbid` failed.
    pub(crate) determining: Vec<StatementNumber>,
    /// The statements that failed.
    pub(crate) errors: Vec<(StatementNumber, String)>,
}

/// What could be said without Cedar's evaluator.
#[derive(Debug)]
pub enum Passing {
    /// The decision, and how many statements were looked at for it.
    Decided(SlotDecision, usize),
    /// Ask [`CompiledSet::decide`].
    AskCedar,
    /// It is this decision's turn to be checked: ask [`CompiledSet::check`].
    Check,
}

/// What a plain evaluation says of a decision by the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// The same.
    Agreed,
    /// Something else. The set decides by plain evaluations from now on.
    Disagreed,
}

/// What the statements of a set came to.
#[derive(Debug, Default)]
struct Verdicts {
    permits: Vec<StatementNumber>,
    forbids: Vec<StatementNumber>,
    errors: Vec<(StatementNumber, String)>,
    forbid_errored: bool,
    /// Those that Cedar has to be asked about.
    open: Vec<StatementNumber>,
}

/// In passing no condition is evaluated that is deeper, and no more nodes of conditions than this in all: such work
/// would keep a thread from its other requests, or need more stack than it has.
const PASSING_DEPTH: u32 = 64;
const PASSING_NODES: u32 = 4_000;

impl CompiledSet {
    /// Decides, if that takes no more than a moment: on any thread.
    ///
    /// Decision, determining policies and errors are those of Cedar's authorizer, with one rule added because Cedar
    /// skips a policy that fails: unless the zone chose Cedar's rule, a set in which a `forbid` failed denies.
    pub fn decide_in_passing(&self, facts: &Facts, rule: ForbidErrorRule) -> Passing {
        if self.is_distrusted() {
            return Passing::AskCedar;
        }
        if self.is_due_for_check() {
            return Passing::Check;
        }
        let mut nodes = 0_u32;
        let small = |size: Size| {
            nodes = size.nodes.saturating_add(nodes);
            size.depth <= PASSING_DEPTH && nodes <= PASSING_NODES
        };
        let Some(scene) = Scene::in_passing(facts) else { return Passing::AskCedar };
        match self.look(&scene, small) {
            (verdicts, seen) if verdicts.open.is_empty() => Passing::Decided(verdicts.decision(rule), seen),
            _ => Passing::AskCedar,
        }
    }

    /// Decides. Runs on the [pool](crate::CedarPool).
    ///
    /// # Errors
    /// When an evaluation reached Cedar's recursion limit: then nobody knows what the policy says.
    pub fn decide(&self, facts: &Facts, rule: ForbidErrorRule) -> Result<SlotDecision, EvaluateError> {
        if self.is_distrusted() {
            return self.decide_plainly(facts, rule);
        }
        let (mut verdicts, _) = self.look(&Scene::of(facts), |_| true);
        let open = std::mem::take(&mut verdicts.open);
        if !open.is_empty() {
            let asked = open.into_iter().filter_map(|number| Some((number, &*self.member(number)?.statement)));
            verdicts.ask_cedar(asked.collect(), facts)?;
        }
        Ok(verdicts.decision(rule))
    }

    /// Decides, and compares with a plain evaluation; what that says is the answer. Runs on the
    /// [pool](crate::CedarPool).
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub fn check(&self, facts: &Facts, rule: ForbidErrorRule) -> Result<(SlotDecision, Agreement), EvaluateError> {
        let plain = self.decide_plainly(facts, rule)?;
        if self.decide(facts, rule).is_ok_and(|indexed| indexed == plain) {
            return Ok((plain, Agreement::Agreed));
        }
        self.distrust();
        Ok((plain, Agreement::Disagreed))
    }

    /// Decides as Cedar's authorizer does, by a visit to every policy. Runs on the [pool](crate::CedarPool).
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub fn decide_plainly(&self, facts: &Facts, rule: ForbidErrorRule) -> Result<SlotDecision, EvaluateError> {
        let plain = self.plain();
        let literals = plain.policies().filter_map(Policy::non_scope_constraints).flat_map(literals);
        let entities = facts.cedar_entities(literals, self.hops);
        let response = Authorizer::new().is_authorized(facts.cedar_request(), plain, &entities);
        let number = |id: &PolicyID| id.to_string().parse::<StatementNumber>().ok();
        let mut verdicts = Verdicts::default();
        for AuthorizationError::PolicyEvaluationError { id, error } in response.diagnostics.errors {
            if let Some((number, member)) = number(&id).and_then(|number| Some((number, self.member(number)?))) {
                verdicts.failed(number, member.statement.effect, &error)?;
            }
        }
        let reason = response.diagnostics.reason.iter().filter_map(number).collect();
        match response.decision {
            authorizer::Decision::Allow => verdicts.permits = reason,
            authorizer::Decision::Deny => verdicts.forbids = reason,
        }
        Ok(verdicts.decision(rule))
    }

    /// Evaluates the candidates of a request, those that are not `small` left open, and says how many statements it
    /// looked at.
    fn look(&self, scene: &Scene<'_>, mut small: impl FnMut(Size) -> bool) -> (Verdicts, usize) {
        let candidates = self.index.candidates(scene);
        let mut verdicts = Verdicts::default();
        for entry in candidates.matching {
            let holds = match &entry.condition {
                None => Some(true),
                Some(condition) if small(condition.size) => interpret::holds(condition, scene),
                Some(_) => None,
            };
            verdicts.add(entry.number, entry.effect, holds);
        }
        (verdicts, candidates.seen)
    }

    /// The policies that brought a decision of this set about, and those that failed.
    #[must_use]
    pub fn explain(&self, decision: &SlotDecision) -> (Vec<Determining>, Vec<PolicyError>) {
        let determining = decision.determining.iter().filter_map(|number| self.member(*number)).map(Determining::from);
        let errors = decision.errors.iter();
        let errors = errors.filter_map(|(number, message)| Some(PolicyError::of(self.member(*number)?, message)));
        (determining.collect(), errors.collect())
    }
}

impl Verdicts {
    fn add(&mut self, number: StatementNumber, effect: Effect, holds: Option<bool>) {
        match (holds, effect) {
            (Some(true), Effect::Permit) => self.permits.push(number),
            (Some(true), Effect::Forbid) => self.forbids.push(number),
            (Some(false), _) => {}
            (None, _) => self.open.push(number),
        }
    }

    /// Cedar skips a policy that fails. One that ran out of stack is nothing that can be skipped.
    fn failed(
        &mut self,
        number: StatementNumber,
        effect: Effect,
        error: &EvaluationError,
    ) -> Result<(), EvaluateError> {
        if matches!(error, EvaluationError::RecursionLimit(_)) {
            return Err(EvaluateError::RecursionLimit);
        }
        self.forbid_errored |= effect == Effect::Forbid;
        self.errors.push((number, Finding::from_cedar(error, None).message));
        Ok(())
    }

    fn ask_cedar(&mut self, open: Vec<(StatementNumber, &Statement)>, facts: &Facts) -> Result<(), EvaluateError> {
        let conditions = open.iter().filter_map(|(_, statement)| statement.policy.non_scope_constraints());
        let hops = open.iter().map(|(_, statement)| statement.size().hops).max().unwrap_or(0);
        let entities = facts.cedar_entities(conditions.flat_map(literals), hops);
        let evaluator = Evaluator::new(facts.cedar_request(), &entities, Extensions::all_available());
        for (number, statement) in open {
            match evaluator.evaluate(&statement.policy) {
                Ok(holds) => self.add(number, statement.effect, Some(holds)),
                Err(error) => self.failed(number, statement.effect, &error)?,
            }
        }
        Ok(())
    }

    fn decision(self, rule: ForbidErrorRule) -> SlotDecision {
        let Self { mut permits, mut forbids, mut errors, forbid_errored, .. } = self;
        let (determining, reason) = if !forbids.is_empty() {
            forbids.sort_unstable();
            (forbids, Some(DenyReason::Forbidden))
        } else if forbid_errored && rule == ForbidErrorRule::Deny {
            (Vec::new(), Some(DenyReason::ForbidErrored))
        } else if permits.is_empty() {
            (permits, Some(DenyReason::NoPermit))
        } else {
            permits.sort_unstable();
            (permits, None)
        };
        errors.sort_unstable();
        let decision = if reason.is_none() { Decision::Allow } else { Decision::Deny };
        SlotDecision { decision, reason, determining, errors }
    }
}

/// The uids that stand in a condition.
fn literals(condition: &Expr) -> impl Iterator<Item = &EntityUID> {
    condition.subexpressions().filter_map(|expr| match expr.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => Some(&**uid),
        _ => None,
    })
}

impl From<&Member> for Determining {
    fn from(member: &Member) -> Self {
        Self {
            policy_id: member.policy_id,
            policy_version_id: member.policy_version_id,
            name: member.name.to_string(),
            cedar_id: member.statement.cedar_id.clone(),
            effect: member.statement.effect,
            annotations: member.statement.annotations.clone(),
        }
    }
}

impl PolicyError {
    fn of(member: &Member, message: &str) -> Self {
        Self {
            policy_id: member.policy_id,
            policy_version_id: member.policy_version_id,
            cedar_id: member.statement.cedar_id.clone(),
            message: message.to_owned(),
        }
    }
}

#[cfg(test)]
mod equivalence;
#[cfg(test)]
mod tests;
