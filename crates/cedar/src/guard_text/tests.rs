use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    Compiler, Given, read_policy,
    testing::{Question, compiled, generate, on_pool, pinned_text, schema},
};

fn refused_as_too_deep(text: &str) {
    let error = check(text).unwrap_err();
    assert!(matches!(error, CedarError::TooDeep(_)), "{error}");
}

fn when(condition: &str) -> String {
    format!("permit(principal, action, resource) when {{ {condition} }};")
}

fn chain(term: &str, operator: &str, count: usize) -> String {
    vec![term; count].join(operator)
}

/// Accepted by the guard, and then no step on the pool overflows its stack: reading, validating, compiling, evaluating.
fn accepted(text: String) {
    check(&text).unwrap();
    on_pool(move || {
        let schema = schema("entity User, Group; action a appliesTo { principal: User, resource: User };");
        let pinned = [pinned_text(1, &text)];
        Compiler::new(0).validate(&pinned, &schema).unwrap();
        let question = Question::new("User::\"a\"", "Action::\"a\"", "User::\"a\"", json!({}));
        Question { validate: false, ..question }.ask(&compiled(&pinned, schema).unwrap()).unwrap();
    });
}

#[test]
fn the_330_byte_bomb_and_its_like_are_refused() {
    refused_as_too_deep(&when(&format!("{}true{}", "(".repeat(500), ")".repeat(500))));
    refused_as_too_deep(&when(&format!("{}true{}", "[".repeat(500), "]".repeat(500))));
    refused_as_too_deep(&when(&format!("{}1{}", "{a: ".repeat(500), "}".repeat(500))));
    refused_as_too_deep(&when(&format!("context{}", ".a".repeat(1_000))));
    refused_as_too_deep(&when(&format!("context{}", "[\"a\"]".repeat(1_000))));
    refused_as_too_deep(&when(&format!("context{}", ".isEmpty()".repeat(1_000))));
    refused_as_too_deep(&when(&format!("{}true", "!".repeat(1_000))));
    refused_as_too_deep(&when(&format!("{}1 == 1", "-".repeat(1_000))));
    for operator in [" && ", " || ", " + ", " - ", " * ", " == ", " in ", " < "] {
        refused_as_too_deep(&when(&chain("context.a", operator, 1_000)));
    }
    refused_as_too_deep(&when(&format!("{}true{}", "if true then ".repeat(500), " else false".repeat(500))));
    refused_as_too_deep(&when(&format!("{}true", "if true then false else ".repeat(500))));
    refused_as_too_deep(&when(&format!("{}true{}", "if ".repeat(500), " then true else false".repeat(500))));
    refused_as_too_deep(&format!("permit(principal, action, resource){};", " when { true }".repeat(60_000)));
    refused_as_too_deep(&format!("permit(principal, action, resource){};", " unless { true }".repeat(500)));
}

#[test]
fn nesting_and_chains_add_up() {
    let tower = (0..100).fold("true".to_owned(), |inner, _| format!("({} && {inner})", chain("true", " && ", 389)));
    refused_as_too_deep(&when(&tower));
    let behind = format!("({}) && {}", "(".repeat(300) + "true" + &")".repeat(300), chain("true", " && ", 200));
    refused_as_too_deep(&when(&behind));
    let clauses = format!(
        "permit(principal, action, resource){};",
        format!(" when {{ {} }}", chain("true", " && ", 250)).repeat(200)
    );
    refused_as_too_deep(&clauses);
}

#[test]
fn what_nests_less_passes_in_cedar_too() {
    accepted(when(&format!("{}true{}", "(".repeat(390), ")".repeat(390))));
    accepted(when(&chain("context.a == 1", " || ", 62)));
    accepted(when(&chain("context.a.b.c == 1 && context.d", " || ", 380)));
    accepted(when(&format!("context{}", ".a".repeat(390))));
    accepted(when(&format!("{}true", "if true then false else ".repeat(390))));
    accepted(format!("permit(principal, action, resource){};", " when { true }".repeat(390)));
    accepted(when(&format!("context has {}", chain("a", ".", 390))));
    let tower = (0..19).fold("true".to_owned(), |inner, _| format!("({} && {inner})", chain("true", " && ", 18)));
    accepted(when(&tower));
}

