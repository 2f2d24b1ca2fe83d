//! The reference model: what a zone is, in the fewest words.

use std::collections::BTreeMap;

use cedarkeep_model::{BindingMode, ScopeType};
use cedarkeep_service::Code;
use cedarkeep_tests::random::Random;

/// How many policies, sets and texts there are to play with.
pub(crate) const POLICIES: usize = 4;
pub(crate) const SETS: usize = 4;
pub(crate) const TEXTS: usize = 3;

/// One step; everything is named by its place.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Publish { policy: usize, text: usize },
    SaveDraft { policy: usize, text: usize },
    PublishDraft { policy: usize },
    ArchiveVersion { policy: usize, version: usize },
    ArchivePolicy { policy: usize },
    PublishSet { set: usize, pins: BTreeMap<usize, usize> },
    ArchiveSetVersion { set: usize, version: usize },
    ArchiveSet { set: usize },
    Bind { set: usize, version: usize, mode: BindingMode, target: usize },
    Promote { slot: Slot },
    Unbind { slot: Slot },
    Rotate,
}

/// A slot: scope, target, mode.
pub(crate) type Slot = (ScopeType, usize, BindingMode);

/// What a step answers: the number of the version that it is about, and the zone's revision; or why not.
pub(crate) type Outcome = Result<(u64, u64), Code>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) text: usize,
    pub(crate) archived: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SetVersion {
    pub(crate) pins: BTreeMap<usize, usize>,
    pub(crate) archived: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) policies: Vec<(bool, Vec<Version>)>,
    pub(crate) sets: Vec<(bool, Vec<SetVersion>)>,
    pub(crate) bindings: BTreeMap<Slot, (usize, usize)>,
    pub(crate) revision: u64,
}

pub(crate) struct Model {
    state: State,
    drafts: BTreeMap<usize, usize>,
}

impl Default for Model {
    fn default() -> Self {
        let state = State {
            policies: vec![(false, vec![]); POLICIES],
            sets: vec![(false, vec![]); SETS],
            bindings: BTreeMap::new(),
            revision: 1,
        };
        Self { state, drafts: BTreeMap::new() }
    }
}

/// The scope of the set at this place.
pub(crate) fn scope(set: usize) -> ScopeType {
    ScopeType::ALL[set]
}

fn mode(random: &mut Random) -> BindingMode {
    BindingMode::ALL[random.below(2)]
}

impl Model {
    pub(crate) fn state(&self) -> State {
        self.state.clone()
    }

    /// A step that makes sense at least in form: it names nothing that never was.
    pub(crate) fn draw(&self, random: &mut Random) -> Step {
        loop {
            if let Some(step) = self.draw_one(random) {
                return step;
            }
        }
    }

    fn draw_one(&self, random: &mut Random) -> Option<Step> {
        let (policy, set) = (random.below(POLICIES), random.below(SETS));
        let versions = self.state.policies[policy].1.len();
        let set_versions = self.state.sets[set].1.len();
        let slots: Vec<Slot> = self.state.bindings.keys().copied().collect();
        // Archiving a whole policy or set is rare, or soon nothing would be left.
        Some(match random.below(40) {
            0..8 => Step::Publish { policy, text: random.below(TEXTS) },
            8..11 => Step::SaveDraft { policy, text: random.below(TEXTS) },
            11..14 if self.drafts.contains_key(&policy) => Step::PublishDraft { policy },
            14..17 if versions > 0 => Step::ArchiveVersion { policy, version: random.below(versions) },
            17 if random.below(4) == 0 => Step::ArchivePolicy { policy },
            18..25 => Step::PublishSet { set, pins: self.draw_pins(random)? },
            25..27 if set_versions > 0 => Step::ArchiveSetVersion { set, version: random.below(set_versions) },
            27 if random.below(4) == 0 => Step::ArchiveSet { set },
            28..34 if set_versions > 0 => {
                let target = if scope(set) == ScopeType::Zone { 0 } else { random.below(2) };
                Step::Bind { set, version: random.below(set_versions), mode: mode(random), target }
            }
            34..37 if !slots.is_empty() => Step::Promote { slot: slots[random.below(slots.len())] },
            37..39 if !slots.is_empty() => Step::Unbind { slot: slots[random.below(slots.len())] },
            39 if random.below(4) == 0 => Step::Rotate,
            _ => return None,
        })
    }

    fn draw_pins(&self, random: &mut Random) -> Option<BTreeMap<usize, usize>> {
        let mut pins = BTreeMap::new();
        for (policy, (_, versions)) in self.state.policies.iter().enumerate() {
            if !versions.is_empty() && random.below(2) == 0 {
                pins.insert(policy, random.below(versions.len()));
            }
        }
        (!pins.is_empty()).then_some(pins)
    }

