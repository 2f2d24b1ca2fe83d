//! The scope of a statement (`principal`, `action`, `resource`) as the index reads it.
//!
//! Cedar evaluates the scope before the conditions and no form of a scope can fail. So a statement whose scope does not
//! match does nothing at all, whatever its conditions are, and may be left out.

use cedar_policy_core::ast::{
    ActionConstraint, EntityReference, EntityType, EntityUID, Policy, PrincipalOrResourceConstraint,
};

use crate::entity::Key;

/// What a statement's scope says of the principal or of the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constraint<U = Key, T = EntityType> {
    Any,
    Eq(U),
    In(U),
    Is(T),
    IsIn(T, U),
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
}

/// The uid without its place in the text, which would keep the text alive.
fn key(uid: &EntityUID) -> Key {
    let (entity_type, eid) = uid.clone().components();
    Key::new(EntityUID::from_components(entity_type, eid, None))
}
