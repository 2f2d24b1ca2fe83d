//! The decision of one slot.

use std::collections::BTreeMap;

use cedar_policy::{AuthorizationError, Authorizer, Context, EvaluationError, Request, Response};
use cedarkeep_model::{ForbidErrorRule, PolicyId, PolicyVersionId};
use serde::Serialize;
use serde_json::Value;

use crate::{
    compile::{CompiledSet, Member},
    entities::{self, RequestEntities},
    error::{EvaluateError, Finding},
    guard_json,
    uid::Uid,
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

impl From<cedar_policy::Effect> for Effect {
    fn from(effect: cedar_policy::Effect) -> Self {
        match effect {
            cedar_policy::Effect::Permit => Self::Permit,
            cedar_policy::Effect::Forbid => Self::Forbid,
        }
    }
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
}

/// A request as enforcement points make it.
#[derive(Debug, Clone)]
pub struct DecisionRequest {
    /// Who.
    pub principal: Uid,
    /// Does what.
    pub action: Uid,
    /// To what.
    pub resource: Uid,
    /// Under which circumstances: a JSON object.
    pub context: Value,
    /// Cedar entity JSON: a list.
    pub entities: Value,
}

/// How a slot is evaluated.
#[derive(Debug, Clone, Copy)]
pub struct EvaluateOptions {
    /// Whether the request and its entities must fit the schema.
    pub validate: bool,
    /// What an erring `forbid` does.
    pub on_forbid_error: ForbidErrorRule,
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

/// What one slot says. Policies and errors stand in the order of the manifest, then of the statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotDecision {
    /// Allow or deny.
    pub decision: Decision,
    /// Set on a deny.
    pub reason: Option<DenyReason>,
    /// The permits that allowed, or the forbids that denied; empty when nothing applied or a `forbid` failed.
    pub determining_policies: Vec<Determining>,
    /// The policies that failed.
    pub errors: Vec<PolicyError>,
}

impl CompiledSet {
    /// Decides one request. Runs on the [pool](crate::CedarPool).
    ///
    /// Decision, determining policies and errors are those of Cedar's authorizer, with one rule added because Cedar
    /// skips a policy that fails: unless the zone chose Cedar's rule, a set in which a `forbid` failed denies.
    pub fn evaluate(&self, request: &DecisionRequest, options: EvaluateOptions) -> Result<SlotDecision, EvaluateError> {
        self.decide(request, &self.read_entities(&request.entities, options)?, options)
    }

    /// Reads entities once for several requests to this set. Runs on the [pool](crate::CedarPool).
    pub fn read_entities(&self, entities: &Value, options: EvaluateOptions) -> Result<RequestEntities, EvaluateError> {
        entities::read(entities, &self.schema, options.validate)
    }

    /// Decides one request with entities that [`read_entities`](Self::read_entities) of this set has read; the
    /// request's own are not looked at. Runs on the [pool](crate::CedarPool).
    pub fn decide(
        &self,
        request: &DecisionRequest,
        entities: &RequestEntities,
        options: EvaluateOptions,
    ) -> Result<SlotDecision, EvaluateError> {
        let request = self.request(request, options.validate)?;
        let response = Authorizer::new().is_authorized(&request, &self.policies, &entities.0);
        self.slot_decision(&response, options.on_forbid_error)
    }

    fn request(&self, request: &DecisionRequest, validate: bool) -> Result<Request, EvaluateError> {
        guard_json::check_request(&request.context)?;
        let schema = validate.then(|| self.schema.cedar());
        let action = request.action.cedar();
        let context = Context::from_json_value(request.context.clone(), schema.map(|schema| (schema, action)))
            .map_err(|error| EvaluateError::InvalidRequest(vec![Finding::from_cedar(&error, None)]))?;
        let (principal, resource) = (request.principal.cedar().clone(), request.resource.cedar().clone());
        Request::new(principal, action.clone(), resource, context, schema)
            .map_err(|error| EvaluateError::InvalidRequest(vec![Finding::from_cedar(&error, None)]))
    }

    fn slot_decision(&self, response: &Response, rule: ForbidErrorRule) -> Result<SlotDecision, EvaluateError> {
        let mut errored = Vec::new();
        for AuthorizationError::PolicyEvaluationError(error) in response.diagnostics().errors() {
            if matches!(error.inner(), EvaluationError::RecursionLimit(_)) {
                return Err(EvaluateError::RecursionLimit);
            }
            let member = self.member(error.policy_id());
            errored.extend(member.map(|member| (member, Finding::from_cedar(error.inner(), None).message)));
        }
        errored.sort_by_key(|(member, _)| member.place);
        let mut determining: Vec<&Member> = response.diagnostics().reason().filter_map(|id| self.member(id)).collect();
        determining.sort_by_key(|member| member.place);

        let forbid_errored =
            rule == ForbidErrorRule::Deny && errored.iter().any(|(member, _)| member.effect == Effect::Forbid);
        let reason = match response.decision() {
            cedar_policy::Decision::Deny if !determining.is_empty() => Some(DenyReason::Forbidden),
            _ if forbid_errored => {
                determining.clear();
                Some(DenyReason::ForbidErrored)
            }
            cedar_policy::Decision::Deny => Some(DenyReason::NoPermit),
            cedar_policy::Decision::Allow => None,
        };
        Ok(SlotDecision {
            decision: if reason.is_none() { Decision::Allow } else { Decision::Deny },
            reason,
            determining_policies: determining.into_iter().map(Determining::from).collect(),
            errors: errored.into_iter().map(|(member, message)| PolicyError::of(member, message)).collect(),
        })
    }
}

impl From<&Member> for Determining {
    fn from(member: &Member) -> Self {
        Self {
            policy_id: member.policy_id,
            policy_version_id: member.policy_version_id,
            name: member.name.clone(),
            cedar_id: member.cedar_id.clone(),
            effect: member.effect,
            annotations: member.annotations.clone(),
        }
    }
}

impl PolicyError {
    fn of(member: &Member, message: String) -> Self {
        Self {
            policy_id: member.policy_id,
            policy_version_id: member.policy_version_id,
            cedar_id: member.cedar_id.clone(),
            message,
        }
    }
}

#[cfg(test)]
mod tests;
