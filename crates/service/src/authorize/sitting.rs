//! The evaluation of one question by the sets of all its slots: in passing where that takes but a moment, otherwise on the
//! Cedar pool.

use std::sync::{Arc, Mutex, PoisonError};

use cedarkeep_cedar::{
    Agreement, CompiledSet, DecisionRequest, EntityStore, EvaluateError, Facts, Ground, InlineEntities, Passing,
    SlotDecision,
};
use cedarkeep_model::{Digest, ForbidErrorRule, RequestEntities};
use serde_json::Value;

use super::{Question, meters::Meters};
use crate::{Error, Service, snapshot::Snapshot};

/// What one set said.
pub(super) type Evaluated = Result<SlotDecision, EvaluateError>;

/// The entities that came with a request or a batch, read at most once for each schema.
pub(crate) struct GivenEntities {
    value: Value,
    read: Mutex<Vec<(Digest, InlineEntities)>>,
}

impl GivenEntities {
    pub(crate) fn new(value: Value) -> Self {
        Self { value, read: Mutex::default() }
    }

    /// Whether there is none; what is no list is read, to be refused.
    pub(crate) fn none(&self) -> bool {
        self.value.as_array().is_some_and(Vec::is_empty)
    }

    fn here(&self, ground: &Ground) -> Option<InlineEntities> {
        match self.known(ground) {
            Some(known) => Some(known),
            None => ground.read_entities_here(&self.value).map(|read| self.keep(ground, read)),
        }
    }

    fn read(&self, ground: &Ground) -> Result<InlineEntities, EvaluateError> {
        match self.known(ground) {
            Some(known) => Ok(known),
            None => ground.read_entities(&self.value).map(|read| self.keep(ground, read)),
        }
    }

    fn known(&self, ground: &Ground) -> Option<InlineEntities> {
        if self.none() {
            return Some(InlineEntities::default());
        }
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.iter().find(|(schema, _)| *schema == ground.schema.sha()).map(|(_, read)| read.clone())
    }

    fn keep(&self, ground: &Ground, entities: InlineEntities) -> InlineEntities {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.push((ground.schema.sha(), entities.clone()));
        entities
    }
}

/// One question and all that it is held against.
pub(super) struct Sitting {
    request: DecisionRequest,
    session: Option<String>,
    entities: Arc<GivenEntities>,
    store: Arc<EntityStore>,
    on_forbid_error: ForbidErrorRule,
    replaces: bool,
    validate: bool,
    sets: Vec<Arc<CompiledSet>>,
    /// By set: whether a plain evaluation is to check the decision.
    checks: Vec<bool>,
}

impl Sitting {
    pub(super) fn new(
        snapshot: &Snapshot,
        question: Question,
        entities: Arc<GivenEntities>,
        sets: Vec<Arc<CompiledSet>>,
        validate: bool,
    ) -> Self {
        let Question { principal, action, resource, context, session } = question;
        Self {
            request: DecisionRequest { principal, action, resource, context },
            session,
            entities,
            store: Arc::clone(&snapshot.entities),
            on_forbid_error: snapshot.zone.settings.on_forbid_error,
            replaces: snapshot.zone.settings.request_entities == RequestEntities::Replace,
            validate,
            checks: vec![false; sets.len()],
            sets,
        }
    }

    fn question(self) -> Question {
        let DecisionRequest { principal, action, resource, context } = self.request;
        Question { principal, action, resource, context, session: self.session }
    }

    fn ground(&self, set: &CompiledSet) -> Ground {
        Ground {
            schema: set.schema().clone(),
            store: Arc::clone(&self.store),
            validate: self.validate,
            replaces: self.replaces,
        }
    }

    /// What every set says, if all of them can say it in passing.
    fn in_passing(&mut self, meters: &Meters) -> Option<Vec<Evaluated>> {
        let mut said = Vec::with_capacity(self.sets.len());
        let mut facts: Option<Facts> = None;
        let mut hold = false;
        for (place, set) in self.sets.iter().enumerate() {
            // Sets with one schema share the facts; most often there is but one schema.
            if facts.as_ref().is_none_or(|facts| facts.schema_sha() != set.schema_sha()) {
                let ground = self.ground(set);
                facts = Some(ground.read_here(&self.request, &self.entities.here(&ground)?)?);
            }
            match set.decide_in_passing(facts.as_ref()?, self.on_forbid_error) {
                Passing::Decided(decision, candidates) => {
                    meters.looked_at(candidates);
                    said.push(Ok(decision));
                }
                Passing::AskCedar => hold = true,
                Passing::Check => {
                    hold = true;
                    self.checks.get_mut(place).into_iter().for_each(|check| *check = true);
                }
            }
        }
        (!hold).then_some(said)
    }

    /// What every set says; on the Cedar pool.
    fn at_length(&self) -> Vec<Evaluated> {
        let one = |(set, check): (&Arc<CompiledSet>, &bool)| {
            let ground = self.ground(set);
            let facts = ground.read(&self.request, &self.entities.read(&ground)?)?;
            let rule = self.on_forbid_error;
            if !check {
                return set.decide(&facts, rule);
            }
            let (decision, agreement) = set.check(&facts, rule)?;
            metrics::counter!("cedarkeep_decision_checks_total").increment(1);
            if agreement == Agreement::Disagreed {
                metrics::counter!("cedarkeep_decision_mismatches_total").increment(1);
                tracing::error!("the index of a policy set decided otherwise than Cedar; it is used no longer");
            }
            Ok(decision)
        };
        self.sets.iter().zip(&self.checks).map(one).collect()
    }
}

impl Service {
    /// What each set says to the question, in the order of the sets.
    pub(super) async fn evaluate(&self, mut sitting: Sitting) -> Result<(Question, Vec<Evaluated>), Error> {
        if let Some(said) = sitting.in_passing(&self.0.meters) {
            return Ok((sitting.question(), said));
        }
        metrics::counter!("cedarkeep_decisions_at_length_total").increment(1);
        let work = move || {
            let said = sitting.at_length();
            (sitting.question(), said)
        };
        Ok(self.0.cedar.run(work).await?)
    }
}
