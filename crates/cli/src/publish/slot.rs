//! The slot that a repository is published for, and what stands in it.

use std::fmt;

use anyhow::bail;
use cedarkeep_model::{BindingMode, PolicySetVersionId, ScopeType};
use cedarkeep_repo::Settings;
use serde_json::Value;

use crate::client::{Binding, Client, Event, PolicySet};

/// A slot of a zone.
pub(super) struct Slot {
    scope: ScopeType,
    pub(super) target: String,
}

/// What stands in a slot.
pub(super) struct Standing {
    pub(super) active: Option<Binding>,
    pub(super) shadow: Option<Binding>,
}

impl Slot {
    /// The slot of a repository.
    pub(super) fn of(settings: &Settings, client: &Client) -> Self {
        let target = settings.scope_target.clone().unwrap_or_else(|| client.zone.to_string());
        Self { scope: settings.scope, target }
    }

    /// What stands in it.
    pub(super) fn ask(&self, client: &Client) -> anyhow::Result<Standing> {
        let (mut active, mut shadow) = (None, None);
        for binding in client.bindings_for(self.scope, &self.target)? {
            match binding.mode {
                BindingMode::Active => active = Some(binding),
                BindingMode::Shadow => shadow = Some(binding),
            }
        }
        Ok(Standing { active, shadow })
    }

    /// The version that was active in it before this one, as the events tell.
    pub(super) fn before(
        &self,
        client: &Client,
        current: Option<PolicySetVersionId>,
    ) -> anyhow::Result<Option<Former>> {
        let mut former = None;
        client.events(|event| {
            former = self.stood(event).into_iter().find(|stood| Some(stood.version) != current);
            former.is_none()
        })?;
        Ok(former)
    }

    /// The versions that an event says were active in it, the later first.
    fn stood(&self, event: &Event) -> Vec<Former> {
        if !event.kind.starts_with("binding.") {
            return Vec::new();
        }
        let here = |binding: &&Value| {
            binding["mode"] == BindingMode::Active.as_str()
                && binding["scope_type"] == self.scope.as_str()
                && binding["scope_target_id"] == self.target.as_str()
        };
        let sides = ["to", "from"].into_iter().filter_map(|side| event.body.get(side)).filter(here);
        let version = |binding: &Value| {
            let id = |name: &str| binding.get(name).and_then(Value::as_str);
            Some(Former {
                version: id("policy_set_version_id")?.parse().ok()?,
                set: id("policy_set_id")?.to_owned(),
                seq: event.seq,
            })
        };
        sides.filter_map(version).collect()
    }
}

/// A version that was active in a slot.
#[derive(Debug)]
pub(super) struct Former {
    pub(super) version: PolicySetVersionId,
    /// Its set.
    pub(super) set: String,
    /// The event that says so.
    pub(super) seq: u64,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scope == ScopeType::Zone { f.write_str("the zone") } else { f.write_str(&self.target) }
    }
}

/// The policy set of a repository, which must be there.
pub(super) fn set(client: &Client, settings: &Settings) -> anyhow::Result<PolicySet> {
    let name = settings.policy_set.as_str();
    let Some(set) = client.policy_set(name)? else {
        bail!("the zone has no policy set {name:?} yet: cedarkeep publish makes it");
    };
    check_scope(&set, settings)?;
    Ok(set)
}

/// A set has one scope for ever, which must be the repository's.
pub(super) fn check_scope(set: &PolicySet, settings: &Settings) -> anyhow::Result<()> {
    if set.scope_type == settings.scope {
        return Ok(());
    }
    bail!(
        "the zone's policy set {:?} has the scope {}, cedarkeep.toml says {}: change it there, or choose another \
         policy_set",
        set.name,
        set.scope_type,
        settings.scope
    );
}
