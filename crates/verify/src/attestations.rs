//! The attestations of a version: their signatures, and how they follow one another.

use std::collections::BTreeSet;

use cedarkeep_attest::{Jwks, Refusal, envelope_statement, verify_envelope};
use cedarkeep_model::{AttestationStatement, AttestationStatus, Digest, canonical_bytes};

use crate::{
    case::{Case, JWKS, REVOKED, at},
    report::{Found, held},
    strict::demand_canonical,
};

/// The key set of the export; every key that an attestation names is in it or revoked, and no other is.
pub(crate) fn keys(case: &Case<'_>) -> Result<Found<Jwks>, String> {
    let jwks = at(JWKS, Jwks::parse(case.jwks).map_err(|refusal| refusal.to_string()))?;
    at(JWKS, demand_canonical(&jwks.to_json(), case.jwks))?;
    let jwks = jwks.with_revoked(case.revoked.kids.clone());
    let jwks = at(REVOKED, jwks.map_err(|refusal| refusal.to_string()))?;
    let detail = format!("{} published, {} revoked", jwks.kids().count(), case.revoked.kids.len());
    Ok(held(jwks, detail))
}

/// The statements of all attestations, oldest first; every key of the export has signed one.
pub(crate) fn signatures(case: &Case<'_>, jwks: &Jwks) -> Result<Found<Vec<AttestationStatement>>, String> {
    let statements = statements(case, jwks)?;
    let named: BTreeSet<&str> = statements.iter().map(|statement| statement.key_id.as_str()).collect();
    if let Some(kid) = jwks.kids().chain(case.revoked.kids.iter().map(String::as_str)).find(|kid| !named.contains(*kid))
    {
        return Err(format!("key {kid} is in the export although it signed none of the attestations"));
    }
    let detail = describe(case, jwks, statements.len());
    Ok(held(statements, detail))
}

/// The statements of all attestations, oldest first. What a revoked key signed is not good, but it may stand before
/// good ones: its bytes are bound by the attestation after it.
pub(crate) fn statements(case: &Case<'_>, jwks: &Jwks) -> Result<Vec<AttestationStatement>, String> {
    let newest = case.attestations.len();
    let mut statements = Vec::new();
    for (number, (bytes, envelope)) in (1..).zip(&case.attestations) {
        let statement = match verify_envelope(bytes, jwks) {
            Ok((statement, _)) => Ok(statement),
            Err(Refusal::KeyRevoked(kid)) if number < newest => {
                envelope_statement(envelope).and_then(|s| if s.key_id == kid { Ok(s) } else { Err(Refusal::KeyId) })
            }
            Err(refusal) => Err(refusal),
        };
        let statement = statement.map_err(|refusal| refusal.to_string());
        statements.push(at(&case.attestation_path(number), statement)?);
    }
    Ok(statements)
}

fn describe(case: &Case<'_>, jwks: &Jwks, attestations: usize) -> String {
    let keys = jwks.kids().collect::<Vec<_>>().join(", ");
    let revoked: Vec<_> = case.revoked.kids.iter().map(String::as_str).collect();
    if revoked.is_empty() {
        format!("{attestations}, by {keys}")
    } else {
        let revoked = revoked.join(", ");
        format!("{attestations}, by {keys}; key_revoked, so proving nothing by themselves: those by {revoked}")
    }
}

/// Gives the newest statement when the attestations follow one another as they must.
pub(crate) fn chain(
    case: &Case<'_>,
    statements: &[AttestationStatement],
) -> Result<Found<AttestationStatement>, String> {
    let (Some(created), Some(newest)) = (statements.first(), statements.last()) else {
        return Err("there is no attestation".to_owned());
    };
    let mut before: Option<&[u8]> = None;
    for (number, (statement, (bytes, _))) in (1..).zip(statements.iter().zip(&case.attestations)) {
        at(&case.attestation_path(number), follows(statement, created, before))?;
        before = Some(bytes);
    }
    Ok(held(newest.clone(), format!("{} of them", statements.len())))
}

/// Whether a statement may stand after these bytes, in the chain that this statement began.
fn follows(
    statement: &AttestationStatement,
    created: &AttestationStatement,
    before: Option<&[u8]>,
) -> Result<(), String> {
    let status = if before.is_some() { AttestationStatus::ReSigned } else { AttestationStatus::Created };
    if statement.status != status {
        return Err(format!("its status is not {status}"));
    }
    // An envelope in an export is its own canonical form, so its digest is that of its bytes.
    if statement.prev_sha256 != before.map(Digest::of) {
        return Err("prev_sha256 is not the digest of the attestation before it".to_owned());
    }
    if before.is_some()
        && (statement.created_at != Some(created.attested_at)
            || statement.created_by.as_ref() != Some(&created.attested_by))
    {
        return Err("created_at and created_by are not those of the first attestation".to_owned());
    }
    if content(statement) == content(created) {
        Ok(())
    } else {
        Err("it is about other content than the first".to_owned())
    }
}

/// What a statement says about the version, without who signed it when and why, and with which library.
fn content(statement: &AttestationStatement) -> Option<Vec<u8>> {
    let bare = AttestationStatement {
        status: AttestationStatus::Created,
        attested_at: cedarkeep_model::Timestamp::from_micros(0),
        attested_by: String::new(),
        key_id: String::new(),
        cedar_version: String::new(),
        prev_sha256: None,
        created_at: None,
        created_by: None,
        ..statement.clone()
    };
    canonical_bytes(&bare).ok()
}
