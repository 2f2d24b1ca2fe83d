//! Every set version of a zone: its attestations, what they state, and what the events tell of it.

use cedarkeep_attest::Jwks;
use cedarkeep_model::{AttestationStatement, PublishedSetVersion};

use super::case::{VersionFiles, ZoneCase};
use crate::{
    Report, attestations,
    case::Case,
    content,
    report::{Found, settled},
};

/// What is wrong, by step.
#[derive(Default)]
struct Problems {
    signatures: Vec<String>,
    chain: Vec<String>,
    versions: Vec<String>,
    manifests: Vec<String>,
    schemas: Vec<String>,
    policies: Vec<String>,
}

/// The steps that every set version goes through.
pub(super) fn check(case: &ZoneCase<'_>, jwks: &Jwks, report: &mut Report) {
    let mut problems = Problems::default();
    for files in &case.versions {
        if let Some(published) = case.history.set_versions.get(files.id) {
            version(case, files, published, jwks, &mut problems);
        }
    }
    let (versions, attestations) = (case.versions.len(), case.history.set_versions.attestations());
    let pinned = case.pinned().len();
    report.enter("signatures", settled((), &problems.signatures, format!("{attestations}")));
    report.enter("chain", settled((), &problems.chain, format!("of {versions} versions")));
    report.enter("versions", settled((), &problems.versions, format!("{versions}")));
    report.enter("manifests", settled((), &problems.manifests, format!("{versions}")));
    report.enter("schemas", settled((), &problems.schemas, format!("{}", case.history.schemas.len())));
    report.enter("policies", settled((), &problems.policies, format!("{pinned} policy versions")));
}

fn version(
    case: &ZoneCase<'_>,
    files: &VersionFiles<'_>,
    published: &PublishedSetVersion,
    jwks: &Jwks,
    problems: &mut Problems,
) {
    let single = case.single(files, published);
    let named = |reason: String| format!("policy set version {}: {reason}", files.id);
    let statements = match attestations::statements(&single, jwks) {
        Ok(statements) => statements,
        Err(reason) => return problems.signatures.push(named(reason)),
    };
    let newest = match attestations::chain(&single, &statements).map(Found::into_found) {
        Ok(newest) => newest,
        Err(reason) => return problems.chain.push(named(reason)),
    };
    let told = content::subject(&single, &newest).map(|_| ()).and_then(|()| as_told(published, &statements));
    problems.versions.extend(told.and_then(|()| pins_what_was_published(case, &single)).err().map(named));
    problems.manifests.extend(content::manifest(&single, &newest).err().map(named));
    let schema = content::schema(&single, &newest).map(|_| ()).and_then(|()| schema_as_told(case, &newest));
    problems.schemas.extend(schema.err().map(named));
    problems.policies.extend(content::policies(&single, &newest).err().map(named));
}

/// The attestations are those that the events tell of, and say of the content what the first event says.
fn as_told(published: &PublishedSetVersion, statements: &[AttestationStatement]) -> Result<(), String> {
    let told = &published.created.what;
    for (number, (statement, event)) in (1..).zip(statements.iter().zip(&published.attested)) {
        let same = statement.key_id == event.what.kid
            && statement.prev_sha256 == event.what.prev_sha256
            && statement.attested_at == event.at
            && statement.attested_by == event.by;
        if !same {
            return Err(format!("attestation {number} is not the one that its event tells of"));
        }
    }
    let same = statements.first().is_some_and(|first| {
        first.schema_sha == told.schema_sha
            && first.texts_sha == told.texts_sha
            && first.validation == told.validation
            && first.cedar_version == told.cedar_version
    });
    if same { Ok(()) } else { Err("it is not the one that its event tells of".to_owned()) }
}

/// Every policy version that it pins was published with this digest.
fn pins_what_was_published(case: &ZoneCase<'_>, single: &Case<'_>) -> Result<(), String> {
    let strange = single.manifest.entries().iter().find(|entry| {
        let told = case.history.policy_versions.get(entry.policy_version_id);
        told.is_none_or(|told| (told.what.policy_id, told.what.sha) != (entry.policy_id, entry.sha))
    });
    match strange {
        Some(entry) => Err(format!("it pins policy version {}, which was never so published", entry.policy_version_id)),
        None => Ok(()),
    }
}

/// The schema version of that name was published with this digest.
fn schema_as_told(case: &ZoneCase<'_>, statement: &AttestationStatement) -> Result<(), String> {
    match case.history.schemas.get(&statement.schema_version) {
        Some(sha) if *sha == statement.schema_sha => Ok(()),
        _ => Err(format!("schema version {} was never so published", statement.schema_version)),
    }
}
