use serde_json::{Map, json};

use super::*;

fn vault_rule() -> Value {
    json!({"path_pattern": "production/*", "permissions": ["read", "list"],
           "conditions": {"ip_ranges": ["10.0.0.0/8"], "require_mfa": true, "time_window": {"start": "09:00", "end": "17:30"}}})
}

fn with_rule(rule: &Value) -> Value {
    json!({"name": "p", "rules": [{"action": "deny", "priority": 9}, rule]})
}

/// The request that the content document prints.
fn content() -> Value {
    json!({
        "name": "Enterprise Access",
        "description": "Full access for enterprise partners",
        "rules": [
            {"action": "allow", "priority": 1, "conditions": {"licenseType": "enterprise"},
             "permissions": ["full_access", "commercial_use"], "rateLimit": {"requests": 10000, "period": "hour"}},
            {"action": "deny", "priority": 99, "conditions": {"default": true}, "message": "Enterprise license required"}
        ],
        "defaultAction": "deny"
    })
}

#[test]
fn rules_come_back_as_they_were_written() {
    let policy = RulePolicy::read(&content()).unwrap();
    let document = policy.to_json();
    for member in ["name", "description", "rules", "defaultAction"] {
        assert_eq!(document[member], content()[member]);
    }
    assert_eq!(RulePolicy::read(&document), Ok(policy));

    let attributes = json!({"seats": 5, "trial": false, "text": "5", "größe": "ü", "n": -1});
    let rule = json!({"path_pattern": "*", "permissions": ["admin"], "conditions": attributes});
    for rule in [vault_rule(), rule] {
        let policy = RulePolicy::read(&json!({"name": "p", "rules": [rule]})).unwrap();
        assert_eq!(policy.to_json()["rules"][0], rule);
        assert_eq!(RulePolicy::read(&policy.to_json()), Ok(policy));
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let document = RulePolicy::read(&json!({"name": "p", "rules": [vault_rule()]})).unwrap().to_json();
    let expected = json!({"name": "p", "description": null, "enabled": true, "scope": "tenant", "priority": 0,
        "max_duration_seconds": 86_400, "default_duration_seconds": null, "notification_channel": null, "rules": [vault_rule()]});
    assert_eq!(document, expected);
    let long = json!({"name": "p", "rules": [vault_rule()], "default_duration_seconds": 100_000});
    assert_eq!(RulePolicy::read(&long).unwrap().max_duration_seconds, 100_000);
}

#[test]
fn the_order_is_by_priority_and_denies_first() {
    let rule = |action: &str, priority: u64| json!({"action": action, "priority": priority, "permissions": ["read"]});
    let rules = [rule("allow", 2), rule("allow", 1), rule("deny", 2), rule("deny", 1), rule("allow", 0)];
    let policy = RulePolicy::read(&json!({"name": "p", "rules": rules})).unwrap();
    assert_eq!(policy.order(), [4, 3, 1, 2, 0]);
}

/// Each changes one member of a rule that is right, and is refused with the index of the rule and the place.
#[test]
fn bad_rules_are_refused_by_index() {
    let conditions = |conditions: Value| json!({"conditions": conditions});
    let window = |start: &str, end: &str| conditions(json!({"time_window": {"start": start, "end": end}}));
    let too_many: Map<String, Value> = (0..21).map(|number| (format!("a{number}"), number.into())).collect();
    for (change, place) in [
        (json!({"permissions": ["own"]}), "permissions[0]"),
        (json!({"permissions": ["read", "READ"]}), "permissions[1]"),
        (json!({"permissions": ["read", "read"]}), "permissions[1]"),
        (json!({"permissions": [1]}), "permissions[0]"),
        (json!({"permissions": []}), "permissions"),
        (json!({"permissions": "read"}), "permissions"),
        (json!({"permissions": null}), "permissions"),
        (json!({"path_pattern": null}), "path_pattern"),
        (json!({"path_pattern": 1}), "path_pattern"),
        (json!({"path_pattern": ""}), "path_pattern"),
        (json!({"path_pattern": "/a"}), "path_pattern"),
        (json!({"path_pattern": "a/../b"}), "path_pattern"),
        (json!({"path_pattern": "a%2fb"}), "path_pattern"),
        (json!({"path_pattern": "a\\b"}), "path_pattern"),
        (json!({"path_pattern": "ünïcode/*"}), "path_pattern"),
        (json!({"path_pattern": "*".repeat(10_000)}), "path_pattern"),
        (json!({"path_pattern": "**"}), "path_pattern"),
        (json!({"path_pattern": "*a".repeat(100)}), "path_pattern"),
        (json!({"action": "maybe"}), "action"),
        (json!({"priority": -1}), "priority"),
        (json!({"priority": 1.5}), "priority"),
        (json!({"priority": "1"}), "priority"),
        (json!({"priority": 1_000_001}), "priority"),
        (json!({"message": "<script>"}), "message"),
        (json!({"rateLimit": {"requests": 0, "period": "hour"}}), "rateLimit.requests"),
        (json!({"rateLimit": {"requests": 1, "period": "fortnight"}}), "rateLimit.period"),
        (json!({"rateLimit": {"period": "hour"}}), "rateLimit.requests"),
        (json!({"rateLimit": {"requests": 1, "period": "hour", "burst": 2}}), "rateLimit"),
        (json!({"rateLimit": 5}), "rateLimit"),
        (json!({"rate_limit": {}}), ""),
        (json!({"action": "deny", "rateLimit": {"requests": 1, "period": "hour"}}), "rateLimit"),
        (json!({"conditions": []}), "conditions"),
        (conditions(json!({"ip_ranges": ["10.0.0.0/33"]})), "conditions.ip_ranges[0]"),
        (conditions(json!({"ip_ranges": ["10.0.0.0/8", "10.0.0.1"]})), "conditions.ip_ranges[1]"),
        (conditions(json!({"ip_ranges": ["10.1.2.3/8"]})), "conditions.ip_ranges[0]"),
        (conditions(json!({"ip_ranges": [7]})), "conditions.ip_ranges[0]"),
        (conditions(json!({"ip_ranges": []})), "conditions.ip_ranges"),
        (conditions(json!({"ip_ranges": vec!["::/0"; 101]})), "conditions.ip_ranges"),
        (conditions(json!({"ip_ranges": "10.0.0.0/8"})), "conditions.ip_ranges"),
        (conditions(json!({"ip_range": ["10.0.0.0/8"]})), "conditions.ip_range"),
        (conditions(json!({"require_mfa": "yes"})), "conditions.require_mfa"),
        (window("25:00", "17:00"), "conditions.time_window.start"),
        (window("09:00", "24:00"), "conditions.time_window.end"),
        (window("9:00", "17:00"), "conditions.time_window.start"),
        (window("09:60", "17:00"), "conditions.time_window.start"),
        (window("+9:00", "17:00"), "conditions.time_window.start"),
        (window("09:00:00", "17:00"), "conditions.time_window.start"),
        (window("０９:００", "17:00"), "conditions.time_window.start"),
        (window("09:00", "09:00"), "conditions.time_window"),
        (conditions(json!({"time_window": {"start": "09:00"}})), "conditions.time_window.end"),
        (
            conditions(json!({"time_window": {"start": "09:00", "end": "17:00", "zone": "CET"}})),
            "conditions.time_window",
        ),
        (conditions(json!({"default": false})), "conditions.default"),
        (conditions(json!({"source_ip": "10.0.0.1"})), "conditions"),
        (conditions(json!({"timestamp": "2026-01-01T00:00:00Z"})), "conditions"),
        (conditions(json!({"": "a"})), "conditions"),
        (conditions(json!({"a\u{0}": "a"})), "conditions"),
        (conditions(json!({"a": null})), "conditions.a"),
        (conditions(json!({"a": 1.5})), "conditions.a"),
        (conditions(json!({"a": ["x"]})), "conditions.a"),
        (conditions(json!({"a": "x".repeat(257)})), "conditions.a"),
        (conditions(Value::Object(too_many)), "conditions"),
    ] {
        let mut rule = vault_rule();
        for (name, value) in change.as_object().unwrap() {
            rule[name] = value.clone();
        }
        let error = RulePolicy::read(&with_rule(&rule)).unwrap_err();
        assert_eq!(error.rule, Some(1), "{change}");
        let dot = if place.is_empty() { "" } else { "." };
        assert_eq!(error.place, format!("rules[1]{dot}{place}"), "{change}");
        assert!(error.to_string().starts_with("rules[1]"), "{error}");
        assert!(error.to_string().len() < 400, "{error}");
    }
}

#[test]
fn what_is_left_out_of_an_allow_does_not_widen_it() {
    let refused = |rule: Value| RulePolicy::read(&with_rule(&rule)).unwrap_err().place;
    assert_eq!(refused(json!({"action": "allow"})), "rules[1].permissions");
    assert_eq!(refused(json!({})), "rules[1].permissions");
    assert_eq!(refused(json!({"permissions": ["read"]})), "rules[1].path_pattern");
    assert_eq!(refused(json!(null)), "rules[1]");
}

#[test]
fn bad_documents_are_refused_by_member() {
    for (change, place) in [
        (json!({"name": null}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": 1}), "name"),
        (json!({"description": "<b>"}), "description"),
        (json!({"rules": null}), "rules"),
        (json!({"rules": []}), "rules"),
        (json!({"rules": {}}), "rules"),
        (json!({"rules": vec![vault_rule(); 101]}), "rules"),
        (json!({"enabled": 1}), "enabled"),
        (json!({"enabled": true, "is_active": false}), "is_active"),
        (json!({"scope": "world"}), "scope"),
        (json!({"priority": 1.0}), "priority"),
        (json!({"max_duration_seconds": 0}), "max_duration_seconds"),
        (json!({"max_duration_seconds": 60, "default_duration_seconds": 61}), "default_duration_seconds"),
        (json!({"notification_channel": " "}), "notification_channel"),
        (json!({"defaultAction": "ask"}), "defaultAction"),
        (json!({"default_action": "deny"}), "the document"),
        (json!({"bindings": []}), "the document"),
    ] {
        let mut document = json!({"name": "p", "rules": [vault_rule()]});
        for (name, value) in change.as_object().unwrap() {
            document[name] = value.clone();
        }
        let error = RulePolicy::read(&document).unwrap_err();
        assert_eq!((error.place.as_str(), error.rule), (place, None), "{change}");
    }
    assert_eq!(RulePolicy::read(&json!([])).unwrap_err().place, "the document");
    assert!(RulePolicy::read(&json!({"name": "p", "rules": vec![vault_rule(); 100]})).is_ok());
}
