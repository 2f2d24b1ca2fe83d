//! Folding events into a state, and comparing it with what is stored.

use std::collections::{BTreeMap, HashMap};

use cedarkeep_model::{BindingMode, Event, EventKind, PolicyId, PolicySetVersionId, PolicyVersionId, ScopeType, Zone};
use cedarkeep_store::{ArchivedFilter, PolicyFilter, PolicySetFilter, Read, StoreError};
use serde::Deserialize;

use super::{Report, drafts::Drafts, entities::Entities, keys::Keys, users::Users, zone::Itself};
pub(super) use crate::chain::body;
use crate::chain::{Chain, Pages, Recorded, SetVersions, next_number};

/// What the events of a zone say that there is.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Policy versions in order of publication, with number and digest.
    pub(super) policy_versions: HashMap<PolicyVersionId, Recorded<VersionEvent>>,
    /// Set versions.
    pub(super) set_versions: SetVersions,
    policies: HashMap<PolicyId, String>,
    sets: HashMap<String, String>,
    /// The zone itself, and what is archived.
    pub(super) itself: Itself,
    /// Drafts that were saved and not ended.
    pub(super) drafts: Drafts,
    /// Signing keys.
    pub(super) keys: Keys,
    /// The newest change of entities.
    pub(super) entities: Entities,
    /// Tokens and bundles of users.
    pub(super) users: Users,
    bindings: BTreeMap<(ScopeType, String, BindingMode), PolicySetVersionId>,
    newest_policy_version: HashMap<PolicyId, u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct VersionEvent {
    pub(super) policy_id: PolicyId,
    policy_version_id: PolicyVersionId,
    version: u64,
    pub(super) sha: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct PolicyEvent {
    policy_id: PolicyId,
    name: Option<String>,
    to: Option<Named>,
}

#[derive(Deserialize)]
struct SetEvent {
    policy_set_id: String,
    name: Option<String>,
    to: Option<Named>,
}

#[derive(Deserialize)]
struct SlotEvent {
    mode: BindingMode,
    scope_type: ScopeType,
    scope_target_id: String,
    policy_set_version_id: PolicySetVersionId,
}

#[derive(Deserialize)]
struct BoundEvent {
    to: Option<SlotEvent>,
    from: Option<SlotEvent>,
}

impl SlotEvent {
    fn key(&self) -> (ScopeType, String, BindingMode) {
        (self.scope_type, self.scope_target_id.clone(), self.mode)
    }
}

impl State {
    fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind {
            EventKind::PolicyCreated | EventKind::PolicyUpdated => {
                let PolicyEvent { policy_id, name, to } = body(event)?;
                self.policies.insert(policy_id, to.map(|to| to.name).or(name).unwrap_or_default());
            }
            EventKind::PolicySetCreated | EventKind::PolicySetUpdated => {
                let SetEvent { policy_set_id, name, to } = body(event)?;
                self.sets.insert(policy_set_id, to.map(|to| to.name).or(name).unwrap_or_default());
            }
            EventKind::PolicyVersionCreated => {
                let version: VersionEvent = body(event)?;
                let number = self.newest_policy_version.entry(version.policy_id).or_default();
                next_number(event, number, version.version)?;
                self.policy_versions.insert(version.policy_version_id, Recorded::of(event, version));
            }
            EventKind::SetVersionCreated | EventKind::SetVersionReSigned => self.set_versions.apply(event)?,
            EventKind::Bound | EventKind::Unbound => {
                let BoundEvent { to, from } = body(event)?;
                if let Some(from) = from {
                    self.bindings.remove(&from.key());
                }
                if let Some(to) = to {
                    self.bindings.insert(to.key(), to.policy_set_version_id);
                }
            }
            EventKind::PolicyDraftSaved
            | EventKind::PolicyDraftDeleted
            | EventKind::SetDraftSaved
            | EventKind::SetDraftDeleted => self.drafts.apply(event)?,
            EventKind::KeyCreated
            | EventKind::KeyActivated
            | EventKind::KeyRetired
            | EventKind::KeyRevokeRequested
            | EventKind::KeyRevoked => self.keys.apply(event)?,
            EventKind::ZoneCreated
            | EventKind::ZoneUpdated
            | EventKind::ZoneDeleted
            | EventKind::SchemaDefaultChanged
            | EventKind::PolicyArchived
            | EventKind::PolicyVersionArchived
            | EventKind::PolicySetArchived
            | EventKind::SetVersionArchived => self.itself.apply(event)?,
            EventKind::EntitiesChanged => self.entities.apply(event)?,
            EventKind::UserTokenCreated | EventKind::UserTokenDeleted | EventKind::UserBundleMade => {
                self.users.apply(event)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Follows the chain of events and folds it.
pub(super) async fn follow(read: &mut dyn Read, zone: &Zone, report: &mut Report) -> Result<State, StoreError> {
    let (mut state, mut chain) = (State::default(), Chain::default());
    for problem in chain.advance(read, zone.id, |event| state.apply(event)).await? {
        report.problem(zone.id, problem);
    }
    report.events += chain.seq();
    if read.count_events(zone.id).await? != chain.seq() {
        report.problem(zone.id, "the zone's event number is not that of its last event");
    }
    Ok(state)
}

/// Compares what the events say with what is stored.
pub(super) async fn compare(
    read: &mut dyn Read,
    zone: &Zone,
    state: &State,
    report: &mut Report,
) -> Result<(), StoreError> {
    let stored = read.zone_state(zone.id).await?.map(|state| state.bindings).unwrap_or_default();
    let stored: BTreeMap<_, _> = stored
        .into_iter()
        .map(|binding| {
            let key = (binding.scope_type, binding.scope_target_id, binding.mode);
            (key, binding.policy_set_version_id)
        })
        .collect();
    if stored != state.bindings {
        report.problem(zone.id, "the bindings are not those that the events lead to");
    }
    let all = PolicyFilter { archived: ArchivedFilter::Any, ..PolicyFilter::default() };
    let mut pages = Pages::new();
    let mut policies = HashMap::new();
    while let Some(window) = pages.next_window() {
        let slice = read.policies(zone.id, &all, &window).await?;
        for policy in pages.take(slice) {
            if policy.latest_version.unwrap_or(0) != state.newest_policy_version.get(&policy.id).copied().unwrap_or(0) {
                report.problem(zone.id, format_args!("policy {} has another newest version than published", policy.id));
            }
            if policy.archived.is_some() != state.itself.policies.contains(&policy.id) {
                report.problem(
                    zone.id,
                    format_args!("whether policy {} is archived is not as its events say", policy.id),
                );
            }
            policies.insert(policy.id, policy.name.to_string());
        }
    }
    if policies != state.policies {
        report.problem(zone.id, "the policies are not those that the events lead to");
    }
    let all = PolicySetFilter { archived: ArchivedFilter::Any, ..PolicySetFilter::default() };
    let mut pages = Pages::new();
    let mut sets = HashMap::new();
    while let Some(window) = pages.next_window() {
        let slice = read.policy_sets(zone.id, &all, &window).await?;
        for set in pages.take(slice) {
            if set.set.archived.is_some() != state.itself.sets.contains(&set.set.id) {
                report.problem(
                    zone.id,
                    format_args!("whether policy set {} is archived is not as its events say", set.set.id),
                );
            }
            sets.insert(set.set.id.to_string(), set.set.name.to_string());
        }
    }
    if sets != state.sets {
        report.problem(zone.id, "the policy sets are not those that the events lead to");
    }
    Ok(())
}
