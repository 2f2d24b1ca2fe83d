//! Recomputing every digest and verifying every attestation.

use std::collections::HashMap;

use cedarkeep_attest::{Jwks, verify_envelope};
use cedarkeep_cedar::{CedarPool, Pinned};
use cedarkeep_model::{
    AttestationStatus, PolicySchema, PolicySetVersion, PolicyVersion, PolicyVersionId, Zone, texts_digest,
};
use cedarkeep_store::{ArchivedFilter, AttestationRecord, PolicyFilter, Read, StoreError};

use super::{Pages, Report, fold::State};
use crate::{
    keys,
    publish_set::{manifest, pinned_version, text_digest},
    snapshot::check_record,
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
    let jwks = match keys::published(read, zone.id).await {
        Ok(jwks) => jwks,
        Err(error) => {
            report.problem(zone.id, error);
            return Ok(());
        }
    };
    let versions = read.all_set_versions(zone.id).await?;
    if versions.len() != state.set_versions.len() {
        report.problem(zone.id, "there are not as many policy set versions as were published");
    }
    for (set, id) in versions {
        let Some(version) = read.set_version(zone.id, set, id).await? else {
            report.problem(zone.id, format_args!("policy set version {id} has no attestation"));
            continue;
        };
        report.set_versions += 1;
        if let Err(problem) = set_version(read, zone, &version, &schemas, state).await? {
            report.problem(zone.id, format_args!("policy set version {id}: {problem}"));
        }
        let attestations = read.attestations(zone.id, id).await?;
        report.attestations += attestations.len() as u64;
        if let Err(problem) = chain(&version, &attestations, &jwks) {
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
    if found < state.policy_versions.len() {
        report.problem(zone.id, "a published policy version is missing");
    }
    Ok(())
}

async fn policy_version(cedar: &CedarPool, zone: &Zone, version: PolicyVersion, state: &State, report: &mut Report) {
    let (id, sha) = (version.id, version.sha);
    let same = state.policy_versions.get(&id).is_some_and(|published| {
        published.what.sha == sha.to_string()
            && published.what.policy_id == version.policy_id
            && published.at == version.created_at
            && published.by == version.created_by
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
    zone: &Zone,
    version: &PolicySetVersion,
    schemas: &HashMap<String, PolicySchema>,
    state: &State,
) -> Result<Result<(), String>, StoreError> {
    let record = &version.record;
    if let Err(error) = check_record(version) {
        return Ok(Err(error.message().to_owned()));
    }
    let published = state.set_versions.get(&record.id);
    let same = published.is_some_and(|published| {
        published.what.manifest_sha == record.manifest_sha.to_string()
            && published.what.schema_sha == record.schema_sha.to_string()
            && published.what.texts_sha == record.texts_sha.to_string()
            && published.at == record.created_at
            && published.by == record.created_by
    });
    if !same {
        return Ok(Err("it is not the one that was published".to_owned()));
    }
    if schemas.get(record.schema_version.as_str()).is_none_or(|schema| schema.schema_sha != record.schema_sha) {
        return Ok(Err("its schema is not the one it was published with".to_owned()));
    }
    let ids: Vec<PolicyVersionId> = record.manifest.entries().iter().map(|entry| entry.policy_version_id).collect();
    let pinned = read.policy_versions_by_id(zone.id, &ids).await?;
    let texts = texts_digest(pinned.iter().map(text_digest).collect());
    let same = manifest(&pinned).is_ok_and(|manifest| manifest == record.manifest)
        && texts.is_ok_and(|texts| texts == record.texts_sha);
    Ok(if same { Ok(()) } else { Err("what it pins is not what its manifest says".to_owned()) })
}

/// The first attestation was made with the version, each later one names the one before it.
fn chain(version: &PolicySetVersion, attestations: &[AttestationRecord], jwks: &Jwks) -> Result<(), String> {
    let mut previous = None;
    for (attestation, seq) in attestations.iter().zip(1..) {
        let envelope = serde_json::to_vec(&attestation.envelope).map_err(|error| error.to_string())?;
        let (statement, kid) =
            verify_envelope(&envelope, jwks).map_err(|refusal| format!("attestation {seq}: {refusal}"))?;
        let expected = if seq == 1 { AttestationStatus::Created } else { AttestationStatus::ReSigned };
        let mut record = version.clone();
        record.attestation = statement.clone();
        let same = attestation.seq == seq
            && attestation.kid == kid
            && attestation.status == statement.status
            && statement.status == expected
            && statement.prev_sha256 == previous
            && check_record(&record).is_ok();
        if !same {
            return Err(format!("attestation {seq} says something else than what is stored"));
        }
        previous = Some(attestation.envelope.digest().map_err(|error| error.to_string())?);
    }
    Ok(())
}
