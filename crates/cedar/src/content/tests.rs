use cedarkeep_model::canonical_bytes;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{generate, on_pool};

fn text(text: &str) -> Result<PolicyContent, CedarError> {
    let text = text.to_owned();
    on_pool(move || read_policy(Given::Text(&text)))
}

fn from_json(value: Value) -> Result<PolicyContent, CedarError> {
    on_pool(move || read_policy(Given::Json(&value)))
}

/// Reads the JSON of content as a client would send it back.
fn again(content: &PolicyContent) -> PolicyContent {
    from_json(json::parse(content.cedar_json.as_bytes()).unwrap()).unwrap()
}

const PERMIT: &str = "permit(principal, action, resource);";

fn static_policy(condition: &Value) -> Value {
    json!({"effect": "permit", "principal": {"op": "All"}, "action": {"op": "All"}, "resource": {"op": "All"},
           "conditions": [{"kind": "when", "body": condition}]})
}

#[test]
fn a_nul_character_is_refused_with_its_place() {
    let Err(CedarError::Invalid { findings }) = text("// a\n// \0\npermit (principal, action, resource);") else {
        panic!("accepted")
    };
    assert_eq!((findings[0].line, findings[0].column), (Some(2), Some(4)));
}

#[test]
fn the_digest_is_that_of_the_meaning() {
    let plain = text(PERMIT).unwrap();
    let spaced = text("  // a comment\n permit ( principal,action , resource ) ;\n").unwrap();
    assert_eq!(plain.sha, spaced.sha);
    assert_eq!(spaced.cedar_raw.as_deref(), Some("  // a comment\n permit ( principal,action , resource ) ;\n"));
    assert_ne!(plain.sha, text("forbid(principal, action, resource);").unwrap().sha);
    assert_ne!(plain.sha, text(&format!("@id(\"x\") {PERMIT}")).unwrap().sha);
    assert_ne!(plain.sha, text(&PERMIT.repeat(2)).unwrap().sha);
}

#[test]
fn the_digest_is_reproducible_from_the_documented_rules() {
    let content = text(PERMIT).unwrap();
    let all = json!({"op": "All"});
    let n = json!({"templates": {}, "templateLinks": [], "staticPolicies": {"policy0":
        {"effect": "permit", "principal": all, "action": all, "resource": all, "conditions": []}}});
    assert_eq!(content.sha, Digest::of(&canonical_bytes(&n).unwrap()));
    assert_eq!((content.origin, content.permits), (Origin::Text, 1));
}

