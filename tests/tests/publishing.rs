//! Publishing: numbers without gaps, what is published already, idempotency, and what a damaged store must not do.

use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{BindingMode, Digest, PolicyVersion, ScopeType, ZoneId};
use cedarkeep_service::{Call, Code, Decision, DecisionRequest, GivenPolicy, Idempotency, NewPolicy, Principal, fsck};
use cedarkeep_tests::in_process::{InProcess, entries, reading, schema_version};
use serde_json::json;

const PERMIT: &str = "permit (principal, action, resource);";

fn request() -> DecisionRequest {
    DecisionRequest {
        entities: json!([
            {"uid": {"type": "User", "id": "alice"}, "attrs": {"level": 1}, "parents": []},
            {"uid": {"type": "Doc", "id": "1"}, "parents": [],
             "attrs": {"level": 1, "owner": {"__entity": {"type": "User", "id": "alice"}}}},
        ]),
        explain: true,
        ..reading("User::\"alice\"")
    }
}

async fn bound(it: &InProcess, zone: ZoneId, pinned: &[PolicyVersion]) {
    let set = it.set(zone, "set", ScopeType::Zone).await;
    let version = it.set_version(zone, set, pinned).await.record.id;
    let call = InProcess::call();
    it.service.activate_set_version(&call, zone, set, version, BindingMode::Active, None).await.unwrap();
}

async fn decide(it: &InProcess, zone: ZoneId) -> Result<Decision, Code> {
    let answer = it.service.authorize(&InProcess::call(), zone, request()).await;
    answer.map(|answer| answer.decision).map_err(|error| error.code())
}

async fn problems(it: &InProcess) -> Vec<String> {
    let pool = CedarPool::new(1).unwrap();
    fsck::check(&*it.store, &pool).await.unwrap().problems
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_no_gaps_however_many_publish_at_once() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let policy = it.policy(zone, "policy").await;
    let publish = |number: usize| {
        let service = it.service.clone();
        tokio::spawn(async move {
            let given = GivenPolicy::Text(format!("permit (principal == User::\"{number}\", action, resource);"));
            let call = InProcess::call();
            service.publish_policy_version(&call, zone, policy, schema_version(), given).await.unwrap().object.version
        })
    };
    let tasks: Vec<_> = (0..50).map(publish).collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
    assert_eq!(problems(&it).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_the_newest_version_already_is_answered_as_it_is() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let policy = it.policy(zone, "policy").await;
    let first = it.version(zone, policy, PERMIT).await;
    assert_eq!(it.version(zone, policy, PERMIT).await, first);
    let spaced = it.version(zone, policy, &format!("{PERMIT}\n")).await;
    assert_eq!((spaced.version, spaced.sha), (2, first.sha), "other bytes are another version of the same content");
    assert_eq!(it.version(zone, policy, PERMIT).await.version, 3, "only the newest is looked at");

    let set = it.set(zone, "set", ScopeType::Zone).await;
    let version = it.set_version(zone, set, std::slice::from_ref(&spaced)).await;
    assert_eq!(it.set_version(zone, set, &[spaced]).await, version);
    let call = InProcess::call();
    it.service.archive_set_version(&call, zone, set, version.record.id).await.unwrap();
    assert_eq!(it.set_version(zone, set, &[first]).await.record.version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_idempotency_key_makes_one_object() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let call = |body: &str| Call {
        idempotency: Some(Idempotency {
            route: "POST /policies".to_owned(),
            key: "k".to_owned(),
            body_sha: Digest::of(body.as_bytes()),
        }),
        ..Call::by(Principal::administrator())
    };
    let new = || NewPolicy { name: cedarkeep_model::Name::new("policy").unwrap(), description: None };
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (service, call) = (it.service.clone(), call("a"));
            tokio::spawn(async move { service.create_policy(&call, zone, new()).await })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(policy) => made.push(policy),
            Err(error) => assert_eq!(error.code(), Code::IdempotencyConflict),
        }
    }
    assert!(!made.is_empty() && made.windows(2).all(|pair| pair[0] == pair[1]), "{made:?}");
    assert_eq!(it.service.create_policy(&call("a"), zone, new()).await.unwrap(), made[0]);
    let other = it.service.create_policy(&call("b"), zone, new()).await.unwrap_err();
    assert_eq!(other.code(), Code::IdempotencyMismatch);
    it.clock.advance(25 * 60 * 60);
    let later = it.service.create_policy(&call("a"), zone, new()).await.unwrap_err();
    assert_eq!(later.code(), Code::PolicyNameConflict, "after a day the key is as if it were fresh");
}

