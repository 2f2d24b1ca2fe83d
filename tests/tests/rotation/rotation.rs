//! Rotation: published before it signs, then everything living is signed again.

use cedarkeep_model::{AttestationStatus, BindingMode, Digest, EventKind, KeyState};
use cedarkeep_service::{Call, Code, Idempotency};
use cedarkeep_tests::in_process::{InProcess, reading};
use serde_json::json;

use crate::support::{
    assert_sound, by, events, finish, fresh_ground, jwks, keys, progress, publish, publishes, signing, states,
};

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_then_signs_everything_living() {
    let it = InProcess::start().await;
    let set = publish(&it, 3).await;
    let zone = set.zone;
    let archived = set.versions[1];
    set.archive(&it, archived).await;
    let first = signing(&it, zone).await;
    assert_eq!(progress(&it, zone).await, (3, 3, vec![]), "a zone begins with everything signed");
    assert!(!it.service.work_once().await);

    let second = it.service.rotate_key(&by("rotator"), zone, None).await.unwrap();
    assert_eq!((second.state, second.created_by.as_str()), (KeyState::Pending, "rotator"));
    assert_eq!(second.signs_from, second.created_at.plus_seconds(600), "twice as long as the key set may be cached");
    assert!(publishes(&it, zone, &[&first, &second.kid]).await, "at once");
    assert!(!it.service.work_once().await, "nothing to do yet");

    it.clock.advance(590);
    let early = set.publish_more(&it).await;
    assert_eq!(set.statements(&it, early).await[0].key_id, first, "still");
    assert_eq!(states(&it, zone).await, [KeyState::Signing, KeyState::Pending]);

    it.clock.advance(10);
    assert!(it.service.work_once().await);
    assert_eq!(states(&it, zone).await, [KeyState::Retired, KeyState::Signing]);
    assert_eq!(progress(&it, zone).await, (3, 0, vec![]), "the archived one is left out");
    let late = set.publish_more(&it).await;
    assert_eq!(set.statements(&it, late).await[0].key_id, second.kid);
    assert_eq!(progress(&it, zone).await, (4, 1, vec![]));

    assert!(it.service.work_once().await);
    assert_eq!(progress(&it, zone).await, (4, 2, vec![]), "one at a time");
    assert_eq!(finish(&it.service).await, 3, "two more, and the note that all is done");
    assert_eq!(progress(&it, zone).await, (4, 4, vec![]));
    assert!(publishes(&it, zone, &[&first, &second.kid]).await, "the first one's signatures are still about");
    for (version, signers) in [
        (set.versions[0], vec![&first, &second.kid]),
        (archived, vec![&first]),
        (set.versions[2], vec![&first, &second.kid]),
        (early, vec![&first, &second.kid]),
        (late, vec![&second.kid]),
    ] {
        let statements = set.statements(&it, version).await;
        assert_eq!(statements.iter().map(|statement| &statement.key_id).collect::<Vec<_>>(), signers);
    }
    let count = events(&it, zone).await.len();
    assert_eq!(finish(&it.service).await, 0, "done is done");
    assert_eq!(events(&it, zone).await.len(), count);
    assert_sound(&it.store).await;
}

#[tokio::test]
async fn what_is_signed_again_says_who_and_what_was_before() {
    let it = InProcess::start().await;
    let set = publish(&it, 1).await;
    let (zone, version) = (set.zone, set.versions[0]);
    let before = it.service.set_version(&InProcess::call(), zone, set.set, version).await.unwrap();
    let second = set.rotate(&it, 0).await;
    finish(&it.service).await;
    let [created, again] = set.statements(&it, version).await.try_into().unwrap();
    let envelopes = it.service.attestations(&InProcess::call(), zone, set.set, version).await.unwrap();
    assert_eq!(created.status, AttestationStatus::Created);
    let expected = cedarkeep_model::AttestationStatement {
        status: AttestationStatus::ReSigned,
        attested_at: again.attested_at,
        attested_by: "rotator".to_owned(),
        key_id: second.kid.clone(),
        prev_sha256: Some(envelopes[0].digest().unwrap()),
        created_at: Some(created.attested_at),
        created_by: Some("administrator".to_owned()),
        ..created
    };
    assert_eq!(again, expected);
    let after = it.service.set_version(&InProcess::call(), zone, set.set, version).await.unwrap();
    assert_eq!((&after.record, &after.attestation, after.attestations), (&before.record, &again, 2));
    assert_ne!(after.etag(), before.etag());

    let events = events(&it, zone).await;
    let [created, activated, retired, re_signed] = &events[events.len() - 4..] else { panic!("{events:?}") };
    let kinds = [created, activated, retired, re_signed].map(|event| event.kind);
    let expected =
        [EventKind::KeyCreated, EventKind::KeyActivated, EventKind::KeyRetired, EventKind::SetVersionReSigned];
    assert_eq!(kinds, expected);
    assert!([created, activated, retired, re_signed].iter().all(|event| event.actor == "rotator"));
    assert_eq!(activated.body["kid"], json!(second.kid));
    assert_eq!((&re_signed.body["policy_set_version_id"], re_signed.at), (&json!(version), again.attested_at));
    assert_eq!(re_signed.body["prev_sha256"], json!(again.prev_sha256));
}

