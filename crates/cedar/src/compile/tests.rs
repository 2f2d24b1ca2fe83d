use serde_json::json;

use super::*;
use crate::testing::{on_pool, pinned_json, pinned_text, policy_id, schema};

const SCHEMA: &str = "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc };";

#[test]
fn versions_keep_their_ids_apart() {
    on_pool(|| {
        let text = "@why(\"because\") permit(principal, action, resource); forbid(principal, action, resource);";
        let compiled = compile(&[pinned_text(1, text), pinned_text(2, text)], schema(SCHEMA)).unwrap();
        let mut members: Vec<_> = compiled.members().collect();
        members.sort_by_key(|member| member.place);
        let ids: Vec<_> =
            members.iter().map(|member| (member.policy_id, member.cedar_id.as_str(), member.effect)).collect();
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
        assert_eq!(members[0].annotations, BTreeMap::from([("why".to_owned(), "because".to_owned())]));
        assert!(compiled.has_permit() && compiled.bytes() > 2 * text.len());
    });
}

#[test]
fn content_that_is_not_what_was_published_never_decides() {
    on_pool(|| {
        let published = pinned_text(1, "forbid(principal, action, resource);");
        let mut text = published.clone();
        text.cedar_raw = Some("permit(principal, action, resource);".to_owned());
        assert!(matches!(compile(&[text], schema(SCHEMA)), Err(CedarError::DigestMismatch { .. })));

        let mut json = pinned_json(1, &serde_json::from_str(&published.cedar_json).unwrap());
        assert_eq!(json.sha, published.sha);
        json.cedar_json = json.cedar_json.replace("forbid", "permit");
        assert!(matches!(compile(&[json], schema(SCHEMA)), Err(CedarError::DigestMismatch { .. })));

        let mut gone = published;
        gone.cedar_raw = None;
        assert!(matches!(compile(&[gone], schema(SCHEMA)), Err(CedarError::Unreadable(_))));
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
        assert!(matches!(compile(&[pinned], schema(SCHEMA)), Err(CedarError::Unreadable(_))));
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
        let compiled = compile(&[pinned_json(1, &linked), pinned_json(2, &linked)], schema(SCHEMA)).unwrap();
        assert_eq!(compiled.members().map(|member| member.cedar_id.as_str()).collect::<Vec<_>>(), ["alice", "alice"]);
        assert!(compiled.has_permit());

        let alone = compile(&[pinned_json(1, &json!({"templates": {"t": template}}))], schema(SCHEMA)).unwrap();
        assert_eq!(alone.members().count(), 0);
        assert!(!alone.has_permit(), "nothing in it can permit");
    });
}
