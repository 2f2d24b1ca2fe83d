//! Tests of policies as they stand on the wire.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Wire, request};

const SCHEMA: &str = "entity User; entity Photo in [Album]; entity Album;
    action view appliesTo { principal: User, resource: Photo };";

async fn zone(wire: &Wire) -> String {
    format!("/zones/{}/policy-tests", wire.inner.zone().await.id)
}

/// The question of `alice`, with what the case adds.
fn asked(more: &Value) -> Value {
    let mut case = json!({"principal": "User::\"alice\"", "action": "Action::\"view\"",
        "resource": {"type": "Photo", "id": "AAAAA"}});
    case.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    case
}

#[tokio::test]
async fn the_whole_answer() {
    let wire = Wire::start().await;
    let at = zone(&wire).await;
    let policies =
        "permit (principal, action, resource);\npermit (principal, action, resource)\nwhen { principal.x == 1 };";
    let body = json!({
        "policies": {"cedar_raw": policies}, "cedar_schema": SCHEMA, "validation": "strict", "entities": [],
        "requests": [
            asked(&json!({"name": "allowed", "expect": {"decision": "allow", "reason": ["policy0"], "num_errors": 1}})),
            asked(&json!({"context": {"x": 1}, "session": "s-1", "expect": {"decision": "deny"}})),
            asked(&json!({})),
        ],
    });
    let answer = wire.post(&at, body).await;
    assert_eq!(answer.status, 200);
    let mut told = answer.json();
    assert_eq!((&told["passed"], &told["failed"]), (&json!(1), &json!(1)));
    let found = &told["validation"]["errors"][0];
    assert_eq!(
        (&found["cedar_id"], &found["policy_id"], &found["line"], &found["column"]),
        (&json!("policy1"), &Value::Null, &json!(3), &json!(8)),
        "{found}"
    );
    assert_eq!((&told["validation"]["valid"], &told["validation"]["warnings"]), (&json!(false), &json!([])));
    for result in told["results"].as_array_mut().unwrap() {
        for error in result["errors"].as_array_mut().unwrap() {
            assert!(error["message"].take().as_str().unwrap().contains("alice"), "what failed is said");
        }
        if !result["request_error"].is_null() {
            assert!(result["request_error"].take().as_str().unwrap().contains("`x`"));
            result["request_error"] = json!("said");
        }
    }
    let errors = json!([{"cedar_id": "policy1", "message": null}]);
    assert_eq!(
        told["results"],
        json!([
            {"name": "allowed", "decision": "allow", "reason": ["policy0"], "errors": errors, "request_error": null, "met": true},
            {"name": null, "decision": null, "reason": [], "errors": [], "request_error": "said", "met": false},
            {"name": null, "decision": "allow", "reason": ["policy0"], "errors": errors, "request_error": null, "met": null},
        ])
    );
}

/// Test cases in the form of the files that `cedar run-tests` reads, without a change.
#[tokio::test]
async fn test_cases_of_the_command_line_are_taken_as_they_stand() {
    let wire = Wire::start().await;
    let at = zone(&wire).await;
    let entity = |name: &str, id: &str, parents: Value| json!({"uid": {"type": name, "id": id}, "attrs": {}, "parents": parents});
    let asked = json!({"principal": "User::\"alice\"", "action": "Action::\"view\"", "resource": "Photo::\"AAAAA\"",
        "context": {}});
    let album = json!([{"type": "Album", "id": "jane"}]);
    let world = |parents| {
        json!([
            entity("User", "alice", json!([])),
            entity("Action", "view", json!([])),
            entity("Album", "jane", json!([])),
            entity("Photo", "AAAAA", parents)
        ])
    };
    let requests = json!([
        {"name": "elsewhere", "request": asked, "entities": world(json!([])), "decision": "deny", "reason": [], "num_errors": 0},
        {"request": asked, "entities": world(album.clone()), "decision": "allow", "reason": ["albums"], "num_errors": 0},
        {"request": asked, "entities": world(album), "decision": "allow", "reason": ["policy1"], "num_errors": 0},
    ]);
    let policies = "@id(\"albums\") permit (principal, action, resource in Album::\"jane\");";
    let body = json!({"policies": {"cedar_raw": policies}, "cedar_schema": SCHEMA, "requests": requests});
    let told = wire.post(&at, body).await.json();
    assert_eq!((&told["passed"], &told["failed"]), (&json!(2), &json!(1)), "{told}");
    assert_eq!((&told["results"][0]["name"], &told["results"][2]["met"]), (&json!("elsewhere"), &json!(false)));
}

