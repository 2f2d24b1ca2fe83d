//! Drafts of policy sets: manifests in the making, published in one step.

mod review;

use cedarkeep_model::{
    Description, EventKind, ManifestEntry, Name, NewEntry, PolicySet, PolicySetDraft, PolicySetId, PolicySetVersion,
    PolicySetVersionId, SchemaVersion, Zone, ZoneId, canonical_digest,
};
use cedarkeep_store::Read;
use serde_json::json;

pub use self::review::SetDraftWarning;
use crate::{
    Call, Error, Published, Service,
    drafts::{End, Saved, changed_meanwhile, no_base},
    pin, policies, policy_sets,
    publish_set::{self, Prepared},
    transact::Tx,
};

/// A draft as it is to be.
#[derive(Debug, Clone, Default)]
pub struct NewSetDraft {
    /// The versions to pin; those of the base when absent.
    pub entries: Option<Vec<NewEntry>>,
    /// The schema version; that of the base when absent, else the zone's default.
    pub schema_version: Option<SchemaVersion>,
    /// The version of this set that it begins from.
    pub base_version_id: Option<PolicySetVersionId>,
    /// The name that publishing gives to the set.
    pub name: Option<Name>,
    /// A note on the draft.
    pub description: Option<Description>,
}

/// A draft with what would stop its publication at this moment.
#[derive(Debug, Clone)]
pub struct SetDraftState {
    /// The draft; its entries carry the digests of the versions that they name, where the zone has them.
    pub draft: PolicySetDraft,
    /// What would stop its publication.
    pub warnings: Vec<SetDraftWarning>,
}

impl Service {
    /// The draft of a policy set.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn set_draft(&self, _call: &Call, zone: ZoneId, set: PolicySetId) -> Result<SetDraftState, Error> {
        let (mut store, owner) = self.living(zone).await?;
        let draft = standing(&mut *store, zone, set).await?;
        review::review(&mut *store, &owner, draft).await
    }

    /// Writes the draft of a policy set, in place of what it was. It need not be right.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`, `policy_set_archived`, `policy_version_not_found` for a
    /// base that is no version of this set, `bad_request` for more entries than a manifest may have.
    pub async fn save_set_draft(
        &self,
        call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        new: NewSetDraft,
    ) -> Result<Saved<SetDraftState>, Error> {
        let (mut store, owner) = self.living(zone).await?;
        let state = store.policy_set(zone, set).await?.ok_or_else(|| Error::not_found("policy set"))?;
        open_to_drafts(&state.set)?;
        let filled = fill(&mut *store, &owner, set, new).await?;
        drop(store);
        let condition = call.clone();
        let Saved { object, created } =
            self.transact(call, move |tx| Box::pin(save(tx, condition, zone, set, filled))).await?;
        let object = review::review(&mut *self.read().await?, &owner, object).await?;
        Ok(Saved { object, created })
    }

    /// Throws the draft of a policy set away, and answers what it was.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`.
    pub async fn delete_set_draft(&self, call: &Call, zone: ZoneId, set: PolicySetId) -> Result<SetDraftState, Error> {
        let condition = call.clone();
        let draft = self.transact(call, move |tx| Box::pin(delete(tx, condition, zone, set))).await?;
        let (mut store, owner) = self.living(zone).await?;
        review::review(&mut *store, &owner, draft).await
    }

    /// Publishes the draft of a policy set as its next version, gives the set the draft's name and ends the draft, in
    /// one step; a draft that cannot be published is left as it is.
    ///
    /// # Errors
    /// Those of [`Service::publish_set_version`], `policy_set_name_conflict`; `precondition_failed` when the draft is
    /// not the one expected, or is written, published or thrown away at the same time.
    pub async fn publish_set_draft(
        &self,
        call: &Call,
        zone: ZoneId,
        set: PolicySetId,
    ) -> Result<Published<PolicySetVersion>, Error> {
        self.once(call, async {
            let (mut store, _) = self.living(zone).await?;
            let state = store.policy_set(zone, set).await?.ok_or_else(|| Error::not_found("policy set"))?;
            open_to_drafts(&state.set)?;
            let draft = standing(&mut *store, zone, set).await?;
            drop(store);
            call.check(&draft.etag())?;
            let prepared = self.prepare_set_version(zone, set, &draft.schema_version, &draft.entries).await?;
            let unconditional = call.unconditional();
            self.transact(call, move |tx| Box::pin(publish(tx, unconditional, draft, prepared))).await
        })
        .await
    }
}

/// The draft of a set that is there.
async fn standing(store: &mut dyn Read, zone: ZoneId, set: PolicySetId) -> Result<PolicySetDraft, Error> {
    store.policy_set(zone, set).await?.ok_or_else(|| Error::not_found("policy set"))?;
    store.set_draft(zone, set).await?.ok_or_else(|| Error::not_found("draft: the policy set has none"))
}

fn open_to_drafts(set: &PolicySet) -> Result<(), Error> {
    policies::customer_owned(set.owner_type)?;
    policy_sets::living_set(set)
}

