//! Section 8: the Search APIs.

use serde_json::{Value, json};

use crate::support::{World, ask, record, user, with};

fn who(action: &str, resource: &str) -> Value {
    json!({"subject": {"type": "user"}, "action": {"name": action}, "resource": {"type": "record", "id": resource}})
}

fn to_what(subject: &str, action: &str) -> Value {
    json!({"subject": {"type": "user", "id": subject}, "action": {"name": action}, "resource": {"type": "record"}})
}

fn does_what(subject: &str, resource: &str) -> Value {
    json!({"subject": {"type": "user", "id": subject}, "resource": {"type": "record", "id": resource}})
}

fn users(ids: &[&str]) -> Value {
    json!({"results": ids.iter().map(|id| json!({"type": "user", "id": id})).collect::<Vec<_>>()})
}

fn records(ids: &[&str]) -> Value {
    json!({"results": ids.iter().map(|id| json!({"type": "record", "id": id})).collect::<Vec<_>>()})
}

fn actions(names: &[&str]) -> Value {
    json!({"results": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()})
}

#[tokio::test]
async fn s8_4_subjects_that_are_permitted_are_found() {
    let world = World::start().await;
    assert_eq!(world.post("search/subject", who("read", "record-1")).await.fine(), users(&["alice", "bob"]));
    assert_eq!(world.post("search/subject", who("write", "record-1")).await.fine(), users(&["alice"]));
    assert_eq!(world.post("search/subject", who("write", "record-2")).await.fine(), users(&["bob"]));
    let new = json!({"resource": {"type": "record", "id": "new", "properties": {"status": "archived"}}});
    let search = with(&who("write", ""), &new);
    assert_eq!(world.post("search/subject", search).await.fine(), users(&["bob"]), "properties count");
}

#[tokio::test]
async fn s8_5_resources_that_are_permitted_are_found() {
    let world = World::start().await;
    let found = world.post("search/resource", to_what("alice", "read")).await.fine();
    assert_eq!(found, records(&["record-1", "record-2"]));
    assert_eq!(world.post("search/resource", to_what("alice", "write")).await.fine(), records(&["record-1"]));
    let new = json!({"subject": {"type": "user", "id": "new", "properties": {"role": "admin"}}});
    let search = with(&to_what("", "write"), &new);
    assert_eq!(world.post("search/resource", search).await.fine(), records(&["record-2"]), "properties count");
}

#[tokio::test]
async fn s8_6_actions_that_are_permitted_are_found() {
    let world = World::start().await;
    let soft = with(&does_what("alice", "record-1"), &json!({"context": {"action": {"soft": true}}}));
    assert_eq!(world.post("search/action", soft).await.fine(), actions(&["delete", "read", "write"]));
    assert_eq!(world.post("search/action", does_what("alice", "record-1")).await.fine(), actions(&["read", "write"]));
    assert_eq!(world.post("search/action", does_what("bob", "record-1")).await.fine(), actions(&["read"]));
    let given = with(&does_what("bob", "record-1"), &json!({"action": {"name": "write"}}));
    assert_eq!(world.post("search/action", given).await.fine(), actions(&["read"]), "an action given means nothing");
    let group = json!({"subject": {"type": "user", "id": "alice"}, "resource": {"type": "App::Group", "id": "staff"}});
    assert_eq!(world.post("search/action", group).await.fine(), actions(&[]), "what applies to records is not asked");
}

#[tokio::test]
async fn s8_4_1_and_s8_5_1_the_id_of_what_is_sought_is_ignored() {
    let world = World::start().await;
    for id in [json!("bob"), json!("nobody"), json!(7), json!(null)] {
        let subject = json!({"subject": {"type": "user", "id": id, "properties": {"role": "admin"}}});
        let search = with(&who("read", "record-1"), &subject);
        assert_eq!(world.post("search/subject", search).await.fine(), users(&["alice", "bob"]), "{id}");
        let search = with(&to_what("alice", "write"), &json!({"resource": {"type": "record", "id": id}}));
        assert_eq!(world.post("search/resource", search).await.fine(), records(&["record-1"]), "{id}");
    }
}

