//! Deleted zones: what outlives them must be as whole as what lives.

use cedarkeep_attest::verify_envelope;
use cedarkeep_model::{Envelope, Event, EventKind, SetVersions, ZoneId};
use cedarkeep_store::{Read, Row, RowKind, StoreError};

use super::{TransferError, save::Pages};
use crate::{chain::Chain, keys::KnownKeys};

/// What is wrong with the events and the attestations of a deleted zone.
pub(super) async fn check(read: &mut dyn Read, zone: ZoneId) -> Result<Vec<String>, TransferError> {
    let problems = match problems(read, zone).await {
        Err(TransferError::Store(StoreError::Damaged(what))) => vec![what],
        other => other?,
    };
    Ok(problems.into_iter().map(|problem| format!("deleted zone {zone}: {problem}")).collect())
}

async fn problems(read: &mut dyn Read, zone: ZoneId) -> Result<Vec<String>, TransferError> {
    let (mut chain, mut published) = (Chain::default(), SetVersions::default());
    let mut last = None;
    let fold = |event: &Event| {
        last = Some(event.kind);
        published.apply(event)
    };
    let mut problems = chain.advance(read, zone, fold).await?;
    if last != Some(EventKind::ZoneDeleted) {
        problems.push("its events do not say that it was deleted".to_owned());
    }
    if read.count_events(zone).await? != chain.seq() {
        problems.push("the zone's event number is not that of its last event".to_owned());
    }
    let known = match KnownKeys::new(&read.signing_keys(zone).await?) {
        Ok(known) => known,
        Err(error) => return Ok([problems, vec![error.to_string()]].concat()),
    };
    let (mut attestations, mut found) = (Pages::of(RowKind::Attestation, Some(zone)), 0);
    while let Some(rows) = attestations.next(read).await? {
        found += rows.len();
        problems.extend(rows.iter().filter_map(|row| verify(row, &known, &published).err()));
    }
    if found != published.attestations() {
        problems.push("there are not as many attestations as its events tell of".to_owned());
    }
    Ok(problems)
}

fn verify(row: &Row, known: &KnownKeys, published: &SetVersions) -> Result<(), String> {
    let text = |name| row.text(name).unwrap_or_default().to_owned();
    let (version, kid) = (text("policy_set_version_id"), text("kid"));
    let wrong = |reason: String| format!("an attestation of policy set version {version}: {reason}");
    let envelope = Envelope { payload: text("payload"), protected: text("protected"), signature: text("signature") };
    let envelope = serde_json::to_vec(&envelope).map_err(|error| wrong(error.to_string()))?;
    let (statement, signed_by) =
        verify_envelope(&envelope, &known.all).map_err(|refusal| wrong(refusal.to_string()))?;
    let told = version.parse().ok().and_then(|id| published.get(id));
    let same = told.is_some_and(|told| told.created.what.manifest_sha == statement.manifest_sha);
    if signed_by == kid && same { Ok(()) } else { Err(wrong("it says something else than its events".to_owned())) }
}
