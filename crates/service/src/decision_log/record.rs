//! What the log keeps of a decision.

use cedarkeep_cedar::{Decision, DenyReason};
use cedarkeep_model::{LoggedBody, LoggedDecision, LoggedScope, LoggedShadow, ShadowOutcome, ZoneId};

use crate::{DecisionAnswer, Question, ScopeAnswer, ShadowAnswer};

pub(super) fn of(zone_id: ZoneId, question: &Question, answer: &DecisionAnswer) -> LoggedDecision {
    let Question { principal, action, resource, session, .. } = question;
    LoggedDecision {
        zone_id,
        decision_id: answer.decision_id,
        at: answer.evaluated_at,
        allowed: answer.decision == Decision::Allow,
        reason: answer.reason.map(word),
        revision: answer.revision,
        principal: principal.to_string(),
        action: action.to_string(),
        resource: resource.to_string(),
        // Printed uids have no NUL character, a session may; PostgreSQL keeps none.
        session: session.as_ref().map(|session| session.replace('\0', "\u{fffd}")),
        body: LoggedBody {
            combination: answer.combination,
            scopes: answer.scopes.iter().map(scope).collect(),
            shadow: answer.shadow.iter().map(shadow).collect(),
        },
    }
}

fn scope(answer: &ScopeAnswer) -> LoggedScope {
    LoggedScope {
        scope_type: answer.scope_type,
        scope_target_id: answer.scope_target_id.clone(),
        allowed: answer.decision == Decision::Allow,
        reason: answer.reason.map(word),
        policy_set_id: answer.policy_set_id,
        policy_set_version_id: answer.policy_set_version_id,
        version: answer.version,
        manifest_sha: answer.manifest_sha,
    }
}

fn shadow(answer: &ShadowAnswer) -> LoggedShadow {
    match answer {
        ShadowAnswer::Evaluated { scope, diverged } => LoggedShadow {
            scope_type: scope.scope_type,
            scope_target_id: scope.scope_target_id.clone(),
            policy_set_id: scope.policy_set_id,
            policy_set_version_id: scope.policy_set_version_id,
            manifest_sha: scope.manifest_sha,
            outcome: ShadowOutcome::Said {
                allowed: scope.decision == Decision::Allow,
                reason: scope.reason.map(word),
                diverged: *diverged,
            },
        },
        ShadowAnswer::Failed {
            scope_type,
            scope_target_id,
            policy_set_id,
            policy_set_version_id,
            manifest_sha,
            error,
        } => LoggedShadow {
            scope_type: *scope_type,
            scope_target_id: scope_target_id.clone(),
            policy_set_id: *policy_set_id,
            policy_set_version_id: *policy_set_version_id,
            manifest_sha: *manifest_sha,
            outcome: ShadowOutcome::Failed((*error).to_owned()),
        },
    }
}

/// The reason as the answer spells it.
fn word(reason: DenyReason) -> String {
    match reason {
        DenyReason::NoActivePolicySet => "no_active_policy_set",
        DenyReason::SessionRequired => "session_required",
        DenyReason::Forbidden => "forbidden",
        DenyReason::NoPermit => "no_permit",
        DenyReason::ForbidErrored => "forbid_errored",
        DenyReason::Undeclared => "undeclared",
        DenyReason::LeftOut => "left_out",
    }
    .to_owned()
}

/// About how much memory it takes.
pub(super) fn bytes(decision: &LoggedDecision) -> usize {
    /// Of a decision, and of a slot in it, without its texts.
    const FIXED: usize = 256;
    let LoggedDecision { principal, action, resource, session, body, .. } = decision;
    let texts = principal.len() + action.len() + resource.len() + session.as_ref().map_or(0, String::len);
    let targets = body.scopes.iter().map(|scope| &scope.scope_target_id);
    let targets = targets.chain(body.shadow.iter().map(|shadow| &shadow.scope_target_id));
    FIXED + texts + targets.map(|target| FIXED + target.len()).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_spelled_as_in_the_answer() {
        for reason in [
            DenyReason::NoActivePolicySet,
            DenyReason::SessionRequired,
            DenyReason::Forbidden,
            DenyReason::NoPermit,
            DenyReason::ForbidErrored,
            DenyReason::Undeclared,
            DenyReason::LeftOut,
        ] {
            assert_eq!(serde_json::json!(reason), word(reason));
        }
    }
}
