//! Decisions: the slots of a request, what stands in them, and one answer that names every digest that decided.

mod meters;
mod shadow;
mod sitting;
mod standing;

use std::{sync::Arc, time::Instant};

use cedarkeep_cedar::{Decision, DenyReason, Determining, EvaluateError, Overall, PolicyError, SlotDecision, Uid};
use cedarkeep_model::{
    Binding, BindingMode, DecisionId, Digest, PolicySetId, PolicySetVersionId, RequestEntities, ScopeCombination,
    ScopeType, Timestamp, ZoneId,
};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::Instrument as _;

pub(crate) use self::meters::Meters;
pub use self::{
    meters::{CANDIDATES_METRIC, DECISION_METRIC},
    shadow::ShadowAnswer,
};
use self::{
    shadow::{Asked, Moment, observation, shadow_answer},
    sitting::{Evaluated, Sitting},
    standing::{Standing, bound, overall},
};
pub(crate) use self::{sitting::GivenEntities, standing::Standing as StandingVersion};
use crate::{
    Call, Code, Error, Service,
    publish::notices,
    snapshot::{BoundSet, LoadedSet, Snapshot, ZoneChange},
};

/// A question: may this principal do this action to this resource?
#[derive(Debug, Clone)]
pub struct Question {
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
}

/// A question by itself.
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

/// Many questions at once.
#[derive(Debug)]
pub struct DecisionBatch {
    /// What is asked; in place of what was no question, why it is none.
    pub questions: Vec<Result<Question, Error>>,
    /// Cedar entity JSON, a list: good for all of them.
    pub entities: Value,
    /// Whether the answers name the determining policies and errors.
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

/// How a question is put.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Whether the answer names the determining policies and errors.
    pub(crate) explain: bool,
    /// Whether the question and its entities must fit the schema.
    pub(crate) validate: bool,
}

impl Manner {
    fn of(snapshot: &Snapshot, explain: bool) -> Self {
        Self { explain, validate: snapshot.zone.settings.validate_requests }
    }
}

/// A slot's shadow version, or why it cannot be asked.
type Beside = (Arc<BoundSet>, Result<Arc<LoadedSet>, Error>);

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
        let snapshot = self.recent_snapshot(zone, request.at_least_revision).await?;
        let DecisionRequest { principal, action, resource, context, session, entities, explain, .. } = request;
        let question = Question { principal, action, resource, context, session };
        let manner = Manner::of(&snapshot, explain);
        let decide = tracing::trace_span!(target: "cedarkeep::trace", "decide");
        self.answer(&snapshot, question, &Arc::new(GivenEntities::new(entities)), manner).instrument(decide).await
    }

    /// Decides many requests at one moment of the zone, in their order. The entities are read once, for all of them.
    ///
    /// # Errors
    /// `not_found`, and `bad_request` for a revision that the zone does not have. What concerns one request only is its
    /// own answer.
    pub async fn authorize_batch(
        &self,
        _call: &Call,
        zone: ZoneId,
        batch: DecisionBatch,
    ) -> Result<Vec<Result<DecisionAnswer, Error>>, Error> {
        /// After so many answers other requests get their turn on this thread.
        const TURN: usize = 32;
        let snapshot = self.recent_snapshot(zone, batch.at_least_revision).await?;
        let entities = Arc::new(GivenEntities::new(batch.entities));
        let manner = Manner::of(&snapshot, batch.explain);
        let mut answers = Vec::with_capacity(batch.questions.len());
        for question in batch.questions {
            if answers.len() % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
            answers.push(match question {
                Ok(question) => self.answer(&snapshot, question, &entities, manner).await,
                Err(error) => Err(error),
            });
        }
        Ok(answers)
    }

    /// The zone as it is at this revision of its, or at a later one.
    pub(crate) async fn recent_snapshot(&self, zone: ZoneId, at_least: Option<u64>) -> Result<Arc<Snapshot>, Error> {
        let snapshot = self.snapshot(zone).await?;
        let wanted = at_least.unwrap_or(0);
        if snapshot.zone.revision >= wanted {
            return Ok(snapshot);
        }
        let unknown = |error: Error| {
            let message = format!(
                "at_least_revision {wanted} is beyond revision {} of the zone, which is the last that this server knows, \
                 and the store does not answer; try again",
                snapshot.zone.revision
            );
            Error::new(Code::Unavailable, message).with_source(error)
        };
        self.look_again(zone, ZoneChange::Decides).await.map_err(unknown)?;
        let snapshot = self.snapshot(zone).await?;
        if snapshot.zone.revision >= wanted {
            return Ok(snapshot);
        }
        let message = format!("at_least_revision {wanted} is beyond the zone's revision {}", snapshot.zone.revision);
        Err(Error::new(Code::BadRequest, message))
    }

    /// Decides one question at one moment of a zone.
    pub(crate) async fn answer(
        &self,
        snapshot: &Arc<Snapshot>,
        question: Question,
        entities: &Arc<GivenEntities>,
        manner: Manner,
    ) -> Result<DecisionAnswer, Error> {
        let begun = Instant::now();
        if !entities.none() && snapshot.zone.settings.request_entities == RequestEntities::Refuse {
            let message = "this zone takes no entities from requests (request_entities is refuse); leave entities out";
            return Err(Error::new(Code::InvalidRequest, message));
        }
        let active = self.standing(snapshot, &question).await?;
        let mut shadow: Vec<Beside> = Vec::new();
        for bound in bound(snapshot, &question, BindingMode::Shadow) {
            let loaded = match bound.ready(self) {
                Some(loaded) => Ok(loaded),
                None => Box::pin(bound.get(self)).await,
            };
            shadow.push((Arc::clone(bound), loaded));
        }
        let sets = active.iter().map(|standing| &standing.loaded);
        let sets = sets.chain(shadow.iter().filter_map(|(_, loaded)| loaded.as_ref().ok()));
        let sets: Vec<_> = sets.map(|loaded| Arc::clone(&loaded.compiled)).collect();
        let sitting = Sitting::new(snapshot, question, Arc::clone(entities), sets, manner.validate);
        let (question, mut evaluated) = self.evaluate(sitting).await?;
        let observed = evaluated.split_off(active.len());
        let decided = evaluated.into_iter().collect::<Result<Vec<_>, _>>().map_err(evaluate_error)?;
        let verdict = Verdict { question: &question, active: &active, decided: &decided, explain: manner.explain };
        let answer = verdict.answer(self, snapshot, shadow, observed);
        self.log_decision(&snapshot.zone, &question, &answer);
        self.0.meters.decided(answer.decision);
        self.0.meters.took(begun);
        Ok(answer)
    }
}

