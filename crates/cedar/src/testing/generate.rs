//! Policies of all kinds, for property tests.

use proptest::{prelude::*, sample::select};

/// Text of one to fourteen statements: static policies and templates, with and without annotations and clauses.
pub(crate) fn policies() -> impl Strategy<Value = String> {
    prop::collection::vec(statement(), 1..14).prop_map(|statements| statements.join("\n"))
}

/// Text of one static policy over the entities that [`uid`] names.
pub(crate) fn static_policy() -> impl Strategy<Value = String> {
    (select(vec!["permit", "forbid"]), scope("principal"), action(), scope("resource"), clauses()).prop_map(
        |(effect, principal, action, resource, clauses)| {
            format!("{effect}({principal}, {action}, {resource}){clauses};")
        },
    )
}

/// `User`, `Group` and `Doc`, a few of each.
pub(crate) fn uid() -> impl Strategy<Value = (&'static str, usize)> {
    (select(vec!["User", "Group", "Doc"]), 0..4_usize)
}

fn uid_text() -> impl Strategy<Value = String> {
    uid().prop_map(|(kind, number)| format!("{kind}::\"{number}\""))
}

fn statement() -> impl Strategy<Value = String> {
    let template = (select(vec!["permit", "forbid"]), action(), clauses()).prop_map(|(effect, action, clauses)| {
        format!("{effect}(principal in ?principal, {action}, resource == ?resource){clauses};")
    });
    let annotations =
        prop::collection::btree_map(select(vec!["id", "note", "if", "advice"]), prop::option::of(literal_text()), 0..3)
            .prop_map(|annotations| {
                annotations
                    .into_iter()
                    .map(|(key, value)| value.map_or(format!("@{key} "), |value| format!("@{key}({value}) ")))
                    .collect::<String>()
            });
    (annotations, prop_oneof![4 => static_policy(), 1 => template])
        .prop_map(|(annotations, statement)| annotations + &statement)
}

fn scope(variable: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        Just(variable.to_owned()),
        uid_text().prop_map(move |uid| format!("{variable} == {uid}")),
        uid_text().prop_map(move |uid| format!("{variable} in {uid}")),
        uid().prop_map(move |(kind, _)| format!("{variable} is {kind}")),
        (uid(), uid_text()).prop_map(move |((kind, _), uid)| format!("{variable} is {kind} in {uid}")),
    ]
}

fn action() -> impl Strategy<Value = String> {
    select(vec![
        "action",
        "action == Action::\"read\"",
        "action in Action::\"any\"",
        "action in [Action::\"read\", Action::\"write\"]",
    ])
    .prop_map(str::to_owned)
}

fn clauses() -> impl Strategy<Value = String> {
    prop::collection::vec((select(vec!["when", "unless"]), expression()), 0..3).prop_map(|clauses| {
        clauses.into_iter().map(|(kind, body)| format!(" {kind} {{ {body} }}")).collect::<Vec<_>>().concat()
    })
}

/// A string literal with what Cedar escapes in it.
fn literal_text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        select(vec!["a", " ", "\\n", "\\\"", "\\\\", "\\0", "é", "\\u{1F600}", "*", "(", "//", "__entity"]),
        0..4,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "principal",
            "action",
            "resource",
            "context",
            "true",
            "false",
            "ip(\"10.0.0.0/8\")",
            "decimal(\"1.50\")",
            "datetime(\"2026-03-16\")",
            "duration(\"1d2h\")"
        ])
        .prop_map(str::to_owned),
        any::<i64>().prop_filter("literals are negated naturals", |n| *n != i64::MIN).prop_map(|n| n.to_string()),
        select(vec!["0", "1", "-1", "9007199254740993", "9223372036854775807", "-9223372036854775808"])
            .prop_map(str::to_owned),
        uid_text(),
        literal_text(),
    ]
}

pub(crate) fn expression() -> impl Strategy<Value = String> {
    leaf().prop_recursive(4, 24, 3, |inner| {
        let operator = select(vec!["&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "in"]);
        let method = select(vec!["contains", "containsAll", "containsAny", "getTag", "hasTag", "isInRange", "lessThan"]);
        prop_oneof![
            4 => (inner.clone(), operator, inner.clone()).prop_map(|(a, operator, b)| format!("({a}) {operator} ({b})")),
            1 => (inner.clone(), select(vec!["!", "-", "!!"])).prop_map(|(a, operator)| format!("{operator}({a})")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("if {a} then {b} else {c}")),
            1 => (inner.clone(), method, inner.clone()).prop_map(|(a, method, b)| format!("({a}).{method}({b})")),
            1 => inner.clone().prop_map(|a| format!("({a}).isEmpty()")),
            1 => (inner.clone(), select(vec![".flag", ".b.c", "[\"e f\"]"])).prop_map(|(a, access)| format!("({a}){access}")),
            1 => (inner.clone(), select(vec!["flag", "a.b.c", "\"e f\"", "\"if\""])).prop_map(|(a, path)| format!("({a}) has {path}")),
            1 => (inner.clone(), literal_text()).prop_map(|(a, pattern)| format!("({a}) like {pattern}")),
            1 => (inner.clone(), uid()).prop_map(|(a, (kind, _))| format!("({a}) is {kind}")),
            1 => (inner.clone(), uid(), uid_text()).prop_map(|(a, (kind, _), uid)| format!("({a}) is {kind} in {uid}")),
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("{{a: {a}, \"b c\": {b}}}")),
        ]
    })
}
