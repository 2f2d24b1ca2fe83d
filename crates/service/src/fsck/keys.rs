//! Signing keys: whether those that the events say that there are, are those that are stored.

use cedarkeep_model::{KeyHistory, Zone, ZoneKeyRecord};
use cedarkeep_store::{Read, StoreError};

use super::Report;

/// Compares what the events say with what is stored.
pub(super) async fn compare(
    read: &mut dyn Read,
    zone: &Zone,
    keys: &KeyHistory,
    report: &mut Report,
) -> Result<(), StoreError> {
    let stored = read.signing_keys(zone.id).await?.into_iter().map(|key| ZoneKeyRecord {
        revoke_requested: key.revoke_requested.is_some(),
        kid: key.kid,
        state: key.state,
        public: key.public,
        revoked_seq: key.revoked_seq,
    });
    let mut stored: Vec<_> = stored.collect();
    stored.sort_by(|one, other| one.kid.cmp(&other.kid));
    if !stored.iter().eq(keys.iter()) {
        report.problem(zone.id, "the signing keys are not those that the events lead to");
    }
    Ok(())
}
