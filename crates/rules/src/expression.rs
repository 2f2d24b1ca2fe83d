//! Cedar's JSON for the expressions that rules compile to.

use serde_json::{Map, Value, json};

/// Longer chains are halved, so that the depth of an expression grows with the logarithm of its length.
const CHAIN: usize = 4;

/// An object, which takes its members over.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(Map::from_iter(members.map(|(name, member)| (name.to_owned(), member))))
}

/// A variable: `principal`, `action`, `resource`, `context`.
pub(crate) fn variable(name: &str) -> Value {
    json!({"Var": name})
}

pub(crate) fn boolean(value: bool) -> Value {
    json!({"Value": value})
}

pub(crate) fn text(value: &str) -> Value {
    json!({"Value": value})
}

/// An entity; `uid` is an object with `type` and `id`.
pub(crate) fn entity(uid: Value) -> Value {
    object([("Value", object([("__entity", uid)]))])
}

pub(crate) fn set(items: Vec<Value>) -> Value {
    object([("Set", Value::Array(items))])
}

/// `context.name`.
pub(crate) fn context(name: &str) -> Value {
    json!({".": {"left": variable("context"), "attr": name}})
}

/// `context has name`.
pub(crate) fn context_has(name: &str) -> Value {
    json!({"has": {"left": variable("context"), "attr": name}})
}

/// An operator with two sides. Of the comparisons use `<`, `<=` and `==`: Cedar rewrites the others.
pub(crate) fn binary(operator: &str, left: Value, right: Value) -> Value {
    object([(operator, object([("left", left), ("right", right)]))])
}

pub(crate) fn not(argument: Value) -> Value {
    object([("!", object([("arg", argument)]))])
}

pub(crate) fn if_then_else(test: Value, then: Value, otherwise: Value) -> Value {
    object([("if-then-else", object([("if", test), ("then", then), ("else", otherwise)]))])
}

/// A function of an extension, or a method on the first argument.
pub(crate) fn call(name: &str, arguments: Vec<Value>) -> Value {
    object([(name, Value::Array(arguments))])
}

/// `left like "…"`, in which `*` stands for any characters.
pub(crate) fn like(left: Value, pattern: &str) -> Value {
    let mut elements = Vec::new();
    for (index, literal) in pattern.split('*').enumerate() {
        if index > 0 {
            elements.push(json!("Wildcard"));
        }
        // One by one, as Cedar reads them from text.
        elements.extend(literal.chars().map(|c| json!({"Literal": c.to_string()})));
    }
    object([("like", object([("left", left), ("pattern", Value::Array(elements))]))])
}

/// All of them; `true` for none.
pub(crate) fn and(terms: Vec<Value>) -> Value {
    chain("&&", terms).unwrap_or_else(|| boolean(true))
}

/// One of them; `false` for none.
pub(crate) fn or(terms: Vec<Value>) -> Value {
    chain("||", terms).unwrap_or_else(|| boolean(false))
}

fn chain(operator: &str, mut terms: Vec<Value>) -> Option<Value> {
    if terms.len() <= CHAIN {
        return terms.into_iter().reduce(|left, right| binary(operator, left, right));
    }
    let second = terms.split_off(terms.len().div_ceil(2));
    Some(binary(operator, chain(operator, terms)?, chain(operator, second)?))
}
