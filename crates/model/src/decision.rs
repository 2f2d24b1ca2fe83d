//! Decisions as a zone's log keeps them: who asked for what, what was answered, and which versions decided. Contexts and
//! entities are not kept.

use serde::{Deserialize, Serialize};

use crate::{
    DecisionId, Digest, PolicySetId, PolicySetVersionId, ScopeCombination, ScopeType, Timestamp, ZoneId, text::word,
};

word!(
    /// Which decisions of a zone are logged.
    DecisionLogMode {
        /// None.
        Off => "off",
        /// A sample.
        Sampled => "sampled",
        /// All of them, as far as the log keeps up.
        All => "all",
    }
);

/// A decision in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedDecision {
    /// The zone.
    pub zone_id: ZoneId,
    /// The decision's id, as it was answered.
    pub decision_id: DecisionId,
    /// When.
    pub at: Timestamp,
    /// Whether it allowed.
    pub allowed: bool,
    /// Why not, on a deny.
    pub reason: Option<String>,
    /// The zone's revision that decided.
    pub revision: u64,
    /// Who asked, as Cedar text.
    pub principal: String,
    /// For what action, as Cedar text.
    pub action: String,
    /// On what resource, as Cedar text.
    pub resource: String,
    /// In which session.
    pub session: Option<String>,
    /// What the slots said.
    pub body: LoggedBody,
}

/// What the slots of a logged decision said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedBody {
    /// How the slots were put together.
    pub combination: ScopeCombination,
    /// The slots that decided.
    pub scopes: Vec<LoggedScope>,
    /// The shadows beside them.
    pub shadow: Vec<LoggedShadow>,
}

/// What the version in a slot said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedScope {
    /// The slot's kind.
    pub scope_type: ScopeType,
    /// The slot's target.
    pub scope_target_id: String,
    /// Whether it allowed.
    pub allowed: bool,
    /// Why not, on a deny.
    pub reason: Option<String>,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// Its version.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's number.
    pub version: u64,
    /// The version's manifest digest.
    pub manifest_sha: Digest,
}

/// What a shadow version said, or why it said nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedShadow {
    /// The slot's kind.
    pub scope_type: ScopeType,
    /// The slot's target.
    pub scope_target_id: String,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// Its version.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's manifest digest.
    pub manifest_sha: Digest,
    /// What came of it.
    pub outcome: ShadowOutcome,
}

/// What came of a shadow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShadowOutcome {
    /// It was evaluated.
    Said {
        /// Whether it would have allowed.
        allowed: bool,
        /// Why not, on a deny.
        reason: Option<String>,
        /// Whether the slot itself said otherwise.
        diverged: bool,
    },
    /// It could not be evaluated: why not, as a code.
    Failed(String),
}
