//! What administrators and other users do beside a bundle.

use axum::http::{Method, StatusCode};
use cedarkeep_bundle::{KnownPolicy, PolicyEntry};
use cedarkeep_model::{PolicyId, ScopeType};
use serde_json::json;

use crate::support::{ALICE, BOB, DEFAULTS, Edit, User, World};

fn known(id: PolicyId) -> PolicyEntry {
    PolicyEntry::Known(KnownPolicy { policy_id: id, policy_version_id: None, name: None, sha: None, owner_type: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_an_administrator_filled_is_left_alone() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let policy = world.it.policy(world.zone, "hers").await;
    let version = world.it.version(world.zone, policy, DEFAULTS[0].1).await;
    let set = world.it.set(world.zone, "hers", ScopeType::User).await;
    let version = world.it.set_version(world.zone, set, &[version]).await;
    world.bind(&version.record.id.to_string(), Some(ALICE)).await;
    let events = world.events().await;
    let own = Edit::empty().with_new("mine", DEFAULTS[0].1);
    for answer in [alice.fetch().await, alice.put(&own).await, alice.reset().await] {
        assert_eq!(answer.refused(409), "slot_taken");
        assert_eq!(answer.header("x-should-retry"), "false");
    }
    assert_eq!(world.events().await, events);
    assert_eq!(world.slot(ALICE).await.unwrap()["policy_set_id"], json!(set));

    // Over a bundle too.
    let bob = world.user(BOB).await;
    let edit = bob.edit().await;
    world.bind(&version.record.id.to_string(), Some(BOB)).await;
    for answer in [bob.fetch().await, bob.put(&edit).await, bob.reset().await] {
        assert_eq!(answer.refused(409), "slot_taken");
    }
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_reaches_no_policy_but_its_own() {
    let world = World::new().await;
    let (alice, bob) = (world.user(ALICE).await, world.user(BOB).await);
    let bobs = bob.edit().await;
    let hers = alice.edit().await;
    let shared = world.get("/policies?query[name]=Readers&order=asc").await["items"][0]["id"].clone();
    let nobody = "01890000-0000-7000-8000-000000000000";
    let foreign = [bobs.named("Readers").policy_id, shared.as_str().unwrap().parse().unwrap(), nobody.parse().unwrap()];
    let events = world.events().await;
    for id in foreign {
        let refused = alice.put(&hers.clone().with(known(id), "forbid (principal, action, resource);")).await;
        assert_eq!(refused.refused(422), "policy_version_not_found", "{id}");
        assert_eq!(refused.json()["details"]["policy_id"], id.to_string());
    }
    let refused = alice.put(&bobs).await;
    assert_eq!(refused.refused(400), "bundle_invalid", "it says whose it is");
    let mut elsewhere = hers.clone();
    elsewhere.manifest.zone_id = Some(nobody.parse().unwrap());
    assert_eq!(alice.put(&elsewhere).await.refused(400), "bundle_invalid");
    assert_eq!(world.events().await, events, "nothing has happened");
    assert_eq!(bob.edit().await.text("Readers"), DEFAULTS[0].1);
}

/// An administrator may put anything into a user's set; the user sees it, and cannot edit it.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_adds_to_a_bundle_is_not_the_users() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let edit = alice.edit().await;
    let shared = world.it.policy(world.zone, "Shared").await;
    let text = "forbid (principal, action == Action::\"write\", resource);";
    let added = world.it.version(world.zone, shared, text).await;
    let slot = world.slot(ALICE).await.unwrap();
    let set = slot["policy_set_id"].as_str().unwrap();
    let mut entries: Vec<_> = edit
        .known()
        .iter()
        .map(|known| json!({"policy_id": known.policy_id, "policy_version_id": known.policy_version_id}))
        .collect();
    entries.push(json!({"policy_id": shared, "policy_version_id": added.id}));
    let body = json!({"schema_version": "test", "manifest": {"entries": entries}});
    let version = world.ask(Method::POST, &world.at(&format!("/policy-sets/{set}/versions")), Some(body)).await.json();
    world.bind(version["id"].as_str().unwrap(), Some(ALICE)).await;
    let seen = alice.edit().await;
    assert_eq!(seen.text("Shared"), text);
    let refused = alice.put(&seen.clone().with_text("Shared", "permit (principal, action, resource);")).await;
    assert_eq!(refused.refused(422), "policy_version_not_found");
    assert_eq!(alice.put(&seen.without("Shared")).await.status, StatusCode::OK);
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_an_administrator_emptied_is_filled_from_the_default() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let first = alice.edit().await;
    alice.put(&first.clone().with_text("Readers", "permit (principal, action, resource);")).await.bundle();
    let slot = world.slot(ALICE).await.unwrap();
    let path = world.at(&format!("/policy-bindings/{}", slot["id"].as_str().unwrap()));
    assert_eq!(world.ask(Method::DELETE, &path, None).await.status, StatusCode::OK);
    let second = alice.edit().await;
    assert_eq!(second.text("Readers"), DEFAULTS[0].1);
    let old = world.get(&format!("/policy-sets/{}", slot["policy_set_id"].as_str().unwrap())).await;
    assert!(old["archived_at"].is_string(), "what is left over is put away");
    assert_eq!(alice.put(&second).await.status, StatusCode::OK);
    world.clean().await;
}

/// A user's reset takes nothing away from others to whom an administrator has bound the user's set.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_bound_elsewhere_outlives_a_reset() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let edit = alice.edit().await;
    let slot = world.slot(ALICE).await.unwrap();
    world.bind(slot["policy_set_version_id"].as_str().unwrap(), Some(BOB)).await;
    assert!(!world.decides(BOB, "write", 1).await);
    assert_eq!(alice.reset().await.status, StatusCode::NO_CONTENT);
    assert!(world.slot(ALICE).await.is_none() && !world.decides(BOB, "write", 1).await);
    let fresh = alice.edit().await;
    assert_ne!(fresh.named("Readers").policy_id, edit.named("Readers").policy_id);
    assert_eq!(fresh.names(), ["Readers (User::\"alice\") 2", "No level 9 (User::\"alice\") 2"]);
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_that_cannot_be_used_is_said() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let fetch = async |user: &User<'_>| user.fetch().await;
    // Newer versions count from the next bundle on, archived ones do not.
    let policy = world.it.policy(world.zone, "linked").await;
    let linked = json!({
        "templates": {"policy0": {
            "effect": "permit", "principal": {"op": "==", "slot": "?principal"}, "action": {"op": "All"},
            "resource": {"op": "All"}, "conditions": [],
        }},
        "staticPolicies": {},
        "templateLinks": [
            {"templateId": "policy0", "newId": "link0", "values": {"?principal": {"type": "User", "id": "alice"}}},
        ],
    });
    let body = json!({"schema_version": "test", "cedar_json": linked});
    let path = world.at(&format!("/policies/{policy}/versions"));
    let version = world.ask(Method::POST, &path, Some(body)).await;
    assert_eq!(version.status, StatusCode::CREATED, "{}", version.json());
    let entry = json!({"policy_id": policy, "policy_version_id": version.json()["id"]});
    let body = json!({"schema_version": "test", "manifest": {"entries": [entry]}});
    let versions = world.at(&format!("/policy-sets/{}/versions", world.default));
    let newest = world.ask(Method::POST, &versions, Some(body)).await.json();
    let events = world.events().await;
    assert_eq!(fetch(&alice).await.refused(422), "invalid_cedar", "links have no text");
    assert_eq!(world.events().await, events);
    let path = format!("{versions}/{}", newest["id"].as_str().unwrap());
    assert_eq!(world.ask(Method::DELETE, &path, None).await.status, StatusCode::OK);
    assert_eq!(Edit::of(&fetch(&alice).await.bundle()).names().len(), DEFAULTS.len());

    let path = world.at(&format!("/policy-sets/{}", world.default));
    assert_eq!(world.ask(Method::DELETE, &path, None).await.status, StatusCode::OK);
    assert_eq!(fetch(&world.user(BOB).await).await.refused(404), "not_found");
    assert_eq!(fetch(&alice).await.status, StatusCode::OK, "hers stays");
}
