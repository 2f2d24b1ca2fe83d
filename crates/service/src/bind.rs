//! Bindings: the one place that changes what decides.

use cedarkeep_cedar::Uid;
use cedarkeep_model::{
    Binding, BindingId, BindingMode, EventKind, PolicySetId, PolicySetVersion, PolicySetVersionId, ScopeType, ZoneId,
};
use cedarkeep_store::BindingFilter;
use serde_json::{Value, json};

use crate::{
    Call, Code, Error, Page, PageRequest, Published, Service, Warning, page::Cursors, policy_sets,
    publish_set::warnings, snapshot::BoundSet, transact::Tx, two_persons,
};

/// The most characters of a session id.
pub(crate) const MAX_SESSION: usize = 256;

/// A slot to be pointed at a version.
#[derive(Debug, Clone)]
pub(crate) struct NewBinding {
    pub(crate) set: PolicySetId,
    pub(crate) version: PolicySetVersionId,
    pub(crate) mode: BindingMode,
    pub(crate) target: Option<String>,
}

impl Service {
    /// Points the slot of a set's scope at one of its versions, in place of what stood there.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `version_archived`, `policy_set_archived`, `bad_request` for a target that
    /// the scope does not take, `integrity_error` when the stored version does not match its attestation.
    pub async fn activate_set_version(
        &self,
        call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        version: PolicySetVersionId,
        mode: BindingMode,
        scope_target_id: Option<String>,
    ) -> Result<Published<PolicySetVersion>, Error> {
        let known = self.set_version(call, zone, set, version).await?;
        call.check(&known.etag())?;
        let warnings = self.check_before_binding(zone, &known).await?;
        let new = NewBinding { set, version, mode, target: scope_target_id };
        let object = self
            .transact(call, move |tx| {
                Box::pin(async move {
                    bind(tx, zone, new).await?;
                    let version = tx.store.set_version(zone, set, version).await?;
                    version.ok_or_else(|| Error::not_found("policy set version"))
                })
            })
            .await?;
        Ok(Published { object, created: false, warnings })
    }

    /// Loads, verifies and compiles a version before anything points at it, so that no binding can be made to content
    /// that cannot decide, and the first decision does not pay for it.
    pub(crate) async fn check_before_binding(
        &self,
        zone: ZoneId,
        version: &PolicySetVersion,
    ) -> Result<Vec<Warning>, Error> {
        let record = &version.record;
        // Boxed: loading takes many steps, and its future lies within those of every way to bind.
        let loaded = Box::pin(BoundSet::load(self, zone, record.policy_set_id, record.id)).await?;
        Ok(warnings(&loaded.compiled))
    }
}

