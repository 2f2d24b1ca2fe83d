//! What is not what was published is never signed again, and a revocation takes away what it rested on.

use cedarkeep_attest::{KeyPair, Refusal, Signer};
use cedarkeep_model::{AttestationStatement, AttestationStatus, BindingMode, EventKind, KeyState, PolicySetVersionId};
use cedarkeep_service::{Code, Decision, DecisionRequest};
use cedarkeep_tests::in_process::{InProcess, fixture_keys, reading};
use serde_json::json;

use crate::support::{Published, events, finish, jwks, keys, problems, progress, publish, publishes, signing, states};

/// What somebody with the file could do to the version of this number and id.
fn changes(number: usize, id: PolicySetVersionId) -> Option<String> {
    let version = |set: &str| Some(format!("UPDATE policy_set_versions SET {set} WHERE id = '{id}'"));
    let policy = |set: &str| Some(format!("UPDATE policy_versions SET {set} WHERE version = {number}"));
    match number {
        1 => policy("cedar_raw = replace(cedar_raw, 'permit', 'forbid')"),
        2 => policy("cedar_raw = cedar_raw || ' '"),
        3 => policy("sha = (SELECT sha FROM policy_versions WHERE version = 11)"),
        4 => version("manifest = (SELECT manifest FROM policy_set_versions WHERE version = 11)"),
        5 => version("scope_type = 'user'"),
        6 => version("created_by = 'somebody'"),
        7 => version("schema_sha = texts_sha"),
        8 => Some(format!(
            "UPDATE attestations SET signature = replace(signature, substr(signature, 9, 1), 'A') \
             WHERE policy_set_version_id = '{id}'"
        )),
        9 => version("manifest = '{}'"),
        10 => Some(format!("UPDATE attestations SET status = 'word' WHERE policy_set_version_id = '{id}'")),
        _ => None,
    }
}

#[tokio::test]
async fn a_changed_version_is_refused_by_rotation_and_found_by_revocation() {
    let it = InProcess::start().await;
    let set = publish(&it, 11).await;
    let zone = set.zone;
    let (intact, changed) = (set.versions[10], &set.versions[..10]);
    for (number, id) in (1..).zip(changed) {
        it.tamper(&changes(number, *id).unwrap()).await;
    }
    let first = signing(&it, zone).await;
    let second = set.rotate(&it, 0).await.kid;
    finish(&it.service).await;
    assert_eq!(progress(&it, zone).await, (11, 1, changed.to_vec()));
    assert_eq!(keys(&it, zone).await.re_signing.problem, None, "this is no obstacle to the others");
    assert_eq!(set.statements(&it, intact).await.len(), 2);
    let refusals = refusals(&it, zone).await;
    assert_eq!(refusals, changed.iter().map(|id| (id.to_string(), second.clone())).collect::<Vec<_>>());
    assert_eq!(finish(&it.service).await, 0, "they are not looked at again for this key");
    assert!(publishes(&it, zone, &[&first, &second]).await);

    set.revoke(&it, &first).await;
    finish(&it.service).await;
    assert!(publishes(&it, zone, &[&second]).await, "they do not keep the key alive");
    let last = events(&it, zone).await.pop().unwrap();
    assert_eq!(last.kind, EventKind::KeyRevoked);
    assert_eq!(last.body, json!({"kid": first, "re_signed": 1, "refused": changed}));
    let published = jwks(&it, zone).await.with_revoked([first.clone()]).unwrap();
    // Of the last two not even a row can be read.
    for id in &changed[..8] {
        assert_eq!(set.verified(&it, *id, &published).await, [Err(Refusal::KeyRevoked(first.clone()))]);
    }
    assert_eq!(progress(&it, zone).await, (11, 1, changed.to_vec()));

    set.rotate(&it, 0).await;
    finish(&it.service).await;
    assert_eq!(progress(&it, zone).await, (11, 1, changed.to_vec()), "nor does a later key sign them");
    let found = problems(&it.store).await.join("\n");
    assert!(changed.iter().all(|id| found.contains(&id.to_string())), "{found}");
    assert!(!found.contains(&intact.to_string()), "{found}");
}

