//! Folding events into a state, and comparing it with what is stored.

use std::collections::{BTreeMap, HashMap};

use cedarkeep_model::{Event, EventKind, History, PolicyId, StandingBinding, Zone};
use cedarkeep_store::{ArchivedFilter, PolicyFilter, PolicySetFilter, Read, StoreError};
use serde::Deserialize;

use super::{Report, drafts::Drafts, entities::Entities, users::Users, zone::Itself};
use crate::chain::{Chain, Pages};

/// What the events of a zone say that there is.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Versions, keys and bindings.
    pub(super) history: History,
    policies: HashMap<PolicyId, String>,
    sets: HashMap<String, String>,
    /// The zone itself, and what is archived.
    pub(super) itself: Itself,
    /// Drafts that were saved and not ended.
    pub(super) drafts: Drafts,
    /// The newest change of entities.
    pub(super) entities: Entities,
    /// Tokens and bundles of users.
    pub(super) users: Users,
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

impl State {
    fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind {
            EventKind::PolicyCreated | EventKind::PolicyUpdated => {
                let PolicyEvent { policy_id, name, to } = event.read_body()?;
                self.policies.insert(policy_id, to.map(|to| to.name).or(name).unwrap_or_default());
            }
            EventKind::PolicySetCreated | EventKind::PolicySetUpdated => {
                let SetEvent { policy_set_id, name, to } = event.read_body()?;
                self.sets.insert(policy_set_id, to.map(|to| to.name).or(name).unwrap_or_default());
            }
            EventKind::PolicyDraftSaved
            | EventKind::PolicyDraftDeleted
            | EventKind::SetDraftSaved
            | EventKind::SetDraftDeleted => self.drafts.apply(event)?,
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
            _ => self.history.apply(event)?,
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
    let stored: BTreeMap<_, _> =
        stored.into_iter().map(StandingBinding::from).map(|binding| (binding.bound.slot(), binding)).collect();
    let led_to: BTreeMap<_, _> =
        state.history.bindings.standing().map(|(slot, binding)| (slot.clone(), binding)).collect();
    if stored != led_to {
        report.problem(zone.id, "the bindings are not those that the events lead to");
    }
    let all = PolicyFilter { archived: ArchivedFilter::Any, ..PolicyFilter::default() };
    let mut pages = Pages::new();
    let mut policies = HashMap::new();
    while let Some(window) = pages.next_window() {
        let slice = read.policies(zone.id, &all, &window).await?;
        for policy in pages.take(slice) {
            if policy.latest_version.unwrap_or(0) != state.history.policy_versions.newest(policy.id) {
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
