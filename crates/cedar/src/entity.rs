//! An entity in the form in which decisions read it.
//!
//! Values are Cedar's own, so what the evaluator sees and what is read here cannot differ.

use std::{
    collections::HashSet,
    hash::{BuildHasher, Hash, Hasher},
    sync::{Arc, LazyLock},
};

use cedar_policy_core::ast::{self, EntityUID, Literal, PartialValue, Value, ValueKind};
use hashbrown::{DefaultHashBuilder, Equivalent};
use smol_str::SmolStr;

use crate::facts::placeless;

/// Another one at every start of the process, so that nobody can choose uids that collide.
static SEED: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// The hash of a uid in every map of this crate: computed once for a uid of a request, kept with a stored one.
pub(crate) fn hash_of(uid: &EntityUID) -> u64 {
    SEED.hash_one(uid)
}

/// A uid with its hash. A clone is cheap and shares the uid. The hash stands beside the pointer: most comparisons end
/// with it, and copies that share their uid are known for equal without a look at it.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    hash: u64,
    uid: Arc<EntityUID>,
}

impl Key {
    pub(crate) fn new(uid: EntityUID) -> Self {
        Self { hash: hash_of(&uid), uid: Arc::new(uid) }
    }

    pub(crate) fn uid(&self) -> &EntityUID {
        &self.uid
    }

    /// Whether it is the same copy of the same uid.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.uid, &other.uid)
    }

    /// To look something up by this key.
    pub(crate) fn probe(&self) -> Probe<'_> {
        Probe { hash: self.hash, uid: &self.uid }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.probe() == other.probe()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A borrowed uid with its hash, to look up what is kept under a [`Key`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe<'a> {
    pub(crate) hash: u64,
    pub(crate) uid: &'a EntityUID,
}

impl<'a> Probe<'a> {
    pub(crate) fn of(uid: &'a EntityUID) -> Self {
        Self { hash: hash_of(uid), uid }
    }
}

impl PartialEq for Probe<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (std::ptr::eq(self.uid, other.uid) || self.uid == other.uid)
    }
}

impl Eq for Probe<'_> {}

impl Hash for Probe<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<Key> for Probe<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.probe()
    }
}

/// For maps by [`Key`]: the hash is there already.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Prehashed;

impl BuildHasher for Prehashed {
    type Hasher = Taken;

    fn build_hasher(&self) -> Taken {
        Taken(0)
    }
}

/// Takes over a hash that was computed before.
#[derive(Debug)]
pub(crate) struct Taken(u64);

impl Hasher for Taken {
    fn write(&mut self, bytes: &[u8]) {
        // Keys write one u64 only; whatever else came would still be hashed, if slowly.
        self.0 = SEED.hash_one((self.0, bytes));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// One entity: what Cedar's entity JSON says of it, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entity {
    pub(crate) key: Key,
    /// The parents that it was given, without theirs.
    pub(crate) parents: Box<[Key]>,
    /// By name, ascending.
    pub(crate) attrs: Members,
    /// By name, ascending.
    pub(crate) tags: Members,
}

/// Attributes or tags by name, ascending, each name once.
pub(crate) type Members = Box<[(SmolStr, Value)]>;

impl Entity {
    pub(crate) fn attr(&self, name: &str) -> Option<&Value> {
        member(&self.attrs, name)
    }

    pub(crate) fn tag(&self, name: &str) -> Option<&Value> {
        member(&self.tags, name)
    }

    /// Whether the other says the same of the same uid.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let parents = |entity: &Self| {
            let mut parents: Vec<EntityUID> = entity.parents.iter().map(|key| key.uid().clone()).collect();
            parents.sort_unstable();
            parents
        };
        self.key == other.key && self.attrs == other.attrs && self.tags == other.tags && parents(self) == parents(other)
    }

    /// About how much memory it holds, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        /// The record itself, its key, and the nodes of the maps that hold it.
        const OWN: usize = 400;
        let members = self.attrs.iter().chain(&self.tags).map(|(name, value)| 24 + name.len() + value_bytes(value));
        OWN + self.parents.len() * size_of::<Key>() + members.sum::<usize>()
    }
}

fn member<'a>(members: &'a Members, name: &str) -> Option<&'a Value> {
    // Few members: a look at each beats a search.
    if members.len() <= 8 {
        return members.iter().find(|(own, _)| own == name).map(|(_, value)| value);
    }
    let at = members.binary_search_by(|(own, _)| own.as_str().cmp(name)).ok()?;
    members.get(at).map(|(_, value)| value)
}

fn value_bytes(value: &Value) -> usize {
    size_of::<Value>()
        + match value.value_kind() {
            ValueKind::Lit(Literal::String(text)) if text.is_heap_allocated() => text.len(),
            ValueKind::Lit(Literal::EntityUID(_)) => size_of::<EntityUID>(),
            ValueKind::Lit(_) => 0,
            // Sets of literals keep a second, hashed form.
            ValueKind::Set(set) => set.authoritative.iter().map(|value| 2 * value_bytes(value)).sum(),
            ValueKind::Record(record) => record.iter().map(|(name, value)| 24 + name.len() + value_bytes(value)).sum(),
            ValueKind::ExtensionValue(_) => 128,
        }
}

impl Entity {
    /// What Cedar has read. None for a value that is not known, which nothing here ever makes.
    pub(crate) fn of(cedar: &ast::Entity) -> Option<Self> {
        let members = |(name, value): (&SmolStr, &PartialValue)| match value {
            PartialValue::Value(value) => Some((name.clone(), placeless(value))),
            PartialValue::Residual(_) => None,
        };
        Some(Self {
            key: Key::new(cedar.uid().clone()),
            parents: cedar.parents().cloned().map(Key::new).collect(),
            attrs: cedar.attrs().map(members).collect::<Option<_>>()?,
            tags: cedar.tags().map(members).collect::<Option<_>>()?,
        })
    }

    /// What Cedar's evaluator reads, with everything that stands above it.
    pub(crate) fn to_cedar<'a>(&self, ancestors: impl Iterator<Item = &'a EntityUID>) -> ast::Entity {
        let parents: HashSet<EntityUID> = self.parents.iter().map(|key| key.uid().clone()).collect();
        let indirect = ancestors.filter(|uid| !parents.contains(uid)).cloned().collect();
        let members = |members: &Members| -> Vec<(SmolStr, PartialValue)> {
            members.iter().map(|(name, value)| (name.clone(), PartialValue::Value(value.clone()))).collect()
        };
        let (attrs, tags) = (members(&self.attrs), members(&self.tags));
        ast::Entity::new_with_attr_partial_value(self.key.uid().clone(), attrs, indirect, parents, tags)
    }
}