impl Service {
    /// Bindings by creation.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn bindings(
        &self,
        _call: &Call,
        zone: ZoneId,
        filter: BindingFilter,
        page: PageRequest,
    ) -> Result<Page<Binding>, Error> {
        let listing = self.listing(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/policy-bindings"), &filter);
        let window = cursors.window(&page)?;
        let about = (&filter, &window, page.total_count);
        let (slice, total) = listing
            .ask(&about, move |store, (filter, window, counted)| {
                Box::pin(async move {
                    let slice = store.bindings(zone, filter, window).await?;
                    let total = if *counted { Some(store.count_bindings(zone, filter).await?) } else { None };
                    Ok((slice, total))
                })
            })
            .await?;
        cursors.page(&window, slice, total, |_| 0)
    }

    /// A binding.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn binding(&self, _call: &Call, zone: ZoneId, id: BindingId) -> Result<Binding, Error> {
        let (mut store, _) = self.living(zone).await?;
        store.binding(zone, id).await?.ok_or_else(|| Error::not_found("binding"))
    }

    /// Points the slot of a version's scope at it, in place of what stood there.
    ///
    /// # Errors
    /// `policy_version_not_found` for a version that the zone does not have, otherwise as
    /// [`Service::activate_set_version`].
    pub async fn bind(
        &self,
        call: &Call,
        zone: ZoneId,
        version: PolicySetVersionId,
        mode: BindingMode,
        scope_target_id: Option<String>,
    ) -> Result<Published<Binding>, Error> {
        let (mut store, _) = self.living(zone).await?;
        let set = store.set_of_version(zone, version).await?.ok_or_else(|| Error::not_found("policy set version"))?;
        drop(store);
        let known = self.set_version(call, zone, set, version).await?;
        let warnings = self.check_before_binding(zone, &known).await?;
        let (condition, new) = (call.clone(), NewBinding { set, version, mode, target: scope_target_id });
        let object = self.transact(call, move |tx| Box::pin(bind_if(tx, condition, zone, new))).await?;
        Ok(Published { object, created: false, warnings })
    }

    /// Empties a slot; an empty zone slot denies everything.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`.
    pub async fn unbind(&self, call: &Call, zone: ZoneId, id: BindingId) -> Result<Binding, Error> {
        let condition = call.clone();
        self.transact(call, move |tx| {
            Box::pin(async move {
                tx.zone(zone).await?;
                let binding = tx.store.binding(zone, id).await?.ok_or_else(|| Error::not_found("binding"))?;
                condition.check(&binding.etag())?;
                unbind(tx, &binding).await?;
                Ok(binding)
            })
        })
        .await
    }

    /// Makes a shadow the active version of its slot, in one step; the shadow is gone then.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`; `bad_request` for a binding that is active already.
    pub async fn promote(&self, call: &Call, zone: ZoneId, id: BindingId) -> Result<Published<Binding>, Error> {
        // Boxed: a future of this size would be copied from caller to caller.
        let work = Box::pin(async {
            let shadow = self.binding(call, zone, id).await?;
            let known = self.set_version(call, zone, shadow.policy_set_id, shadow.policy_set_version_id).await?;
            let warnings = self.check_before_binding(zone, &known).await?;
            let condition = call.clone();
            // What is kept under an idempotency key is the whole answer: a repetition is given that and nothing else.
            self.transact(call, move |tx| {
                Box::pin(async move {
                    let object = promote(tx, condition, zone, id).await?;
                    Ok(Published { object, created: false, warnings })
                })
            })
            .await
        });
        self.once(call, work).await
    }
}

async fn bind_if(tx: &mut Tx, call: Call, zone: ZoneId, new: NewBinding) -> Result<Binding, Error> {
    if call.if_match.is_some() {
        tx.zone(zone).await?;
        let state = tx.store.policy_set(zone, new.set).await?.ok_or_else(|| Error::not_found("policy set"))?;
        let target = target(zone, state.set.scope_type, new.target.clone())?;
        let standing = tx.store.slot(zone, state.set.scope_type, &target, new.mode).await?;
        call.check(&standing.map_or_else(String::new, |binding| binding.etag()))?;
    }
    bind(tx, zone, new).await
}

async fn promote(tx: &mut Tx, call: Call, zone: ZoneId, id: BindingId) -> Result<Binding, Error> {
    tx.zone(zone).await?;
    let shadow = tx.store.binding(zone, id).await?.ok_or_else(|| Error::not_found("binding"))?;
    call.check(&shadow.etag())?;
    if shadow.mode == BindingMode::Active {
        return Err(Error::new(Code::BadRequest, "the binding is active already; only a shadow can be promoted"));
    }
    unbind(tx, &shadow).await?;
    let new = NewBinding {
        set: shadow.policy_set_id,
        version: shadow.policy_set_version_id,
        mode: BindingMode::Active,
        target: Some(shadow.scope_target_id),
    };
    bind(tx, zone, new).await
}

/// Empties a slot.
pub(crate) async fn unbind(tx: &mut Tx, binding: &Binding) -> Result<(), Error> {
    let zone = binding.zone_id;
    tx.store.unbind(zone, binding.id).await?;
    let revision = tx.decides_anew(zone).await?;
    count_change(tx, zone, binding.policy_set_id).await?;
    let body = json!({"from": event_body(binding), "to": null, "revision": revision});
    tx.event(zone, EventKind::Unbound, body).await.map(|_| ())
}

