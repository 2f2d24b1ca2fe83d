//! Revocation: everything that a key has signed is signed again, then the key is good no longer.

use std::collections::BTreeSet;

use cedarkeep_attest::{Refusal, Trust};
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{EventKind, KeyState, PolicySetVersionId};
use cedarkeep_service::{Call, Code};
use cedarkeep_tests::in_process::InProcess;
use cedarkeep_verify::{Evidence, Parts, PolicyPart, Report, Subject, verify};
use serde_json::json;

use crate::support::{
    Published, assert_sound, by, events, finish, jwks, keys, progress, publish, publishes, signing, states,
};

#[tokio::test]
async fn a_retired_key_is_revoked_once_nothing_rests_on_it() {
    let it = InProcess::start().await;
    let set = publish(&it, 4).await;
    let (zone, archived) = (set.zone, set.versions[2]);
    set.archive(&it, archived).await;
    let first = signing(&it, zone).await;
    let second = set.rotate(&it, 0).await;
    finish(&it.service).await;
    assert_eq!(set.signers(&it.store, archived).await.len(), 1, "a rotation leaves the archived alone");

    let asked = set.revoke(&it, &first).await;
    assert_eq!((asked.state, asked.revoked_seq), (KeyState::Retired, None));
    assert_eq!(asked.revoke_requested.as_ref().map(|request| request.by.as_str()), Some("revoker"));
    assert!(publishes(&it, zone, &[&first, &second.kid]).await, "still");
    assert_eq!(progress(&it, zone).await, (4, 3, vec![]));
    assert_eq!(set.revoke(&it, &first).await, asked, "asking twice is asking once");

    assert_eq!(finish(&it.service).await, 2, "the archived one, and the revocation");
    assert_eq!(progress(&it, zone).await, (4, 4, vec![]));
    assert_eq!(states(&it, zone).await, [KeyState::Revoked, KeyState::Signing]);
    assert!(publishes(&it, zone, &[&second.kid]).await, "gone for good");
    let revoked = &keys(&it, zone).await.keys[0];
    let last = events(&it, zone).await.pop().unwrap();
    assert_eq!(
        (last.kind, Some(last.seq), last.actor.as_str()),
        (EventKind::KeyRevoked, revoked.revoked_seq, "revoker")
    );
    assert_eq!(last.body, json!({"kid": first, "re_signed": 4, "refused": []}));
    assert_eq!(set.revoke(&it, &first).await, *revoked, "and revoking it again changes nothing");
    let again = it.store.read().await.unwrap().attestations(zone, archived).await.unwrap();
    assert_eq!(
        again[1].created_at.micros() / 1_000_000,
        revoked.revoke_requested.clone().unwrap().at.micros() / 1_000_000
    );

    let stored = it.store.read().await.unwrap().signing_keys(zone).await.unwrap();
    assert!(
        stored[0].sealed_private.is_empty() && !stored[1].sealed_private.is_empty(),
        "its private half is destroyed"
    );
    let published = jwks(&it, zone).await.with_revoked([first.clone()]).unwrap();
    for version in &set.versions {
        let [created, again] = set.verified(&it, *version, &published).await.try_into().unwrap();
        assert_eq!(created, Err(Refusal::KeyRevoked(first.clone())), "never as good");
        assert_eq!(again.unwrap().key_id, second.kid);
    }
    let report = examine(&it, &set, archived, &second.kid).await;
    assert!(report.ok(), "{report:?}");
    assert!(report.steps.iter().any(|step| step.checked.contains("key_revoked")), "{report:?}");
    assert!(!examine(&it, &set, archived, &first).await.ok(), "who trusts the revoked key trusts nothing here");
    assert_sound(&it.store).await;
}

#[tokio::test]
async fn when_the_signing_key_is_revoked_another_signs_at_once() {
    let it = InProcess::start().await;
    let set = publish(&it, 2).await;
    let zone = set.zone;
    let first = signing(&it, zone).await;
    set.revoke(&it, &first).await;
    assert_eq!(states(&it, zone).await, [KeyState::Retired, KeyState::Signing]);
    let second = signing(&it, zone).await;
    let version = set.publish_more(&it).await;
    assert_eq!(set.statements(&it, version).await[0].key_id, second);
    assert_eq!(progress(&it, zone).await, (3, 1, vec![]), "each version counts once, though two jobs want it");
    assert!(publishes(&it, zone, &[&first, &second]).await, "as long as a version rests on it");
    finish(&it.service).await;
    assert!(publishes(&it, zone, &[&second]).await);
    assert_eq!(progress(&it, zone).await, (3, 3, vec![]));
    assert_eq!(set.statements(&it, version).await.len(), 1);
    assert_sound(&it.store).await;
}