/// The key is let sign by whoever publishes first, in the very transaction.
#[tokio::test]
async fn a_publisher_does_not_wait_for_the_worker() {
    let it = InProcess::start().await;
    let set = publish(&it, 1).await;
    let second = set.rotate(&it, 100).await;
    it.clock.advance(100);
    let version = set.publish_more(&it).await;
    assert_eq!(set.statements(&it, version).await[0].key_id, second.kid);
    let activated =
        events(&it, set.zone).await.into_iter().find(|event| event.kind == EventKind::KeyActivated).unwrap();
    assert_eq!(activated.actor, "rotator", "though it was the administrator who published");
    finish(&it.service).await;
    assert_eq!(progress(&it, set.zone).await, (2, 2, vec![]));
    assert_sound(&it.store).await;
}

#[tokio::test]
async fn one_key_waits_at_a_time() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let rotate = async |ahead| it.service.rotate_key(&by("rotator"), zone, ahead).await;
    for out_of_range in [-1, 7 * 24 * 60 * 60 + 1, i64::MIN, i64::MAX] {
        assert_eq!(rotate(Some(out_of_range)).await.unwrap_err().code(), Code::BadRequest);
    }
    let second = rotate(Some(7 * 24 * 60 * 60)).await.unwrap();
    for ahead in [None, Some(0)] {
        let refused = rotate(ahead).await.unwrap_err();
        assert_eq!(refused.code(), Code::KeyPending);
        assert_eq!(refused.details()["kid"], json!(second.kid));
    }
    it.clock.advance(7 * 24 * 60 * 60);
    let third = rotate(Some(60)).await.unwrap();
    assert_eq!(states(&it, zone).await, [KeyState::Retired, KeyState::Signing, KeyState::Pending], "the second's time");
    assert_eq!(signing(&it, zone).await, second.kid);
    it.clock.advance(60);
    let fourth = rotate(Some(0)).await.unwrap();
    let expected = [KeyState::Retired, KeyState::Retired, KeyState::Retired, KeyState::Signing];
    assert_eq!(states(&it, zone).await, expected);
    assert_eq!((signing(&it, zone).await, fourth.state), (fourth.kid.clone(), KeyState::Signing));
    assert!(jwks(&it, zone).await.public_key(&third.kid).is_some());
    finish(&it.service).await;
    assert_sound(&it.store).await;
    let unknown = "00000000-0000-0000-0000-000000000000".parse().unwrap();
    let refused = it.service.rotate_key(&by("rotator"), unknown, None).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn one_idempotency_key_makes_one_key() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let idempotency =
        Idempotency { route: "POST /signing-keys".to_owned(), key: "k".to_owned(), body_sha: Digest::of(b"{}") };
    let call = Call { idempotency: Some(idempotency), ..by("rotator") };
    let made = it.service.rotate_key(&call, zone, None).await.unwrap();
    assert_eq!(it.service.rotate_key(&call, zone, None).await.unwrap(), made);
    assert_eq!(keys(&it, zone).await.keys.len(), 2);
}

