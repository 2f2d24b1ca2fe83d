//! Whether a policy set version still is what was published: what is stored of it against its events, its manifest, its
//! schema, its texts and its attestations. Nothing here asks the store or Cedar.

use cedarkeep_attest::verify_envelope;
use cedarkeep_model::{
    AttestationStatement, AttestationStatus, Digest, PolicySchema, PolicyVersion, PublishedSetVersion,
    SetVersionRecord, texts_digest,
};
use cedarkeep_store::AttestationRecord;

use crate::{
    keys::KnownKeys,
    publish_set::{manifest, text_digest},
    snapshot::check_record,
};

/// The stored record says what the event of its publication says.
pub(crate) fn same_as_published(
    record: &SetVersionRecord,
    published: Option<&PublishedSetVersion>,
) -> Result<(), String> {
    let same = published.is_some_and(|PublishedSetVersion { created, .. }| {
        let what = &created.what;
        what.policy_set_id == record.policy_set_id
            && what.version == record.version
            && what.manifest_sha == record.manifest_sha
            && what.scope_type == record.scope_type
            && what.schema_version == record.schema_version
            && what.schema_sha == record.schema_sha
            && what.texts_sha == record.texts_sha
            && what.validation == record.validation
            && what.cedar_version == record.cedar_version
            && created.at == record.created_at
            && created.by == record.created_by
    });
    if same { Ok(()) } else { Err("it is not the one that was published".to_owned()) }
}

/// The schema and the policy versions that it names have the digests of the record. That they have their own is for
/// Cedar to say.
pub(crate) fn same_as_pinned(
    record: &SetVersionRecord,
    schema: Option<&PolicySchema>,
    pinned: &[PolicyVersion],
) -> Result<(), String> {
    if schema.is_none_or(|schema| schema.schema_sha != record.schema_sha) {
        return Err("its schema is not the one it was published with".to_owned());
    }
    let texts = texts_digest(pinned.iter().map(text_digest).collect());
    let same = record.manifest.sha().is_ok_and(|sha| sha == record.manifest_sha)
        && manifest(pinned).is_ok_and(|manifest| manifest == record.manifest)
        && texts.is_ok_and(|texts| texts == record.texts_sha);
    if same { Ok(()) } else { Err("what it pins is not what its manifest says".to_owned()) }
}

/// The attestations are those that the events tell of: the first made with the version, each later one naming the one
/// before it, the newest by a key that was not revoked.
pub(crate) fn same_as_attested(
    record: &SetVersionRecord,
    published: Option<&PublishedSetVersion>,
    attestations: &[AttestationRecord],
    keys: &KnownKeys,
) -> Result<(), String> {
    let attested = published.map(|published| published.attested.as_slice()).unwrap_or_default();
    if attested.len() != attestations.len() {
        return Err(format!("it has {} attestations, its events tell of {}", attestations.len(), attested.len()));
    }
    let mut previous = None;
    for (seq, (attestation, event)) in (1..).zip(attestations.iter().zip(attested)) {
        let statement = verified(attestation, keys).map_err(|refusal| format!("attestation {seq}: {refusal}"))?;
        let same = attestation.seq == seq
            && attestation.kid == event.what.kid
            && statement.attested_at == event.at
            && statement.attested_by == event.by
            && states(&statement, record, previous);
        if !same {
            return Err(format!("attestation {seq} says something else than what is stored"));
        }
        previous = Some(attestation.envelope.digest().map_err(|error| error.to_string())?);
    }
    match attestations.last() {
        Some(newest) if keys.revoked.contains(&newest.kid) => {
            Err(format!("attestation {}: key_revoked: key {} was revoked", newest.seq, newest.kid))
        }
        _ => Ok(()),
    }
}

/// The statement of an attestation, its signature verified; also under a key that was revoked.
fn verified(attestation: &AttestationRecord, keys: &KnownKeys) -> Result<AttestationStatement, String> {
    let envelope = serde_json::to_vec(&attestation.envelope).map_err(|error| error.to_string())?;
    let (statement, kid) = verify_envelope(&envelope, &keys.all).map_err(|refusal| refusal.to_string())?;
    if kid == attestation.kid && statement.status == attestation.status {
        Ok(statement)
    } else {
        Err("it is stored as something else".to_owned())
    }
}

/// Whether a statement, behind the attestation of this digest, says of a version what is stored of it.
fn states(statement: &AttestationStatement, record: &SetVersionRecord, previous: Option<Digest>) -> bool {
    let (status, created) = match previous {
        None => (AttestationStatus::Created, None),
        Some(_) => (AttestationStatus::ReSigned, Some((record.created_at, record.created_by.clone()))),
    };
    statement.status == status
        && statement.prev_sha256 == previous
        && statement.created_at.zip(statement.created_by.clone()) == created
        && check_record(record, statement).is_ok()
}
