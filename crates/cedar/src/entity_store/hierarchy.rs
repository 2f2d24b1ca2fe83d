//! How deep the entities of a store stand below and above one another.
//!
//! A change may make no entity its own ancestor and no chain longer than [`MAX_ANCESTOR_DEPTH`]. Both are known after a
//! look at the ancestors of what changes: of everything that is a parent it is kept how deep the entities below it go,
//! so nobody has to walk down, where a group may have a million members.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{InvalidHierarchy, Shared};
use crate::{
    MAX_ANCESTOR_DEPTH,
    entity::{Entity, Key, Prehashed, Probe},
};

type Entities = Shared<Arc<Entity>>;

/// Of every uid that is a parent: how many children have how much below them.
#[derive(Debug, Clone, Default)]
pub(super) struct Depths(pub(super) Shared<Children>);

/// Children by the length of the longest chain below each, ascending, each length once.
#[derive(Debug, Clone, Default)]
pub(super) struct Children(Vec<(usize, usize)>);

impl Children {
    fn add(&mut self, below: usize) {
        match self.0.binary_search_by_key(&below, |(length, _)| *length) {
            Ok(at) => {
                if let Some((_, count)) = self.0.get_mut(at) {
                    *count += 1;
                }
            }
            Err(at) => self.0.insert(at, (below, 1)),
        }
    }

    fn remove(&mut self, below: usize) {
        let Ok(at) = self.0.binary_search_by_key(&below, |(length, _)| *length) else { return };
        match self.0.get_mut(at) {
            Some((_, count)) if *count > 1 => *count -= 1,
            _ => drop(self.0.remove(at)),
        }
    }

    /// The length of the longest chain below their parent.
    pub(super) fn longest(&self) -> usize {
        self.0.last().map_or(0, |(length, _)| length + 1)
    }
}

/// A parent to which a child with so much below it comes, or from which it goes.
struct Step {
    parent: Key,
    gone: Option<usize>,
    come: Option<usize>,
}

impl Depths {
    /// The length of the longest chain below a uid.
    fn below(&self, probe: Probe<'_>) -> usize {
        self.0.get(&probe).map_or(0, Children::longest)
    }

    /// Follows an entity that has just been taken out of these.
    pub(super) fn detach(&mut self, entities: &Entities, entity: &Entity) {
        let gone = Some(self.below(entity.key.probe()));
        self.follow(entities, entity.parents.iter().map(|parent| Step { parent: parent.clone(), gone, come: None }));
    }

    /// Follows entities that have just been put in, after a check that they may be.
    pub(super) fn attach(&mut self, entities: &Entities, keys: &[Key]) -> Result<(), InvalidHierarchy> {
        let above = above(entities, keys)?;
        let mut keys: Vec<(usize, &Key)> =
            keys.iter().map(|key| (above.get(&key.probe()).copied().flatten().unwrap_or(0), key)).collect();
        // From the top down: what stands above a parent is in place before its children come.
        keys.sort_by_key(|(above, _)| *above);
        for (_, key) in &keys {
            let come = Some(self.below(key.probe()));
            let parents = entities.get(*key).map_or(&[][..], |entity| &entity.parents);
            self.follow(entities, parents.iter().map(|parent| Step { parent: parent.clone(), gone: None, come }));
        }
        let long = keys.iter().find(|(above, key)| above + self.below(key.probe()) > MAX_ANCESTOR_DEPTH);
        long.map_or(Ok(()), |(_, key)| Err(too_deep(key)))
    }

    /// Takes the steps, and those that they cause further up.
    fn follow(&mut self, entities: &Entities, steps: impl Iterator<Item = Step>) {
        let mut steps: Vec<Step> = steps.collect();
        while let Some(Step { parent, gone, come }) = steps.pop() {
            let before = self.below(parent.probe());
            let children = self.0.entry(parent.clone()).or_default();
            if let Some(below) = gone {
                children.remove(below);
            }
            if let Some(below) = come {
                children.add(below);
            }
            let after = children.longest();
            if children.0.is_empty() {
                self.0.remove(&parent);
            }
            if before != after {
                let further = entities.get(&parent).map_or(&[][..], |entity| &entity.parents);
                let step = |parent: &Key| Step { parent: parent.clone(), gone: Some(before), come: Some(after) };
                steps.extend(further.iter().map(step));
            }
        }
    }
}

/// The length of the longest chain above each uid that was looked at; none while it is on the way to the one looked at.
type Above<'a> = HashMap<Probe<'a>, Option<usize>, Prehashed>;

/// A uid on the way up, with the parents that are still to be looked at.
struct Climb<'a> {
    key: &'a Key,
    parents: std::slice::Iter<'a, Key>,
    longest: usize,
}

impl<'a> Climb<'a> {
    fn begin(entities: &'a Entities, key: &'a Key) -> Self {
        let parents = entities.get(key).map_or(&[][..], |entity| &entity.parents);
        Self { key, parents: parents.iter(), longest: 0 }
    }
}

/// Climbs from each of these to the top; what was looked at once is not looked at again.
fn above<'a>(entities: &'a Entities, keys: &'a [Key]) -> Result<Above<'a>, InvalidHierarchy> {
    let mut above = Above::default();
    let mut way: Vec<Climb<'a>> = Vec::new();
    for key in keys {
        if above.contains_key(&key.probe()) {
            continue;
        }
        above.insert(key.probe(), None);
        way.push(Climb::begin(entities, key));
        while let Some(here) = way.last_mut() {
            let Some(parent) = here.parents.next() else {
                let Climb { key, longest, .. } = *here;
                if longest > MAX_ANCESTOR_DEPTH {
                    return Err(too_deep(key));
                }
                above.insert(key.probe(), Some(longest));
                way.pop();
                if let Some(child) = way.last_mut() {
                    child.longest = child.longest.max(longest + 1);
                }
                continue;
            };
            match above.get(&parent.probe()) {
                Some(Some(length)) => here.longest = here.longest.max(length + 1),
                Some(None) => {
                    let message = format!("the entities form a cycle: {} is its own ancestor", parent.uid());
                    return Err(InvalidHierarchy(message));
                }
                None => {
                    above.insert(parent.probe(), None);
                    way.push(Climb::begin(entities, parent));
                }
            }
        }
    }
    Ok(above)
}

fn too_deep(key: &Key) -> InvalidHierarchy {
    InvalidHierarchy(format!("{} stands in a chain of more than {MAX_ANCESTOR_DEPTH} ancestors", key.uid()))
}
