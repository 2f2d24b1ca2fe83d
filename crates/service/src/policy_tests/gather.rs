//! The policies of a test and their schema, out of the store.

use std::collections::{HashMap, HashSet};

use cedarkeep_model::{
    BindingMode, MAX_MANIFEST_ENTRIES, NewEntry, PolicyId, PolicySchema, PolicySetId, PolicySetVersionId,
    PolicyVersion, PolicyVersionId, SchemaVersion, ScopeType, ValidationMode, Zone, ZoneId,
};
use cedarkeep_store::Read;

use super::{TestedPolicies, TestedSchema};
use crate::{
    Code, Error, GivenPolicy, GivenSchema, drafts,
    pin::{self, Fault},
    recompute::same_as_pinned,
};

/// What a run is made of.
pub(super) struct Gathered {
    pub(super) policies: Policies,
    /// None: without a schema.
    pub(super) schema: Option<Schema>,
}

pub(super) enum Policies {
    Given(GivenPolicy),
    /// By policy id.
    Versions(Vec<PolicyVersion>),
}

pub(super) enum Schema {
    Stored(PolicySchema),
    Given(GivenSchema),
}

/// Policies, and the schema version that their source names.
type Source = (Policies, Option<SchemaVersion>);

pub(super) async fn gather(
    store: &mut dyn Read,
    zone: &Zone,
    policies: TestedPolicies,
    schema: TestedSchema,
    validation: ValidationMode,
) -> Result<Gathered, Error> {
    let (policies, named) = match policies {
        TestedPolicies::Given(given) => (Policies::Given(given), None),
        TestedPolicies::Versions(ids) => (Policies::Versions(versions(store, zone.id, &ids).await?), None),
        TestedPolicies::SetVersion(id) => set_version(store, zone.id, id).await?,
        TestedPolicies::PolicyDraft(policy) => policy_draft(store, zone.id, policy).await?,
        TestedPolicies::SetDraft(set) => set_draft(store, zone.id, set).await?,
        TestedPolicies::Bound => bound(store, zone.id).await?,
    };
    let default = || (validation == ValidationMode::Strict).then(|| zone.default_schema_version.clone());
    let version = match schema {
        TestedSchema::Given(given) => return Ok(Gathered { policies, schema: Some(Schema::Given(given)) }),
        TestedSchema::Version(version) => Some(version),
        TestedSchema::Default => named.or_else(default),
    };
    let schema = match version {
        Some(version) => Some(Schema::Stored(stored_schema(store, zone.id, &version).await?)),
        None => None,
    };
    Ok(Gathered { policies, schema })
}

/// Archived ones too: what is pinned to them still decides.
async fn stored_schema(store: &mut dyn Read, zone: ZoneId, version: &SchemaVersion) -> Result<PolicySchema, Error> {
    store.schema(zone, version.as_str()).await?.ok_or_else(|| {
        let message = format!("the zone has no schema version {:?}; list them under policy-schemas", version.as_str());
        Error::new(Code::SchemaVersionNotFound, message)
    })
}

async fn versions(store: &mut dyn Read, zone: ZoneId, ids: &[PolicyVersionId]) -> Result<Vec<PolicyVersion>, Error> {
    if ids.is_empty() || ids.len() > MAX_MANIFEST_ENTRIES {
        let message = format!("policy_version_ids: name 1 to {MAX_MANIFEST_ENTRIES} versions, not {}", ids.len());
        return Err(Error::new(Code::BadRequest, message));
    }
    let found = store.policy_versions_by_id(zone, ids).await?;
    let known: HashSet<_> = found.iter().map(|version| version.id).collect();
    if let Some(missing) = ids.iter().find(|id| !known.contains(id)) {
        let message = format!("the zone has no policy version {missing}");
        let error = Error::new(Code::PolicyVersionNotFound, message);
        return Err(error.with_detail("policy_version_id", missing.to_string()));
    }
    let found = by_policy(found);
    let twice = found.iter().zip(found.iter().skip(1)).find(|(one, next)| one.policy_id == next.policy_id);
    if let Some((_, twice)) = twice {
        let (policy_id, policy_version_id) = (twice.policy_id, twice.id);
        return Err(pin::duplicate(&NewEntry { policy_id, policy_version_id, sha: None }));
    }
    Ok(found)
}

/// The order of manifests, and of the answer.
fn by_policy(mut versions: Vec<PolicyVersion>) -> Vec<PolicyVersion> {
    versions.sort_unstable_by_key(|version| version.policy_id);
    versions
}

async fn set_version(store: &mut dyn Read, zone: ZoneId, id: PolicySetVersionId) -> Result<Source, Error> {
    let missing = || Error::not_found("policy set version");
    let set = store.set_of_version(zone, id).await?.ok_or_else(missing)?;
    let record = store.set_version(zone, set, id).await?.ok_or_else(missing)?.record;
    let ids: Vec<_> = record.manifest.entries().iter().map(|entry| entry.policy_version_id).collect();
    let pinned = store.policy_versions_by_id(zone, &ids).await?;
    let schema = store.schema(zone, record.schema_version.as_str()).await?;
    same_as_pinned(&record, schema.as_ref(), &pinned).map_err(|why| {
        let message = format!("policy set version {id} cannot be tested: {why}; run `cedarkeep fsck`");
        Error::new(Code::IntegrityError, message)
    })?;
    Ok((Policies::Versions(by_policy(pinned)), Some(record.schema_version)))
}

async fn bound(store: &mut dyn Read, zone: ZoneId) -> Result<Source, Error> {
    let slot = store.slot(zone, ScopeType::Zone, &zone.to_string(), BindingMode::Active).await?;
    let binding =
        slot.ok_or_else(|| Error::not_found("binding: no policy set version is active in the zone's own slot"))?;
    set_version(store, zone, binding.policy_set_version_id).await
}

async fn policy_draft(store: &mut dyn Read, zone: ZoneId, policy: PolicyId) -> Result<Source, Error> {
    store.policy(zone, policy).await?.ok_or_else(|| Error::not_found("policy"))?;
    let draft = store.policy_draft(zone, policy).await?.ok_or_else(drafts::no_draft)?;
    let given = drafts::given(draft.content.as_ref())?;
    Ok((Policies::Given(given), Some(draft.schema_version)))
}

async fn set_draft(store: &mut dyn Read, zone: ZoneId, set: PolicySetId) -> Result<Source, Error> {
    store.policy_set(zone, set).await?.ok_or_else(|| Error::not_found("policy set"))?;
    let draft = store.set_draft(zone, set).await?;
    let draft = draft.ok_or_else(|| Error::not_found("draft: the policy set has none"))?;
    pin::check_form(&draft.entries)?;
    let ids: Vec<_> = draft.entries.iter().map(|entry| entry.policy_version_id).collect();
    let found = store.policy_versions_by_id(zone, &ids).await?;
    let owners: HashMap<_, _> = found.iter().map(|version| (version.id, version.policy_id)).collect();
    let unknown = |entry: &&NewEntry| owners.get(&entry.policy_version_id) != Some(&entry.policy_id);
    if let Some(entry) = draft.entries.iter().find(unknown) {
        return Err(Fault::Unknown.error(entry, &draft.schema_version));
    }
    Ok((Policies::Versions(by_policy(found)), Some(draft.schema_version)))
}
