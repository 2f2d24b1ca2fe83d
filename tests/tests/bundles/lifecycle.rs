//! The life of a bundle: made from the default, edited, thrown away.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{ALICE, BOB, DEFAULTS, Edit, World};

const CODEC: &str = "application/vnd.keycard.policy-bundle.v1+tar+gzip";

fn texts(edit: &Edit) -> Vec<&str> {
    DEFAULTS.iter().map(|(name, _)| edit.text(name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_fetch_forks_the_default() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    assert!(world.decides(ALICE, "write", 1).await && world.slot(ALICE).await.is_none());
    let first = alice.fetch().await;
    assert_eq!((first.header("content-type"), first.header("cache-control")), (CODEC, "private, no-cache"));
    let bundle = first.bundle();
    let edit = Edit::of(&bundle);
    assert_eq!(edit.names(), ["Readers (User::\"alice\")", "No level 9 (User::\"alice\")"]);
    assert_eq!(texts(&edit), DEFAULTS.map(|(_, text)| text), "byte for byte");
    assert!(bundle.schema().unwrap().contains("entity Doc"));
    let slot = world.slot(ALICE).await.unwrap();
    let manifest = serde_json::to_value(bundle.manifest()).unwrap();
    assert_eq!(manifest["version"], 1);
    assert_eq!((&manifest["zone_id"], &manifest["user"]), (&json!(world.zone), &json!(ALICE)));
    let set = &manifest["policy_set"];
    assert_eq!((&set["id"], &set["version_id"]), (&slot["policy_set_id"], &slot["policy_set_version_id"]));
    assert_eq!((&set["version"], &set["manifest_sha"]), (&json!(1), &slot["manifest_sha"]));
    let schema = world.get("/policy-schemas/test").await;
    assert_eq!(manifest["schema"], json!({"version": "test", "sha": schema["schema_sha"]}));

    for known in edit.known() {
        let policy = world.get(&format!("/policies/{}", known.policy_id)).await;
        assert_eq!(
            (&policy["owner_type"], &policy["created_by"]),
            (&json!("customer"), &json!(format!("user:{ALICE}")))
        );
        let path = format!("/policies/{}/versions/{}", known.policy_id, known.policy_version_id.unwrap());
        assert_eq!(Some(world.get(&path).await["sha"].as_str().unwrap()), known.sha.as_deref());
    }
    let made = world.get(&format!("/policy-sets/{}", slot["policy_set_id"].as_str().unwrap())).await;
    assert_eq!((&made["scope_type"], &made["name"]), (&json!("user"), &json!("Defaults (User::\"alice\")")));
    assert!(!world.decides(ALICE, "write", 1).await && world.decides(ALICE, "read", 1).await);
    assert!(!world.decides(ALICE, "read", 9).await, "it narrows what the zone allows");
    assert!(world.decides(BOB, "write", 9).await, "nobody else's business");

    let events = world.events().await;
    let again = alice.fetch().await;
    assert_eq!((&again.body, again.header("etag")), (&first.body, first.header("etag")));
    assert_eq!(world.events().await, events, "only the first fetch makes anything");
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_not_sent_again() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let etag = alice.fetch().await.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() == 66, "{etag}");
    let held = alice.call(Method::GET, &[("if-none-match", &etag)], Vec::new()).await;
    assert_eq!((held.status, held.body.len(), held.header("etag")), (StatusCode::NOT_MODIFIED, 0, etag.as_str()));
    let other = alice.call(Method::GET, &[("if-none-match", "\"other\"")], Vec::new()).await;
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_publishes_what_has_changed_and_nothing_else() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let before = alice.edit().await;
    let unchanged = alice.put(&before).await;
    assert_eq!(unchanged.header("etag"), alice.fetch().await.header("etag"));
    assert_eq!(unchanged.bundle(), alice.fetch().await.bundle());
    let all = "permit (principal, action, resource); // everything\n";
    let saved = alice.put(&before.clone().with_text("Readers", all)).await;
    let after = Edit::of(&saved.bundle());
    assert_eq!((after.text("Readers"), after.text("No level")), (all, DEFAULTS[1].1));
    let ids = |edit: &Edit, name: &str| (edit.named(name).policy_id, edit.named(name).policy_version_id);
    assert_eq!(ids(&before, "No level"), ids(&after, "No level"), "still pinned");
    assert_eq!(ids(&before, "Readers").0, ids(&after, "Readers").0, "the same policy");
    assert_ne!(ids(&before, "Readers").1, ids(&after, "Readers").1, "in a new version");
    let set = |edit: &Edit| serde_json::to_value(&edit.manifest).unwrap()["policy_set"].clone();
    assert_eq!((&set(&before)["id"], &set(&after)["version"]), (&set(&after)["id"], &json!(2)));
    assert!(world.decides(ALICE, "write", 1).await && !world.decides(ALICE, "write", 9).await, "at once");
    let fetched = alice.fetch().await;
    assert_eq!((fetched.header("etag"), &fetched.body), (saved.header("etag"), &saved.body));

    let path = format!("/policy-sets/{}/versions", set(&after)["id"].as_str().unwrap());
    let newest = &world.get(&format!("{path}?limit=1")).await["items"][0];
    assert_eq!(newest["attestation"]["attested_by"], format!("user:{ALICE}"));
    let back = Edit::of(&alice.put(&before).await.bundle());
    assert_eq!(ids(&back, "Readers"), ids(&before, "Readers"), "published content is used again");
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_added_and_dropped() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let own = "forbid (principal, action == Action::\"write\", resource);";
    let before = alice.edit().await;
    let added = Edit::of(&alice.put(&before.clone().with_new("no-writes", own)).await.bundle());
    assert_eq!(added.names().len(), 3);
    assert_eq!(added.named("no-writes").name.as_ref().unwrap().as_str(), "no-writes (User::\"alice\")");
    assert_eq!(added.text("no-writes"), own);
    let twice = added.clone().with_new("no-writes", own);
    let names = Edit::of(&alice.put(&twice).await.bundle()).names();
    assert!(names.contains(&"no-writes (User::\"alice\") 2".to_owned()), "{names:?}");

    let dropped = Edit::of(&alice.put(&added.clone().without("No level")).await.bundle());
    assert_eq!(dropped.names(), ["Readers (User::\"alice\")", "no-writes (User::\"alice\")"]);
    assert!(world.decides(ALICE, "read", 9).await);
    let again = Edit::of(&alice.put(&added).await.bundle());
    assert_eq!(again.named("No level"), added.named("No level"), "what was dropped can be taken up again");

    // A file that no entry lists is as good as absent.
    let mut unlisted = again.clone();
    unlisted.texts.insert("unlisted".to_owned().try_into().unwrap(), "forbid".to_owned());
    assert_eq!(alice.put(&unlisted).await.bundle(), alice.fetch().await.bundle());
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_default_may_begin_with_new_policies() {
    let world = World::new().await;
    world.patch_zone(json!({"user_default_policy_set_id": null})).await;
    let alice = world.user(ALICE).await;
    let none = alice.fetch().await;
    assert_eq!(none.refused(404), "not_found");
    assert!(none.json()["message"].as_str().unwrap().contains("user_default_policy_set_id"));
    let own = Edit::empty().with_new("mine", DEFAULTS[0].1);
    assert_eq!(Edit::of(&alice.put(&own).await.bundle()).names(), ["mine (User::\"alice\")"]);
    assert!(!world.decides(ALICE, "write", 1).await);
    assert_eq!(alice.reset().await.status, StatusCode::NO_CONTENT);
    assert_eq!(alice.fetch().await.refused(404), "not_found");
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_falls_back_to_the_default() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    assert_eq!(alice.reset().await.status, StatusCode::NO_CONTENT, "there is none");
    let first = alice.edit().await;
    alice.put(&first.clone().with_text("Readers", "forbid (principal, action, resource);")).await.bundle();
    assert!(!world.decides(ALICE, "read", 1).await);
    let set = world.slot(ALICE).await.unwrap()["policy_set_id"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        let reset = alice.reset().await;
        assert_eq!((reset.status, reset.body.len()), (StatusCode::NO_CONTENT, 0));
    }
    assert!(world.slot(ALICE).await.is_none() && world.decides(ALICE, "write", 9).await);
    let archived = |value: &Value| value["archived_at"].is_string();
    assert!(archived(&world.get(&format!("/policy-sets/{set}")).await));
    for known in first.known() {
        assert!(archived(&world.get(&format!("/policies/{}", known.policy_id)).await));
    }
    let second = alice.edit().await;
    assert_eq!((second.names(), texts(&second)), (first.names(), texts(&first)), "names are free again");
    assert_ne!(second.named("Readers").policy_id, first.named("Readers").policy_id);
    let old = alice.put(&first).await;
    assert_eq!(old.refused(422), "policy_version_not_found", "what was thrown away does not come back by its id");
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_replaced_only_as_it_was_seen() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let archive = Edit::empty().with_new("mine", DEFAULTS[0].1).archive();
    let put = async |condition: (&str, &str), archive: &[u8]| alice.put_bytes(archive.to_vec(), &[condition]).await;
    assert_eq!(put(("if-match", "*"), &archive).await.refused(412), "precondition_failed", "there is none");
    let seen = alice.fetch().await;
    let (etag, edit) = (seen.header("etag").to_owned(), Edit::of(&seen.bundle()));
    assert_eq!(put(("if-none-match", "*"), &archive).await.refused(412), "precondition_failed", "there is one");
    let events = world.events().await;
    assert_eq!(put(("if-match", "\"other\""), &edit.archive()).await.refused(412), "precondition_failed");
    assert_eq!(world.events().await, events);
    let changed = edit.clone().with_text("Readers", "permit (principal, action, resource);").archive();
    let saved = put(("if-match", &etag), &changed).await;
    assert_eq!(saved.status, StatusCode::OK);
    assert_ne!(saved.header("etag"), etag);
    assert_eq!(put(("if-match", &etag), &edit.archive()).await.refused(412), "precondition_failed", "no longer");
    assert_eq!(put(("if-match", "*"), &edit.archive()).await.status, StatusCode::OK);
    let stale = alice.call(Method::DELETE, &[("if-match", saved.header("etag"))], Vec::new()).await;
    assert_eq!(stale.refused(412), "precondition_failed");
    let now = alice.fetch().await.header("etag").to_owned();
    let reset = alice.call(Method::DELETE, &[("if-match", &now)], Vec::new()).await;
    assert_eq!(reset.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_fetches_make_one_bundle() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let answers = futures_util::future::join_all((0..8).map(|_| alice.fetch())).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK && answer.body == answers[0].body));
    let sets = world.get("/policy-sets?filter[scope_type]=user&filter[archived]=any").await;
    assert_eq!(sets["items"].as_array().unwrap().len(), 2, "the default and hers: {sets}");
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_edits_of_one_state_one_wins() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let seen = alice.fetch().await;
    let (etag, edit) = (seen.header("etag").to_owned(), Edit::of(&seen.bundle()));
    let put = async |number: usize| {
        let text = format!("permit (principal, action, resource); // {number}");
        alice.put_bytes(edit.clone().with_text("Readers", &text).archive(), &[("if-match", &etag)]).await
    };
    let answers = futures_util::future::join_all((0..6).map(put)).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    let told: Vec<_> =
        answers.iter().filter(|answer| answer.status != 200).map(|answer| answer.json()["message"].clone()).collect();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412], "{told:?}");
    world.clean().await;
}
