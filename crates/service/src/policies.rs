//! Policies: the names under which versions are published.

use cedarkeep_model::{Archived, Description, EventKind, Name, OwnerType, Policy, PolicyId, ZoneId};
use cedarkeep_store::{Order, PolicyFilter, Window};
use serde_json::json;

use crate::{
    Call, Code, Error, Page, PageRequest, Service,
    drafts::{self, End},
    page::Cursors,
    transact::Tx,
};

/// A policy to be made.
#[derive(Debug, Clone)]
pub struct NewPolicy {
    /// Its name, unique among the living policies of the zone.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
}

/// What is to change in a policy; `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct PolicyPatch {
    /// The name.
    pub name: Option<Name>,
    /// The description; `Some(None)` clears it.
    pub description: Option<Option<Description>>,
}

impl Service {
    /// Makes a policy; it has no version yet.
    ///
    /// # Errors
    /// `not_found`, `policy_name_conflict`.
    pub async fn create_policy(&self, call: &Call, zone: ZoneId, new: NewPolicy) -> Result<Policy, Error> {
        let work = async { self.transact(call, move |tx| Box::pin(create(tx, zone, new))).await };
        self.once(call, work).await
    }

    /// A policy, archived or not.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn policy(&self, _call: &Call, zone: ZoneId, id: PolicyId) -> Result<Policy, Error> {
        let (mut store, _) = self.living(zone).await?;
        store.policy(zone, id).await?.ok_or_else(|| Error::not_found("policy"))
    }

    /// Policies by creation.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn policies(
        &self,
        _call: &Call,
        zone: ZoneId,
        filter: PolicyFilter,
        page: PageRequest,
    ) -> Result<Page<Policy>, Error> {
        let listing = self.listing(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/policies"), &filter);
        let window = cursors.window(&page)?;
        let about = (&filter, &window, page.total_count);
        let (slice, total) = listing
            .ask(&about, move |store, (filter, window, counted)| {
                Box::pin(async move {
                    let slice = store.policies(zone, filter, window).await?;
                    let total = if *counted { Some(store.count_policies(zone, filter).await?) } else { None };
                    Ok((slice, total))
                })
            })
            .await?;
        cursors.page(&window, slice, total, |_| 0)
    }

    /// Changes name or description.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`, `policy_archived`, `policy_name_conflict`.
    pub async fn update_policy(
        &self,
        call: &Call,
        zone: ZoneId,
        id: PolicyId,
        patch: PolicyPatch,
    ) -> Result<Policy, Error> {
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(update(tx, condition, zone, id, patch))).await
    }

    /// Archives a policy: its name is free again, its draft is thrown away, its versions stay readable and may not be
    /// pinned anew.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`, `version_bound` while a bound set version pins one of its
    /// versions.
    pub async fn archive_policy(&self, call: &Call, zone: ZoneId, id: PolicyId) -> Result<Policy, Error> {
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(archive(tx, condition, zone, id))).await
    }
}

/// The policy for a change: there, ours to change, as the caller saw it.
pub(crate) async fn changeable(tx: &mut Tx, call: &Call, zone: ZoneId, id: PolicyId) -> Result<Policy, Error> {
    tx.zone(zone).await?;
    let policy = tx.store.policy(zone, id).await?.ok_or_else(|| Error::not_found("policy"))?;
    call.check(&policy.etag())?;
    customer_owned(policy.owner_type)?;
    Ok(policy)
}

/// What the server ships cannot be changed over the API.
pub(crate) fn customer_owned(owner: OwnerType) -> Result<(), Error> {
    match owner {
        OwnerType::Customer => Ok(()),
        OwnerType::Platform => Err(Error::new(Code::PlatformOwned, "shipped with the server and read-only")),
    }
}

