//! What a zone has of a repository, and what publishing would change.

use std::collections::HashMap;

use anyhow::bail;
use cedarkeep_model::{BindingMode, Digest, OwnerType, PolicyId, ScopeType};
use cedarkeep_repo::{Ready, Settings};
use serde::Serialize;
use serde_json::{Map, Value, json};
use similar::TextDiff;

use crate::client::{Binding, Client, PinnedPolicy, PolicySet, SetVersion};

/// How many lines stand around a change.
const LINES_AROUND: usize = 3;

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

/// What happens to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Add,
    Change,
    Remove,
    Bind,
}

/// A change that publishing would make.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) action: Action,
    /// What it is about: `policy "readers"`.
    pub(super) what: String,
    /// The texts before and after, as a unified diff.
    pub(super) diff: Option<String>,
}

impl Standing {
    /// Asks the zone.
    pub(super) fn ask(client: &Client, settings: &Settings) -> anyhow::Result<Self> {
        let schema = client.schema(&settings.schema_version)?;
        let ours = client.policies()?.into_iter().filter(|policy| policy.owner_type == OwnerType::Customer);
        let policies = ours.map(|policy| (policy.name, policy.id)).collect();
        let set = client.policy_set(settings.policy_set.as_str())?;
        if let Some(set) = &set
            && set.scope_type != settings.scope
        {
            bail!(
                "the zone's policy set {:?} has the scope {}, cedarkeep.toml says {}: change it there, or choose another \
                 policy_set",
                set.name,
                set.scope_type,
                settings.scope
            );
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
            steps.push(Step { action: Action::Add, what: schema.clone(), diff: None });
        }
        if self.set.is_none() {
            let what = format!("policy set {:?}", settings.policy_set.as_str());
            steps.push(Step { action: Action::Add, what, diff: None });
        }
        let before = self.version.as_ref().map(|version| &version.schema_version);
        if let Some(before) = before.filter(|before| **before != settings.schema_version) {
            let what = format!("schema version {before} to {schema}", schema = settings.schema_version);
            steps.push(Step { action: Action::Change, what, diff: None });
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
                steps.push(step(action, policy.name.as_str(), before.unwrap_or_default(), &policy.source.text));
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
        steps.extend(
            removed
                .into_iter()
                .map(|(name, pinned)| step(Action::Remove, &name, pinned.cedar_raw.as_deref().unwrap_or_default(), "")),
        );
        steps
    }

    /// The slot, if it is to point at another version than it does.
    fn bind_step(&self, settings: &Settings, mode: BindingMode, client: &Client, same: bool) -> Option<Step> {
        let target = settings.scope_target.clone().unwrap_or_else(|| client.zone.to_string());
        let bound = self.bindings.iter().find(|binding| binding.mode == mode && binding.scope_target_id == target);
        let newest = self.version.as_ref().map(|version| version.id);
        if same && newest.is_some() && bound.map(|binding| binding.policy_set_version_id) == newest {
            return None;
        }
        let slot = if settings.scope == ScopeType::Zone { "the zone".to_owned() } else { target };
        Some(Step { action: Action::Bind, what: format!("{mode} for {slot}"), diff: None })
    }

    /// The manifest that says all of the repository.
    pub(super) fn manifest(&self, settings: &Settings, ready: &Ready, mode: Option<BindingMode>) -> Value {
        let entry = |policy: &cedarkeep_repo::PolicyFile| match self.policies.get(policy.name.as_str()) {
            Some(id) => json!({"policy_id": id, "cedar_raw": policy.source.text}),
            None => json!({"new_policy": {"name": policy.name}, "cedar_raw": policy.source.text}),
        };
        let entries: Vec<_> = ready.policies.iter().map(entry).collect();
        let mut manifest = Map::new();
        let mut say = |key: &str, value: Value| manifest.insert(key.to_owned(), value);
        say("schema_version", json!(settings.schema_version));
        say("entries", entries.into());
        if let Some(mode) = mode {
            say("activate", true.into());
            say("mode", mode.as_str().into());
            if let Some(target) = &settings.scope_target {
                say("scope_target_id", target.as_str().into());
            }
        }
        manifest.into()
    }
}

fn step(action: Action, name: &str, before: &str, after: &str) -> Step {
    let diff = TextDiff::from_lines(before, after).unified_diff().context_radius(LINES_AROUND).to_string();
    Step { action, what: format!("policy {name:?}"), diff: Some(diff) }
}