/// Points a slot at a version. Everything that changes which version decides goes through here.
pub(crate) async fn bind(tx: &mut Tx, zone: ZoneId, new: NewBinding) -> Result<Binding, Error> {
    let rules = tx.zone(zone).await?;
    let state = tx.store.policy_set(zone, new.set).await?.ok_or_else(|| Error::not_found("policy set"))?;
    policy_sets::living_set(&state.set)?;
    let version = tx.store.set_version(zone, new.set, new.version).await?;
    let version = version.ok_or_else(|| Error::not_found("policy set version"))?;
    if version.archived.is_some() {
        let message = format!("policy set version {} is archived; bind a living one", version.record.id);
        return Err(Error::new(Code::VersionArchived, message));
    }
    let pinned: Vec<_> = version.record.manifest.entries().iter().map(|entry| entry.policy_version_id).collect();
    if let Some(id) = tx.store.first_archived_version(zone, &pinned).await? {
        let message = format!("it pins the policy version {id}, which is archived; bind a version that does not");
        return Err(Error::new(Code::VersionArchived, message).with_detail("policy_version_id", id.to_string()));
    }
    let scope = state.set.scope_type;
    let target = target(zone, scope, new.target)?;
    let former = tx.store.slot(zone, scope, &target, new.mode).await?;
    if let Some(former) = &former
        && former.policy_set_version_id == new.version
    {
        return Ok(former.clone());
    }
    if rules.settings.two_person_activation && new.mode == BindingMode::Active {
        two_persons::check(tx, &rules, &version, former.as_ref()).await?;
    }
    let binding = Binding {
        id: BindingId::new(tx.service.0.ids.next()),
        zone_id: zone,
        mode: new.mode,
        scope_type: scope,
        scope_target_id: target,
        policy_set_id: new.set,
        policy_set_version_id: new.version,
        version: version.record.version,
        manifest_sha: version.record.manifest_sha,
        revision: tx.decides_anew(zone).await?,
        created_at: tx.now,
        created_by: tx.actor.clone(),
    };
    tx.store.bind(&binding).await?;
    count_change(tx, zone, new.set).await?;
    if let Some(former) = former.as_ref().filter(|former| former.policy_set_id != new.set) {
        count_change(tx, zone, former.policy_set_id).await?;
    }
    let body = json!({"to": event_body(&binding), "from": former.as_ref().map(event_body)});
    tx.event(zone, EventKind::Bound, body).await?;
    Ok(binding)
}

/// A set shows its bindings, so it changes with them.
async fn count_change(tx: &mut Tx, zone: ZoneId, set: PolicySetId) -> Result<(), Error> {
    if let Some(mut state) = tx.store.policy_set(zone, set).await? {
        policy_sets::touch(tx, &mut state.set);
        tx.store.update_policy_set(&state.set).await?;
    }
    Ok(())
}

pub(crate) fn event_body(binding: &Binding) -> Value {
    json!({
        "binding_id": binding.id, "mode": binding.mode, "scope_type": binding.scope_type,
        "scope_target_id": binding.scope_target_id, "policy_set_id": binding.policy_set_id,
        "policy_set_version_id": binding.policy_set_version_id, "manifest_sha": binding.manifest_sha,
        "revision": binding.revision,
    })
}

/// The slot's target in the one spelling in which decisions look it up.
fn target(zone: ZoneId, scope: ScopeType, given: Option<String>) -> Result<String, Error> {
    let wrong = |message: &str| Err(Error::new(Code::BadRequest, message));
    match (scope, given) {
        (ScopeType::Zone, None) => Ok(zone.to_string()),
        (ScopeType::Zone, Some(given)) if given == zone.to_string() => Ok(given),
        (ScopeType::Zone, Some(_)) => wrong("scope_target_id of a zone set is the zone's id, or left out"),
        (ScopeType::Resource | ScopeType::User, Some(given)) => match Uid::from_json(&Value::String(given)) {
            Ok(uid) => Ok(uid.to_string()),
            Err(error) => wrong(&format!("scope_target_id is an entity uid such as User::\"alice\": {error}")),
        },
        (ScopeType::Session, Some(given)) if is_session(&given) => Ok(given),
        (ScopeType::Session, Some(_)) => {
            wrong("scope_target_id of a session set is 1 to 256 characters, none of them control characters")
        }
        (ScopeType::Resource | ScopeType::User | ScopeType::Session, None) => {
            wrong("scope_target_id is missing: the entity uid or session id that the set is bound to")
        }
    }
}

/// Whether a text can be a session id.
fn is_session(text: &str) -> bool {
    (1..=MAX_SESSION).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
