//! Recomputing every digest and verifying every attestation.

use std::collections::HashMap;

use cedarkeep_cedar::{CedarPool, Pinned};
use cedarkeep_model::{PolicySchema, PolicySetId, PolicySetVersionId, PolicyVersion, PolicyVersionId, Zone, ZoneId};
use cedarkeep_store::{ArchivedFilter, PolicyFilter, Read, StoreError};

use super::{Report, fold::State};
use crate::{
    chain::Pages,
    keys::KnownKeys,
    publish_set::pinned_version,
    recompute::{same_as_attested, same_as_pinned, same_as_published},
};

pub(super) async fn check(
    read: &mut dyn Read,
    cedar: &CedarPool,
    zone: &Zone,
    state: &State,
    report: &mut Report,
) -> Result<(), StoreError> {
    let schemas = schemas(read, cedar, zone, report).await?;
    policy_versions(read, cedar, zone, state, report).await?;
    let known = match KnownKeys::new(&read.signing_keys(zone.id).await?) {
        Ok(known) => known,
        Err(error) => {
            report.problem(zone.id, error);
            return Ok(());
        }
    };
    let versions = read.all_set_versions(zone.id).await?;
    if versions.len() != state.history.set_versions.count() {
        report.problem(zone.id, "there are not as many policy set versions as were published");
    }
    for (set, id) in versions {
        let checked = match set_version(read, (zone.id, set, id), &schemas, state, &known, report).await {
            // A row that cannot even be read ends the check of its version, not of the others.
            Err(StoreError::Damaged(what)) => Err(what),
            other => other?,
        };
        if let Err(problem) = checked {
            report.problem(zone.id, format_args!("policy set version {id}: {problem}"));
        }
    }
    Ok(())
}

async fn schemas(
    read: &mut dyn Read,
    cedar: &CedarPool,
    zone: &Zone,
    report: &mut Report,
) -> Result<HashMap<String, PolicySchema>, StoreError> {
    let (mut schemas, mut pages) = (HashMap::new(), Pages::new());
    while let Some(window) = pages.next_window() {
        let slice = read.schemas(zone.id, None, &window).await?;
        for schema in pages.take(slice) {
            let (json, sha) = (schema.cedar_schema_json.clone(), schema.schema_sha);
            let loaded = cedar.run(move || cedarkeep_cedar::load_schema(&json, sha).map(|_| ())).await;
            if !matches!(loaded, Ok(Ok(()))) {
                report.problem(zone.id, format_args!("schema version {} does not have its digest", schema.version));
            }
            schemas.insert(schema.version.to_string(), schema);
        }
    }
    Ok(schemas)
}

async fn policy_versions(
    read: &mut dyn Read,
    cedar: &CedarPool,
    zone: &Zone,
    state: &State,
    report: &mut Report,
) -> Result<(), StoreError> {
    let all = PolicyFilter { archived: ArchivedFilter::Any, ..PolicyFilter::default() };
    let (mut policies, mut found) = (Pages::new(), 0);
    while let Some(window) = policies.next_window() {
        let slice = read.policies(zone.id, &all, &window).await?;
        for policy in policies.take(slice) {
            let mut pages = Pages::new();
            while let Some(window) = pages.next_window() {
                let slice = read.policy_versions(zone.id, policy.id, ArchivedFilter::Any, &window).await?;
                for version in pages.take(slice) {
                    report.policy_versions += 1;
                    found += 1;
                    policy_version(cedar, zone, version, state, report).await;
                }
            }
        }
    }
    if found < state.history.policy_versions.count() {
        report.problem(zone.id, "a published policy version is missing");
    }
    Ok(())
}

async fn policy_version(cedar: &CedarPool, zone: &Zone, version: PolicyVersion, state: &State, report: &mut Report) {
    let (id, sha) = (version.id, version.sha);
    let archived = version.archived.is_some() == state.itself.policy_versions.contains(&id);
    let same = state.history.policy_versions.get(id).is_some_and(|published| {
        published.what.sha == sha
            && published.what.policy_id == version.policy_id
            && published.at == version.created_at
            && published.by == version.created_by
            && archived
    });
    if !same {
        report.problem(zone.id, format_args!("policy version {id} is not the one that was published"));
    }
    let pinned: Pinned = pinned_version(version);
    let loaded = cedar.run(move || cedarkeep_cedar::check_content(&pinned)).await;
    match loaded {
        Ok(Ok(())) => {}
        Ok(Err(error)) => report.problem(zone.id, format_args!("policy version {id}: {error}")),
        Err(error) => report.problem(zone.id, format_args!("policy version {id}: {error}")),
    }
}

async fn set_version(
    read: &mut dyn Read,
    (zone, set, id): (ZoneId, PolicySetId, PolicySetVersionId),
    schemas: &HashMap<String, PolicySchema>,
    state: &State,
    known: &KnownKeys,
    report: &mut Report,
) -> Result<Result<(), String>, StoreError> {
    report.set_versions += 1;
    let Some(version) = read.set_version(zone, set, id).await? else {
        return Ok(Err("it has no attestation".to_owned()));
    };
    if version.archived.is_some() != state.itself.set_versions.contains(&id) {
        return Ok(Err("whether it is archived is not as its events say".to_owned()));
    }
    let (record, published) = (&version.record, state.history.set_versions.get(id));
    let ids: Vec<PolicyVersionId> = record.manifest.entries().iter().map(|entry| entry.policy_version_id).collect();
    let pinned = read.policy_versions_by_id(zone, &ids).await?;
    let attestations = read.attestations(zone, id).await?;
    report.attestations += attestations.len() as u64;
    Ok(same_as_published(record, published)
        .and_then(|()| same_as_pinned(record, schemas.get(record.schema_version.as_str()), &pinned))
        .and_then(|()| same_as_attested(record, published, &attestations, known)))
}
