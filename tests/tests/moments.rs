//! An answer is of one moment: while versions, schemas and entities change under the decisions, none mixes two revisions.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use cedarkeep_model::{BindingMode, Digest, PolicySetId, PolicySetVersionId, SchemaVersion, ScopeType, ZoneId};
use cedarkeep_service::{Decision, DecisionRequest, GivenPolicy, GivenSchema, PutMode};
use cedarkeep_tests::in_process::{InProcess, entries, reading};
use serde_json::{Value, json};

/// Whoever is `in` the staff may do what is `in` the readers' actions.
const POLICY: &str = r#"permit (principal in Group::"staff", action in Action::"readers", resource);"#;

/// In the one schema reading is one of the readers' actions, in the other it is none.
fn schema(groups: &str) -> String {
    format!(
        "entity Group; entity User in [Group]; entity Doc; action readers, others; \
         action read in [{groups}] appliesTo {{ principal: User, resource: Doc, context: {{}} }};"
    )
}

fn request() -> DecisionRequest {
    DecisionRequest { explain: true, ..reading("User::\"alice\"") }
}

/// What an answer shows of the moment that it is of.
type Moment = (u64, Digest, Decision);

struct Versions {
    set: PolicySetId,
    /// With the digest of its manifest, and whether reading is one of the readers' actions in its schema.
    each: [(PolicySetVersionId, Digest, bool); 2],
}

async fn publish(it: &InProcess, zone: ZoneId) -> Versions {
    let (service, call) = (&it.service, InProcess::call());
    let policy = it.policy(zone, "staff").await;
    let set = it.set(zone, "set", ScopeType::Zone).await;
    let mut each = Vec::new();
    for (name, groups, reads) in [("one", "readers", true), ("other", "others", false)] {
        let version = SchemaVersion::new(name).unwrap();
        let given = GivenSchema::Text(schema(groups));
        service.create_schema(&call, zone, version.clone(), given).await.unwrap();
        let given = GivenPolicy::Text(POLICY.to_owned());
        let pinned = service.publish_policy_version(&call, zone, policy, version.clone(), given).await.unwrap().object;
        let made = service.publish_set_version(&call, zone, set, version, entries(&[pinned])).await.unwrap().object;
        each.push((made.record.id, made.record.manifest_sha, reads));
    }
    Versions { set, each: each.try_into().unwrap() }
}

fn alice(staff: bool) -> Vec<Value> {
    let parents = if staff { json!([{"type": "Group", "id": "staff"}]) } else { json!([]) };
    vec![json!({"uid": {"type": "User", "id": "alice"}, "attrs": {}, "parents": parents})]
}

/// Binds the two versions and moves alice in and out of the staff, in turns; answers what holds at each revision.
async fn change(it: &InProcess, zone: ZoneId, versions: &Versions, turns: usize) -> HashMap<u64, (Digest, Decision)> {
    let (service, call) = (&it.service, InProcess::call());
    let mut expected = HashMap::new();
    let (mut staff, mut bound) = (false, 0);
    service.put_entities(&call, zone, PutMode::Replace, alice(staff)).await.unwrap();
    for turn in 0..turns {
        if turn % 3 == 0 {
            staff = !staff;
            service.put_entities(&call, zone, PutMode::Upsert, alice(staff)).await.unwrap();
        } else {
            bound = 1 - bound;
            let id = versions.each[bound].0;
            service.activate_set_version(&call, zone, versions.set, id, BindingMode::Active, None).await.unwrap();
        }
        let (_, sha, reads) = versions.each[bound];
        let decision = if staff && reads { Decision::Allow } else { Decision::Deny };
        let revision = service.zone(&call, zone).await.unwrap().revision;
        expected.insert(revision, (sha, decision));
    }
    expected
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_is_of_one_revision_whole() {
    const TURNS: usize = 150;
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let versions = publish(&it, zone).await;
    let call = InProcess::call();
    let first = versions.each[0].0;
    it.service.activate_set_version(&call, zone, versions.set, first, BindingMode::Active, None).await.unwrap();

    let (done, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::<Moment>::new())));
    let deciders: Vec<_> = (0..3)
        .map(|_| {
            let (service, done, seen) = (it.service.clone(), Arc::clone(&done), Arc::clone(&seen));
            tokio::spawn(async move {
                let (mut own, mut last) = (Vec::new(), 0);
                while !done.load(Ordering::Relaxed) {
                    let answer = service.authorize(&InProcess::call(), zone, request()).await.unwrap();
                    assert!(answer.revision >= last, "the revision went back");
                    last = answer.revision;
                    own.push((answer.revision, answer.scopes[0].manifest_sha, answer.decision));
                    tokio::task::yield_now().await;
                }
                seen.lock().unwrap().extend(own);
            })
        })
        .collect();
    let expected = change(&it, zone, &versions, TURNS).await;
    done.store(true, Ordering::Relaxed);
    for decider in deciders {
        decider.await.unwrap();
    }

    let seen = seen.lock().unwrap();
    let of_expected: Vec<_> = seen.iter().filter(|(revision, ..)| expected.contains_key(revision)).collect();
    for (revision, sha, decision) in &of_expected {
        assert_eq!(expected[revision], (*sha, *decision), "at revision {revision}");
    }
    let kinds: std::collections::HashSet<_> = of_expected.iter().map(|(_, sha, decision)| (*sha, *decision)).collect();
    assert_eq!(kinds.len(), 3, "both versions were asked, one of them with either answer: {}", of_expected.len());
    assert!(of_expected.len() > TURNS, "{} of {}", of_expected.len(), seen.len());
}
