//! Where a shadow version would have decided otherwise.

use serde::{Deserialize, Serialize};

use crate::{DecisionId, PolicySetVersionId, ScopeType, Timestamp, ZoneId};

/// One decision that a shadow version would have made otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// The zone.
    pub zone_id: ZoneId,
    /// The decision's id, as it was answered.
    pub decision_id: DecisionId,
    /// When.
    pub at: Timestamp,
    /// The slot's kind.
    pub scope_type: ScopeType,
    /// The slot's target.
    pub scope_target_id: String,
    /// The version that stood in the slot; none when it was empty.
    pub active_version_id: Option<PolicySetVersionId>,
    /// The version that was observed.
    pub shadow_version_id: PolicySetVersionId,
    /// Whether the slot allowed (an empty slot: what it amounts to).
    pub active_allowed: bool,
    /// Whether the shadow would have allowed.
    pub shadow_allowed: bool,
    /// Who asked, as Cedar text.
    pub principal: String,
    /// For what action, as Cedar text.
    pub action: String,
    /// On what resource, as Cedar text.
    pub resource: String,
}

/// How often a shadow version was observed, and how often it would have decided otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DivergenceTotal {
    /// The version that was observed.
    pub shadow_version_id: PolicySetVersionId,
    /// Decisions that it was evaluated beside.
    pub observed: u64,
    /// Decisions that it would have made otherwise.
    pub diverged: u64,
    /// Of those, the ones that it would have allowed.
    pub would_allow: u64,
    /// Evaluations that failed.
    pub failed: u64,
}
