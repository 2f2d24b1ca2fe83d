use serde_json::json;

use super::*;
use crate::{
    Schema,
    testing::{on_pool, pinned_json, pinned_text, policy_id, schema},
};

fn validated(pinned: &[Pinned], schema: &Schema) -> Result<Findings, CedarError> {
    Compiler::new(0).validate(pinned, schema)
}

fn notes() -> Schema {
    schema(
        "entity User { age: Long }; entity Doc { owner: User };
         action read appliesTo { principal: User, resource: Doc, context: { ip?: ipaddr, note?: String } };",
    )
}

#[test]
fn findings_name_policy_statement_and_place() {
    on_pool(|| {
        let good = "permit(principal, action, resource) when { principal == resource.owner };";
        let bad = "permit(principal, action, resource);\n\nforbid(principal, action, resource)\nwhen { principal.name == 1 };";
        let findings = validated(&[pinned_text(1, good), pinned_text(2, bad)], &notes()).unwrap();
        let [finding] = findings.errors.as_slice() else { panic!("{findings:?}") };
        assert_eq!(finding.policy_id, Some(policy_id(2)));
        assert_eq!(finding.cedar_id.as_deref(), Some("policy1"));
        assert_eq!((finding.line, finding.column), (Some(4), Some(8)), "{finding:?}");
        assert!(finding.message.contains("name"), "{finding:?}");
    });
}

#[test]
fn content_from_json_is_validated_without_places() {
    on_pool(|| {
        let all = json!({"op": "All"});
        let policy = json!({"effect": "permit", "principal": all, "action": all, "resource": all, "conditions": [
            {"kind": "when", "body": {".": {"left": {"Var": "context"}, "attr": "missing"}}}]});
        let findings = validated(&[pinned_json(1, &policy)], &notes()).unwrap();
        assert_eq!(findings.errors.len(), 1, "{findings:?}");
        assert_eq!((findings.errors[0].line, findings.errors[0].column), (None, None));
    });
}

/// Cedar has no open records: what is not declared does not validate, what is optional must be tested first.
#[test]
fn context_members_are_declared_and_tested() {
    on_pool(|| {
        let errors = |condition: &str| {
            let text = format!("permit(principal, action, resource) when {{ {condition} }};");
            validated(&[pinned_text(1, &text)], &notes()).unwrap().errors.len()
        };
        assert_eq!(errors(r#"context.mfa == "yes""#), 1);
        assert_eq!(errors(r#"context.note == "yes""#), 1);
        assert_eq!(errors(r#"context has note && context.note == "yes""#), 0);
    });
}

#[test]
fn findings_come_in_order_and_in_limited_number() {
    on_pool(|| {
        let statements =
            (0..150).map(|n| format!("permit(principal, action, resource) when {{ context.a{n} == 1 }};\n"));
        let findings = validated(&[pinned_text(1, &statements.collect::<String>())], &notes()).unwrap();
        assert_eq!(findings.errors.len(), MAX_FINDINGS);
        assert!(findings.errors.is_sorted_by_key(|finding| finding.line), "{findings:?}");
    });
}

#[test]
fn warnings_do_not_stop() {
    on_pool(|| {
        let findings =
            validated(&[pinned_text(1, "permit(principal, action, resource) when { false };")], &notes()).unwrap();
        assert!(findings.errors.is_empty());
        assert_eq!(findings.warnings[0].cedar_id.as_deref(), Some("policy0"));
    });
}

#[test]
fn more_work_than_minutes_is_refused() {
    on_pool(|| {
        let names = (0..220).map(|n| format!("T{n}")).collect::<Vec<_>>().join(", ");
        let wide =
            schema(&format!("entity {names}; action a appliesTo {{ principal: [{names}], resource: [{names}] }};"));
        let text = format!("permit(principal, action, resource); // {}", "x".repeat(250_000));
        assert!(matches!(validated(&[pinned_text(1, &text)], &wide), Err(CedarError::TooLarge(_))));
        assert!(validated(&[pinned_text(1, "permit(principal, action, resource);")], &wide).is_ok());
    });
}
