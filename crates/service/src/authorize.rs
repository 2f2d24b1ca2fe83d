//! Decisions: the slots of a request, what stands in them, and one answer that names every digest that decided.

mod shadow;

use std::sync::Arc;

use cedarkeep_cedar::{
    CombineRules, CompiledSet, Decision, DenyReason, Determining, EvaluateError, EvaluateOptions, Overall, PolicyError,
    SlotDecision, SlotDecisions, Uid, combine,
};
use cedarkeep_model::{
    Binding, BindingMode, DecisionId, Digest, PolicySetId, PolicySetVersionId, RequestEntities, ScopeCombination,
    ScopeType, Timestamp, ZoneId,
};
use serde::Serialize;
use serde_json::{Value, json};

pub use self::shadow::ShadowAnswer;
use self::shadow::{Asked, Moment, observation, shadow_answer};
use crate::{
    Call, Code, Error, Service,
    bind::MAX_SESSION,
    publish::notices,
    snapshot::{BoundSet, LoadedSet, Snapshot},
};

/// A question: may this principal do this action to this resource?
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
    /// The session, when the caller has one.
    pub session: Option<String>,
    /// Cedar entity JSON: a list.
    pub entities: Value,
    /// Whether the answer names the determining policies and errors.
    pub explain: bool,
    /// Decide at this revision of the zone or a later one.
    pub at_least_revision: Option<u64>,
}

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub struct DecisionAnswer {
    /// Allow or deny.
    pub decision: Decision,
    /// Why not, on a deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<DenyReason>,
    /// A fresh id, for logs.
    pub decision_id: DecisionId,
    /// The zone's revision that decided.
    pub revision: u64,
    /// How the slots were put together.
    pub combination: ScopeCombination,
    /// When.
    pub evaluated_at: Timestamp,
    /// What each slot with an active binding said, in the order zone, resource, user, session.
    pub scopes: Vec<ScopeAnswer>,
    /// What each slot's shadow would have said.
    pub shadow: Vec<ShadowAnswer>,
}

/// What the version in one slot said.
#[derive(Debug, Clone, Serialize)]
pub struct ScopeAnswer {
    /// The slot's kind.
    pub scope_type: ScopeType,
    /// The slot's target.
    pub scope_target_id: String,
    /// Allow or deny.
    pub decision: Decision,
    /// Why not, on a deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<DenyReason>,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// Its version.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's number.
    pub version: u64,
    /// The version's manifest digest.
    pub manifest_sha: Digest,
    /// The policies that brought the decision about; absent unless the answer explains itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determining_policies: Option<Vec<Determining>>,
    /// The policies that failed; absent unless the answer explains itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<PolicyError>>,
}

/// The order in which slots are asked and answered.
const SLOTS: [ScopeType; 4] = [ScopeType::Zone, ScopeType::Resource, ScopeType::User, ScopeType::Session];

/// A slot's version, ready to be asked.
type Ready = (Arc<BoundSet>, Result<Arc<LoadedSet>, Error>);

impl Service {
    /// Decides one request.
    ///
    /// # Errors
    /// `not_found`; `invalid_request` for what does not fit the schema; `integrity_error` and `unavailable` instead of
    /// any decision that could be wrong.
    pub async fn authorize(
        &self,
        _call: &Call,
        zone: ZoneId,
        request: DecisionRequest,
    ) -> Result<DecisionAnswer, Error> {
        if request.session.as_ref().is_some_and(|session| session.chars().count() > MAX_SESSION) {
            let message = format!("a session has at most {MAX_SESSION} characters");
            return Err(Error::new(Code::BadRequest, message));
        }
        let snapshot = self.recent_snapshot(zone, request.at_least_revision).await?;
        check_entities(&snapshot, &request)?;
        let active = self.ready_slots(&snapshot, &request, BindingMode::Active).await;
        let shadow = self.ready_slots(&snapshot, &request, BindingMode::Shadow).await;
        let mut loaded = Vec::with_capacity(active.len());
        for (bound, ready) in active {
            loaded.push((bound, ready?));
        }
        self.decide(&snapshot, request, loaded, shadow).await
    }

    async fn recent_snapshot(&self, zone: ZoneId, at_least: Option<u64>) -> Result<Arc<Snapshot>, Error> {
        let snapshot = self.snapshot(zone).await?;
        let wanted = at_least.unwrap_or(0);
        if snapshot.zone.revision >= wanted {
            return Ok(snapshot);
        }
        self.zone_changed(zone).await;
        let snapshot = self.snapshot(zone).await?;
        if snapshot.zone.revision >= wanted {
            return Ok(snapshot);
        }
        let message = format!("at_least_revision {wanted} is beyond the zone's revision {}", snapshot.zone.revision);
        Err(Error::new(Code::BadRequest, message))
    }

    async fn ready_slots(&self, snapshot: &Snapshot, request: &DecisionRequest, mode: BindingMode) -> Vec<Ready> {
        let mut ready = Vec::new();
        for scope in SLOTS {
            let slot = target(snapshot, request, scope).and_then(|target| snapshot.slot(scope, target));
            let bound = slot.and_then(|slot| match mode {
                BindingMode::Active => slot.active.as_ref(),
                BindingMode::Shadow => slot.shadow.as_ref(),
            });
            if let Some(bound) = bound {
                ready.push((Arc::clone(bound), bound.get(self).await));
            }
        }
        ready
    }