/// The versions that were refused, and for the sake of which key.
async fn refusals(it: &InProcess, zone: cedarkeep_model::ZoneId) -> Vec<(String, String)> {
    let refused = events(it, zone).await.into_iter().filter(|event| event.kind == EventKind::SetVersionReSignRefused);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    refused.map(|event| (text(&event.body["policy_set_version_id"]), text(&event.body["for_kid"]))).collect()
}

/// Who has a zone's private key and its database can make a version say something else and sign that. What he cannot
/// change without breaking the chain of events is what was published.
#[tokio::test]
async fn a_forgery_with_the_stolen_key_is_found() {
    let it = InProcess::start().await;
    let set = publish(&it, 3).await;
    let (zone, [swapped, continued, evil]) = (set.zone, <[_; 3]>::try_from(set.versions.clone()).unwrap());
    let stolen = KeyPair::from_pem(fixture_keys(2048)[0].as_bytes()).unwrap();
    assert_eq!(signing(&it, zone).await, stolen.kid);
    let thief = Signer::new(&stolen).unwrap();

    let call = InProcess::call();
    let wanted = it.service.set_version(&call, zone, set.set, evil).await.unwrap().record;
    let signed = set.statements(&it, swapped).await.remove(0);
    let forged = AttestationStatement { manifest_sha: wanted.manifest_sha, texts_sha: wanted.texts_sha, ..signed };
    let forged = thief.sign(&forged).unwrap();
    it.tamper(&format!(
        "UPDATE attestations SET payload = '{}', signature = '{}' WHERE policy_set_version_id = '{swapped}'",
        forged.payload, forged.signature
    ))
    .await;
    it.tamper(&format!(
        "UPDATE policy_set_versions SET (manifest, manifest_sha, texts_sha) = (SELECT manifest, manifest_sha, texts_sha \
         FROM policy_set_versions WHERE id = '{evil}') WHERE id = '{swapped}'"
    ))
    .await;
    set.statements(&it, swapped).await;

    let envelope = it.service.attestation(&call, zone, set.set, continued).await.unwrap();
    let created = set.statements(&it, continued).await.remove(0);
    let again = AttestationStatement {
        status: AttestationStatus::ReSigned,
        prev_sha256: Some(envelope.digest().unwrap()),
        created_at: Some(created.attested_at),
        created_by: Some(created.attested_by.clone()),
        attested_by: "thief".to_owned(),
        ..created
    };
    let again = thief.sign(&again).unwrap();
    it.tamper(&format!(
        "INSERT INTO attestations SELECT zone_id, policy_set_version_id, 2, 're_signed', kid, protected, '{}', '{}', \
         created_at FROM attestations WHERE policy_set_version_id = '{continued}'",
        again.payload, again.signature
    ))
    .await;
    assert_eq!(set.statements(&it, continued).await.len(), 2, "each forgery verifies by itself");

    set.revoke(&it, &stolen.kid).await;
    finish(&it.service).await;
    assert_eq!(progress(&it, zone).await, (3, 1, vec![swapped, continued]));
    assert!(!publishes(&it, zone, &[&stolen.kid]).await);
    assert_eq!(set.statements_since(&it, evil, 1).await.len(), 1, "what was published is signed again");
}

async fn decide(it: &InProcess, set: &Published) -> Result<Decision, Code> {
    let entities = json!([{"uid": {"type": "User", "id": "a"}, "attrs": {"level": 9}, "parents": []}]);
    let request = DecisionRequest { entities, ..reading("User::\"a\"") };
    let answer = it.service.authorize(&InProcess::call(), set.zone, request).await;
    answer.map(|answer| answer.decision).map_err(|error| error.code())
}

