//! Attestations.

use std::sync::Arc;

use cedarkeep_model::Envelope;

use super::{
    samples::{AWKWARD, attestation, id, kid, statement},
    support::{commit, items, read, taken, whole},
    world::{World, world},
};
use crate::{ArchivedFilter, AttestationRecord, Store, Unique};

/// Oldest first; each number of a version is taken once.
pub async fn attestations_come_back_byte_for_byte(store: &Arc<dyn Store>) {
    let World { zone, version, attestation: first, .. } = world(store, 1).await;
    let odd = Envelope { protected: AWKWARD.to_owned(), signature: String::new(), ..attestation(&version, 3).envelope };
    let third = AttestationRecord { envelope: odd, ..attestation(&version, 3) };
    let second = attestation(&version, 2);
    commit(store, async |to| {
        to.insert_attestation(&third).await.unwrap();
        to.insert_attestation(&second).await.unwrap();
    })
    .await;
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_attestation(&attestation(&version, 2)).await), Unique::Other);
    drop(transaction);
    let mut from = read(store).await;
    assert_eq!(from.attestations(zone.id, version.id).await.unwrap(), [first, second, third]);
    assert_eq!(from.attestations(zone.id, id(99)).await.unwrap(), []);
}

/// Alone and in lists, with how many there are.
pub async fn a_set_version_shows_its_newest_attestation(store: &Arc<dyn Store>) {
    let World { zone, set, version, .. } = world(store, 1).await;
    for seq in 1..=3 {
        if seq > 1 {
            commit(store, async |to| to.insert_attestation(&attestation(&version, seq)).await.unwrap()).await;
        }
        let mut from = read(store).await;
        let alone = from.set_version(zone.id, set.id, version.id).await.unwrap().unwrap();
        assert_eq!((alone.attestations, &alone.attestation), (seq, &statement(&version, seq)));
        assert_eq!(alone.record, version);
        let listed = from.set_versions(zone.id, set.id, ArchivedFilter::Living, &whole()).await.unwrap();
        assert_eq!(items(listed), [alone]);
    }
}

/// And a version of the zone.
pub async fn attestations_need_a_key_of_the_zone(store: &Arc<dyn Store>) {
    let World { zone, version, .. } = world(store, 1).await;
    let unsigned = AttestationRecord { kid: kid(2), ..attestation(&version, 2) };
    let lost = AttestationRecord { policy_set_version_id: id(99), ..attestation(&version, 1) };
    for attestation in [unsigned, lost] {
        let mut transaction = store.write().await.unwrap();
        assert!(transaction.insert_attestation(&attestation).await.is_err());
    }
    assert_eq!(read(store).await.attestations(zone.id, version.id).await.unwrap().len(), 1);
}