    async fn decide(
        &self,
        snapshot: &Snapshot,
        request: DecisionRequest,
        active: Vec<(Arc<BoundSet>, Arc<LoadedSet>)>,
        shadow: Vec<Ready>,
    ) -> Result<DecisionAnswer, Error> {
        let settings = &snapshot.zone.settings;
        let options =
            EvaluateOptions { validate: settings.validate_requests, on_forbid_error: settings.on_forbid_error };
        let explain = request.explain;
        let asked_for = (!shadow.is_empty()).then(|| Asked::of(&request));
        let asked: Vec<_> = active.iter().map(|(_, loaded)| Arc::clone(&loaded.compiled)).collect();
        let beside: Vec<_> =
            shadow.iter().map(|(_, ready)| ready.as_ref().ok().map(|loaded| Arc::clone(&loaded.compiled))).collect();
        let evaluate = move || evaluate_all(request, options, &asked, &beside);
        let (decided, observed) = self.0.cedar.run(evaluate).await?;
        let decided = decided.into_iter().collect::<Result<Vec<_>, _>>().map_err(evaluate_error)?;

        let by_scope = |scope: ScopeType| {
            active.iter().zip(&decided).find(|((bound, _), _)| bound.binding.scope_type == scope).map(|(_, slot)| slot)
        };
        let slots = SlotDecisions {
            zone: by_scope(ScopeType::Zone),
            resource: by_scope(ScopeType::Resource),
            user: by_scope(ScopeType::User),
            session: by_scope(ScopeType::Session),
        };
        let combination = settings.scope_combination;
        let Overall { decision, reason } =
            combine(slots, CombineRules { combination, session_required: settings.session_required });
        let (decision_id, evaluated_at) = (DecisionId::new(self.0.ids.next()), self.now());
        let standing =
            |scope: ScopeType| active.iter().map(|(bound, _)| &bound.binding).find(|b| b.scope_type == scope);
        let shadow = shadow.into_iter().zip(observed).map(|((bound, ready), observed)| {
            let decided = by_scope(bound.binding.scope_type).map(|slot| slot.decision);
            let answer = shadow_answer(&bound.binding, ready, observed, decided, explain);
            let moment = Moment { decision_id, at: evaluated_at, settings };
            let standing = standing(bound.binding.scope_type);
            self.0.divergences.record(observation(&bound.binding, &answer, standing, asked_for.as_ref(), &moment));
            answer
        });
        let shadow = shadow.collect();
        let scopes = active
            .iter()
            .zip(&decided)
            .map(|((bound, loaded), slot)| scope_answer(&bound.binding, loaded, slot.clone(), explain))
            .collect();
        count(decision);
        Ok(DecisionAnswer {
            decision,
            reason,
            decision_id,
            revision: snapshot.zone.revision,
            combination,
            evaluated_at,
            scopes,
            shadow,
        })
    }
}

type Evaluated = Result<SlotDecision, EvaluateError>;

/// On the Cedar pool: first what decides, then what only watches.
fn evaluate_all(
    request: DecisionRequest,
    options: EvaluateOptions,
    active: &[Arc<CompiledSet>],
    shadow: &[Option<Arc<CompiledSet>>],
) -> (Vec<Evaluated>, Vec<Option<Evaluated>>) {
    let DecisionRequest { principal, action, resource, context, entities, .. } = request;
    let request = cedarkeep_cedar::DecisionRequest { principal, action, resource, context, entities };
    let decided = active.iter().map(|set| set.evaluate(&request, options)).collect();
    let observe = |set: &Option<Arc<CompiledSet>>| set.as_ref().map(|set| set.evaluate(&request, options));
    (decided, shadow.iter().map(observe).collect())
}

/// Which target a request has in a slot of this kind.
fn target(snapshot: &Snapshot, request: &DecisionRequest, scope: ScopeType) -> Option<String> {
    match scope {
        ScopeType::Zone => Some(snapshot.zone.id.to_string()),
        ScopeType::Resource => Some(request.resource.to_string()),
        ScopeType::User => Some(request.principal.to_string()),
        ScopeType::Session => request.session.clone(),
    }
}

fn check_entities(snapshot: &Snapshot, request: &DecisionRequest) -> Result<(), Error> {
    let given = request.entities.as_array().is_none_or(|entities| !entities.is_empty());
    if given && snapshot.zone.settings.request_entities == RequestEntities::Refuse {
        let message = "this zone takes no entities from requests (request_entities is refuse); leave entities out";
        return Err(Error::new(Code::InvalidRequest, message));
    }
    Ok(())
}

fn evaluate_error(error: EvaluateError) -> Error {
    match error {
        EvaluateError::InvalidRequest(ref findings) => Error::new(Code::InvalidRequest, error.to_string())
            .with_notices(notices(findings))
            .with_detail("errors", json!(findings)),
        EvaluateError::RecursionLimit => {
            let message = "a policy could not be evaluated to its end, so there is no decision";
            Error::new(Code::Unavailable, message).with_source(error)
        }
    }
}

fn scope_answer(binding: &Binding, loaded: &LoadedSet, slot: SlotDecision, explain: bool) -> ScopeAnswer {
    let SlotDecision { decision, reason, mut determining_policies, errors } = slot;
    for policy in &mut determining_policies {
        policy.name = loaded.names.get(&policy.policy_id).cloned().unwrap_or_default();
    }
    ScopeAnswer {
        scope_type: binding.scope_type,
        scope_target_id: binding.scope_target_id.clone(),
        decision,
        reason,
        policy_set_id: binding.policy_set_id,
        policy_set_version_id: binding.policy_set_version_id,
        version: binding.version,
        manifest_sha: binding.manifest_sha,
        determining_policies: explain.then_some(determining_policies),
        errors: explain.then_some(errors),
    }
}

fn count(decision: Decision) {
    let label = match decision {
        Decision::Allow => "allow",
        Decision::Deny => "deny",
    };
    metrics::counter!("cedarkeep_decisions_total", "decision" => label).increment(1);
}