    pub(crate) fn apply(&mut self, step: &Step) -> Outcome {
        let number = match step {
            Step::Publish { policy, text } => self.publish(*policy, *text)?,
            Step::SaveDraft { policy, text } => {
                self.living_policy(*policy)?;
                self.drafts.insert(*policy, *text);
                0
            }
            Step::PublishDraft { policy } => {
                let text = self.drafts[policy];
                let number = self.publish(*policy, text)?;
                self.drafts.remove(policy);
                number
            }
            Step::ArchiveVersion { policy, version } => self.archive_version(*policy, *version)?,
            Step::ArchivePolicy { policy } => self.archive_policy(*policy)?,
            Step::PublishSet { set, pins } => self.publish_set(*set, pins)?,
            Step::ArchiveSetVersion { set, version } => self.archive_set_version(*set, *version)?,
            Step::ArchiveSet { set } => self.archive_set(*set)?,
            Step::Bind { set, version, mode, target } => self.bind((scope(*set), *target, *mode), *set, *version)?,
            Step::Promote { slot } => self.promote(*slot)?,
            Step::Unbind { slot } => {
                let (_, version) = self.state.bindings.remove(slot).unwrap();
                self.state.revision += 1;
                place(version)
            }
            Step::Rotate => 0,
        };
        Ok((number, self.state.revision))
    }

    fn living_policy(&self, policy: usize) -> Result<(), Code> {
        if self.state.policies[policy].0 { Err(Code::PolicyArchived) } else { Ok(()) }
    }

    fn publish(&mut self, policy: usize, text: usize) -> Result<u64, Code> {
        self.living_policy(policy)?;
        let versions = &mut self.state.policies[policy].1;
        let newest_is_it = versions.last().is_some_and(|newest| newest.text == text && !newest.archived);
        if !newest_is_it {
            versions.push(Version { text, archived: false });
        }
        Ok(place(versions.len() - 1))
    }

    /// Whether something bound pins a version of a policy that the question is about.
    fn bound_pins(&self, question: impl Fn(usize, usize) -> bool) -> bool {
        self.state.bindings.values().any(|(set, version)| {
            self.state.sets[*set].1[*version].pins.iter().any(|(policy, version)| question(*policy, *version))
        })
    }

    fn archive_version(&mut self, policy: usize, version: usize) -> Result<u64, Code> {
        if !self.state.policies[policy].1[version].archived {
            if self.bound_pins(|p, v| (p, v) == (policy, version)) {
                return Err(Code::VersionBound);
            }
            self.state.policies[policy].1[version].archived = true;
        }
        Ok(place(version))
    }

    fn archive_policy(&mut self, policy: usize) -> Result<u64, Code> {
        if !self.state.policies[policy].0 {
            if self.bound_pins(|p, _| p == policy) {
                return Err(Code::VersionBound);
            }
            self.state.policies[policy].0 = true;
            self.drafts.remove(&policy);
        }
        Ok(0)
    }

    fn publish_set(&mut self, set: usize, pins: &BTreeMap<usize, usize>) -> Result<u64, Code> {
        if self.state.sets[set].0 {
            return Err(Code::PolicySetArchived);
        }
        if pins.iter().any(|(policy, version)| self.state.policies[*policy].1[*version].archived) {
            return Err(Code::VersionArchived);
        }
        pins.keys().try_for_each(|policy| self.living_policy(*policy))?;
        let versions = &mut self.state.sets[set].1;
        let newest_is_it = versions.last().is_some_and(|newest| newest.pins == *pins && !newest.archived);
        if !newest_is_it {
            versions.push(SetVersion { pins: pins.clone(), archived: false });
        }
        Ok(place(versions.len() - 1))
    }

    fn archive_set_version(&mut self, set: usize, version: usize) -> Result<u64, Code> {
        if !self.state.sets[set].1[version].archived {
            if self.state.bindings.values().any(|bound| *bound == (set, version)) {
                return Err(Code::VersionBound);
            }
            self.state.sets[set].1[version].archived = true;
        }
        Ok(place(version))
    }

    fn archive_set(&mut self, set: usize) -> Result<u64, Code> {
        if !self.state.sets[set].0 {
            if self.state.bindings.values().any(|(bound, _)| *bound == set) {
                return Err(Code::PolicySetBound);
            }
            self.state.sets[set].0 = true;
        }
        Ok(0)
    }

    fn bind(&mut self, slot: Slot, set: usize, version: usize) -> Result<u64, Code> {
        let (archived, versions) = &self.state.sets[set];
        if *archived {
            return Err(Code::PolicySetArchived);
        }
        let pins_archived = |(policy, pinned): (&usize, &usize)| self.state.policies[*policy].1[*pinned].archived;
        if versions[version].archived || versions[version].pins.iter().any(pins_archived) {
            return Err(Code::VersionArchived);
        }
        if self.state.bindings.insert(slot, (set, version)) != Some((set, version)) {
            self.state.revision += 1;
        }
        Ok(place(version))
    }

    fn promote(&mut self, slot: Slot) -> Result<u64, Code> {
        let (scope, target, mode) = slot;
        if mode == BindingMode::Active {
            return Err(Code::BadRequest);
        }
        let (set, version) = self.state.bindings.remove(&slot).unwrap();
        self.state.revision += 1;
        self.bind((scope, target, BindingMode::Active), set, version)
    }
}

/// Version numbers begin at 1.
fn place(version: usize) -> u64 {
    u64::try_from(version).unwrap() + 1
}