/// The key that waits is the one that some verifiers know already.
#[tokio::test]
async fn the_waiting_key_takes_the_place_of_a_revoked_one() {
    let it = InProcess::start().await;
    let set = publish(&it, 1).await;
    let first = signing(&it, set.zone).await;
    let second = set.rotate(&it, 3_600).await;
    set.revoke(&it, &first).await;
    assert_eq!(signing(&it, set.zone).await, second.kid);
    finish(&it.service).await;
    assert_eq!(states(&it, set.zone).await, [KeyState::Revoked, KeyState::Signing]);
    let key = &keys(&it, set.zone).await.keys[1];
    assert!(key.signs_from < second.signs_from, "earlier than it was announced");
    assert_sound(&it.store).await;
}

#[tokio::test]
async fn a_waiting_key_is_withdrawn_at_once() {
    let it = InProcess::start().await;
    let set = publish(&it, 1).await;
    let first = signing(&it, set.zone).await;
    let second = set.rotate(&it, 600).await;
    let withdrawn = set.revoke(&it, &second.kid).await;
    assert_eq!(withdrawn.state, KeyState::Revoked);
    assert!(publishes(&it, set.zone, &[&first]).await);
    it.clock.advance(600);
    assert!(!it.service.work_once().await);
    assert_eq!(set.rotate(&it, 600).await.state, KeyState::Pending, "there is room for another");
    assert_sound(&it.store).await;
}

/// Revoking every key there ever was, also while others are being revoked.
#[tokio::test]
async fn revocations_may_overlap() {
    let it = InProcess::start().await;
    let set = publish(&it, 3).await;
    let zone = set.zone;
    let first = signing(&it, zone).await;
    let second = set.rotate(&it, 0).await.kid;
    assert!(it.service.work_once().await, "one version rests on the second key, two on the first");
    set.revoke(&it, &first).await;
    set.revoke(&it, &second).await;
    let third = signing(&it, zone).await;
    finish(&it.service).await;
    assert_eq!(states(&it, zone).await, [KeyState::Revoked, KeyState::Revoked, KeyState::Signing]);
    assert!(publishes(&it, zone, &[&third]).await);
    let published = jwks(&it, zone).await;
    for version in &set.versions {
        assert_eq!(set.verified(&it, *version, &published).await.pop().unwrap().unwrap().key_id, third);
        assert!(examine(&it, &set, *version, &third).await.ok());
    }
    assert_eq!(progress(&it, zone).await, (3, 3, vec![]));
    assert_sound(&it.store).await;
}

#[tokio::test]
async fn a_revocation_is_of_a_key_that_the_caller_has_seen() {
    let it = InProcess::start().await;
    let (set, other) = (publish(&it, 1).await, publish(&it, 1).await);
    let foreign = signing(&it, other.zone).await;
    for unknown in [foreign.as_str(), "", "x", "%00"] {
        let refused = it.service.revoke_key(&by("revoker"), set.zone, unknown).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{unknown}");
    }
    let second = set.rotate(&it, 60).await;
    it.clock.advance(60);
    let stale = Call { if_match: Some(second.etag.clone()), ..by("revoker") };
    let refused = it.service.revoke_key(&stale, set.zone, &second.kid).await.unwrap_err();
    assert_eq!(refused.code(), Code::PreconditionFailed, "it has begun to sign meanwhile");
    assert_eq!(states(&it, other.zone).await, [KeyState::Signing]);
}

/// What an auditor finds who is given everything about a version and trusts one key.
pub async fn examine(it: &InProcess, set: &Published, id: PolicySetVersionId, trusted: &str) -> Report {
    let call = InProcess::call();
    let version = it.service.set_version(&call, set.zone, set.set, id).await.unwrap();
    let record = version.record;
    let schema = it.service.schema(&call, set.zone, record.schema_version.as_str()).await.unwrap();
    let pinned: Vec<_> = record.manifest.entries().iter().map(|entry| entry.policy_version_id).collect();
    let pinned = it.store.read().await.unwrap().policy_versions_by_id(set.zone, &pinned).await.unwrap();
    let keys = keys(it, set.zone).await.keys;
    let revoked: BTreeSet<_> =
        keys.into_iter().filter(|key| key.state == KeyState::Revoked).map(|key| key.kid).collect();
    let parts = Parts {
        subject: Subject {
            zone_id: set.zone,
            policy_set_id: set.set,
            policy_set_version_id: id,
            policy_set_version: record.version,
            manifest_sha: record.manifest_sha,
            schema_version: record.schema_version,
            scope_type: record.scope_type,
        },
        manifest: record.manifest,
        schema_json: schema.cedar_schema_json,
        policies: pinned
            .into_iter()
            .map(|version| PolicyPart {
                policy_version_id: version.id,
                cedar_json: version.cedar_json,
                cedar_raw: version.cedar_raw,
            })
            .collect(),
        attestations: it.service.attestations(&call, set.zone, set.set, id).await.unwrap(),
        jwks: jwks(it, set.zone).await,
        revoked,
    };
    let trust = Trust::Kids([trusted.to_owned()].into());
    let examination = move || {
        let pool = CedarPool::new(1).unwrap();
        verify(&Evidence::from_parts(parts, &pool).unwrap(), &trust, &pool)
    };
    tokio::task::spawn_blocking(examination).await.unwrap()
}
