//! The uids and types that the scopes of a set name, as numbers: equal numbers are equal uids, so that holding a request
//! against a scope compares numbers and reads no uid.

use cedar_policy_core::ast::EntityType;
use hashbrown::HashMap;

use crate::{
    entity::{Key, Prehashed},
    scene::Place,
    scope::{Actions, Constraint, Scope},
};

/// A uid that a scope names.
pub(crate) type UidNumber = u32;
/// A type that a scope names.
pub(crate) type TypeNumber = u32;
/// A list of actions that a scope names.
pub(crate) type ListNumber = u32;

/// What the scopes of a set name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    uids: HashMap<Key, UidNumber, Prehashed>,
    types: HashMap<EntityType, TypeNumber>,
    lists: Vec<Box<[UidNumber]>>,
}

/// Gives what scopes name its numbers.
#[derive(Debug, Default)]
pub(crate) struct Naming {
    names: Names,
    lists: HashMap<Vec<UidNumber>, ListNumber>,
}

/// A scope in numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NarrowScope {
    pub(crate) principal: Constraint<UidNumber, TypeNumber>,
    pub(crate) action: NarrowActions,
    pub(crate) resource: Constraint<UidNumber, TypeNumber>,
}

/// What a scope says of the action, in numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NarrowActions {
    Any,
    Eq(UidNumber),
    In(ListNumber),
}

/// One of the three uids of a request with everything above it, as far as any scope names them.
#[derive(Debug)]
pub(crate) struct NarrowPlace {
    own: Option<UidNumber>,
    pub(crate) entity_type: Option<TypeNumber>,
    ancestors: Vec<UidNumber>,
}

impl Naming {
    /// What was named.
    pub(crate) fn done(self) -> Names {
        self.names
    }

    pub(crate) fn narrow(&mut self, scope: &Scope) -> NarrowScope {
        NarrowScope {
            principal: self.constraint(&scope.principal),
            action: match &scope.action {
                Actions::Any => NarrowActions::Any,
                Actions::Eq(key) => NarrowActions::Eq(self.uid(key)),
                Actions::In(keys) => {
                    let list: Vec<_> = keys.iter().map(|key| self.uid(key)).collect();
                    NarrowActions::In(self.list(&list))
                }
            },
            resource: self.constraint(&scope.resource),
        }
    }

    fn constraint(&mut self, constraint: &Constraint) -> Constraint<UidNumber, TypeNumber> {
        match constraint {
            Constraint::Any => Constraint::Any,
            Constraint::Eq(key) => Constraint::Eq(self.uid(key)),
            Constraint::In(key) => Constraint::In(self.uid(key)),
            Constraint::Is(entity_type) => Constraint::Is(self.type_number(entity_type)),
            Constraint::IsIn(entity_type, key) => Constraint::IsIn(self.type_number(entity_type), self.uid(key)),
        }
    }

    fn uid(&mut self, key: &Key) -> UidNumber {
        let next = number(self.names.uids.len());
        *self.names.uids.entry_ref(key).or_insert(next)
    }

    fn type_number(&mut self, entity_type: &EntityType) -> TypeNumber {
        let next = number(self.names.types.len());
        *self.names.types.entry_ref(entity_type).or_insert(next)
    }

    fn list(&mut self, list: &[UidNumber]) -> ListNumber {
        let lists = &mut self.names.lists;
        *self.lists.entry_ref(list).or_insert_with(|| {
            lists.push(list.into());
            number(lists.len() - 1)
        })
    }
}

impl Names {
    /// The actions of a list.
    pub(crate) fn list(&self, list: ListNumber) -> &[UidNumber] {
        self.lists.get(list as usize).map_or(&[], |list| list)
    }

    pub(crate) fn narrow_place(&self, place: &Place<'_>) -> NarrowPlace {
        NarrowPlace {
            own: self.uids.get(&place.own).copied(),
            entity_type: if self.types.is_empty() { None } else { self.types.get(place.entity_type()).copied() },
            ancestors: place.ancestors.iter().filter_map(|above| self.uids.get(above).copied()).collect(),
        }
    }
}

/// All that a set holds is 10,000 versions of at most 256 KiB: too little to name so many.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl NarrowPlace {
    /// Its own number and those of everything above it.
    pub(crate) fn uids(&self) -> impl Iterator<Item = UidNumber> {
        self.own.into_iter().chain(self.ancestors.iter().copied())
    }

    fn is_in(&self, uid: UidNumber) -> bool {
        self.own == Some(uid) || self.ancestors.contains(&uid)
    }

    /// Whether a principal or a resource is what a scope asks for.
    pub(crate) fn meets(&self, constraint: Constraint<UidNumber, TypeNumber>) -> bool {
        match constraint {
            Constraint::Any => true,
            Constraint::Eq(uid) => self.own == Some(uid),
            Constraint::In(uid) => self.is_in(uid),
            Constraint::Is(entity_type) => self.entity_type == Some(entity_type),
            Constraint::IsIn(entity_type, uid) => self.entity_type == Some(entity_type) && self.is_in(uid),
        }
    }

    /// Whether an action is what a scope asks for.
    pub(crate) fn is_one_of(&self, actions: NarrowActions, names: &Names) -> bool {
        match actions {
            NarrowActions::Any => true,
            NarrowActions::Eq(uid) => self.own == Some(uid),
            NarrowActions::In(list) => names.list(list).iter().any(|uid| self.is_in(*uid)),
        }
    }
}
