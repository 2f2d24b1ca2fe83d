//! Set versions that are to be signed again, and those that were refused.

use std::{slice::from_ref, sync::Arc};

use cedarkeep_model::{KeyState, PolicySetId, PolicySetVersionId, RevokeRequest, SigningKey, Zone, ZoneId};

use super::{
    samples::{archived, at, attestation, id, key, kid, set_version, zone},
    support::{commit, items, read, taken, walk, whole},
    world::{World, world},
};
use crate::{AttestationRecord, ReSignJob, ReSignRefusal, SignedVersions, Store, Unique};

/// Waiting to sign, signing but not done, retired with a revocation asked for; not in deleted zones.
pub async fn zones_with_work_for_keys_are_found(store: &Arc<dyn Store>) {
    let asked = Some(RevokeRequest { at: at(70), by: "somebody".to_owned() });
    let signing = |zone: &Zone| key(zone.id, 1);
    let waits = |zone: &Zone| SigningKey { signs_from: at(500), ..key(zone.id, 2) };
    let undone = |zone: &Zone| SigningKey { re_signed_at: None, ..signing(zone) };
    let retired = |zone: &Zone| SigningKey { state: KeyState::Retired, ..key(zone.id, 3) };
    let leaving = |zone: &Zone| SigningKey { created_at: at(50), revoke_requested: asked.clone(), ..retired(zone) };
    let revoked = |zone: &Zone| SigningKey { state: KeyState::Revoked, revoked_seq: Some(1), ..leaving(zone) };
    let zones: Vec<Zone> = (1..=7).map(zone).collect();
    let [idle, waiting, unfinished, asking, all, done, gone] = zones.as_slice() else { panic!("seven zones") };
    let keys = [
        vec![signing(idle), retired(idle)],
        vec![signing(waiting), waits(waiting)],
        vec![undone(unfinished)],
        vec![signing(asking), leaving(asking)],
        vec![undone(all), waits(all), leaving(all)],
        vec![signing(done), revoked(done)],
        vec![undone(gone), waits(gone)],
    ];
    commit(store, async |to| {
        for zone in &zones {
            to.insert_zone(zone, b"key").await.unwrap();
        }
        for key in keys.iter().flatten() {
            to.insert_key(key).await.unwrap();
        }
        to.delete_zone(gone.id, at(90)).await.unwrap();
    })
    .await;
    let mut found = read(store).await.zones_with_key_work().await.unwrap();
    found.sort_unstable();
    assert_eq!(found, [(waiting.id, at(500)), (unfinished.id, at(60)), (asking.id, at(50)), (all.id, at(50))]);
}

/// Versions 21 to 25 of one set, signed by key 1, and by key 2 as the refusals and the archive of each case want it.
async fn signed(store: &Arc<dyn Store>) -> (ZoneId, PolicySetId) {
    let World { zone, set, pinned, .. } = world(store, 1).await;
    commit(store, async |to| {
        to.insert_key(&key(zone.id, 2)).await.unwrap();
        for number in 22..=25 {
            let version = set_version(&set, number, number, from_ref(&pinned));
            to.insert_set_version(&version).await.unwrap();
            to.insert_attestation(&attestation(&version, 1)).await.unwrap();
        }
        let second = set_version(&set, 22, 22, from_ref(&pinned));
        let again = AttestationRecord { kid: kid(2), ..attestation(&second, 2) };
        to.insert_attestation(&again).await.unwrap();
        to.archive_set_version(zone.id, id(23), &archived(90)).await.unwrap();
        to.insert_re_sign_refusal(&refusal(zone.id, 2, 24)).await.unwrap();
        to.insert_re_sign_refusal(&refusal(zone.id, 1, 25)).await.unwrap();
    })
    .await;
    (zone.id, set.id)
}

fn refusal(zone_id: ZoneId, key: u64, version: u64) -> ReSignRefusal {
    let reason = format!("{} {key}", super::samples::AWKWARD);
    ReSignRefusal { zone_id, kid: kid(key), policy_set_version_id: id(version), reason, refused_at: at(95) }
}