#[test]
fn statements_stand_in_source_order() {
    let many =
        (0..12).map(|n| format!("permit(principal == U::\"{n}\", action, resource);")).collect::<Vec<_>>().concat();
    let content = text(&many).unwrap();
    let at = |n: usize| content.cedar_json.find(&format!("\"policy{n}\":")).unwrap();
    assert!((1..12).all(|n| at(n - 1) < at(n)));
    assert!(content.cedar_json.starts_with(r#"{"staticPolicies":{"policy0":"#));
    let back = again(&content);
    assert_eq!((back.sha, back.origin, &back.cedar_json), (content.sha, Origin::Json, &content.cedar_json));
    // Printed in numeric order, so that the text means the same.
    assert_eq!(text(back.cedar_raw.as_deref().unwrap()).unwrap().sha, content.sha);
}

#[test]
fn large_integers_have_digests_of_their_own() {
    let with = |n: i64| text(&format!("permit(principal, action, resource) when {{ context.n == {n} }};")).unwrap();
    let (even, odd) = (with(9_007_199_254_740_992), with(9_007_199_254_740_993));
    assert_ne!(even.sha, odd.sha);
    assert!(odd.cedar_json.contains("9007199254740993"), "the wire keeps the digits: {}", odd.cedar_json);
    for content in [even, odd, with(i64::MAX), with(-9_007_199_254_740_993)] {
        assert_eq!(again(&content).sha, content.sha);
        assert_eq!(text(again(&content).cedar_raw.as_deref().unwrap()).unwrap().sha, content.sha);
    }
}

#[test]
fn the_key_of_large_integers_is_refused_everywhere() {
    for condition in [r#"{"__long": "1"} == context"#, "context == {a: [{__long: 1}]}"] {
        let refused = text(&format!("permit(principal, action, resource) when {{ {condition} }};"));
        assert!(matches!(refused, Err(CedarError::ReservedKey)), "{condition}: {refused:?}");
    }
    for body in [json!({"Value": {"__long": "1"}}), json!({"Record": {"__long": {"Value": 1}}})] {
        assert!(matches!(from_json(static_policy(&body)), Err(CedarError::ReservedKey)));
    }
    // An attribute of that name is a string in the tree, not a key.
    assert!(text("permit(principal, action, resource) when { context.__long == 1 };").is_ok());
}

#[test]
fn nothing_is_missing_content() {
    for nothing in ["", " \n", "// permit(principal, action, resource);"] {
        assert!(matches!(text(nothing), Err(CedarError::MissingContent)), "{nothing:?}");
    }
    for nothing in [json!(null), json!({}), json!({"staticPolicies": {}, "templates": {}, "templateLinks": []})] {
        assert!(matches!(from_json(nothing.clone()), Err(CedarError::MissingContent)), "{nothing}");
    }
}

#[test]
fn json_may_leave_members_out_and_may_be_one_policy() {
    let one = static_policy(&json!({"Value": true}));
    let content = from_json(one.clone()).unwrap();
    assert_eq!(content.sha, from_json(json!({"staticPolicies": {"policy0": one}})).unwrap().sha);
    assert_eq!(content.sha, text("permit(principal, action, resource) when { true };").unwrap().sha);

    let template = json!({"effect": "forbid", "principal": {"op": "is", "entity_type": "User", "in": {"slot": "?principal"}},
        "action": {"op": "All"}, "resource": {"op": "All"}, "conditions": []});
    let content = from_json(template).unwrap();
    assert_eq!(content.permits, 0);
    assert_eq!(content.sha, text("forbid(principal is User in ?principal, action, resource);").unwrap().sha);
}

#[test]
fn foreign_members_are_refused() {
    let mut policy = static_policy(&json!({"Value": true}));
    assert!(matches!(
        from_json(json!({"staticPolicies": {"policy0": policy}, "more": 1})),
        Err(CedarError::Invalid { .. })
    ));
    policy.as_object_mut().unwrap().insert("more".into(), json!(1));
    assert!(matches!(from_json(policy.clone()), Err(CedarError::Invalid { .. })));
    assert!(matches!(from_json(json!({"staticPolicies": {"policy0": policy}})), Err(CedarError::Invalid { .. })));
    for wrong in [json!([]), json!("permit"), json!({"staticPolicies": []}), json!({"staticPolicies": {"p": null}})] {
        assert!(matches!(from_json(wrong.clone()), Err(CedarError::Invalid { .. })), "{wrong}");
    }
}

#[test]
fn templates_links_and_foreign_ids_keep_their_digest_and_have_no_text() {
    let linked = json!({
        "staticPolicies": {"keep out": static_policy(&json!({"Value": true}))},
        "templates": {"t": {"effect": "permit", "principal": {"op": "==", "slot": "?principal"}, "action": {"op": "All"},
                            "resource": {"op": "All"}, "conditions": [], "annotations": {"why": "because"}}},
        "templateLinks": [{"templateId": "t", "newId": "l2", "values": {"?principal": {"type": "U", "id": "2"}}},
                          {"templateId": "t", "newId": "l1", "values": {"?principal": {"type": "U", "id": "1"}}}]});
    let content = from_json(linked).unwrap();
    assert_eq!((content.cedar_raw.clone(), content.permits), (None, 4));
    assert_eq!(again(&content), content);

    let foreign = from_json(json!({"staticPolicies": {"p": static_policy(&json!({"Value": true}))}})).unwrap();
    assert_eq!(foreign.cedar_raw, None, "text would call it policy0");
    assert_eq!(again(&foreign), foreign);
}

#[test]
fn annotations_and_literals_survive_printing() {
    let source = r#"@id("a") @note("say \"hi\"\n\u{1F600}") @bare
        permit(principal is App::User in App::Group::"x y", action in [App::Action::"r", App::Action::"w"], resource == R::"é")
        when { context.a like "*\*x\"" && {"a b": [1, -2, {c: decimal("1.5")}]} == context && ip("10.0.0.0/8") == context.ip }
        unless { if context has b.c.d then context["e f"] else !(-context.n > 3) };
        forbid(principal in ?principal, action, resource is R in ?resource);"#;
    let content = text(source).unwrap();
    let back = again(&content);
    assert_eq!((back.sha, &back.cedar_json), (content.sha, &content.cedar_json));
    let printed = back.cedar_raw.expect("this prints");
    assert!(printed.contains("@note(") && printed.contains("@bare"), "{printed}");
    assert_eq!(text(&printed).unwrap().sha, content.sha);
}

#[test]
fn what_text_can_say_is_loaded_from_text() {
    // Its JSON is deeper than JSON readers accept; the text is not.
    let terms = vec!["context.a == 1"; 80].join(" || ");
    let content = text(&format!("permit(principal, action, resource) when {{ {terms} }};")).unwrap();
    assert!(json::parse(content.cedar_json.as_bytes()).is_err(), "so this could not be loaded from its JSON");
    assert!(
        on_pool(move || Statements::load(content.origin, content.cedar_raw.as_deref(), &content.cedar_json)).is_ok()
    );
}

#[test]
fn deep_json_is_refused_with_a_way_out() {
    let deep = (0..70).fold(json!({"Value": true}), |inner, _| json!({"!": {"arg": inner}}));
    let error = from_json(static_policy(&deep)).unwrap_err();
    assert!(matches!(&error, CedarError::TooDeep(message) if message.contains("text")), "{error}");
    // What the guard lets through, printing may deepen by a level; the loader's path then refuses it, at once.
    for levels in 50..70 {
        let nested =
            (0..levels).fold(json!({"Value": {"type": "T", "id": "x"}}), |inner, _| json!({"!": {"arg": inner}}));
        if let Ok(content) = from_json(static_policy(&nested)) {
            assert_eq!(again(&content).sha, content.sha);
        }
    }
}

#[test]
fn json_that_is_wrong_at_the_bottom_is_refused_in_time() {
    // Each of these is read again for every level above it.
    for wrap in [
        |inner| json!({"has": {"left": inner, "attr": "a"}}),
        |inner| json!({"has": {"left": inner, "attr": ["a", "b"]}}),
        |inner| json!({"Value": {"__extn": {"fn": "ip", "arg": inner}}}),
        |inner| json!({"Set": [inner]}),
    ] as [fn(Value) -> Value; 4]
    {
        let nested = (0..40).fold(json!({"Value": 1.5}), |inner, _| wrap(inner));
        assert!(from_json(static_policy(&nested)).is_err());
    }
}

#[test]
fn findings_have_positions() {
    let CedarError::Invalid { findings } =
        text("permit(principal, action, resource)\nwhen { context.a = 1 };").unwrap_err()
    else {
        panic!()
    };
    assert_eq!((findings[0].line, findings[0].column), (Some(2), Some(8)), "{findings:?}");
    assert!(findings[0].message.contains("=="), "{findings:?}");
}

#[test]
fn a_text_full_of_faults_is_told_about_some() {
    let CedarError::Invalid { findings } = text(&"nonsense;".repeat(10_000)).unwrap_err() else { panic!() };
    assert_eq!(findings.len(), MAX_FINDINGS);
}

#[test]
fn sizes_are_limited() {
    let comment = format!("{PERMIT} // {}", "x".repeat(MAX_POLICY_BYTES));
    assert!(matches!(text(&comment), Err(CedarError::TooLarge(_))));
    let long = static_policy(&json!({"Value": "x".repeat(MAX_POLICY_BYTES)}));
    assert!(matches!(from_json(long), Err(CedarError::TooLarge(_))));
}

/// The same value with the members of every object in reverse.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().rev().map(|(key, member)| (key.clone(), reversed(member))).collect(),
        Value::Array(items) => items.iter().map(reversed).collect(),
        _ => value.clone(),
    }
}

