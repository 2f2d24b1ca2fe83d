//! The scope of a statement (`principal`, `action`, `resource`) as the index and the matching read it.
//!
//! Cedar evaluates the scope before the conditions and no form of a scope can fail. So a statement whose scope does not
//! match does nothing at all, whatever its conditions are, and may be left out.

use cedar_policy_core::ast::{
    ActionConstraint, EntityReference, EntityType, EntityUID, Policy, PrincipalOrResourceConstraint,
};

use crate::entity::{Key, Probe};

/// What a statement's scope says of the principal or of the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Constraint {
    Any,
    Eq(Key),
    In(Key),
    Is(EntityType),
    IsIn(EntityType, Key),
}

/// What a statement's scope says of the action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Actions {
    Any,
    Eq(Key),
    In(Box<[Key]>),
}

/// A scope with every slot filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) principal: Constraint,
    pub(crate) action: Actions,
    pub(crate) resource: Constraint,
}

/// One of the three uids of a request, with everything above it.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) own: Probe<'a>,
    /// Everything that it is `in`, but itself.
    pub(crate) ancestors: &'a [Probe<'a>],
}

impl Place<'_> {
    fn is(&self, entity_type: &EntityType) -> bool {
        self.own.uid.entity_type() == entity_type
    }

    fn is_in(&self, key: &Key) -> bool {
        self.own == key.probe() || self.ancestors.contains(&key.probe())
    }
}

impl Scope {
    /// The scope of a static policy or of a template link. None for what only a policy set with open slots has.
    pub(crate) fn of(policy: &Policy) -> Option<Self> {
        let action = match policy.action_constraint() {
            ActionConstraint::Any => Actions::Any,
            ActionConstraint::Eq(uid) => Actions::Eq(key(uid)),
            ActionConstraint::In(uids) => Actions::In(uids.iter().map(|uid| key(uid)).collect()),
        };
        Some(Self {
            principal: Constraint::of(policy.principal_constraint().as_inner())?,
            action,
            resource: Constraint::of(policy.resource_constraint().as_inner())?,
        })
    }

    pub(crate) fn matches(&self, principal: &Place<'_>, action: &Place<'_>, resource: &Place<'_>) -> bool {
        self.action.matches(action) && self.principal.matches(principal) && self.resource.matches(resource)
    }

    /// Whether it leaves principal, action and resource open: such a statement is a candidate of every request.
    pub(crate) fn is_open(&self) -> bool {
        self.principal == Constraint::Any && self.action == Actions::Any && self.resource == Constraint::Any
    }
}

impl Constraint {
    fn of(constraint: &PrincipalOrResourceConstraint) -> Option<Self> {
        let filled = |reference: &EntityReference| match reference {
            EntityReference::EUID(uid) => Some(key(uid)),
            EntityReference::Slot(_) => None,
        };
        Some(match constraint {
            PrincipalOrResourceConstraint::Any => Self::Any,
            PrincipalOrResourceConstraint::Eq(reference) => Self::Eq(filled(reference)?),
            PrincipalOrResourceConstraint::In(reference) => Self::In(filled(reference)?),
            PrincipalOrResourceConstraint::Is(entity_type) => Self::Is((**entity_type).clone()),
            PrincipalOrResourceConstraint::IsIn(entity_type, reference) => {
                Self::IsIn((**entity_type).clone(), filled(reference)?)
            }
        })
    }

    fn matches(&self, place: &Place<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Eq(key) => place.own == key.probe(),
            Self::In(key) => place.is_in(key),
            Self::Is(entity_type) => place.is(entity_type),
            Self::IsIn(entity_type, key) => place.is(entity_type) && place.is_in(key),
        }
    }
}

impl Actions {
    fn matches(&self, action: &Place<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Eq(key) => action.own == key.probe(),
            Self::In(keys) => keys.iter().any(|key| action.is_in(key)),
        }
    }
}

/// The uid without its place in the text, which would keep the text alive.
fn key(uid: &EntityUID) -> Key {
    let (entity_type, eid) = uid.clone().components();
    Key::new(EntityUID::from_components(entity_type, eid, None))
}
