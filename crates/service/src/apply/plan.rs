//! What an apply will do, worked out before anything is written.

use std::collections::HashMap;

use cedarkeep_cedar::PolicyContent;
use cedarkeep_model::{
    Manifest, OwnerType, Policy, PolicyId, PolicySchema, PolicySet, PolicySetVersionId, PolicyVersion, PolicyVersionId,
    Zone, ZoneId,
};
use cedarkeep_store::Read;

use super::{Apply, ApplyEntry, ApplyTo, Change, ChangeAction};
use crate::{
    Call, Code, Error, GivenPolicy, NewEntry, NewPolicy, Service, pin, policies, policy_sets, publish::open_schema,
    publish_set::Prepared,
};

/// What an apply will do.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(super) entries: Vec<Planned>,
    pub(super) changes: Vec<Change>,
    pub(super) prepared: Prepared,
    /// The set's newest version when the plan was made.
    pub(super) latest_version_id: Option<PolicySetVersionId>,
}

/// One entry, with the ids that it has or will have.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) policy: PolicyId,
    pub(super) new_policy: Option<NewPolicy>,
    pub(super) version: PolicyVersionId,
    /// Content to be published, and the policy's newest version that it follows.
    pub(super) new_content: Option<(PolicyContent, Option<PolicyVersionId>)>,
}

/// What planning looks at.
struct Ground {
    zone: Zone,
    schema: PolicySchema,
    former: HashMap<PolicyId, PolicyVersionId>,
    former_entries: Option<Manifest>,
    latest_version_id: Option<PolicySetVersionId>,
}

