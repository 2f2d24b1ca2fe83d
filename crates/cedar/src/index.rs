//! From a request to the statements that could apply to it.
//!
//! Three levels, one for each part of a scope: principal, then resource, then action. A level sorts statements by the
//! uid or the type that the part names; a request looks under its own uid, under everything above that, under its type
//! and under "anything". What it finds still has to match: the index leaves out, it never decides.

use cedar_policy_core::ast::EntityType;
use hashbrown::HashMap;

use crate::{
    entity::{Key, Prehashed},
    scope::{Actions, Constraint, Place, Scope},
};

/// Where a statement stands in its set.
pub(crate) type StatementNumber = u32;

/// So few statements are looked at one by one faster than they are sorted any further.
const FEW: usize = 8;

/// The statements of a set, sorted by scope.
#[derive(Debug)]
pub(crate) struct Index(Level);

/// What a request finds.
#[derive(Debug, Default)]
pub(crate) struct Candidates(pub(crate) Vec<StatementNumber>);

#[derive(Debug)]
enum Level {
    Few(Vec<StatementNumber>),
    Sorted(Box<Sorted>),
}

/// Statements sorted by one part of their scope.
#[derive(Debug, Default)]
struct Sorted {
    /// `==` and `in`, the one with a type as well.
    uids: HashMap<Key, Level, Prehashed>,
    /// `is`.
    types: HashMap<EntityType, Level>,
    /// No constraint.
    any: Option<Level>,
}

/// The parts of a scope in the order of the levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Principal,
    Resource,
    Action,
}

/// Under what a statement is sorted.
enum Under<'a> {
    Any,
    Uid(&'a Key),
    Uids(&'a [Key]),
    Type(&'a EntityType),
}

impl Index {
    /// Sorts statements; their numbers are their places in the list.
    pub(crate) fn new(scopes: &[&Scope]) -> Self {
        let all = (0..).zip(scopes).map(|(number, _)| number).collect();
        Self(Level::new(all, scopes, Some(Part::Principal)))
    }

    /// The statements whose scope could match, each once, in the order of their numbers.
    pub(crate) fn candidates(&self, principal: &Place<'_>, action: &Place<'_>, resource: &Place<'_>) -> Candidates {
        let mut found = Vec::with_capacity(16);
        self.0.gather([principal, resource, action].as_slice(), &mut found);
        // A list of actions puts a statement under each of them.
        found.sort_unstable();
        found.dedup();
        Candidates(found)
    }
}

impl Level {
    fn new(numbers: Vec<StatementNumber>, scopes: &[&Scope], part: Option<Part>) -> Self {
        let Some(part) = part.filter(|_| numbers.len() > FEW) else { return Self::Few(numbers) };
        let (mut any, mut uids, mut types) = (Vec::new(), HashMap::with_hasher(Prehashed), HashMap::new());
        for number in numbers {
            let Some(scope) = scopes.get(number as usize) else { continue };
            match under(scope, part) {
                Under::Any => any.push(number),
                Under::Uid(key) => uids.entry(key.clone()).or_insert_with(Vec::new).push(number),
                Under::Uids(keys) => {
                    for key in keys {
                        uids.entry(key.clone()).or_insert_with(Vec::new).push(number);
                    }
                }
                Under::Type(entity_type) => types.entry_ref(entity_type).or_insert_with(Vec::new).push(number),
            }
        }
        let below = |numbers| Self::new(numbers, scopes, part.next());
        Self::Sorted(Box::new(Sorted {
            uids: uids.into_iter().map(|(key, numbers)| (key, below(numbers))).collect(),
            types: types.into_iter().map(|(entity_type, numbers)| (entity_type, below(numbers))).collect(),
            any: (!any.is_empty()).then(|| below(any)),
        }))
    }

    fn gather(&self, parts: &[&Place<'_>], found: &mut Vec<StatementNumber>) {
        let sorted = match (self, parts) {
            (Self::Few(numbers), _) => return found.extend_from_slice(numbers),
            (Self::Sorted(sorted), [part, rest @ ..]) => (sorted, part, rest),
            (Self::Sorted(_), []) => return,
        };
        let (Sorted { uids, types, any }, part, rest) = (&**sorted.0, sorted.1, sorted.2);
        if !uids.is_empty() {
            for probe in std::iter::once(&part.own).chain(part.ancestors) {
                if let Some(level) = uids.get(probe) {
                    level.gather(rest, found);
                }
            }
        }
        if !types.is_empty()
            && let Some(level) = types.get(part.own.uid.entity_type())
        {
            level.gather(rest, found);
        }
        if let Some(level) = any {
            level.gather(rest, found);
        }
    }
}

impl Part {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Principal => Some(Self::Resource),
            Self::Resource => Some(Self::Action),
            Self::Action => None,
        }
    }
}

fn under(scope: &Scope, part: Part) -> Under<'_> {
    let constraint = match part {
        Part::Principal => &scope.principal,
        Part::Resource => &scope.resource,
        Part::Action => {
            return match &scope.action {
                Actions::Any => Under::Any,
                Actions::Eq(key) => Under::Uid(key),
                Actions::In(keys) => Under::Uids(keys),
            };
        }
    };
    match constraint {
        Constraint::Any => Under::Any,
        Constraint::Eq(key) | Constraint::In(key) | Constraint::IsIn(_, key) => Under::Uid(key),
        Constraint::Is(entity_type) => Under::Type(entity_type),
    }
}
