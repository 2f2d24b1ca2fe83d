//! A request as the statements of a set are held against it: what all of them ask for is found once.

use cedar_policy_core::ast::{EntityType, EntityUID};

use crate::{
    entity::{Entity, Probe},
    facts::{Facts, MOST_ANCESTORS},
};

/// The facts of a request, and its three uids with all that stands above them.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) principal: Place<'a>,
    pub(crate) action: Place<'a>,
    pub(crate) resource: Place<'a>,
}

/// One of the three uids of a request.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) own: Probe<'a>,
    entity: Option<&'a Entity>,
    /// Everything that it is `in`, but itself.
    pub(crate) ancestors: Vec<Probe<'a>>,
}

impl<'a> Place<'a> {
    fn of(facts: &'a Facts, uid: &'a EntityUID, most: usize) -> Self {
        let own = Probe::of(uid);
        Self::with(facts, own, facts.entity(own), most)
    }

    /// Actions come from the schema and from nowhere else, so that is where to look first.
    fn of_action(facts: &'a Facts, uid: &'a EntityUID, most: usize) -> Self {
        let own = Probe::of(uid);
        Self::with(facts, own, facts.schema.action(own).or_else(|| facts.entity(own)), most)
    }

    fn with(facts: &'a Facts, own: Probe<'a>, entity: Option<&'a Entity>, most: usize) -> Self {
        Self { own, entity, ancestors: facts.above(own, entity, most) }
    }

    pub(crate) fn entity_type(&self) -> &EntityType {
        self.own.uid.entity_type()
    }
}

impl<'a> Scene<'a> {
    /// All of it, however many ancestors there are.
    pub(crate) fn of(facts: &'a Facts) -> Self {
        Self::up_to(facts, usize::MAX)
    }

    /// The same, unless there are more than [`MOST_ANCESTORS`] above one of the uids.
    pub(crate) fn in_passing(facts: &'a Facts) -> Option<Self> {
        let scene = Self::up_to(facts, MOST_ANCESTORS);
        let places = [&scene.principal, &scene.action, &scene.resource];
        places.iter().all(|place| place.ancestors.len() <= MOST_ANCESTORS).then_some(scene)
    }

    fn up_to(facts: &'a Facts, most: usize) -> Self {
        Self {
            principal: Place::of(facts, &facts.principal, most),
            action: Place::of_action(facts, &facts.action, most),
            resource: Place::of(facts, &facts.resource, most),
            facts,
        }
    }

    /// The place of a uid that is one of the three by being the very same copy: conditions mostly ask for those.
    fn place(&self, uid: &EntityUID) -> Option<&Place<'a>> {
        [&self.principal, &self.resource, &self.action].into_iter().find(|place| std::ptr::eq(place.own.uid, uid))
    }

    /// As [`Facts::entity`].
    pub(crate) fn entity(&self, uid: &EntityUID) -> Option<&Entity> {
        match self.place(uid) {
            Some(place) => place.entity,
            None => self.facts.entity(Probe::of(uid)),
        }
    }

    /// As [`Facts::is_in`].
    pub(crate) fn is_in(&self, uid: &EntityUID, others: &[Probe<'_>]) -> Option<bool> {
        match self.place(uid) {
            Some(Place { own, ancestors, .. }) => {
                Some(others.contains(own) || ancestors.iter().any(|above| others.contains(above)))
            }
            None => self.facts.is_in(Probe::of(uid), others),
        }
    }
}
