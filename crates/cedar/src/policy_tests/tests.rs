use serde_json::json;

use super::*;
use crate::testing::{on_pool, pinned_json, pinned_text, policy_id, schema};

const SCHEMA: &str = r#"entity Group; entity User in [Group] { age: Long }; entity Doc;
    action "readers"; action read in ["readers"] appliesTo { principal: User, resource: Doc, context: { ip?: String } };"#;

fn text(policies: &str, schema: TestSchema) -> TestBed {
    TestBed::new(TestPolicies::Given(Given::Text(policies)), schema).unwrap()
}

fn strict() -> TestSchema {
    TestSchema::Strict(schema(SCHEMA))
}

fn request(action: &str, context: Value) -> TestRequest {
    TestRequest {
        principal: "User::\"alice\"".parse().unwrap(),
        action: format!("Action::\"{action}\"").parse().unwrap(),
        resource: "Doc::\"1\"".parse().unwrap(),
        context,
    }
}

fn decide(bed: &TestBed, action: &str, entities: &Value) -> Result<TestDecision, String> {
    let read = bed.read_entities(entities).map_err(|error| error.to_string())?;
    bed.decide(&request(action, json!({})), &read).map_err(|error| error.to_string())
}

fn ids(decision: &TestDecision) -> Vec<&str> {
    decision.reason.iter().map(|reason| reason.cedar_id.as_str()).collect()
}

fn alice(age: &Value) -> Value {
    json!([{"uid": {"type": "User", "id": "alice"}, "attrs": {"age": age}, "parents": []}])
}

/// Elsewhere a set whose `forbid` failed denies.
#[test]
fn a_forbid_that_fails_is_skipped_as_cedar_does() {
    on_pool(|| {
        let bed = text(
            "permit(principal, action, resource);
             forbid(principal, action, resource) when { principal.age > 3 };",
            TestSchema::Absent,
        );
        let decision = decide(&bed, "read", &json!([])).unwrap();
        assert_eq!((decision.decision, ids(&decision)), (Decision::Allow, vec!["policy0"]));
        assert_eq!(decision.errors.len(), 1);
        assert_eq!(decision.errors[0].cedar_id, "policy1");
    });
}

#[test]
fn what_does_not_validate_is_found_and_still_evaluated() {
    on_pool(|| {
        let bed = text(
            "permit(principal, action, resource);\npermit(principal, action, resource)\n  when { principal.name == 1 };",
            strict(),
        );
        let [finding] = bed.findings().unwrap().errors.as_slice() else { panic!("{:?}", bed.findings()) };
        assert_eq!((finding.cedar_id.as_deref(), finding.policy_id), (Some("policy1"), None));
        assert_eq!((finding.line, finding.column), (Some(3), Some(10)));
        let decision = decide(&bed, "read", &alice(&json!(3))).unwrap();
        assert_eq!((decision.decision, decision.errors.len()), (Decision::Allow, 1));
    });
}

#[test]
fn without_validation_nothing_is_found() {
    on_pool(|| {
        let policies = "permit(principal, action, resource) when { principal.name == 1 };";
        for schema in [TestSchema::Absent, TestSchema::Actions(schema(SCHEMA))] {
            assert!(text(policies, schema).findings().is_none());
        }
    });
}

#[test]
fn what_does_not_fit_the_schema_has_no_decision_only_when_it_is_checked() {
    on_pool(|| {
        let policies = "permit(principal, action, resource);";
        let unfit: [(&TestRequest, &Value); 3] = [
            (&request("write", json!({})), &json!([])),
            (&request("read", json!({"ip": 1})), &json!([])),
            (&request("read", json!({})), &alice(&json!("old"))),
        ];
        for (request, entities) in unfit {
            let bed = text(policies, strict());
            let refused = bed.read_entities(entities).and_then(|entities| bed.decide(request, &entities));
            assert!(matches!(refused, Err(EvaluateError::InvalidRequest(_))), "{request:?}");
            for schema in [TestSchema::Absent, TestSchema::Actions(schema(SCHEMA))] {
                let bed = text(policies, schema);
                let decision = bed.decide(request, &bed.read_entities(entities).unwrap()).unwrap();
                assert_eq!(decision.decision, Decision::Allow, "{request:?}");
            }
        }
    });
}

