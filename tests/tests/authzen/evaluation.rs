//! Sections 5 and 6: the information model and the Access Evaluation API.

use axum::http::Method;
use serde_json::json;

use crate::support::{World, ask, record, user, with};

#[tokio::test]
async fn s5_5_decisions_are_those_of_the_scenario() {
    let world = World::start().await;
    let archived = json!({"type": "record", "id": "record-2", "properties": {"status": "archived"}});
    let admin = json!({"type": "user", "id": "bob", "properties": {"role": "admin"}});
    let deleting = |soft: bool| json!({"name": "delete", "properties": {"soft": soft}});
    for (rule, question, permitted) in [
        (1, ask("alice", "read", "record-1"), true),
        (2, ask("alice", "write", "record-1"), true),
        (3, ask("bob", "read", "record-1"), true),
        (4, ask("bob", "write", "record-1"), false),
        (5, with(&ask("alice", "write", "record-2"), &json!({"resource": archived})), false),
        (6, with(&ask("bob", "write", "record-2"), &json!({"subject": admin, "resource": archived})), true),
        (7, with(&ask("alice", "delete", "record-1"), &json!({"action": deleting(true)})), true),
        (8, with(&ask("alice", "delete", "record-1"), &json!({"action": deleting(false)})), false),
    ] {
        for _ in 0..2 {
            assert_eq!(world.decides(question.clone()).await, permitted, "rule {rule}");
        }
    }
}

#[tokio::test]
async fn s6_2_an_answer_is_the_decision_and_nothing_else() {
    let world = World::start().await;
    assert_eq!(world.post("evaluation", ask("alice", "read", "record-1")).await.fine(), json!({"decision": true}));
    assert_eq!(world.post("evaluation", ask("bob", "write", "record-1")).await.fine(), json!({"decision": false}));
}

