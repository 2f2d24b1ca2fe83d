//! Decisions as the log has them.

use cedarkeep_model as model;
use cedarkeep_service::Decision;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::kinds;

/// A decision in the log. Its context and entities are not kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LoggedDecision {
    #[schema(value_type = kinds::Id)]
    decision_id: model::DecisionId,
    #[schema(value_type = kinds::Timestamp)]
    evaluated_at: model::Timestamp,
    #[schema(value_type = String, example = "deny")]
    decision: Decision,
    /// Why not, on a deny.
    #[schema(required, example = "no_permit")]
    reason: Option<String>,
    /// The zone's revision that decided.
    revision: u64,
    /// How the slots were put together.
    #[schema(value_type = kinds::ScopeCombination)]
    combination: model::ScopeCombination,
    #[schema(example = "User::\"alice\"")]
    principal: String,
    #[schema(example = "Action::\"read\"")]
    action: String,
    #[schema(example = "Doc::\"1\"")]
    resource: String,
    /// The session of the request; null when it had none.
    #[schema(required)]
    session: Option<String>,
    /// The slots that decided, in order.
    scopes: Vec<LoggedScope>,
    /// The shadows beside them.
    shadow: Vec<LoggedShadow>,
}

/// A slot that had a part in a decision.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedScope {
    #[schema(value_type = kinds::ScopeType)]
    scope_type: model::ScopeType,
    scope_target_id: String,
    #[schema(value_type = String, example = "deny")]
    decision: Decision,
    /// Why not, on a deny.
    #[schema(required)]
    reason: Option<String>,
    #[schema(value_type = kinds::Id)]
    policy_set_id: model::PolicySetId,
    #[schema(value_type = kinds::Id)]
    policy_set_version_id: model::PolicySetVersionId,
    version: u64,
    /// The version's manifest digest, which its attestation signs.
    #[schema(value_type = kinds::Sha256)]
    manifest_sha: model::Digest,
}

/// A shadow beside a decision.
#[derive(Debug, Serialize, ToSchema)]
struct LoggedShadow {
    #[schema(value_type = kinds::ScopeType)]
    scope_type: model::ScopeType,
    scope_target_id: String,
    #[schema(value_type = kinds::Id)]
    policy_set_id: model::PolicySetId,
    #[schema(value_type = kinds::Id)]
    policy_set_version_id: model::PolicySetVersionId,
    #[schema(value_type = kinds::Sha256)]
    manifest_sha: model::Digest,
    /// What it would have said; null when it could not be evaluated.
    #[schema(value_type = Option<String>, required, example = "deny")]
    decision: Option<Decision>,
    /// Why not, on a deny.
    #[schema(required)]
    reason: Option<String>,
    /// Whether the slot itself said otherwise.
    #[schema(required)]
    diverged: Option<bool>,
    /// Why it could not be evaluated, as a code.
    #[schema(required)]
    error: Option<String>,
}

const fn word(allowed: bool) -> Decision {
    if allowed { Decision::Allow } else { Decision::Deny }
}

impl From<model::LoggedDecision> for LoggedDecision {
    fn from(logged: model::LoggedDecision) -> Self {
        Self {
            decision_id: logged.decision_id,
            evaluated_at: logged.at,
            decision: word(logged.allowed),
            reason: logged.reason,
            revision: logged.revision,
            combination: logged.body.combination,
            principal: logged.principal,
            action: logged.action,
            resource: logged.resource,
            session: logged.session,
            scopes: logged.body.scopes.into_iter().map(LoggedScope::from).collect(),
            shadow: logged.body.shadow.into_iter().map(LoggedShadow::from).collect(),
        }
    }
}

impl From<model::LoggedScope> for LoggedScope {
    fn from(scope: model::LoggedScope) -> Self {
        Self {
            scope_type: scope.scope_type,
            scope_target_id: scope.scope_target_id,
            decision: word(scope.allowed),
            reason: scope.reason,
            policy_set_id: scope.policy_set_id,
            policy_set_version_id: scope.policy_set_version_id,
            version: scope.version,
            manifest_sha: scope.manifest_sha,
        }
    }
}

impl From<model::LoggedShadow> for LoggedShadow {
    fn from(shadow: model::LoggedShadow) -> Self {
        let (decision, reason, diverged, error) = match shadow.outcome {
            model::ShadowOutcome::Said { allowed, reason, diverged } => {
                (Some(word(allowed)), reason, Some(diverged), None)
            }
            model::ShadowOutcome::Failed(error) => (None, None, None, Some(error)),
        };
        Self {
            scope_type: shadow.scope_type,
            scope_target_id: shadow.scope_target_id,
            policy_set_id: shadow.policy_set_id,
            policy_set_version_id: shadow.policy_set_version_id,
            manifest_sha: shadow.manifest_sha,
            decision,
            reason,
            diverged,
            error,
        }
    }
}