#[tokio::test]
async fn what_does_not_parse_is_refused_with_its_place() {
    let wire = Wire::start().await;
    let at = zone(&wire).await;
    let place = |answer: &Answer| answer.json()["details"]["errors"][0].clone();
    let policies = wire.post(&at, json!({"policies": {"cedar_raw": "permit (principal,\n  action);"}})).await;
    assert_eq!(policies.refused(422), "invalid_cedar");
    assert_eq!((&place(&policies)["line"], &place(&policies)["column"]), (&json!(2), &json!(9)));
    let permit = json!({"cedar_raw": "permit (principal, action, resource);"});
    let schema = wire.post(&at, json!({"policies": permit, "cedar_schema": "entity User;\nentity ?;"})).await;
    assert_eq!(schema.refused(422), "invalid_cedar");
    assert_eq!((&place(&schema)["line"], &place(&schema)["column"]), (&json!(2), &json!(8)));
}

#[tokio::test]
async fn a_body_that_leaves_open_what_it_means_is_refused() {
    let wire = Wire::start().await;
    let at = zone(&wire).await;
    let permit = json!({"cedar_raw": "permit (principal, action, resource);"});
    let case = |case: Value| json!({"policies": permit, "requests": [case]});
    let question = asked(&json!({}));
    for (body, why) in [
        (json!({}), "policies"),
        (json!({"policies": {}}), "exactly one of"),
        (json!({"policies": {"bound": false}}), "exactly one of"),
        (json!({"policies": {"bound": true, "cedar_raw": "permit"}}), "exactly one of"),
        (json!({"policies": {"draft": {}}}), "exactly one of policy_id"),
        (
            json!({"policies": permit, "schema_version": "test", "cedar_schema": SCHEMA}),
            "at most one of schema_version",
        ),
        (json!({"policies": permit, "validation": "lax"}), "validation"),
        (json!({"policies": permit, "tests": []}), "unknown field `tests`"),
        (case(json!({"principal": "User::\"alice\""})), "requests[0]: principal, action and resource"),
        (case(asked(&json!({"principal": "alice"}))), "requests[0].principal: not an entity uid"),
        (case(asked(&json!({"request": question}))), "requests[0]: principal, action, resource and context"),
        (case(json!({"request": question, "context": {}})), "requests[0]: principal, action, resource and context"),
        (case(asked(&json!({"reason": ["policy0"]}))), "requests[0]: reason and num_errors need"),
        (case(asked(&json!({"decision": "allow", "expect": {"decision": "allow"}}))), "stand in expect"),
        (case(asked(&json!({"expect": {"decision": "Allow"}}))), "requests[0].expect.decision"),
    ] {
        let answer = wire.post(&at, body.clone()).await;
        assert_eq!(answer.refused(400), "bad_request", "{body}");
        assert!(answer.text("message").contains(why), "{body}: {}", answer.text("message"));
    }
    let set = json!({"policies": {"policy_set_version_id": "x"}});
    assert_eq!(wire.post(&at, set).await.refused(404), "not_found");
    let versions = json!({"policies": {"policy_version_ids": ["x"]}});
    assert_eq!(wire.post(&at, versions).await.refused(422), "policy_version_not_found");
}

#[tokio::test]
async fn the_idempotency_key_is_ignored() {
    let wire = Wire::start().await;
    let at = zone(&wire).await;
    let ask = async |policies: &str| {
        let body = json!({"policies": {"cedar_raw": policies}, "validation": "off", "requests": [asked(&json!({}))]});
        let body = Some(body.to_string().into_bytes());
        let answer = wire.send(request(Method::POST, &at, body, &[("idempotency-key", "k")])).await;
        answer.json()["results"][0]["decision"].clone()
    };
    assert_eq!(ask("permit (principal, action, resource);").await, "allow");
    assert_eq!(ask("forbid (principal, action, resource);").await, "deny", "not the first answer, and no conflict");
}

#[tokio::test]
async fn a_large_body_is_taken() {
    let wire = Wire::start().await;
    let at = zone(&wire).await;
    let note = "n".repeat(2_000);
    let cases: Vec<_> = (0..1_000).map(|_| asked(&json!({"context": {"note": note}}))).collect();
    let body = json!({"policies": {"cedar_raw": "permit (principal, action, resource);"}, "validation": "off",
        "requests": cases});
    let answer = wire.post(&at, body).await;
    assert_eq!((answer.status.as_u16(), answer.json()["results"].as_array().unwrap().len()), (200, 1_000));
}