#[test]
fn the_order_of_members_does_not_matter() {
    let content =
        text("@b(\"1\") @a(\"2\") permit(principal == U::\"1\", action, resource) when { {b: 1, a: 2} == context };")
            .unwrap();
    let value = json::parse(content.cedar_json.as_bytes()).unwrap();
    let turned = reversed(&value);
    assert_ne!(turned.to_string(), value.to_string(), "maps keep the order they are given");
    assert_eq!(from_json(turned).unwrap().sha, content.sha);
}

#[test]
fn functions_that_leave_a_decision_open_are_refused() {
    assert!(matches!(
        text(r#"permit(principal, action, resource) when { unknown("x") };"#),
        Err(CedarError::Invalid { .. })
    ));
    let body = json!({"unknown": [{"Value": "x"}]});
    assert!(matches!(from_json(static_policy(&body)), Err(CedarError::Invalid { .. })));
}

#[test]
fn numbers_that_are_no_longs_are_refused() {
    for number in [json!(1.5), json!(1e3), json!(u64::MAX), json!(null)] {
        assert!(matches!(from_json(static_policy(&json!({"Value": number}))), Err(CedarError::Invalid { .. })));
    }
    assert!(matches!(
        text("permit(principal, action, resource) when { 9223372036854775808 == 1 };"),
        Err(CedarError::Invalid { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Publishing the JSON of a version gives the digest of that version, and so does publishing the printed text.
    #[test]
    fn text_and_its_json_have_one_digest(source in generate::policies()) {
        let content = text(&source).unwrap();
        prop_assert_eq!(content.cedar_raw.as_deref(), Some(source.as_str()));
        let value = json::parse(content.cedar_json.as_bytes()).unwrap();
        let back = from_json(value.clone()).unwrap();
        prop_assert_eq!((back.sha, &back.cedar_json, back.permits), (content.sha, &content.cedar_json, content.permits));
        prop_assert_eq!(content.sha, canonical_digest(&escape_longs(&value)).unwrap());
        if let Some(printed) = back.cedar_raw {
            prop_assert_eq!(text(&printed).unwrap().sha, content.sha);
        }
    }

    /// Whatever it is given, reading ends with content or an error.
    #[test]
    fn any_text_is_read_or_refused(given in r#"(permit|forbid|\(|\)|\{|\}|\[|\]|when|if|then|else|"|\\|;|,|\.|::|is|in|has|like|!|-|&&|\|\||@|a|1| |//|\n|é){0,60}"#) {
        let _read = text(&given);
    }
}

/// Cedar keeps the values of a link in a map without an order.
#[test]
fn a_link_is_printed_the_same_each_time() {
    on_pool(|| {
        let all = json!({"op": "All"});
        let (one, other) = (json!({"op": "==", "slot": "?principal"}), json!({"op": "in", "slot": "?resource"}));
        let template =
            json!({"effect": "permit", "principal": one, "action": all, "resource": other, "conditions": []});
        let values = json!({"?resource": {"type": "Doc", "id": "1"}, "?principal": {"type": "User", "id": "a"}});
        let link = json!({"templateId": "t", "newId": "l", "values": values});
        let set = json!({"templates": {"t": template}, "templateLinks": [link]});
        let printed = || read_policy(Given::Json(&set)).unwrap().cedar_json;
        let first = printed();
        assert!(first.find("\"?principal\":{") < first.find("\"?resource\":{"), "{first}");
        assert!((0..30).all(|_| printed() == first));
    });
}