/// Living ones of other keys for a key that signs, all of its own for one that leaves; refused ones no more.
pub async fn versions_to_sign_again_are_found(store: &Arc<dyn Store>) {
    let (zone, set) = signed(store).await;
    let cases: [(ReSignJob, &[u64]); 5] = [
        (ReSignJob::With(kid(2)), &[21, 25]),
        (ReSignJob::With(kid(1)), &[22]),
        (ReSignJob::AwayFrom(kid(1)), &[21, 23, 24]),
        (ReSignJob::AwayFrom(kid(2)), &[22]),
        (ReSignJob::AwayFrom(kid(3)), &[]),
    ];
    for (job, expected) in cases {
        let mut from = read(store).await;
        assert_eq!(from.count_to_re_sign(zone, from_ref(&job)).await.unwrap(), u64::try_from(expected.len()).unwrap());
        let expected: Vec<_> = expected.iter().map(|number| (set, id(*number))).collect();
        assert_eq!(items(from.to_re_sign(zone, &job, &whole()).await.unwrap()), expected, "{job:?}");
        assert_eq!(items(from.to_re_sign(id(2), &job, &whole()).await.unwrap()), []);
        assert_eq!(from.count_to_re_sign(id(2), from_ref(&job)).await.unwrap(), 0);
    }
    let both = [ReSignJob::With(kid(2)), ReSignJob::AwayFrom(kid(1))];
    let mut from = read(store).await;
    assert_eq!(from.count_to_re_sign(zone, &both).await.unwrap(), 2, "21 and 23, each once");
    assert_eq!(from.count_to_re_sign(zone, &[]).await.unwrap(), 0);
}

/// By id.
pub async fn versions_to_sign_again_are_listed_through_windows(store: &Arc<dyn Store>) {
    let (zone, _) = signed(store).await;
    let expected: Vec<String> = [21, 23, 24].map(|number| id::<PolicySetVersionId>(number).to_string()).to_vec();
    let job = ReSignJob::AwayFrom(kid(1));
    let list = async |window| read(store).await.to_re_sign(zone, &job, &window).await.unwrap();
    walk(&expected, |(_, id): &(PolicySetId, PolicySetVersionId)| id.to_string(), list).await;
}

/// Archived ones too.
pub async fn versions_are_counted_by_their_keys(store: &Arc<dyn Store>) {
    let (zone, _) = signed(store).await;
    let mut from = read(store).await;
    for (key, ever, newest) in [(1, 5, 4), (2, 1, 1), (3, 0, 0)] {
        assert_eq!(from.signed_versions(zone, &kid(key)).await.unwrap(), SignedVersions { ever, newest });
    }
    assert_eq!(from.signed_versions(id(2), &kid(1)).await.unwrap(), SignedVersions::default());
}

/// For the sake of the key that signs now, of what it has not signed since; and of another one, of what is still signed by
/// it. Each is written once.
pub async fn refusals_stand_while_they_matter(store: &Arc<dyn Store>) {
    let (zone, _) = signed(store).await;
    commit(store, async |to| {
        to.insert_re_sign_refusal(&refusal(zone, 1, 22)).await.unwrap();
        to.insert_re_sign_refusal(&refusal(zone, 2, 22)).await.unwrap();
    })
    .await;
    let mut transaction = store.write().await.unwrap();
    assert_eq!(taken(transaction.insert_re_sign_refusal(&refusal(zone, 1, 25)).await), Unique::Other);
    drop(transaction);
    for lost in [refusal(zone, 3, 21), refusal(zone, 1, 99), refusal(id(2), 1, 21)] {
        assert!(store.write().await.unwrap().insert_re_sign_refusal(&lost).await.is_err());
    }
    let standing = async || {
        let mut refusals = read(store).await.re_sign_refusals(zone).await.unwrap();
        refusals.sort_by_key(|refusal| (refusal.policy_set_version_id, refusal.kid.clone()));
        refusals
    };
    assert_eq!(standing().await, [refusal(zone, 1, 22), refusal(zone, 2, 22)]);
    commit(store, async |to| {
        to.update_key(&SigningKey { state: KeyState::Retired, ..key(zone, 1) }).await.unwrap();
        to.update_key(&SigningKey { state: KeyState::Signing, ..key(zone, 2) }).await.unwrap();
    })
    .await;
    assert_eq!(standing().await, [refusal(zone, 2, 24), refusal(zone, 1, 25)]);
    assert_eq!(read(store).await.re_sign_refusals(id(2)).await.unwrap(), []);
}
