//! Policy sets: a name, a scope, and versions.

use cedarkeep_model::{
    Archived, EventKind, Name, OwnerType, PolicySet, PolicySetId, PolicySetState, ScopeType, ZoneId,
};
use cedarkeep_store::{Order, PolicySetFilter};
use serde_json::json;

use crate::{
    Call, Code, Error, Page, PageRequest, Service, drafts::End, page::Cursors, policies::customer_owned, set_drafts,
    transact::Tx,
};

impl Service {
    /// Makes a policy set; it has no version yet.
    ///
    /// # Errors
    /// `not_found`, `policy_set_name_conflict`.
    pub async fn create_policy_set(
        &self,
        call: &Call,
        zone: ZoneId,
        name: Name,
        scope: ScopeType,
    ) -> Result<PolicySetState, Error> {
        let work = async { self.transact(call, move |tx| Box::pin(create(tx, zone, name, scope))).await };
        self.once(call, work).await
    }

    /// A policy set with its most recent bindings, archived or not.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn policy_set(&self, _call: &Call, zone: ZoneId, id: PolicySetId) -> Result<PolicySetState, Error> {
        let (mut store, _) = self.living(zone).await?;
        store.policy_set(zone, id).await?.ok_or_else(|| Error::not_found("policy set"))
    }

    /// Policy sets by creation, or by status.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`; `bad_request` for a list by status in another order or direction than forward
    /// and descending.
    pub async fn policy_sets(
        &self,
        _call: &Call,
        zone: ZoneId,
        filter: PolicySetFilter,
        page: PageRequest,
    ) -> Result<Page<PolicySetState>, Error> {
        if filter.by_status && (page.order == Order::Asc || page.before.is_some()) {
            let message = "sort=status goes only with order=desc and with after, not before";
            return Err(Error::new(Code::BadRequest, message));
        }
        let listing = self.listing(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/policy-sets"), &filter);
        let window = cursors.window(&page)?;
        let about = (&filter, &window, page.total_count);
        let (slice, total) = listing
            .ask(&about, move |store, (filter, window, counted)| {
                Box::pin(async move {
                    let slice = store.policy_sets(zone, filter, window).await?;
                    let total = if *counted { Some(store.count_policy_sets(zone, filter).await?) } else { None };
                    Ok((slice, total))
                })
            })
            .await?;
        let mut page = cursors.page(&window, slice, total, |_| 0)?;
        if filter.by_status {
            page.before_cursor = None;
        }
        Ok(page)
    }

    /// Changes the name.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`, `policy_set_archived`, `policy_set_name_conflict`.
    pub async fn update_policy_set(
        &self,
        call: &Call,
        zone: ZoneId,
        id: PolicySetId,
        name: Option<Name>,
    ) -> Result<PolicySetState, Error> {
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(update(tx, condition, zone, id, name))).await
    }

    /// Archives a policy set: its name is free again, its draft is thrown away, its versions stay readable.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`, `policy_set_bound`.
    pub async fn archive_policy_set(
        &self,
        call: &Call,
        zone: ZoneId,
        id: PolicySetId,
    ) -> Result<PolicySetState, Error> {
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(archive(tx, condition, zone, id))).await
    }
}

/// The set for a change: there, ours to change, as the caller saw it.
pub(crate) async fn changeable(
    tx: &mut Tx,
    call: &Call,
    zone: ZoneId,
    id: PolicySetId,
) -> Result<PolicySetState, Error> {
    tx.zone(zone).await?;
    let state = tx.store.policy_set(zone, id).await?.ok_or_else(|| Error::not_found("policy set"))?;
    call.check(&state.etag())?;
    customer_owned(state.set.owner_type)?;
    Ok(state)
}

/// An archived set takes no more changes.
pub(crate) fn living_set(set: &PolicySet) -> Result<(), Error> {
    if set.archived.is_none() {
        return Ok(());
    }
    let message = format!("policy set {} is archived; make a new policy set", set.id);
    Err(Error::new(Code::PolicySetArchived, message).with_detail("policy_set_id", set.id.to_string()))
}

/// Counts a change of the set.
pub(crate) fn touch(tx: &Tx, set: &mut PolicySet) {
    set.revision += 1;
    set.updated_at = tx.now;
    set.updated_by = Some(tx.actor.clone());
}

pub(crate) async fn create(tx: &mut Tx, zone: ZoneId, name: Name, scope: ScopeType) -> Result<PolicySetState, Error> {
    tx.zone(zone).await?;
    let set = PolicySet {
        id: PolicySetId::new(tx.service.0.ids.next()),
        zone_id: zone,
        name,
        owner_type: OwnerType::Customer,
        scope_type: scope,
        revision: 1,
        latest_version: None,
        latest_version_id: None,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        updated_at: tx.now,
        updated_by: None,
        archived: None,
    };
    tx.store.insert_policy_set(&set).await?;
    let body = json!({
        "policy_set_id": set.id, "name": set.name, "scope_type": set.scope_type, "owner_type": set.owner_type,
    });
    tx.event(zone, EventKind::PolicySetCreated, body).await?;
    Ok(PolicySetState { set, active: None, shadow: None })
}

/// Gives the set this name, unless it has it.
pub(crate) async fn update(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    id: PolicySetId,
    name: Option<Name>,
) -> Result<PolicySetState, Error> {
    let mut state = changeable(tx, &call, zone, id).await?;
    living_set(&state.set)?;
    let Some(name) = name.filter(|name| *name != state.set.name) else { return Ok(state) };
    let body = json!({"policy_set_id": id, "from": {"name": state.set.name}, "to": {"name": name}});
    state.set.name = name;
    touch(tx, &mut state.set);
    tx.store.update_policy_set(&state.set).await?;
    tx.event(zone, EventKind::PolicySetUpdated, body).await?;
    Ok(state)
}

/// Archives it, unless it is bound.
pub(crate) async fn archive(tx: &mut Tx, call: Call, zone: ZoneId, id: PolicySetId) -> Result<PolicySetState, Error> {
    let mut state = changeable(tx, &call, zone, id).await?;
    if state.set.archived.is_some() {
        return Ok(state);
    }
    if let Some(binding) = tx.store.bindings_of_set(zone, id).await?.first() {
        let message = "a version of this set is bound; bind another set in its place or unbind it first";
        let error = Error::new(Code::PolicySetBound, message);
        return Err(error.with_detail("binding_id", binding.id.to_string()));
    }
    touch(tx, &mut state.set);
    state.set.archived = Some(Archived { at: tx.now, by: tx.actor.clone() });
    tx.store.update_policy_set(&state.set).await?;
    set_drafts::discard(tx, zone, id, End::Archived).await?;
    tx.event(zone, EventKind::PolicySetArchived, json!({"policy_set_id": id, "name": state.set.name})).await?;
    Ok(state)
}
