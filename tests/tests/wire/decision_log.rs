//! The log of decisions as it stands on the wire.

use axum::http::Method;
use cedarkeep_model::{BindingMode, ScopeType};
use serde_json::{Value, json};

use crate::support::Wire;

/// A zone that logs all decisions and in which Alice may read; its path.
async fn logging(wire: &Wire) -> String {
    let it = &wire.inner;
    let zone = it.zone().await.id;
    let policy = it.policy(zone, "p").await;
    let text = "permit (principal == User::\"alice\", action == Action::\"read\", resource);";
    let pinned = it.version(zone, policy, text).await;
    let set = it.set(zone, "s", ScopeType::Zone).await;
    let version = it.set_version(zone, set, &[pinned]).await.record.id;
    let call = cedarkeep_tests::in_process::InProcess::call();
    it.service.bind(&call, zone, version, BindingMode::Active, None).await.unwrap();
    let at = format!("/zones/{zone}");
    let settings = json!({"decision_log": "all", "decision_log_retention_days": 7});
    let patched = wire.ask(Method::PATCH, &at, Some(settings)).await;
    assert_eq!(
        (&patched.json()["decision_log"], &patched.json()["decision_log_retention_days"]),
        (&json!("all"), &json!(7))
    );
    at
}

async fn decide(wire: &Wire, at: &str, principal: &str, action: &str, resource: &str) -> Value {
    let question = json!({"principal": {"type": "User", "id": principal}, "action": {"type": "Action", "id": action},
        "resource": {"type": "Doc", "id": resource}, "session": "s-1", "context": {"mfa": true}, "explain": true});
    wire.post(&format!("{at}/authorize"), question).await.json()
}

#[tokio::test]
async fn a_logged_decision_is_told_as_it_was_answered() {
    let wire = Wire::start().await;
    let at = logging(&wire).await;
    for principal in ["alice", "bob"] {
        let answer = decide(&wire, &at, principal, "read", "1").await;
        let one = wire.get(&format!("{at}/decisions/{}", answer["decision_id"].as_str().unwrap())).await;
        let logged = one.json();
        for member in ["decision_id", "decision", "revision", "combination", "evaluated_at", "shadow"] {
            assert_eq!(logged[member], answer[member], "{member}");
        }
        assert_eq!(logged["reason"], answer.get("reason").cloned().unwrap_or_default());
        assert_eq!(logged["principal"], format!("User::\"{principal}\""));
        assert_eq!(
            (&logged["action"], &logged["resource"], &logged["session"]),
            (&json!("Action::\"read\""), &json!("Doc::\"1\""), &json!("s-1"))
        );
        let (said, slot) = (&logged["scopes"][0], &answer["scopes"][0]);
        for member in ["scope_type", "scope_target_id", "decision", "policy_set_version_id", "version", "manifest_sha"]
        {
            assert_eq!(said[member], slot[member], "{member}");
        }
        assert!(said.get("determining_policies").is_none() && logged.get("context").is_none(), "{logged}");
    }
    let list = wire.get(&format!("{at}/decisions")).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert_eq!(list["items"][0]["principal"], "User::\"bob\"", "the newest first");
}

#[tokio::test]
async fn filters_narrow_and_pages_follow() {
    let wire = Wire::start().await;
    let at = logging(&wire).await;
    let mut answers = Vec::new();
    for (principal, action, resource) in
        [("alice", "read", "1"), ("alice", "write", "1"), ("bob", "read", "2"), ("alice", "read", "2")]
    {
        answers.push(decide(&wire, &at, principal, action, resource).await);
    }
    let ids: Vec<_> = answers.iter().map(|answer| answer["decision_id"].as_str().unwrap().to_owned()).collect();
    let time = |place: usize| answers[place]["evaluated_at"].as_str().unwrap();
    let found = async |query: &str| -> Vec<usize> {
        let list = wire.get(&format!("{at}/decisions?order=asc&{query}")).await.json();
        let items = list["items"].as_array().unwrap_or_else(|| panic!("{query}: {list}"));
        items.iter().map(|item| ids.iter().position(|id| item["decision_id"] == *id).unwrap()).collect()
    };
    let version = answers[0]["scopes"][0]["policy_set_version_id"].as_str().unwrap();
    for (query, expected) in [
        (String::new(), vec![0, 1, 2, 3]),
        ("filter[decision]=allow".into(), vec![0, 3]),
        ("filter[decision]=deny".into(), vec![1, 2]),
        ("filter[principal]=User::%22alice%22".into(), vec![0, 1, 3]),
        ("filter[principal]=User::%22\\u{61}lice%22".into(), vec![0, 1, 3]),
        ("filter[action]=Action::%22write%22".into(), vec![1]),
        ("filter[resource]=Doc::%222%22".into(), vec![2, 3]),
        ("filter[resource]=Doc::%222%22&filter[decision]=allow".into(), vec![3]),
        (format!("filter[policy_set_version_id]={version}"), vec![0, 1, 2, 3]),
        (format!("filter[policy_set_version_id]={}", ids[0]), vec![]),
        (format!("from={}&to={}", time(1), time(3)), vec![1, 2]),
    ] {
        assert_eq!(found(&query).await, expected, "{query}");
    }

    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let page = wire.get(&format!("{at}/decisions?filter[principal]=User::%22alice%22&limit=2{after}")).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["decision_id"].clone()));
        let Some(cursor) = page["pagination"]["after_cursor"].as_str() else { break };
        after = format!("&after={cursor}");
    }
    assert_eq!(seen, [json!(ids[3]), json!(ids[1]), json!(ids[0])]);
    let elsewhere = wire.get(&format!("{at}/decisions?limit=2{after}")).await;
    assert_eq!(elsewhere.refused(400), "invalid_cursor", "a cursor belongs to its filter");
}

#[tokio::test]
async fn what_is_not_right_is_refused() {
    let wire = Wire::start().await;
    let at = logging(&wire).await;
    for query in ["filter[decision]=maybe", "filter[principal]=alice", "filter[policy_set_version_id]=1", "from=today"]
    {
        assert_eq!(wire.get(&format!("{at}/decisions?{query}")).await.refused(400), "invalid_filter", "{query}");
    }
    for settings in [
        json!({"decision_log": "some"}),
        json!({"decision_log": null}),
        json!({"decision_log_sample_percent": 0}),
        json!({"decision_log_sample_percent": 101}),
        json!({"decision_log_retention_days": 0}),
        json!({"decision_log_retention_days": 3651}),
        json!({"decision_log_retention_days": 70000}),
    ] {
        assert_eq!(
            wire.ask(Method::PATCH, &at, Some(settings.clone())).await.refused(400),
            "bad_request",
            "{settings}"
        );
    }
    let missing = wire.get(&format!("{at}/decisions/0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a11")).await;
    assert_eq!(missing.refused(404), "not_found");
    assert_eq!(wire.get(&format!("{at}/decisions/nonsense")).await.refused(404), "not_found");
}