/// What a draft will hold.
#[derive(Clone)]
struct Filled {
    entries: Vec<NewEntry>,
    schema_version: SchemaVersion,
    base_version_id: Option<PolicySetVersionId>,
    name: Option<Name>,
    description: Option<Description>,
}

impl Filled {
    fn is(&self, draft: &PolicySetDraft) -> bool {
        self.entries == draft.entries
            && self.schema_version == draft.schema_version
            && self.base_version_id == draft.base_version_id
            && self.name == draft.name
            && self.description == draft.description
    }
}

/// Takes from the base, and from the zone, what the caller leaves open.
async fn fill(store: &mut dyn Read, zone: &Zone, set: PolicySetId, new: NewSetDraft) -> Result<Filled, Error> {
    let NewSetDraft { entries, schema_version, base_version_id, name, description } = new;
    pin::check_number(entries.as_deref().unwrap_or_default())?;
    let base = match base_version_id {
        Some(id) => Some(store.set_version(zone.id, set, id).await?.ok_or_else(|| no_base(id))?.record),
        None => None,
    };
    let base_schema = base.as_ref().map(|base| base.schema_version.clone());
    let entry = |entry: &ManifestEntry| NewEntry {
        policy_id: entry.policy_id,
        policy_version_id: entry.policy_version_id,
        sha: Some(entry.sha),
    };
    let base_entries = base.map(|base| base.manifest.entries().iter().map(entry).collect());
    Ok(Filled {
        entries: entries.or(base_entries).unwrap_or_default(),
        schema_version: schema_version.or(base_schema).unwrap_or_else(|| zone.default_schema_version.clone()),
        base_version_id,
        name,
        description,
    })
}

async fn save(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    set: PolicySetId,
    filled: Filled,
) -> Result<Saved<PolicySetDraft>, Error> {
    let state = policy_sets::changeable(tx, &call.unconditional(), zone, set).await?;
    policy_sets::living_set(&state.set)?;
    let former = tx.store.set_draft(zone, set).await?;
    call.check_replacing(former.as_ref().map(PolicySetDraft::etag).as_deref())?;
    let begun = match former {
        Some(former) if filled.is(&former) => return Ok(Saved { object: former, created: false }),
        Some(former) => Some((former.created_at, former.created_by)),
        None => None,
    };
    let Filled { entries, schema_version, base_version_id, name, description } = filled;
    let body = json!({
        "policy_set_id": set, "schema_version": schema_version, "base_version_id": base_version_id,
        "entries": entries.len(), "entries_sha256": canonical_digest(&entries)?,
    });
    let revision = tx.event(zone, EventKind::SetDraftSaved, body).await?;
    let created = begun.is_none();
    let (created_at, created_by) = begun.unwrap_or_else(|| (tx.now, tx.actor.clone()));
    let object = PolicySetDraft {
        zone_id: zone,
        policy_set_id: set,
        entries,
        schema_version,
        base_version_id,
        name,
        description,
        revision,
        created_at,
        created_by,
        updated_at: tx.now,
        updated_by: tx.actor.clone(),
    };
    tx.store.put_set_draft(&object).await?;
    Ok(Saved { object, created })
}

async fn delete(tx: &mut Tx, call: Call, zone: ZoneId, set: PolicySetId) -> Result<PolicySetDraft, Error> {
    policy_sets::changeable(tx, &call.unconditional(), zone, set).await?;
    let draft = standing(&mut *tx.store, zone, set).await?;
    call.check(&draft.etag())?;
    discard(tx, zone, set, End::Deleted).await?;
    Ok(draft)
}

async fn publish(
    tx: &mut Tx,
    call: Call,
    draft: PolicySetDraft,
    prepared: Prepared,
) -> Result<Published<PolicySetVersion>, Error> {
    let (zone, set) = (draft.zone_id, draft.policy_set_id);
    tx.zone(zone).await?;
    let standing = tx.store.set_draft(zone, set).await?;
    if standing.is_none_or(|standing| standing.revision != draft.revision) {
        return Err(changed_meanwhile());
    }
    policy_sets::update(tx, call.clone(), zone, set, draft.name).await?;
    let published = publish_set::insert(tx, call, zone, set, prepared).await?;
    discard(tx, zone, set, End::Published(published.object.record.id)).await?;
    Ok(published)
}

/// Ends the draft of a policy set, if it has one.
pub(crate) async fn discard(
    tx: &mut Tx,
    zone: ZoneId,
    set: PolicySetId,
    end: End<PolicySetVersionId>,
) -> Result<(), Error> {
    let Some(draft) = tx.store.set_draft(zone, set).await? else { return Ok(()) };
    tx.store.delete_set_draft(zone, set).await?;
    let body = json!({
        "policy_set_id": set, "saved_seq": draft.revision, "reason": end.as_str(),
        "policy_set_version_id": end.version(),
    });
    tx.event(zone, EventKind::SetDraftDeleted, body).await.map(|_| ())
}