/// Two rotations in a row before anything was signed again.
#[tokio::test]
async fn a_newer_rotation_takes_the_place_of_an_unfinished_one() {
    let it = InProcess::start().await;
    let set = publish(&it, 3).await;
    let first = signing(&it, set.zone).await;
    let second = set.rotate(&it, 0).await;
    assert!(it.service.work_once().await, "one version");
    let third = set.rotate(&it, 0).await;
    finish(&it.service).await;
    assert_eq!(progress(&it, set.zone).await, (3, 3, vec![]));
    let mut signers = Vec::new();
    for version in &set.versions {
        signers.push(set.signers(&it.store, *version).await);
    }
    assert_eq!(signers.iter().filter(|signers| signers.contains(&second.kid)).count(), 1);
    assert!(signers.iter().all(|signers| signers[0] == first && signers.last() == Some(&third.kid)), "{signers:?}");
    assert_sound(&it.store).await;
}

/// Several instances may work at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn two_workers_sign_nothing_twice() {
    let it = fresh_ground().open().await;
    let set = publish(&it, 12).await;
    let other = it.beside().await;
    for round in 2..=3 {
        set.rotate(&it, 0).await;
        let work = |service: cedarkeep_service::Service| tokio::spawn(async move { finish(&service).await });
        let workers = [&it, &other, &it, &other].map(|it| work(it.service.clone()));
        for worker in workers {
            worker.await.unwrap();
        }
        for version in &set.versions {
            assert_eq!(set.statements(&it, *version).await.len(), round);
        }
    }
    assert_eq!(progress(&other, set.zone).await, (12, 12, vec![]));
    assert_sound(&it.store).await;
}

/// A bound version decides before, during and after, for a service that has it loaded and for one that loads it then.
#[tokio::test]
async fn decisions_go_on() {
    let it = InProcess::start().await;
    let set = publish(&it, 2).await;
    let call = InProcess::call();
    let bound = set.versions[1];
    it.service.activate_set_version(&call, set.zone, set.set, bound, BindingMode::Active, None).await.unwrap();
    let decides = async |it: &InProcess| {
        let entities = json!([{"uid": {"type": "User", "id": "a"}, "attrs": {"level": 9}, "parents": []}]);
        let request = cedarkeep_service::DecisionRequest { entities, ..reading("User::\"a\"") };
        it.service.authorize(&InProcess::call(), set.zone, request).await.unwrap().decision
    };
    let allow = cedarkeep_service::Decision::Allow;
    assert_eq!(decides(&it).await, allow);
    set.rotate(&it, 0).await;
    loop {
        assert_eq!((decides(&it).await, decides(&it.beside().await).await), (allow, allow));
        if !it.service.work_once().await {
            break;
        }
    }
    let first = keys(&it, set.zone).await.keys[0].kid.clone();
    set.revoke(&it, &first).await;
    while it.service.work_once().await {
        assert_eq!((decides(&it).await, decides(&it.beside().await).await), (allow, allow));
    }
    assert_eq!(decides(&it.beside().await).await, allow);
}

/// The worker as it runs in a server: woken by a rotation, gone when it is told to stop.
#[tokio::test(flavor = "multi_thread")]
async fn the_worker_is_woken_and_stops() {
    let it = InProcess::start().await;
    let set = publish(&it, 4).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = it.service.clone();
    let worker = tokio::spawn(async move { service.run_jobs(async move { drop(stopped.await) }).await });
    let first = signing(&it, set.zone).await;
    set.rotate(&it, 0).await;
    assert_sound(&it.store).await;
    while progress(&it, set.zone).await.1 < 4 {
        tokio::task::yield_now().await;
    }
    set.revoke(&it, &first).await;
    while !states(&it, set.zone).await.contains(&KeyState::Revoked) {
        tokio::task::yield_now().await;
    }
    drop(stop);
    worker.await.unwrap();
    assert_sound(&it.store).await;
}

#[tokio::test]
async fn a_deleted_zone_is_left_alone_and_keeps_its_key_set() {
    let it = InProcess::start().await;
    let set = publish(&it, 2).await;
    let first = signing(&it, set.zone).await;
    let second = set.rotate(&it, 0).await;
    it.service.delete_zone(&InProcess::call(), set.zone).await.unwrap();
    assert!(!it.service.work_once().await);
    assert!(publishes(&it, set.zone, &[&first, &second.kid]).await);
    assert_eq!(it.store.read().await.unwrap().zones_with_key_work().await.unwrap(), []);
    let gone = it.service.signing_keys(&InProcess::call(), set.zone).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}