#[tokio::test]
async fn a_bound_version_decides_and_cannot_be_archived() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    assert_eq!(decide(&it, zone).await, Ok(Decision::Deny), "an empty zone slot denies");
    let policy = it.policy(zone, "policy").await;
    let version = it.version(zone, policy, PERMIT).await;
    bound(&it, zone, std::slice::from_ref(&version)).await;
    assert_eq!(decide(&it, zone).await, Ok(Decision::Allow), "visible to the very next decision");
    let refused = it.service.archive_policy_version(&InProcess::call(), zone, policy, version.id).await.unwrap_err();
    assert_eq!(refused.code(), Code::VersionBound);
    assert_eq!(
        it.service.archive_policy(&InProcess::call(), zone, policy).await.unwrap_err().code(),
        Code::VersionBound
    );
    assert_eq!(problems(&it).await, Vec::<String>::new());
}

/// Each change of stored rows, made with the guards taken away as somebody with the file could, is found by fsck, and
/// those that concern what decides stop decisions.
#[tokio::test]
async fn tampered_rows_are_found_and_never_decide() {
    let cases: &[(&str, bool)] = &[
        ("UPDATE policy_versions SET cedar_raw = replace(cedar_raw, 'permit', 'forbid')", true),
        ("UPDATE policy_versions SET cedar_raw = cedar_raw || ' '", true),
        ("UPDATE policy_versions SET sha = replace(sha, substr(sha, 1, 1), 'x')", true),
        ("UPDATE policy_set_versions SET manifest_sha = texts_sha", true),
        ("UPDATE policy_set_versions SET version = 9", true),
        ("UPDATE policy_set_versions SET created_by = 'somebody'", false),
        ("UPDATE attestations SET signature = replace(signature, substr(signature, 9, 1), 'A')", true),
        ("UPDATE policy_schemas SET cedar_schema_json = replace(cedar_schema_json, 'Doc', 'Dot')", true),
        ("UPDATE events SET actor = 'somebody'", false),
        ("DELETE FROM events WHERE seq = 2", false),
        ("DELETE FROM bindings", false),
        ("UPDATE policies SET name = 'other'", false),
    ];
    for (sql, stops) in cases {
        let it = InProcess::start().await;
        let zone = it.zone().await.id;
        let policy = it.policy(zone, "policy").await;
        let version = it.version(zone, policy, PERMIT).await;
        bound(&it, zone, &[version]).await;
        it.tamper(sql).await;
        assert!(!problems(&it).await.is_empty(), "fsck does not see {sql}");
        // A service that starts on that store.
        let fresh = it.restart().await;
        if *stops {
            assert!(decide(&fresh, zone).await.is_err(), "decides after {sql}");
        }
    }
}

#[tokio::test]
async fn a_manifest_is_checked_against_the_zone() {
    let it = InProcess::start().await;
    let (zone, other) = (it.zone().await.id, it.zone().await.id);
    let foreign_policy = it.policy(other, "policy").await;
    let foreign = it.version(other, foreign_policy, PERMIT).await;
    let policy = it.policy(zone, "policy").await;
    let version = it.version(zone, policy, PERMIT).await;
    let set = it.set(zone, "set", ScopeType::Zone).await;
    let publish = async |entries| {
        let call = InProcess::call();
        it.service.publish_set_version(&call, zone, set, schema_version(), entries).await.unwrap_err().code()
    };
    assert_eq!(publish(vec![]).await, Code::ManifestEmpty);
    assert_eq!(publish(entries(&[foreign])).await, Code::PolicyVersionNotFound);
    assert_eq!(publish(entries(&[version.clone(), version.clone()])).await, Code::ManifestDuplicatePolicy);
    let mut wrong = entries(std::slice::from_ref(&version));
    wrong[0].sha = Some(Digest::of(b""));
    assert_eq!(publish(wrong).await, Code::ShaMismatch);
    it.service.archive_policy_version(&InProcess::call(), zone, policy, version.id).await.unwrap();
    assert_eq!(publish(entries(&[version])).await, Code::VersionArchived);
}