#[tokio::test]
async fn s8_1_a_search_is_transitive() {
    let world = World::start().await;
    let team = json!({"uid": {"type": "App::Group", "id": "team"}, "attrs": {}, "parents": []});
    world.put(json!([team, user("carol", &json!({}), &["team"])])).await;
    assert_eq!(world.post("search/subject", who("read", "record-1")).await.fine(), users(&["alice", "bob"]));
    world.put(json!([user("carol", &json!({}), &["team", "staff"])])).await;
    assert_eq!(world.post("search/subject", who("read", "record-1")).await.fine(), users(&["alice", "bob", "carol"]));
}

#[tokio::test]
async fn s8_1_and_s8_3_results_are_exactly_what_an_evaluation_permits() {
    let world = World::start().await;
    for number in 0..10 {
        let (id, role) = (format!("u{number}"), if number % 3 == 0 { "admin" } else { "guest" });
        let groups = if number % 2 == 0 { &["staff"][..] } else { &[] };
        let status = if number % 4 == 0 { "archived" } else { "active" };
        world.put(json!([user(&id, &json!({"role": role}), groups), record(&id, &json!({"status": status}))])).await;
    }
    let people: Vec<String> =
        (0..10).map(|number| format!("u{number}")).chain(["alice".to_owned(), "bob".to_owned()]).collect();
    let ids = |answer: &Value, member: &str| -> Vec<String> {
        let results = answer["results"].as_array().unwrap();
        results.iter().map(|result| result[member].as_str().unwrap().to_owned()).collect()
    };
    for action in ["read", "write", "delete"] {
        let subjects = ids(&world.post("search/subject", who(action, "u4")).await.fine(), "id");
        let resources = ids(&world.post("search/resource", to_what("u6", action)).await.fine(), "id");
        for id in &people {
            assert_eq!(world.decides(ask(id, action, "u4")).await, subjects.contains(id), "{id} {action}");
            if id.starts_with('u') {
                assert_eq!(world.decides(ask("u6", action, id)).await, resources.contains(id), "{id} {action}");
            }
        }
    }
    for id in &people {
        let names = ids(&world.post("search/action", does_what(id, "u4")).await.fine(), "name");
        for action in ["read", "write", "delete"] {
            assert_eq!(world.decides(ask(id, action, "u4")).await, names.iter().any(|name| name == action));
        }
    }
}

#[tokio::test]
async fn where_nothing_can_be_permitted_nothing_is_found() {
    let world = World::start().await;
    for (endpoint, search) in [
        ("search/action", does_what("nonexistent-user", "record-1")),
        ("search/subject", with(&who("read", "record-1"), &json!({"subject": {"type": "spaceship"}}))),
        ("search/subject", with(&who("read", "record-1"), &json!({"resource": {"type": "spaceship", "id": "x"}}))),
        ("search/subject", who("fly", "record-1")),
        ("search/subject", with(&who("read", "record-1"), &json!({"context": {"risk": null}}))),
        ("search/resource", with(&to_what("alice", "read"), &json!({"resource": {"type": "no type"}}))),
        ("search/resource", with(&to_what("alice", "read"), &json!({"context": {"risk": 9}}))),
        (
            "search/action",
            json!({"subject": {"type": "x", "id": "x"}, "resource": {"type": "record", "id": "record-1"}}),
        ),
    ] {
        assert_eq!(world.post(endpoint, search.clone()).await.fine(), json!({"results": []}), "{search}");
    }
}

#[tokio::test]
async fn candidates_that_do_not_fit_the_schema_are_not_found() {
    let world = World::start().await;
    let types = json!({"user": "App::User", "record": "App::Record"});
    world.settings(json!({"authzen": {"types": types, "validate": true}})).await;
    assert_eq!(world.post("search/subject", who("read", "record-1")).await.fine(), users(&["alice", "bob"]));
    let undeclared = with(&who("read", "record-1"), &json!({"context": {"colour": "red"}}));
    assert_eq!(world.post("search/subject", undeclared).await.fine(), json!({"results": []}));
}

#[tokio::test]
async fn a_search_says_what_it_went_through_when_asked() {
    let world = World::start().await;
    let search = with(&who("write", "record-1"), &json!({"context": {"cedarkeep": {"explain": true}}}));
    let answer = world.post("search/subject", search).await.fine();
    assert_eq!((&answer["context"]["evaluated"], &answer["results"]), (&json!(2), &users(&["alice"])["results"]));
}
