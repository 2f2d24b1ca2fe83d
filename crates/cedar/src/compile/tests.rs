use serde_json::json;

use std::collections::BTreeMap;

use super::*;
use crate::testing::{compiled, on_pool, pinned_json, pinned_text, policy_id, schema};

const SCHEMA: &str = "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc };";

#[test]
fn versions_keep_their_ids_apart() {
    on_pool(|| {
        let text = "@why(\"because\") permit(principal, action, resource); forbid(principal, action, resource);";
        let set = compiled(&[pinned_text(1, text), pinned_text(2, text)], schema(SCHEMA)).unwrap();
        let members = &set.members;
        let ids: Vec<_> = members
            .iter()
            .map(|member| (member.policy_id, member.statement.cedar_id.as_str(), member.statement.effect))
            .collect();
        let (one, two) = (policy_id(1), policy_id(2));
        assert_eq!(
            ids,
            [
                (one, "policy0", Effect::Permit),
                (one, "policy1", Effect::Forbid),
                (two, "policy0", Effect::Permit),
                (two, "policy1", Effect::Forbid)
            ]
        );
        assert_eq!(members[0].statement.annotations, BTreeMap::from([("why".to_owned(), "because".to_owned())]));
        assert!(set.has_permit() && set.bytes() > 2 * text.len());
    });
}

#[test]
fn content_that_is_not_what_was_published_never_decides() {
    on_pool(|| {
        let published = pinned_text(1, "forbid(principal, action, resource);");
        let mut text = published.clone();
        text.cedar_raw = Some("permit(principal, action, resource);".to_owned());
        assert!(matches!(compiled(&[text], schema(SCHEMA)), Err(CedarError::DigestMismatch { .. })));

        let mut json = pinned_json(1, &serde_json::from_str(&published.cedar_json).unwrap());
        assert_eq!(json.sha, published.sha);
        json.cedar_json = json.cedar_json.replace("forbid", "permit");
        assert!(matches!(compiled(&[json], schema(SCHEMA)), Err(CedarError::DigestMismatch { .. })));

        let mut gone = published;
        gone.cedar_raw = None;
        assert!(matches!(compiled(&[gone], schema(SCHEMA)), Err(CedarError::Unreadable(_))));
    });
}

#[test]
fn stored_json_with_a_member_twice_is_unreadable() {
    on_pool(|| {
        let all = json!({"op": "All"});
        let policy = json!({"effect": "forbid", "principal": all, "action": all, "resource": all, "conditions": []});
        let mut pinned = pinned_json(1, &policy);
        pinned.cedar_json =
            pinned.cedar_json.replace("\"effect\":\"forbid\"", "\"effect\":\"permit\",\"effect\":\"forbid\"");
        assert!(matches!(compiled(&[pinned], schema(SCHEMA)), Err(CedarError::Unreadable(_))));
    });
}

#[test]
fn links_decide_and_templates_alone_do_not() {
    on_pool(|| {
        let all = json!({"op": "All"});
        let template = json!({"effect": "permit", "principal": {"op": "==", "slot": "?principal"}, "action": all,
            "resource": all, "conditions": []});
        let linked = json!({"templates": {"t": template}, "templateLinks": [
            {"templateId": "t", "newId": "alice", "values": {"?principal": {"type": "User", "id": "alice"}}}]});
        let set = compiled(&[pinned_json(1, &linked), pinned_json(2, &linked)], schema(SCHEMA)).unwrap();
        assert_eq!(
            set.members.iter().map(|member| member.statement.cedar_id.as_str()).collect::<Vec<_>>(),
            ["alice", "alice"]
        );
        assert!(set.has_permit());

        let alone = compiled(&[pinned_json(1, &json!({"templates": {"t": template}}))], schema(SCHEMA)).unwrap();
        assert_eq!(alone.statements(), 0);
        assert!(!alone.has_permit(), "nothing in it can permit");
    });
}

#[test]
fn the_schemas_that_were_asked_for_last_are_read_once() {
    on_pool(|| {
        let compiler = Compiler::new(0);
        let content = |number: usize| {
            let text = format!("entity E{number}; action a appliesTo {{ principal: E{number}, resource: E{number} }};");
            crate::read_schema(crate::Given::Text(&text)).unwrap()
        };
        let ask = |number| {
            let content = content(number);
            compiler.schema(&content.cedar_schema_json, content.schema_sha).unwrap().downgrade()
        };
        let first = ask(0);
        (1..RECENT).for_each(|number| drop(ask(number)));
        assert!(first.upgrade().is_some());
        assert!(first.upgrade().unwrap().is(&ask(0).upgrade().unwrap()));
        (1..=RECENT).for_each(|number| drop(ask(number)));
        assert!(first.upgrade().is_none(), "nobody uses it, and others were asked for since");
    });
}