/// A service that has loaded the version before it was changed decides by what it verified, until the key is revoked.
#[tokio::test]
async fn what_a_revocation_refuses_decides_no_longer() {
    let it = InProcess::start().await;
    let set = publish(&it, 1).await;
    let (call, bound) = (InProcess::call(), set.versions[0]);
    it.service.activate_set_version(&call, set.zone, set.set, bound, BindingMode::Active, None).await.unwrap();
    assert_eq!(decide(&it, &set).await, Ok(Decision::Allow));
    it.tamper(&changes(6, bound).unwrap()).await;
    let first = signing(&it, set.zone).await;
    set.rotate(&it, 0).await;
    finish(&it.service).await;
    assert_eq!(decide(&it, &set).await, Ok(Decision::Allow));
    set.revoke(&it, &first).await;
    finish(&it.service).await;
    assert_eq!(decide(&it, &set).await, Err(Code::IntegrityError));
    assert_eq!(decide(&it.beside().await, &set).await, Err(Code::IntegrityError));
    let sound = set.publish_more(&it).await;
    it.service.activate_set_version(&call, set.zone, set.set, sound, BindingMode::Active, None).await.unwrap();
    assert_eq!(decide(&it, &set).await, Ok(Decision::Allow), "the way out");
}

/// While the chain does not hold, nothing says what was published: nothing is signed, and no key leaves.
#[tokio::test]
async fn nothing_is_signed_again_while_the_chain_of_events_is_damaged() {
    let it = InProcess::start().await;
    let set = publish(&it, 2).await;
    let zone = set.zone;
    let first = signing(&it, zone).await;
    it.tamper("UPDATE events SET actor = 'somebody' WHERE seq = 3").await;
    let second = set.rotate(&it, 0).await.kid;
    set.revoke(&it, &first).await;
    assert_eq!(finish(&it.service).await, 0);
    it.clock.advance(3_600);
    assert_eq!(finish(&it.service).await, 0);
    let problem = keys(&it, zone).await.re_signing.problem.unwrap();
    assert!(problem.contains("event 3 does not have its digest"), "{problem}");
    assert_eq!(progress(&it, zone).await, (2, 0, vec![]));
    assert!(publishes(&it, zone, &[&first, &second]).await);

    it.tamper("UPDATE events SET actor = 'administrator' WHERE seq = 3").await;
    assert_eq!(finish(&it.service).await, 0, "it is left alone for a while");
    it.clock.advance(3_600);
    assert!(finish(&it.service).await > 0);
    assert_eq!(keys(&it, zone).await.re_signing.problem, None);
    assert_eq!(states(&it, zone).await, [KeyState::Revoked, KeyState::Signing]);
    assert_eq!(progress(&it, zone).await, (2, 2, vec![]));
    assert_eq!(problems(&it.store).await, Vec::<String>::new());
}

/// Who cuts the end off the chain leaves a gap between the last event and the zone's count of them.
#[tokio::test]
async fn a_chain_without_its_end_is_damaged() {
    let it = InProcess::start().await;
    let set = publish(&it, 1).await;
    set.rotate(&it, 0).await;
    it.tamper("DELETE FROM events WHERE seq = (SELECT MAX(seq) FROM events)").await;
    assert_eq!(finish(&it.service).await, 0);
    assert!(keys(&it, set.zone).await.re_signing.problem.unwrap().contains("the last events are missing"));
    let read = it.store.read().await.unwrap().attestations(set.zone, set.versions[0]).await.unwrap();
    assert_eq!(read.len(), 1);
}

/// A newer attestation taken away, an older key made to sign again, a revocation undone.
#[tokio::test]
async fn fsck_knows_the_keys_and_how_often_each_version_was_signed() {
    for sql in [
        "DELETE FROM attestations WHERE seq = 2",
        "UPDATE attestations SET kid = (SELECT kid FROM signing_keys WHERE state = 'signing') WHERE seq = 1",
        "UPDATE signing_keys SET state = 'retired' WHERE state = 'signing'",
        "UPDATE signing_keys SET state = 'retired', revoked_seq = NULL WHERE state = 'revoked'",
        "UPDATE signing_keys SET revoked_seq = 1 WHERE state = 'revoked'",
        "UPDATE signing_keys SET state = 'revoked', revoked_seq = 9 WHERE state = 'pending'",
        "DELETE FROM signing_keys WHERE state = 'pending'",
    ] {
        let it = InProcess::start().await;
        let set = publish(&it, 1).await;
        let first = signing(&it, set.zone).await;
        set.revoke(&it, &first).await;
        finish(&it.service).await;
        set.rotate(&it, 600).await;
        assert_eq!(problems(&it.store).await, Vec::<String>::new());
        it.tamper(sql).await;
        assert!(!problems(&it.store).await.is_empty(), "{sql}");
    }
}
