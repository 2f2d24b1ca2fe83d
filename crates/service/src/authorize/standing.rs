//! What stands in the slots of a question, and what it comes to together.

use std::sync::Arc;

use cedarkeep_cedar::{CombineRules, Overall, Schema, SlotDecision, SlotDecisions, combine};
use cedarkeep_model::{BindingMode, ScopeType, ZoneSettings};

use super::{
    Question, evaluate_error,
    sitting::{GivenEntities, Sitting},
};
use crate::{
    Code, Error, Service,
    bind::MAX_SESSION,
    snapshot::{BoundSet, LoadedSet, Snapshot},
};

/// The order in which slots are asked and answered.
const SLOTS: [ScopeType; 4] = [ScopeType::Zone, ScopeType::Resource, ScopeType::User, ScopeType::Session];

/// A slot's version, ready to be asked.
pub(crate) struct Standing {
    pub(super) bound: Arc<BoundSet>,
    pub(super) loaded: Arc<LoadedSet>,
}

impl Standing {
    async fn of(service: &Service, bound: &Arc<BoundSet>) -> Result<Self, Error> {
        let loaded = match bound.ready(service) {
            Some(loaded) => loaded,
            // Rare, and large.
            None => Box::pin(bound.get(service)).await?,
        };
        Ok(Self { bound: Arc::clone(bound), loaded })
    }

    /// The schema that the version pins.
    pub(crate) fn schema(&self) -> &Schema {
        self.loaded.compiled.schema()
    }
}

/// What stands in the slots of a question.
pub(super) fn bound<'a>(
    snapshot: &'a Snapshot,
    question: &'a Question,
    mode: BindingMode,
) -> impl Iterator<Item = &'a Arc<BoundSet>> {
    SLOTS.into_iter().filter_map(move |scope| {
        let slot = match scope {
            ScopeType::Zone => snapshot.slot(scope, String::new),
            ScopeType::Resource => snapshot.slot(scope, || question.resource.to_string()),
            ScopeType::User => snapshot.slot(scope, || question.principal.to_string()),
            ScopeType::Session => {
                let session = question.session.as_ref()?;
                snapshot.slot(scope, || session.clone())
            }
        };
        slot.and_then(|slot| slot.of(mode))
    })
}

/// What the slots come to together.
pub(super) fn overall<'a>(
    slots: impl Iterator<Item = (&'a Standing, &'a SlotDecision)>,
    settings: &ZoneSettings,
) -> Overall {
    let mut decisions = SlotDecisions::default();
    for (standing, decision) in slots {
        let place = match standing.bound.binding.scope_type {
            ScopeType::Zone => &mut decisions.zone,
            ScopeType::Resource => &mut decisions.resource,
            ScopeType::User => &mut decisions.user,
            ScopeType::Session => &mut decisions.session,
        };
        *place = Some(decision);
    }
    let ZoneSettings { scope_combination: combination, session_required, .. } = *settings;
    combine(decisions, CombineRules { combination, session_required })
}

impl Service {
    /// The version that decides in the zone's own slot.
    pub(crate) async fn standing_in_zone(&self, snapshot: &Snapshot) -> Result<Option<Standing>, Error> {
        let slot = snapshot.slot(ScopeType::Zone, String::new);
        match slot.and_then(|slot| slot.of(BindingMode::Active)) {
            Some(bound) => Standing::of(self, bound).await.map(Some),
            None => Ok(None),
        }
    }

    /// The versions that decide a question.
    pub(crate) async fn standing(&self, snapshot: &Snapshot, question: &Question) -> Result<Vec<Standing>, Error> {
        if question.session.as_ref().is_some_and(|session| session.chars().count() > MAX_SESSION) {
            let message = format!("a session has at most {MAX_SESSION} characters");
            return Err(Error::new(Code::BadRequest, message));
        }
        let mut active = Vec::new();
        for bound in bound(snapshot, question, BindingMode::Active) {
            active.push(Standing::of(self, bound).await?);
        }
        Ok(active)
    }

    /// What these versions say to a question, and nothing more: no shadow is asked, no decision counted. For searches,
    /// which ask thousands.
    pub(crate) async fn weigh(
        &self,
        snapshot: &Snapshot,
        active: &[Standing],
        question: Question,
        entities: &Arc<GivenEntities>,
        validate: bool,
    ) -> Result<(Question, Result<Overall, Error>), Error> {
        let sets = active.iter().map(|standing| Arc::clone(&standing.loaded.compiled)).collect();
        let sitting = Sitting::new(snapshot, question, Arc::clone(entities), sets, validate);
        let (question, evaluated) = self.evaluate(sitting).await?;
        let decided = evaluated.into_iter().collect::<Result<Vec<_>, _>>().map_err(evaluate_error);
        let overall = decided.map(|decided| overall(active.iter().zip(&decided), &snapshot.zone.settings));
        Ok((question, overall))
    }
}