/// An archived policy takes no more changes.
pub(crate) fn living_policy(policy: &Policy) -> Result<(), Error> {
    if policy.archived.is_none() {
        return Ok(());
    }
    let message = format!("policy {} is archived; make a new policy", policy.id);
    Err(Error::new(Code::PolicyArchived, message).with_detail("policy_id", policy.id.to_string()))
}

async fn create(tx: &mut Tx, zone: ZoneId, new: NewPolicy) -> Result<Policy, Error> {
    let id = PolicyId::new(tx.service.0.ids.next());
    create_as(tx, zone, new, id).await
}

/// Makes a policy under an id that was drawn before.
pub(crate) async fn create_as(tx: &mut Tx, zone: ZoneId, new: NewPolicy, id: PolicyId) -> Result<Policy, Error> {
    tx.zone(zone).await?;
    let policy = Policy {
        id,
        zone_id: zone,
        name: new.name,
        description: new.description,
        owner_type: OwnerType::Customer,
        revision: 1,
        latest_version: None,
        latest_version_id: None,
        latest_schema_version: None,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        updated_at: tx.now,
        updated_by: None,
        archived: None,
    };
    tx.store.insert_policy(&policy).await?;
    let body = json!({
        "policy_id": policy.id, "name": policy.name, "description": policy.description,
        "owner_type": policy.owner_type,
    });
    tx.event(zone, EventKind::PolicyCreated, body).await?;
    Ok(policy)
}

async fn update(tx: &mut Tx, call: Call, zone: ZoneId, id: PolicyId, patch: PolicyPatch) -> Result<Policy, Error> {
    let before = changeable(tx, &call, zone, id).await?;
    living_policy(&before)?;
    let mut policy = before.clone();
    if let Some(name) = patch.name {
        policy.name = name;
    }
    if let Some(description) = patch.description {
        policy.description = description;
    }
    if policy == before {
        return Ok(before);
    }
    touch(tx, &mut policy);
    tx.store.update_policy(&policy).await?;
    let state = |policy: &Policy| json!({"name": policy.name, "description": policy.description});
    let body = json!({"policy_id": id, "from": state(&before), "to": state(&policy)});
    tx.event(zone, EventKind::PolicyUpdated, body).await?;
    // Decisions name the policies that determined them.
    tx.shows_anew(zone);
    Ok(policy)
}

/// Counts a change of the policy.
pub(crate) fn touch(tx: &Tx, policy: &mut Policy) {
    policy.revision += 1;
    policy.updated_at = tx.now;
    policy.updated_by = Some(tx.actor.clone());
}

/// Archives it, unless it decides somewhere.
pub(crate) async fn archive(tx: &mut Tx, call: Call, zone: ZoneId, id: PolicyId) -> Result<Policy, Error> {
    let mut policy = changeable(tx, &call, zone, id).await?;
    if policy.archived.is_some() {
        return Ok(policy);
    }
    refuse_bound(tx, zone, id).await?;
    touch(tx, &mut policy);
    policy.archived = Some(Archived { at: tx.now, by: tx.actor.clone() });
    tx.store.update_policy(&policy).await?;
    drafts::discard(tx, zone, id, End::Archived).await?;
    tx.event(zone, EventKind::PolicyArchived, json!({"policy_id": id, "name": policy.name})).await?;
    Ok(policy)
}

/// A policy that decides somewhere cannot be archived.
async fn refuse_bound(tx: &mut Tx, zone: ZoneId, id: PolicyId) -> Result<(), Error> {
    let Some(binding) = tx.store.binding_pinning_policy(zone, id).await? else { return Ok(()) };
    let message = format!(
        "a version of this policy is pinned by the bound policy set version {}; bind another version first",
        binding.policy_set_version_id
    );
    let details = ("binding_id", binding.id.to_string());
    Err(Error::new(Code::VersionBound, message).with_detail(details.0, details.1))
}

/// The first of a list, oldest first: for questions of existence.
pub(crate) fn first_only() -> Window {
    Window { order: Order::Asc, start: None, direction: cedarkeep_store::Direction::Forward, limit: 1 }
}
