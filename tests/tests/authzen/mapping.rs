//! What a zone's settings make of requests: properties, sessions, validation.

use serde_json::{Value, json};

use crate::support::{NO_READING, World, ask, user, with};

fn types() -> Value {
    json!({"user": "App::User", "record": "App::Record"})
}

/// A request in which the subject claims to be an administrator of an archived record.
fn claim(id: &str) -> Value {
    let subject = json!({"type": "user", "id": id, "properties": {"role": "admin"}});
    with(&ask(id, "write", "record-2"), &json!({"subject": subject}))
}

#[tokio::test]
async fn a_stored_entity_wins_unless_the_zone_says_otherwise() {
    let world = World::start().await;
    for (rule, stored, unknown) in [("extend", false, true), ("replace", true, true), ("refuse", false, false)] {
        world.settings(json!({"request_entities": rule})).await;
        assert_eq!(world.decides(claim("alice")).await, stored, "{rule}");
        assert_eq!(world.decides(claim("nobody")).await, unknown, "{rule}");
    }
}

#[tokio::test]
async fn properties_that_replace_leave_an_entity_in_its_groups() {
    let world = World::start().await;
    world.settings(json!({"request_entities": "replace"})).await;
    let subject = json!({"type": "user", "id": "alice", "properties": {}});
    assert!(world.decides(with(&ask("alice", "read", "record-1"), &json!({"subject": subject}))).await);
}

#[tokio::test]
async fn subject_and_resource_may_be_one_entity() {
    let world = World::start().await;
    let me = |properties: Value| json!({"type": "user", "id": "new", "properties": properties});
    let same = |one, other| json!({"subject": me(one), "action": {"name": "read"}, "resource": me(other)});
    assert!(!world.decides(same(json!({"role": "a"}), json!({"role": "a", "more": 1}))).await);
    let refused = world.post("evaluation", same(json!({"role": "a"}), json!({"role": "b"}))).await.refused(400);
    assert!(refused.contains("`role`"), "{refused}");
}

#[tokio::test]
async fn action_properties_stand_in_the_context() {
    let world = World::start().await;
    let deleting = |action: Value, context: Value| {
        with(&ask("alice", "delete", "record-1"), &json!({"action": action, "context": context}))
    };
    let soft = json!({"name": "delete", "properties": {"soft": true}});
    for (question, permitted) in [
        (deleting(soft.clone(), json!({})), true),
        (deleting(soft.clone(), json!({"action": {"soft": false}})), true),
        (deleting(soft.clone(), json!({"action": 7})), true),
        (deleting(json!({"name": "delete"}), json!({"action": {"soft": true}})), true),
        (deleting(json!({"name": "delete", "properties": {}}), json!({})), false),
    ] {
        assert_eq!(world.decides(question.clone()).await, permitted, "{question}");
    }
}

#[tokio::test]
async fn the_context_carries_the_session() {
    let world = World::start().await;
    world.publish("narrow", NO_READING, "session", &json!("s-1")).await;
    let reading = |context: Value| with(&ask("alice", "read", "record-1"), &json!({"context": context}));
    assert!(world.decides(reading(json!({"sid": "s-1"}))).await, "nothing carries it yet");
    for validate in [false, true] {
        world.settings(json!({"authzen": {"types": types(), "session_from": "sid", "validate": validate}})).await;
        for (context, permitted) in [
            (json!({"sid": "s-1"}), false),
            (json!({"sid": "s-2"}), true),
            (json!({"sid": null}), true),
            (json!({}), true),
        ] {
            if !(validate && context["sid"].is_null() && context.get("sid").is_some()) {
                assert_eq!(world.decides(reading(context.clone())).await, permitted, "{context} {validate}");
            }
        }
        assert!(world.post("evaluation", reading(json!({"sid": 7}))).await.refused(400).contains("context.sid"));
    }
    let long = "s".repeat(10_000);
    world.post("evaluation", reading(json!({"sid": long}))).await.refused(400);
}

