//! Signing keys and the data key of a zone.

use std::sync::Arc;

use cedarkeep_model::{KeyState, PublicKey, RevokeRequest, SigningKey};

use super::{
    samples::{AWKWARD, at, data_key, id, key, zone},
    support::{commit, read, taken},
};
use crate::{Store, Unique};

/// Oldest first, in every state.
pub async fn keys_come_back_as_written(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let signing = key(zone.id, 1);
    let pending = SigningKey { created_at: at(62), ..key(zone.id, 2) };
    let retired = SigningKey { state: KeyState::Retired, created_at: at(59), ..key(zone.id, 3) };
    let revoked = SigningKey { state: KeyState::Revoked, created_at: at(58), revoked_seq: Some(12), ..key(zone.id, 4) };
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        for key in [&signing, &pending, &retired, &revoked] {
            to.insert_key(key).await.unwrap();
        }
    })
    .await;
    assert_eq!(read(store).await.signing_keys(zone.id).await.unwrap(), [revoked, retired, signing, pending]);
    assert_eq!(read(store).await.signing_keys(id(2)).await.unwrap(), []);
}

/// All else that may change is written, the sealed half (which may be sealed anew) too.
pub async fn updating_a_key_leaves_its_halves_in_public_alone(store: &Arc<dyn Store>) {
    let zone = zone(1);
    let (before, neighbour) = (key(zone.id, 1), SigningKey { created_at: at(99), ..key(zone.id, 2) });
    let after = SigningKey {
        state: KeyState::Revoked,
        sealed_private: b"sealed anew".to_vec(),
        signs_from: at(90),
        re_signed_at: Some(at(91)),
        revoke_requested: Some(RevokeRequest { at: at(92), by: AWKWARD.to_owned() }),
        revoked_seq: Some(3),
        ..before.clone()
    };
    let tried = SigningKey {
        public: PublicKey { n: "other".to_owned(), e: "other".to_owned() },
        created_at: at(93),
        created_by: "somebody else".to_owned(),
        ..after.clone()
    };
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_key(&before).await.unwrap();
        to.insert_key(&neighbour).await.unwrap();
        to.update_key(&tried).await.unwrap();
    })
    .await;
    assert_eq!(read(store).await.signing_keys(zone.id).await.unwrap(), [after, neighbour]);
}

/// At any time, in each zone; and a key is added once.
pub async fn one_key_signs(store: &Arc<dyn Store>) {
    let (zone, other) = (zone(1), zone(2));
    let (first, second) = (key(zone.id, 1), key(zone.id, 2));
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_zone(&other, b"key").await.unwrap();
        to.insert_key(&first).await.unwrap();
        to.insert_key(&second).await.unwrap();
        to.insert_key(&key(other.id, 1)).await.unwrap();
    })
    .await;
    let promoted = SigningKey { state: KeyState::Signing, ..second.clone() };
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.update_key(&promoted).await), Unique::Other);
    drop(transaction);
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_key(&second).await), Unique::Other);
    drop(transaction);
    assert_eq!(read(store).await.signing_keys(zone.id).await.unwrap(), [first.clone(), second]);
    let retired = SigningKey { state: KeyState::Retired, ..first };
    commit(store, async |to| {
        to.update_key(&retired).await.unwrap();
        to.update_key(&promoted).await.unwrap();
    })
    .await;
    assert_eq!(read(store).await.signing_keys(zone.id).await.unwrap(), [retired, promoted]);
}

/// At the most, in each zone.
pub async fn one_key_waits(store: &Arc<dyn Store>) {
    let (zone, other) = (zone(1), zone(2));
    commit(store, async |to| {
        to.insert_zone(&zone, b"key").await.unwrap();
        to.insert_zone(&other, b"key").await.unwrap();
        to.insert_key(&key(zone.id, 2)).await.unwrap();
        to.insert_key(&key(other.id, 3)).await.unwrap();
    })
    .await;
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_key(&key(zone.id, 3)).await), Unique::Other);
    drop(transaction);
    assert_eq!(read(store).await.signing_keys(zone.id).await.unwrap(), [key(zone.id, 2)]);
}

/// Any bytes.
pub async fn the_data_key_of_a_zone_is_kept(store: &Arc<dyn Store>) {
    commit(store, async |to| to.insert_zone(&zone(1), &data_key(1)).await.unwrap()).await;
    assert_eq!(read(store).await.data_key(id(1)).await.unwrap(), Some(data_key(1)));
    assert_eq!(read(store).await.data_key(id(2)).await.unwrap(), None);
}
