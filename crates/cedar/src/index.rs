//! From a request to the statements that apply to it as far as their scopes say.
//!
//! Three levels, one for each part of a scope: principal, then resource, then action. A level sorts statements by the
//! uid or the type that the part names; a request looks under its own uid, under everything above that, under its type
//! and under "anything". What it finds is held against the whole scope: the sorting leaves out, it never decides.
//!
//! Uids and types are numbers here ([`Names`]), and all that a decision reads of a statement stands in one place: with
//! thousands of statements, every look elsewhere is a wait for the memory.

use hashbrown::HashMap;

use crate::{
    condition::Condition,
    evaluate::Effect,
    names::{ListNumber, Names, Naming, NarrowActions, NarrowPlace, NarrowScope, TypeNumber, UidNumber},
    scene::Scene,
    scope::Constraint,
    unit::Statement,
};

/// Where a statement stands in its set.
pub(crate) type StatementNumber = u32;

/// So few statements are looked at one by one faster than they are sorted any further.
const FEW: usize = 8;

/// The statements of a set, sorted by scope.
#[derive(Debug)]
pub(crate) struct Index {
    names: Names,
    sorted: Level,
}

/// What a decision reads of a statement.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) number: StatementNumber,
    pub(crate) effect: Effect,
    scope: NarrowScope,
    pub(crate) condition: Option<Condition>,
}

/// What a request finds: statements whose scope matches, each once, in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Candidates<'a> {
    pub(crate) matching: Vec<&'a Entry>,
    /// How many were looked at.
    pub(crate) seen: usize,
}

#[derive(Debug)]
enum Level {
    Few(Box<[Entry]>),
    Sorted(Box<Sorted>),
}

/// Statements sorted by one part of their scope.
#[derive(Debug, Default)]
struct Sorted {
    /// `==` and `in`, the one with a type as well.
    uids: HashMap<UidNumber, Level>,
    /// `is`.
    types: HashMap<TypeNumber, Level>,
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
enum Under {
    Any,
    Type(TypeNumber),
    Uid(UidNumber),
    /// Under each action of a list.
    Each(ListNumber),
}

/// A request in the numbers of an index.
struct Asked<'a> {
    names: &'a Names,
    principal: NarrowPlace,
    action: NarrowPlace,
    resource: NarrowPlace,
}

impl Index {
    /// Sorts statements; their numbers are their places in the list.
    pub(crate) fn new<'a>(statements: impl Iterator<Item = &'a Statement>) -> Self {
        let mut naming = Naming::default();
        let entries = (0..).zip(statements).map(|(number, statement)| Entry {
            number,
            effect: statement.effect,
            scope: naming.narrow(&statement.scope),
            condition: statement.condition.clone(),
        });
        let (entries, names) = (entries.collect(), naming.done());
        Self { sorted: Level::new(entries, &names, Some(Part::Principal)), names }
    }

    /// The statements whose scope matches.
    pub(crate) fn candidates(&self, scene: &Scene<'_>) -> Candidates<'_> {
        let Self { names, sorted } = self;
        let [principal, action, resource] =
            [&scene.principal, &scene.action, &scene.resource].map(|place| names.narrow_place(place));
        let asked = Asked { names, principal, action, resource };
        let mut found = Candidates { matching: Vec::with_capacity(16), seen: 0 };
        sorted.gather(Some(Part::Principal), &asked, &mut found);
        // A list of actions puts a statement under each of them.
        found.matching.sort_unstable_by_key(|entry| entry.number);
        found.matching.dedup_by_key(|entry| entry.number);
        found
    }
}

impl Level {
    fn new(entries: Vec<Entry>, names: &Names, part: Option<Part>) -> Self {
        let Some(part) = part.filter(|_| entries.len() > FEW) else { return Self::Few(entries.into()) };
        // Most uids have one statement: room for more would stay behind in the heap as holes.
        let one = || Vec::with_capacity(1);
        let mut any = Vec::new();
        let mut uids: HashMap<UidNumber, Vec<Entry>> = HashMap::new();
        let mut types: HashMap<TypeNumber, Vec<Entry>> = HashMap::new();
        for entry in entries {
            match part.under(&entry.scope) {
                Under::Any => any.push(entry),
                Under::Type(entity_type) => types.entry(entity_type).or_insert_with(one).push(entry),
                Under::Uid(uid) => uids.entry(uid).or_insert_with(one).push(entry),
                Under::Each(list) => {
                    for uid in names.list(list) {
                        uids.entry(*uid).or_insert_with(one).push(entry.clone());
                    }
                }
            }
        }
        let below = |entries| Self::new(entries, names, part.next());
        Self::Sorted(Box::new(Sorted {
            uids: uids.into_iter().map(|(uid, entries)| (uid, below(entries))).collect(),
            types: types.into_iter().map(|(entity_type, entries)| (entity_type, below(entries))).collect(),
            any: (!any.is_empty()).then(|| below(any)),
        }))
    }

    fn gather<'a>(&'a self, part: Option<Part>, asked: &Asked<'_>, found: &mut Candidates<'a>) {
        let (sorted, part) = match (self, part) {
            (Self::Few(entries), _) => {
                found.seen += entries.len();
                return found.matching.extend(entries.iter().filter(|entry| asked.matches(&entry.scope)));
            }
            (Self::Sorted(sorted), Some(part)) => (sorted, part),
            (Self::Sorted(_), None) => return,
        };
        let place = match part {
            Part::Principal => &asked.principal,
            Part::Resource => &asked.resource,
            Part::Action => &asked.action,
        };
        if !sorted.uids.is_empty() {
            for level in place.uids().filter_map(|uid| sorted.uids.get(&uid)) {
                level.gather(part.next(), asked, found);
            }
        }
        let of_type = place.entity_type.and_then(|entity_type| sorted.types.get(&entity_type));
        for level in of_type.into_iter().chain(&sorted.any) {
            level.gather(part.next(), asked, found);
        }
    }
}

impl Asked<'_> {
    fn matches(&self, scope: &NarrowScope) -> bool {
        self.action.is_one_of(scope.action, self.names)
            && self.principal.meets(scope.principal)
            && self.resource.meets(scope.resource)
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

    /// Under what a scope is sorted by this part.
    const fn under(self, scope: &NarrowScope) -> Under {
        let constraint = match self {
            Self::Principal => scope.principal,
            Self::Resource => scope.resource,
            Self::Action => {
                return match scope.action {
                    NarrowActions::Any => Under::Any,
                    NarrowActions::Eq(uid) => Under::Uid(uid),
                    NarrowActions::In(list) => Under::Each(list),
                };
            }
        };
        match constraint {
            Constraint::Any => Under::Any,
            Constraint::Eq(uid) | Constraint::In(uid) | Constraint::IsIn(_, uid) => Under::Uid(uid),
            Constraint::Is(entity_type) => Under::Type(entity_type),
        }
    }
}
