//! What stands beside a decision: the shadows of its slots, answered, counted and recorded, never decisive.

use std::sync::Arc;

use cedarkeep_cedar::Decision;
use cedarkeep_model::{
    Binding, DecisionId, Digest, Divergence, PolicySetId, PolicySetVersionId, ScopeType, Timestamp, ZoneSettings,
};
use serde::Serialize;

use super::{Evaluated, Question, ScopeAnswer, evaluate_error, scope_answer};
use crate::{
    Code, Error,
    divergences::{Observation, Outcome},
    snapshot::LoadedSet,
};

/// What a shadow version would have said, and whether that differs from what stands.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum ShadowAnswer {
    /// It was evaluated.
    Evaluated {
        /// What it said.
        #[serde(flatten)]
        scope: ScopeAnswer,
        /// Whether the slot's own decision differs.
        diverged: bool,
    },
    /// It could not be evaluated; the decision stands as it is.
    Failed {
        /// The slot's kind.
        scope_type: ScopeType,
        /// The slot's target.
        scope_target_id: String,
        /// The policy set.
        policy_set_id: PolicySetId,
        /// Its version.
        policy_set_version_id: PolicySetVersionId,
        /// The version's manifest digest.
        manifest_sha: Digest,
        /// Why not, as a code.
        error: &'static str,
    },
}

impl ShadowAnswer {
    /// Whether the slot's own decision differs; `None` where the shadow could not be evaluated.
    #[must_use]
    pub const fn diverged(&self) -> Option<bool> {
        match self {
            Self::Evaluated { diverged, .. } => Some(*diverged),
            Self::Failed { .. } => None,
        }
    }
}

pub(super) fn shadow_answer(
    binding: &Binding,
    ready: Result<Arc<LoadedSet>, Error>,
    observed: Option<Evaluated>,
    standing: Option<Decision>,
    explain: bool,
) -> ShadowAnswer {
    let outcome = match (ready, observed) {
        (Ok(loaded), Some(Ok(slot))) => Ok(scope_answer(binding, &loaded, &slot, explain)),
        (Ok(_), Some(Err(error))) => Err(evaluate_error(error).code()),
        (Err(error), _) => Err(error.code()),
        (Ok(_), None) => Err(Code::Internal),
    };
    match outcome {
        Ok(scope) => {
            // An empty zone slot denies, any other empty slot leaves the decision to the rest.
            let empty = if binding.scope_type == ScopeType::Zone { Decision::Deny } else { Decision::Allow };
            let diverged = scope.decision != standing.unwrap_or(empty);
            if diverged {
                metrics::counter!("cedarkeep_shadow_divergences_total").increment(1);
            }
            ShadowAnswer::Evaluated { scope, diverged }
        }
        Err(code) => ShadowAnswer::Failed {
            scope_type: binding.scope_type,
            scope_target_id: binding.scope_target_id.clone(),
            policy_set_id: binding.policy_set_id,
            policy_set_version_id: binding.policy_set_version_id,
            manifest_sha: binding.manifest_sha,
            error: code.as_str(),
        },
    }
}

/// Who asked for what, in words.
pub(super) struct Asked {
    principal: String,
    action: String,
    resource: String,
}

impl Asked {
    pub(super) fn of(question: &Question) -> Self {
        let Question { principal, action, resource, .. } = question;
        Self { principal: principal.to_string(), action: action.to_string(), resource: resource.to_string() }
    }
}

/// The decision that an observation stands beside.
pub(super) struct Moment<'a> {
    pub(super) decision_id: DecisionId,
    pub(super) at: Timestamp,
    pub(super) settings: &'a ZoneSettings,
}

pub(super) fn observation(
    shadow: &Binding,
    answer: &ShadowAnswer,
    standing: Option<&Binding>,
    asked: &Asked,
    moment: &Moment<'_>,
) -> Observation {
    let outcome = match answer {
        ShadowAnswer::Failed { .. } => Outcome::Failed,
        ShadowAnswer::Evaluated { diverged: false, .. } => Outcome::Agreed,
        ShadowAnswer::Evaluated { scope, diverged: true } => {
            let would_allow = scope.decision == Decision::Allow;
            let sampled = moment.decision_id.uuid().as_u128() % 100 < moment.settings.divergence_sample_percent.into();
            let record = sampled.then(|| {
                Box::new(Divergence {
                    zone_id: shadow.zone_id,
                    decision_id: moment.decision_id,
                    at: moment.at,
                    scope_type: shadow.scope_type,
                    scope_target_id: shadow.scope_target_id.clone(),
                    active_version_id: standing.map(|binding| binding.policy_set_version_id),
                    shadow_version_id: shadow.policy_set_version_id,
                    active_allowed: !would_allow,
                    shadow_allowed: would_allow,
                    principal: asked.principal.clone(),
                    action: asked.action.clone(),
                    resource: asked.resource.clone(),
                })
            });
            Outcome::Diverged { would_allow, record }
        }
    };
    Observation { zone: shadow.zone_id, shadow: shadow.policy_set_version_id, outcome }
}