#[tokio::test]
async fn requests_are_held_against_the_schema_where_the_zone_asks_for_it() {
    let world = World::start().await;
    let undeclared = with(&ask("alice", "read", "record-1"), &json!({"context": {"colour": "red"}}));
    assert!(world.decides(undeclared.clone()).await);
    world.settings(json!({"authzen": {"types": types(), "validate": true}})).await;
    assert!(world.post("evaluation", undeclared.clone()).await.refused(400).contains("colour"));
    assert!(world.decides(ask("alice", "read", "record-1")).await);
    assert!(!world.decides(ask("alice", "fly", "record-1")).await, "an undeclared action is denied all the same");
    let many = json!({"evaluations": [undeclared, ask("alice", "read", "record-1")]});
    let many = world.post("evaluations", many).await.fine();
    assert_eq!(many["evaluations"][0]["context"]["error"]["status"], 400);
    assert_eq!(many["evaluations"][1], json!({"decision": true}));
}

#[tokio::test]
async fn narrower_slots_narrow_here_too() {
    let world = World::start().await;
    world.publish("narrow", NO_READING, "user", &json!("App::User::\"alice\"")).await;
    assert!(!world.decides(ask("alice", "read", "record-1")).await);
    assert!(world.decides(ask("bob", "read", "record-1")).await);
    let who = json!({"subject": {"type": "user"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"}});
    assert_eq!(world.post("search/subject", who).await.fine(), json!({"results": [{"type": "user", "id": "bob"}]}));
}

#[tokio::test]
async fn the_schemas_of_narrower_slots_count_too() {
    let world = World::start().await;
    let other = "namespace App {
        entity Group; entity User in [Group]; entity Record;
        action read appliesTo { principal: User, resource: Record, context: { colour?: String } };
    }";
    world.made(&world.at("/policy-schemas"), json!({"version": "other", "cedar_schema": other})).await;
    let alice = json!("App::User::\"alice\"");
    world.publish_by("other", "all", "permit (principal, action, resource);", ("user", &alice)).await;
    let coloured = |question: Value| with(&question, &json!({"context": {"colour": null}}));
    for (question, permitted) in [
        (ask("alice", "read", "record-1"), true),
        (coloured(ask("alice", "read", "record-1")), false),
        (coloured(ask("bob", "read", "record-1")), true),
        (ask("alice", "write", "record-1"), false),
    ] {
        assert_eq!(world.decides(question.clone()).await, permitted, "{question}");
    }
    let who = coloured(json!({"subject": {"type": "user"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"}}));
    assert_eq!(world.post("search/subject", who).await.fine(), json!({"results": [{"type": "user", "id": "bob"}]}));
}

#[tokio::test]
async fn the_settings_are_kept_and_checked() {
    let world = World::start().await;
    let given = json!({"types": {"user": "App::User"}, "session_from": "sid", "validate": true});
    world.settings(json!({"authzen": given})).await;
    let zone = async || world.send(axum::http::Method::GET, &world.zone, None, &[]).await.fine()["authzen"].clone();
    assert_eq!(zone().await, given);
    for wrong in [
        json!({"types": {"user": "no type"}}),
        json!({"types": {"": "User"}}),
        json!({"session_from": ""}),
        json!({"validate": "yes"}),
        json!({"more": 1}),
        json!(null),
    ] {
        let refused = world.send(axum::http::Method::PATCH, &world.zone, Some(json!({"authzen": wrong})), &[]).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    world.settings(json!({"authzen": {}})).await;
    assert_eq!(zone().await, json!({"types": {}, "session_from": null, "validate": false}), "replaced whole");
    world.put(json!([user("carol", &json!({}), &["staff"])])).await;
    assert!(!world.decides(ask("carol", "read", "record-1")).await, "nothing is mapped any more");
}