#[test]
fn actions_come_from_the_schema_and_without_one_from_the_entities() {
    on_pool(|| {
        let policies = r#"permit(principal, action in Action::"readers", resource);"#;
        let action =
            |parents: Value| json!([{"uid": {"type": "Action", "id": "read"}, "attrs": {}, "parents": parents}]);
        let equal = action(json!([{"type": "Action", "id": "readers"}]));
        let other = action(json!([]));
        for schema in [strict(), TestSchema::Actions(schema(SCHEMA))] {
            let bed = text(policies, schema);
            assert_eq!(decide(&bed, "read", &json!([])).unwrap().decision, Decision::Allow);
            assert_eq!(decide(&bed, "read", &equal).unwrap().decision, Decision::Allow);
            assert!(decide(&bed, "read", &other).is_err());
        }
        let bed = text(policies, TestSchema::Absent);
        assert_eq!(decide(&bed, "read", &json!([])).unwrap().decision, Decision::Deny);
        assert_eq!(decide(&bed, "read", &equal).unwrap().decision, Decision::Allow);
        assert_eq!(decide(&bed, "read", &other).unwrap().decision, Decision::Deny);
    });
}

#[test]
fn versions_that_stand_together_are_told_apart() {
    on_pool(|| {
        let linked = json!({
            "staticPolicies": {}, "templates": {"t": {"effect": "permit", "principal": {"op": "==", "slot": "?principal"},
                "action": {"op": "All"}, "resource": {"op": "All"}, "conditions": []}},
            "templateLinks": [{"templateId": "t", "newId": "alice",
                "values": {"?principal": {"__entity": {"type": "User", "id": "alice"}}}}]});
        let twelve = "permit(principal, action, resource);\n".repeat(12);
        let pinned = [pinned_text(1, &twelve), pinned_json(2, &linked)];
        let bed = TestBed::new(TestPolicies::Pinned(&pinned), strict()).unwrap();
        let decision = decide(&bed, "read", &json!([])).unwrap();
        let mut expected: Vec<_> = (0..12).map(|number| format!("{}/policy{number}", policy_id(1))).collect();
        expected.push(format!("{}/alice", policy_id(2)));
        assert_eq!(ids(&decision), expected);
    });
}

#[test]
fn findings_in_several_versions_name_the_policy() {
    on_pool(|| {
        let pinned =
            [1, 2].map(|n| pinned_text(n, "permit(principal, action, resource) when { principal.name == 1 };"));
        let bed = TestBed::new(TestPolicies::Pinned(&pinned), strict()).unwrap();
        let found = bed.findings().unwrap();
        let named: Vec<_> =
            found.errors.iter().map(|finding| (finding.policy_id, finding.cedar_id.as_deref())).collect();
        assert_eq!(named, [1, 2].map(|n| (Some(policy_id(n)), Some("policy0"))));
    });
}

#[test]
fn a_stored_version_that_was_changed_is_not_tested() {
    on_pool(|| {
        let mut pinned = pinned_text(1, "permit(principal, action, resource);");
        pinned.cedar_raw = Some("forbid(principal, action, resource);".to_owned());
        let refused = TestBed::new(TestPolicies::Pinned(&[pinned]), TestSchema::Absent);
        assert!(matches!(refused, Err(CedarError::DigestMismatch { .. })));
    });
}

#[test]
fn a_determining_policy_is_known_by_its_id_and_by_its_annotation() {
    on_pool(|| {
        let bed = text("@id(\"everybody\") permit(principal, action, resource);", TestSchema::Absent);
        let decision = decide(&bed, "read", &json!([])).unwrap();
        assert!(decision.names("policy0") && decision.names("everybody") && !decision.names("policy1"));
    });
}

#[test]
fn entities_keep_their_caps_without_a_schema() {
    on_pool(|| {
        let bed = text("permit(principal, action, resource);", TestSchema::Absent);
        let many: Vec<_> = (0..=entities::MAX_ENTITIES)
            .map(|n| json!({"uid": {"type": "User", "id": n.to_string()}, "attrs": {}, "parents": []}))
            .collect();
        assert!(bed.read_entities(&json!(many)).is_err());
        assert!(bed.read_entities(&json!(many[1..])).is_ok());
    });
}

#[test]
fn texts_stand_together_under_their_names() {
    on_pool(|| {
        let texts = [
            NamedText { name: "readers", text: "permit(principal, action, resource);" },
            NamedText {
                name: "nobody",
                text: "permit(principal, action, resource);\n@id(\"stop\") forbid(principal, action, resource);",
            },
        ];
        let bed = TestBed::new(TestPolicies::Named(&texts), strict()).unwrap();
        let decision = decide(&bed, "read", &alice(&json!(3))).unwrap();
        assert_eq!((decision.decision, ids(&decision)), (Decision::Deny, vec!["nobody/policy1"]));
        assert!(decision.names("stop"));
        let bed = TestBed::new(TestPolicies::Named(&texts[..1]), strict()).unwrap();
        assert_eq!(ids(&decide(&bed, "read", &alice(&json!(3))).unwrap()), ["readers/policy0"]);
    });
}
