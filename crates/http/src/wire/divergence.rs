//! Where shadow versions would have decided otherwise.

use cedarkeep_model as model;
use cedarkeep_service::{Decision, Page};
use serde::Serialize;
use utoipa::ToSchema;

use super::Pagination;
use crate::wire::kinds;

/// Decisions that shadow versions would have made otherwise, and how many there were.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Divergences {
    /// The sampled ones, newest first unless asked otherwise.
    items: Vec<Divergence>,
    pagination: Pagination,
    /// Of every decision beside which a shadow was evaluated, by shadow version.
    totals: Vec<Total>,
}

/// One decision that a shadow version would have made otherwise.
#[derive(Debug, Serialize, ToSchema)]
struct Divergence {
    #[schema(value_type = kinds::Id)]
    decision_id: model::DecisionId,
    #[schema(value_type = kinds::Timestamp)]
    evaluated_at: model::Timestamp,
    #[schema(value_type = kinds::ScopeType)]
    scope_type: model::ScopeType,
    scope_target_id: String,
    /// The version that stood in the slot; null when it was empty.
    #[schema(value_type = Option<kinds::Id>, required)]
    active_policy_set_version_id: Option<model::PolicySetVersionId>,
    #[schema(value_type = kinds::Id)]
    shadow_policy_set_version_id: model::PolicySetVersionId,
    /// What the slot said; an empty zone slot denies, any other empty slot allows.
    #[schema(value_type = String, example = "deny")]
    active_decision: Decision,
    #[schema(value_type = String, example = "deny")]
    shadow_decision: Decision,
    #[schema(example = "User::\"alice\"")]
    principal: String,
    #[schema(example = "Action::\"read\"")]
    action: String,
    #[schema(example = "Doc::\"1\"")]
    resource: String,
}

/// How often a shadow version was observed.
#[derive(Debug, Serialize, ToSchema)]
struct Total {
    #[schema(value_type = kinds::Id)]
    policy_set_version_id: model::PolicySetVersionId,
    /// Decisions that it was evaluated beside.
    observed: u64,
    /// Decisions that it would have made otherwise.
    diverged: u64,
    /// Of those, the ones that it would have allowed.
    would_allow: u64,
    /// Evaluations that failed.
    failed: u64,
}

const fn word(allowed: bool) -> Decision {
    if allowed { Decision::Allow } else { Decision::Deny }
}

impl From<model::Divergence> for Divergence {
    fn from(divergence: model::Divergence) -> Self {
        Self {
            decision_id: divergence.decision_id,
            evaluated_at: divergence.at,
            scope_type: divergence.scope_type,
            scope_target_id: divergence.scope_target_id,
            active_policy_set_version_id: divergence.active_version_id,
            shadow_policy_set_version_id: divergence.shadow_version_id,
            active_decision: word(divergence.active_allowed),
            shadow_decision: word(divergence.shadow_allowed),
            principal: divergence.principal,
            action: divergence.action,
            resource: divergence.resource,
        }
    }
}

impl From<model::DivergenceTotal> for Total {
    fn from(total: model::DivergenceTotal) -> Self {
        Self {
            policy_set_version_id: total.shadow_version_id,
            observed: total.observed,
            diverged: total.diverged,
            would_allow: total.would_allow,
            failed: total.failed,
        }
    }
}

impl Divergences {
    pub(crate) fn new(page: Page<model::Divergence>, totals: Vec<model::DivergenceTotal>) -> Self {
        let pagination = Pagination::of(&page);
        let items = page.items.into_iter().map(Divergence::from).collect();
        Self { items, pagination, totals: totals.into_iter().map(Total::from).collect() }
    }
}