#[test]
fn hundreds_of_policies_are_not_deep() {
    let mut text = String::new();
    for number in 0..1_000 {
        writeln!(
            text,
            r#"@id("p{number}") permit(principal == User::"u{number}", action, resource) when {{ context.a }};"#
        )
        .unwrap();
    }
    accepted(text);
}

#[test]
fn long_lists_and_ordinary_spellings_are_not_deep() {
    let many = (0..3_000).map(|number| format!("\"value {number} ((((\"")).collect::<Vec<_>>().join(", ");
    accepted(when(&format!("[{many}].contains(context.a)")));
    accepted(
        r#"// ((((((((( a comment with "quotes" and { brackets
        @if("x") @then @else("y")
        permit(principal is User in Group::"g", action in [Action::"a", Action::"b"], resource)
        when { context has "if" && {"if": 1, "then": 2, like_: 3}["if"] == 1 && context["in"].isEmpty() && "}" == "{" }
        unless { if context.a then context.b else if context.c is User then -1 - -2 * 3 < 4 else context.d like "*(*" };
        "#
        .to_owned(),
    );
}

#[test]
fn doubling_type_tests_are_too_heavy() {
    let nested = |levels: usize| {
        (0..levels).fold("principal".to_owned(), |inner, _| {
            format!(r#"(if {inner} is User in Group::"g" then principal else principal)"#)
        })
    };
    accepted(when(&format!(r#"{} == User::"a""#, nested(8))));
    refused_as_too_deep(&when(&format!(r#"{} == User::"a""#, nested(30))));
}

#[test]
fn unbalanced_text_is_refused_with_its_position() {
    for (text, line, column) in [
        ("permit(principal, action, resource)\nwhen { (true };", 2, 14),
        ("permit(principal, action, resource)\nwhen { true ; };", 2, 13),
        ("permit(principal, action, resource) when {", 1, 42),
        (")", 1, 1),
        ("permit(principal == User::\"a, action, resource);", 1, 27),
    ] {
        let CedarError::Invalid { findings } = check(text).unwrap_err() else { panic!("{text}") };
        assert_eq!((findings[0].line, findings[0].column), (Some(line), Some(column)), "{text}: {findings:?}");
    }
}

#[test]
fn text_without_a_token_is_missing() {
    for text in ["", " \n\t", "// permit(principal, action, resource);", "\u{a0}// x\r\n// y"] {
        assert!(matches!(check(text), Err(CedarError::MissingContent)), "{text:?}");
    }
}

#[test]
fn the_measure_takes_one_pass() {
    // A quadratic scan of this would not end.
    for unit in ["(", "if ", "a.", "\"\" ", "!", "// x\n", "x is T in ", "{a:", "[a,", "when { true } "] {
        let _verdict = check(&unit.repeat(4_000_000 / unit.len()));
    }
}

/// The height of an expression in Cedar's JSON: `{"operator": {"left": …, "right": …}}`.
fn height(expression: &Value) -> usize {
    let Value::Object(operation) = expression else { return 0 };
    let operands = operation.values().flat_map(|operands| match operands {
        Value::Array(items) => items.iter().collect::<Vec<_>>(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    });
    1 + operands.map(height).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_measure_never_falls_short_of_the_tree(source in generate::policies()) {
        let measured = measure(&source).unwrap();
        let content = on_pool(move || read_policy(Given::Text(&source)).unwrap());
        let json: Value = serde_json::from_str(&content.cedar_json).unwrap();
        for policy in ["staticPolicies", "templates"].iter().flat_map(|part| json[*part].as_object().unwrap().values()) {
            let clauses = policy["conditions"].as_array().unwrap();
            let highest = clauses.iter().map(|clause| height(&clause["body"])).max().unwrap_or(0);
            prop_assert!(clauses.len() + highest <= measured, "{measured} for {policy}");
        }
    }
}