impl Service {
    /// Denies before any policy is asked. What is no question in Cedar's terms is not logged.
    pub(crate) fn refuse(&self, snapshot: &Snapshot, question: Option<Question>, why: DenyReason) -> DecisionAnswer {
        let answer = DecisionAnswer {
            decision: Decision::Deny,
            reason: Some(why),
            decision_id: DecisionId::new(self.0.ids.next()),
            revision: snapshot.zone.revision,
            combination: snapshot.zone.settings.scope_combination,
            evaluated_at: self.now(),
            scopes: Vec::new(),
            shadow: Vec::new(),
        };
        if let Some(question) = question {
            self.log_decision(&snapshot.zone, &question, &answer);
        }
        self.0.meters.decided(Decision::Deny);
        answer
    }
}

/// What a question came to in the slots that decide.
struct Verdict<'a> {
    question: &'a Question,
    active: &'a [Standing],
    decided: &'a [SlotDecision],
    explain: bool,
}

impl Verdict<'_> {
    fn slots(&self) -> impl Iterator<Item = (&Standing, &SlotDecision)> {
        self.active.iter().zip(self.decided)
    }

    fn slot(&self, scope: ScopeType) -> Option<(&Standing, &SlotDecision)> {
        self.slots().find(|(standing, _)| standing.bound.binding.scope_type == scope)
    }

    fn answer(
        &self,
        service: &Service,
        snapshot: &Snapshot,
        shadow: Vec<Beside>,
        observed: Vec<Evaluated>,
    ) -> DecisionAnswer {
        let settings = &snapshot.zone.settings;
        let Overall { decision, reason } = overall(self.slots(), settings);
        let (decision_id, evaluated_at) = (DecisionId::new(service.0.ids.next()), service.now());
        let moment = Moment { decision_id, at: evaluated_at, settings };
        let scopes = self
            .slots()
            .map(|(Standing { bound, loaded }, slot)| scope_answer(&bound.binding, loaded, slot, self.explain));
        DecisionAnswer {
            decision,
            reason,
            decision_id,
            revision: snapshot.zone.revision,
            combination: settings.scope_combination,
            evaluated_at,
            scopes: scopes.collect(),
            shadow: if shadow.is_empty() { Vec::new() } else { self.beside(service, shadow, observed, &moment) },
        }
    }

    /// What the shadows would have said; each divergence is recorded.
    fn beside(
        &self,
        service: &Service,
        shadow: Vec<Beside>,
        observed: Vec<Evaluated>,
        moment: &Moment<'_>,
    ) -> Vec<ShadowAnswer> {
        let asked = Asked::of(self.question);
        let mut observed = observed.into_iter();
        let answers = shadow.into_iter().map(|(bound, loaded)| {
            let evaluated = if loaded.is_ok() { observed.next() } else { None };
            let standing = self.slot(bound.binding.scope_type);
            let decided = standing.map(|(_, slot)| slot.decision);
            let answer = shadow_answer(&bound.binding, loaded, evaluated, decided, self.explain);
            let standing = standing.map(|(standing, _)| &standing.bound.binding);
            service.0.divergences.record(observation(&bound.binding, &answer, standing, &asked, moment));
            answer
        });
        answers.collect()
    }
}

pub(crate) fn evaluate_error(error: EvaluateError) -> Error {
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

fn scope_answer(binding: &Binding, loaded: &LoadedSet, slot: &SlotDecision, explain: bool) -> ScopeAnswer {
    let (determining_policies, errors) = if explain {
        let (mut determining, errors) = loaded.compiled.explain(slot);
        for policy in &mut determining {
            policy.name = loaded.names.get(&policy.policy_id).cloned().unwrap_or_default();
        }
        (Some(determining), Some(errors))
    } else {
        (None, None)
    };
    ScopeAnswer {
        scope_type: binding.scope_type,
        scope_target_id: binding.scope_target_id.clone(),
        decision: slot.decision,
        reason: slot.reason,
        policy_set_id: binding.policy_set_id,
        policy_set_version_id: binding.policy_set_version_id,
        version: binding.version,
        manifest_sha: binding.manifest_sha,
        determining_policies,
        errors,
    }
}
