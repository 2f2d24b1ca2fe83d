//! Section 7: the Access Evaluations API.

use serde_json::{Value, json};

use crate::support::{World, ask};

fn record(id: &str) -> Value {
    json!({"resource": {"type": "record", "id": id}})
}

fn decisions(answer: &Value) -> Vec<bool> {
    let decided = answer["evaluations"].as_array().expect("a list");
    decided.iter().map(|decision| decision["decision"].as_bool().expect("a boolean")).collect()
}

async fn asked(world: &World, body: Value) -> Vec<bool> {
    let answer = world.post("evaluations", body).await.fine();
    assert_eq!(answer.as_object().unwrap().len(), 1, "no top-level decision beside the list");
    decisions(&answer)
}

#[tokio::test]
async fn s7_2_decisions_stand_in_the_order_of_the_requests() {
    let world = World::start().await;
    let body = json!({"subject": {"type": "user", "id": "bob"}, "resource": {"type": "record", "id": "record-1"},
        "evaluations": [{"action": {"name": "read"}}, {"action": {"name": "write"}}, {"action": {"name": "read"}}]});
    assert_eq!(asked(&world, body).await, [true, false, true]);
    let whole = json!({"evaluations": [ask("alice", "read", "record-1"), ask("bob", "write", "record-1")]});
    let answer = world.post("evaluations", whole).await.fine();
    assert_eq!(answer, json!({"evaluations": [{"decision": true}, {"decision": false}]}));
}

#[tokio::test]
async fn s7_1_without_evaluations_it_is_one_evaluation() {
    let world = World::start().await;
    for evaluations in [None, Some(json!([])), Some(json!(null))] {
        let mut body = ask("alice", "read", "record-1");
        if let Some(evaluations) = evaluations {
            body["evaluations"] = evaluations;
        }
        assert_eq!(world.post("evaluations", body).await.fine(), json!({"decision": true}));
    }
    let refused = world.post("evaluations", json!({"subject": {"type": "user", "id": "alice"}})).await.refused(400);
    assert!(refused.contains("missing field"), "{refused}");
}

#[tokio::test]
async fn s7_1_1_an_own_value_replaces_a_default_whole() {
    let world = World::start().await;
    let body = json!({
        "subject": {"type": "user", "id": "nobody", "properties": {"role": "admin"}}, "action": {"name": "write"},
        "resource": {"type": "record", "id": "new", "properties": {"status": "archived"}},
        "evaluations": [
            {},
            {"resource": {"type": "record", "id": "other"}},
            {"subject": {"type": "user", "id": "nobody"}},
            {"subject": null},
        ]
    });
    assert_eq!(asked(&world, body).await, [true, false, false, true], "no property of a default is left");
    let half = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
        "resource": {"type": "record", "id": "record-1"}, "evaluations": [{"resource": {"id": "record-1"}}, {}]});
    assert_eq!(asked(&world, half).await, [false, true], "no required member of a default is left, either");
}

#[tokio::test]
async fn s7_1_1_a_context_is_a_default_too() {
    let world = World::start().await;
    let mut body = ask("alice", "read", "record-1");
    body["context"] = json!({"risk": 9});
    body["evaluations"] = json!([{}, {"context": {"risk": 1}}, {"context": {}}]);
    assert_eq!(asked(&world, body).await, [false, true, true]);
}

#[tokio::test]
async fn s7_1_2_1_the_semantic_says_when_it_ends() {
    let world = World::start().await;
    let of = |semantic: Option<&str>, ids: &[&str]| {
        let records: Vec<Value> = ids.iter().map(|id| record(id)).collect();
        let mut body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "write"},
            "evaluations": records, "options": {"another_option": "value"}});
        if let Some(semantic) = semantic {
            body["options"]["evaluations_semantic"] = json!(semantic);
        }
        body
    };
    let (yes, no) = ("record-1", "record-2");
    for (semantic, ids, expected) in [
        (None, &[yes, no, yes][..], &[true, false, true][..]),
        (Some("execute_all"), &[no, yes], &[false, true]),
        (Some("deny_on_first_deny"), &[yes, no, yes], &[true, false]),
        (Some("deny_on_first_deny"), &[yes, yes], &[true, true]),
        (Some("permit_on_first_permit"), &[no, yes, no], &[false, true]),
        (Some("permit_on_first_permit"), &[no, no], &[false, false]),
    ] {
        assert_eq!(asked(&world, of(semantic, ids)).await, expected, "{semantic:?}");
    }
    world.post("evaluations", of(Some("first_wins"), &[yes])).await.refused(400);
    let mut failing = of(Some("deny_on_first_deny"), &[yes, no, yes]);
    failing["evaluations"][1] = json!({"resource": 1});
    assert_eq!(asked(&world, failing).await, [true, false], "a failure ends it like a deny");
}

#[tokio::test]
async fn s7_2_1_a_failure_is_denied_in_its_place() {
    let world = World::start().await;
    let mut body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "read"},
        "evaluations": [record("record-1"), {}, {"resource": {"type": "record", "id": 7}}, 5, record("record-2")]});
    let answer = world.post("evaluations", body.clone()).await.fine();
    assert_eq!(decisions(&answer), [true, false, false, false, true]);
    for (place, what) in
        [(1, "evaluations[1]: missing field `resource`"), (2, "evaluations[2].resource.id"), (3, "evaluations[3]")]
    {
        let error = &answer["evaluations"][place]["context"]["error"];
        assert_eq!(error["status"], 400);
        assert!(error["message"].as_str().unwrap().contains(what), "{error}");
    }
    body["subject"] = json!("alice");
    assert_eq!(asked(&world, body).await, [false; 5], "a default counts where it is used");
}

#[tokio::test]
async fn s7_2_1_what_concerns_the_whole_request_is_refused_whole() {
    let world = World::start().await;
    for body in [
        json!({"evaluations": {}}),
        json!({"evaluations": [{}], "options": []}),
        json!({"evaluations": [{}], "options": {"evaluations_semantic": 1}}),
        json!({"evaluations": vec![ask("alice", "read", "record-1"); 1_001]}),
        json!([]),
    ] {
        world.post("evaluations", body).await.refused(400);
    }
    let most = json!({"evaluations": vec![ask("alice", "read", "record-1"); 1_000]});
    assert_eq!(asked(&world, most).await, [true; 1_000]);
    let mut large = ask("alice", "read", "record-1");
    large["context"] = json!({"list": vec![1; 10_000]});
    large["evaluations"] = json!(vec![json!({}); 1_000]);
    world.post("evaluations", large).await.refused(413);
}

#[tokio::test]
async fn reasons_are_asked_for_one_by_one_or_for_all() {
    let world = World::start().await;
    let mut body = ask("bob", "write", "record-1");
    let explain = json!({"context": {"cedarkeep": {"explain": true}}});
    body["evaluations"] = json!([{}, explain]);
    let answer = world.post("evaluations", body.clone()).await.fine();
    assert_eq!(answer["evaluations"][0], json!({"decision": false}));
    assert_eq!(answer["evaluations"][1]["context"]["reason"], "no_permit");
    body["context"] = explain["context"].clone();
    let answer = world.post("evaluations", body).await.fine();
    assert_eq!(answer["evaluations"][0]["context"]["reason"], "no_permit");
}