impl Service {
    pub(crate) async fn plan(&self, call: &Call, zone: ZoneId, to: &ApplyTo, apply: &Apply) -> Result<Plan, Error> {
        let (mut store, zone) = self.living(zone).await?;
        let ground = ground(&mut *store, call, zone, to, apply).await?;
        self.signer(&mut *store, ground.zone.id).await?;
        let (mut entries, mut pinned, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        for entry in &apply.entries {
            let (planned, version, change) = self.plan_entry(&mut *store, &ground, entry).await?;
            entries.push(planned);
            pinned.push(version);
            changes.push(change);
        }
        check_pins(&mut *store, &ground, &entries, &pinned).await?;
        changes.extend(dropped(&mut *store, &ground, &pinned).await?);
        // The connection goes back before the work that takes its time.
        drop(store);
        let mode = ground.zone.settings.validation_mode;
        let prepared = self.prepare(ground.schema, pinned, mode).await?;
        Ok(Plan { entries, changes, prepared, latest_version_id: ground.latest_version_id })
    }

    async fn plan_entry(
        &self,
        store: &mut dyn Read,
        ground: &Ground,
        entry: &ApplyEntry,
    ) -> Result<(Planned, PolicyVersion, Change), Error> {
        match entry {
            ApplyEntry::Pinned { policy_id, policy_version_id } => {
                let policy = existing(store, ground.zone.id, *policy_id).await?;
                let Some(id) = policy_version_id.or(policy.latest_version_id) else {
                    let message = format!("policy {policy_id} has no version yet; give its content");
                    return Err(Error::new(Code::PolicyVersionNotFound, message));
                };
                let version = store.policy_version(ground.zone.id, *policy_id, id).await?;
                let version = version.ok_or_else(|| {
                    Error::new(Code::PolicyVersionNotFound, format!("policy {policy_id} has no version {id}"))
                })?;
                Ok(pin_known(ground, &policy, version))
            }
            ApplyEntry::Content { policy_id, given } => {
                let policy = existing(store, ground.zone.id, *policy_id).await?;
                policies::customer_owned(policy.owner_type)?;
                policies::living_policy(&policy)?;
                let content = self.content(ground, policy.clone(), given).await?;
                let known = store.policy_versions_by_sha(ground.zone.id, policy.id, content.sha).await?;
                let same = |version: &PolicyVersion| {
                    version.schema_version == ground.schema.version
                        && version.cedar_raw == content.cedar_raw
                        && version.origin == content.origin
                        && version.archived.is_none()
                };
                match known.into_iter().find(same) {
                    Some(version) => Ok(pin_known(ground, &policy, version)),
                    None => Ok(self.publish(ground, &policy, None, content)),
                }
            }
            ApplyEntry::New { name, description, given } => {
                let new = NewPolicy { name: name.clone(), description: description.clone() };
                let policy = self.imagined(ground, &new);
                let content = self.content(ground, policy.clone(), given).await?;
                Ok(self.publish(ground, &policy, Some(new), content))
            }
        }
    }

    async fn content(&self, ground: &Ground, policy: Policy, given: &GivenPolicy) -> Result<PolicyContent, Error> {
        let (name, mode) = (policy.name.to_string(), ground.zone.settings.validation_mode);
        let read = self.read_policy(policy, given.clone(), ground.schema.clone(), mode).await;
        read.map_err(|error| error.with_detail("policy", name))
    }

    /// A policy that will be made.
    fn imagined(&self, ground: &Ground, new: &NewPolicy) -> Policy {
        Policy {
            id: PolicyId::new(self.0.ids.next()),
            zone_id: ground.zone.id,
            name: new.name.clone(),
            description: new.description.clone(),
            owner_type: OwnerType::Customer,
            revision: 1,
            latest_version: None,
            latest_version_id: None,
            latest_schema_version: None,
            created_at: self.now(),
            created_by: String::new(),
            updated_at: self.now(),
            updated_by: None,
            archived: None,
        }
    }

    fn publish(
        &self,
        ground: &Ground,
        policy: &Policy,
        new_policy: Option<NewPolicy>,
        content: PolicyContent,
    ) -> (Planned, PolicyVersion, Change) {
        let version = PolicyVersion {
            id: PolicyVersionId::new(self.0.ids.next()),
            zone_id: ground.zone.id,
            policy_id: policy.id,
            version: policy.latest_version.unwrap_or(0) + 1,
            owner_type: OwnerType::Customer,
            schema_version: ground.schema.version.clone(),
            sha: content.sha,
            origin: content.origin,
            cedar_raw: content.cedar_raw.clone(),
            cedar_json: content.cedar_json.clone(),
            permits: content.permits,
            created_at: self.now(),
            created_by: String::new(),
            archived: None,
        };
        let action = if new_policy.is_some() { ChangeAction::CreatedPolicy } else { ChangeAction::CreatedVersion };
        let change = change(action, policy, Some(version.id));
        let new_content = Some((content, policy.latest_version_id));
        (Planned { policy: policy.id, new_policy, version: version.id, new_content }, version, change)
    }
}

async fn ground(store: &mut dyn Read, call: &Call, zone: Zone, to: &ApplyTo, apply: &Apply) -> Result<Ground, Error> {
    let set = match to {
        ApplyTo::Existing(set) => Some(existing_set(store, call, zone.id, *set).await?),
        ApplyTo::New { .. } => None,
    };
    let wanted = apply.schema_version.as_ref().unwrap_or(&zone.default_schema_version);
    let schema = open_schema(store, zone.id, wanted.as_str()).await?;
    let latest_version_id = set.as_ref().and_then(|set| set.latest_version_id);
    let former_entries = match (&set, latest_version_id) {
        (Some(set), Some(id)) => store.set_version(zone.id, set.id, id).await?.map(|version| version.record.manifest),
        _ => None,
    };
    let entries = former_entries.as_ref().map(Manifest::entries).unwrap_or_default();
    let former = entries.iter().map(|entry| (entry.policy_id, entry.policy_version_id)).collect();
    Ok(Ground { zone, schema, former, former_entries, latest_version_id })
}

async fn existing_set(
    store: &mut dyn Read,
    call: &Call,
    zone: ZoneId,
    set: cedarkeep_model::PolicySetId,
) -> Result<PolicySet, Error> {
    let state = store.policy_set(zone, set).await?.ok_or_else(|| Error::not_found("policy set"))?;
    call.check(&state.etag())?;
    policies::customer_owned(state.set.owner_type)?;
    policy_sets::living_set(&state.set)?;
    Ok(state.set)
}

async fn existing(store: &mut dyn Read, zone: ZoneId, id: PolicyId) -> Result<Policy, Error> {
    let message = || format!("the zone has no policy {id}; to make one, give new_policy with its name");
    store.policy(zone, id).await?.ok_or_else(|| Error::new(Code::PolicyVersionNotFound, message()))
}

fn pin_known(ground: &Ground, policy: &Policy, version: PolicyVersion) -> (Planned, PolicyVersion, Change) {
    let action = match ground.former.get(&policy.id) {
        Some(former) if *former != version.id => ChangeAction::Repinned,
        _ => ChangeAction::Reused,
    };
    let planned = Planned { policy: policy.id, new_policy: None, version: version.id, new_content: None };
    let change = change(action, policy, Some(version.id));
    (planned, version, change)
}

fn change(action: ChangeAction, policy: &Policy, version: Option<PolicyVersionId>) -> Change {
    Change { action, name: policy.name.to_string(), policy_id: Some(policy.id), policy_version_id: version }
}

/// Checks the pins that are there already as a publish of the set version does, and the form of all of them.
async fn check_pins(
    store: &mut dyn Read,
    ground: &Ground,
    entries: &[Planned],
    pinned: &[PolicyVersion],
) -> Result<(), Error> {
    let entry = |version: &PolicyVersion| NewEntry {
        policy_id: version.policy_id,
        policy_version_id: version.id,
        sha: Some(version.sha),
    };
    pin::check_form(&pinned.iter().map(entry).collect::<Vec<_>>())?;
    let known = entries.iter().zip(pinned).filter(|(planned, _)| planned.new_content.is_none());
    let known: Vec<_> = known.map(|(_, version)| entry(version)).collect();
    if known.is_empty() {
        return Ok(());
    }
    pin::pin(store, ground.zone.id, &ground.schema, &known).await.map(|_| ())
}

/// What the set's newest version pins and this manifest does not.
async fn dropped(store: &mut dyn Read, ground: &Ground, pinned: &[PolicyVersion]) -> Result<Vec<Change>, Error> {
    let mut dropped = Vec::new();
    for entry in ground.former_entries.as_ref().map(Manifest::entries).unwrap_or_default() {
        if pinned.iter().all(|version| version.policy_id != entry.policy_id)
            && let Some(policy) = store.policy(ground.zone.id, entry.policy_id).await?
        {
            dropped.push(change(ChangeAction::Dropped, &policy, None));
        }
    }
    Ok(dropped)
}