#[tokio::test]
async fn s5_4_a_context_may_hold_anything() {
    let world = World::start().await;
    let question = ask("alice", "read", "record-1");
    for context in [
        json!({}),
        json!(null),
        json!({"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}),
        json!({"nothing": null, "fraction": 0.5, "deep": {"list": [1, null, {"a": 2.5}]}, "__entity": {}, "__extn": 1}),
    ] {
        assert!(world.decides(with(&question, &json!({"context": context}))).await, "{context}");
    }
    assert!(!world.decides(with(&question, &json!({"context": {"risk": 6}}))).await, "policies see it");
}

#[tokio::test]
async fn s5_1_1_properties_may_hold_anything() {
    let world = World::start().await;
    let anything = json!({"null": null, "number": 1.5, "list": [null, true], "object": {"a": {"b": null}}, "": 1});
    for (id, action) in [("alice", "read"), ("somebody", "read")] {
        let question = json!({"subject": {"type": "user", "id": id, "properties": anything},
            "action": {"name": action, "properties": anything},
            "resource": {"type": "record", "id": "new", "properties": anything}});
        assert_eq!(world.decides(question).await, id == "alice");
    }
}

#[tokio::test]
async fn s5_1_ids_are_scoped_to_their_type_and_hold_any_text() {
    let world = World::start().await;
    world.put(json!([user("al\"ice\u{1f600}", &json!({}), &["staff"])])).await;
    for (id, permitted) in [("al\"ice\u{1f600}", true), ("", false), ("record-1", false), ("a\u{0}b", false)] {
        assert_eq!(world.decides(ask(id, "read", "record-1")).await, permitted, "{id:?}");
    }
}

#[tokio::test]
async fn s10_1_1_unknown_fields_are_ignored() {
    let world = World::start().await;
    let question = json!({"foo": "bar", "futureField": {"nested": true}, "options": 7, "evaluations": "x", "page": [],
        "resource": {"id": "record-1", "future": null, "type": "record"},
        "action": {"future": [], "name": "read"}, "subject": {"id": "alice", "future": {}, "type": "user"}});
    assert!(world.decides(question).await);
}

#[tokio::test]
async fn what_the_schema_does_not_declare_is_denied() {
    let world = World::start().await;
    world
        .publish("all", "permit (principal, action, resource);", "resource", &json!("App::Record::\"record-1\""))
        .await;
    for other in [
        json!({"subject": {"type": "spaceship", "id": "alice"}}),
        json!({"subject": {"type": "User", "id": "alice"}}),
        json!({"subject": {"type": "no type", "id": "alice"}}),
        json!({"subject": {"type": "App::Action", "id": "read"}}),
        json!({"resource": {"type": "", "id": "record-1"}}),
        json!({"action": {"name": "fly"}}),
        json!({"action": {"name": ""}}),
    ] {
        let answer = world.post("evaluation", with(&ask("alice", "read", "record-1"), &other)).await;
        assert_eq!(answer.fine(), json!({"decision": false}), "{other}");
    }
    let named = with(&ask("alice", "read", "record-1"), &json!({"subject": {"type": "App::User", "id": "alice"}}));
    assert!(world.decides(named).await, "a type that is not mapped is itself");
}

#[tokio::test]
async fn what_is_declared_and_cannot_be_held_denies() {
    let world = World::start().await;
    world.put(json!([record("stored", &json!({}))])).await;
    let reading = ask("alice", "read", "record-1");
    for (other, permitted) in [
        (json!({"context": {"risk": null}}), false),
        (json!({"context": {"risk": 0.5}}), false),
        (json!({"context": {"risk": 4.0}}), true),
        (json!({"context": {"other": null}}), true),
        (json!({"resource": {"type": "record", "id": "new", "properties": {"status": null}}}), false),
        (json!({"resource": {"type": "record", "id": "new", "properties": {"other": null}}}), true),
        (json!({"resource": {"type": "record", "id": "stored", "properties": {"status": null}}}), true),
    ] {
        assert_eq!(world.decides(with(&reading, &other)).await, permitted, "{other}");
    }
    let deleting = json!({"action": {"name": "delete", "properties": {"soft": null}}});
    assert!(!world.decides(with(&ask("alice", "delete", "record-1"), &deleting)).await);
}

#[tokio::test]
async fn reasons_are_given_to_those_who_ask() {
    let world = World::start().await;
    let (denied, at) = (ask("bob", "write", "record-1"), world.at("/access/v1/evaluation"));
    let asked = with(&denied, &json!({"context": {"cedarkeep": {"explain": true}}}));
    let by_context = world.post("evaluation", asked).await.fine();
    let by_header =
        world.send(Method::POST, &at, Some(denied.clone()), &[("x-cedarkeep-explain", "true")]).await.fine();
    for answer in [&by_context, &by_header] {
        assert_eq!((&answer["decision"], &answer["context"]["reason"]), (&json!(false), &json!("no_permit")));
        assert_eq!(answer["context"]["scopes"][0]["scope_type"], "zone");
        assert!(answer["context"]["scopes"][0]["manifest_sha"].is_string());
    }
    for context in [json!({"cedarkeep": {"explain": false}}), json!({"cedarkeep": 1}), json!({"explain": true})] {
        let answer = world.post("evaluation", with(&denied, &json!({"context": context}))).await.fine();
        assert_eq!(answer, json!({"decision": false}), "{context}");
    }
    let undeclared = json!({"action": {"name": "fly"}, "context": {"cedarkeep": {"explain": true}}});
    let answer = world.post("evaluation", with(&denied, &undeclared)).await.fine();
    assert_eq!(answer["context"]["reason"], "undeclared");
    assert!(answer["context"]["message"].as_str().unwrap().contains("`fly`"));
}

#[tokio::test]
async fn an_empty_zone_slot_denies() {
    let world = World::start().await;
    let bindings = world.send(Method::GET, &world.at("/policy-bindings"), None, &[]).await.fine();
    let id = bindings["items"][0]["id"].as_str().unwrap().to_owned();
    world.send(Method::DELETE, &world.at(&format!("/policy-bindings/{id}")), None, &[]).await.fine();
    assert!(!world.decides(ask("alice", "read", "record-1")).await);
    let search = json!({"subject": {"type": "user", "id": "alice"}, "resource": {"type": "record", "id": "record-1"}});
    assert_eq!(world.post("search/action", search).await.fine(), json!({"results": []}));
}
