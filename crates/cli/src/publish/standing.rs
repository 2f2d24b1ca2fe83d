//! What a zone has of a repository, and what publishing would change.

use std::collections::HashMap;

use cedarkeep_model::{BindingMode, Digest, OwnerType, PolicyId};
use cedarkeep_repo::{PolicyFile, Ready, Settings};

use super::{
    changes::{Action, Step},
    slot::{Slot, check_scope},
};
use crate::client::{Binding, Client, Entry, Manifest, NewPolicy, PinnedPolicy, PolicySet, SetVersion};

/// What a zone has of a repository.
pub(super) struct Standing {
    /// The digest of the schema version.
    pub(super) schema: Option<Digest>,
    /// The zone's policies by name.
    pub(super) policies: HashMap<String, PolicyId>,
    /// The set and its newest version.
    pub(super) set: Option<PolicySet>,
    pub(super) version: Option<SetVersion>,
    pub(super) pinned: Vec<PinnedPolicy>,
    pub(super) bindings: Vec<Binding>,
}

impl Standing {
    /// Asks the zone.
    pub(super) fn ask(client: &Client, settings: &Settings) -> anyhow::Result<Self> {
        let schema = client.schema(&settings.schema_version)?;
        let ours = client.policies(false)?.into_iter().filter(|policy| policy.owner_type == OwnerType::Customer);
        let policies = ours.map(|policy| (policy.name, policy.id)).collect();
        let set = client.policy_set(settings.policy_set.as_str())?;
        if let Some(set) = &set {
            check_scope(set, settings)?;
        }
        let (mut version, mut pinned, mut bindings) = (None, Vec::new(), Vec::new());
        if let Some(set) = &set {
            bindings = client.bindings(set.id)?;
            if let Some(latest) = set.latest_version_id {
                version = Some(client.version(set.id, latest)?);
                pinned = client.pinned(set.id, latest)?;
            }
        }
        Ok(Self { schema, policies, set, version, pinned, bindings })
    }

    /// What publishing would change, in the order in which one reads it.
    pub(super) fn steps(
        &self,
        settings: &Settings,
        ready: &Ready,
        mode: Option<BindingMode>,
        client: &Client,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        let schema = format!("schema version {}", settings.schema_version);
        if self.schema.is_none() {
            steps.push(Step::plain(Action::Add, schema.clone()));
        }
        if self.set.is_none() {
            let what = format!("policy set {:?}", settings.policy_set.as_str());
            steps.push(Step::plain(Action::Add, what));
        }
        let before = self.version.as_ref().map(|version| &version.schema_version);
        if let Some(before) = before.filter(|before| **before != settings.schema_version) {
            let what = format!("schema version {before} to {schema}", schema = settings.schema_version);
            steps.push(Step::plain(Action::Change, what));
        }
        steps.extend(self.policy_steps(ready));
        if let Some(mode) = mode {
            steps.extend(self.bind_step(settings, mode, client, steps.is_empty()));
        }
        steps
    }

    fn policy_steps(&self, ready: &Ready) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut left: HashMap<PolicyId, &PinnedPolicy> =
            self.pinned.iter().map(|pinned| (pinned.policy_id, pinned)).collect();
        for policy in &ready.policies {
            let pinned = self.policies.get(policy.name.as_str()).and_then(|id| left.remove(id));
            let before = pinned.map(|pinned| pinned.cedar_raw.as_deref().unwrap_or_default());
            let action = if before.is_some() { Action::Change } else { Action::Add };
            if before != Some(policy.source.text.as_str()) {
                let before = before.unwrap_or_default();
                steps.push(Step::of_policy(action, policy.name.as_str(), before, &policy.source.text));
            }
        }
        let names: HashMap<_, _> = self.policies.iter().map(|(name, id)| (*id, name.as_str())).collect();
        let mut removed: Vec<_> = left
            .into_values()
            .map(|pinned| {
                (
                    names
                        .get(&pinned.policy_id)
                        .map_or_else(|| pinned.policy_id.to_string(), |name| (*name).to_owned()),
                    pinned,
                )
            })
            .collect();
        removed.sort_by(|(a, _), (b, _)| a.cmp(b));
        steps.extend(removed.into_iter().map(|(name, pinned)| {
            Step::of_policy(Action::Remove, &name, pinned.cedar_raw.as_deref().unwrap_or_default(), "")
        }));
        steps
    }

    /// The slot, if it is to point at another version than it does.
    fn bind_step(&self, settings: &Settings, mode: BindingMode, client: &Client, same: bool) -> Option<Step> {
        let slot = Slot::of(settings, client);
        let bound = self.bindings.iter().find(|binding| binding.mode == mode && binding.scope_target_id == slot.target);
        let newest = self.version.as_ref().map(|version| version.id);
        if same && newest.is_some() && bound.map(|binding| binding.policy_set_version_id) == newest {
            return None;
        }
        Some(Step::plain(Action::Bind, format!("{mode} for {slot}")))
    }

    /// The manifest that says all of the repository.
    pub(super) fn manifest<'a>(
        &self,
        settings: &'a Settings,
        ready: &'a Ready,
        mode: Option<BindingMode>,
    ) -> Manifest<'a> {
        let entry = |policy: &'a PolicyFile| {
            let name = policy.name.as_str();
            let policy_id = self.policies.get(name).copied();
            let new_policy = if policy_id.is_none() { Some(NewPolicy { name }) } else { None };
            Entry { policy_id, new_policy, cedar_raw: &policy.source.text }
        };
        Manifest {
            schema_version: &settings.schema_version,
            entries: ready.policies.iter().map(entry).collect(),
            activate: mode.map(|_| true),
            mode,
            scope_target_id: mode.and(settings.scope_target.as_deref()),
        }
    }
}
