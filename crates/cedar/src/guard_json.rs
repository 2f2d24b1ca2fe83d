//! Measures JSON before Cedar reads it.
//!
//! Cedar's JSON readers recurse, copy each level once more for every level above it, and try some forms twice: an
//! expression under `has` is read once as the plain and once as the extended form, so that sixty of them nested in one
//! another would be read 2^60 times when the innermost is wrong. `is … in` doubles what it tests, as in text.

use serde_json::Value;

use crate::{
    error::{CedarError, EvaluateError},
    guard_text::{MAX_TREE_DEPTH, MAX_WEIGHT},
};

/// The deepest JSON that is read: what a reader of the JSON that we answer with can be expected to accept.
pub const MAX_JSON_DEPTH: usize = 128;

/// The most values (strings, numbers, lists, records, …) in the context, and in the entities, of a request. Cedar takes
/// some microseconds for each, at decision time.
pub const MAX_REQUEST_VALUES: u64 = 100_000;

/// Refuses a value nested deeper than [`MAX_JSON_DEPTH`] levels; a bare number, string or null is one level.
pub(crate) fn check_depth(value: &Value) -> Result<(), CedarError> {
    walk(value, MAX_WEIGHT, |_, _| 1).map(drop)
}

/// As [`check_depth`], and refuses more than [`MAX_REQUEST_VALUES`] values.
pub(crate) fn check_request(value: &Value) -> Result<(), EvaluateError> {
    walk(value, MAX_REQUEST_VALUES, |_, _| 1).map(drop).map_err(|error| EvaluateError::invalid(error.to_string()))
}

/// As [`check_depth`], and refuses more than [`MAX_ENTITY_VALUES`](crate::MAX_ENTITY_VALUES) values.
pub(crate) fn check_entity(value: &Value) -> Result<(), EvaluateError> {
    walk(value, crate::MAX_ENTITY_VALUES, |_, _| 1).map(drop).map_err(|error| EvaluateError::invalid(error.to_string()))
}

/// Refuses Cedar policy JSON that is too deep or too heavy. The depth of the tree is at most the depth of the JSON and
/// the number of clauses of one policy.
pub(crate) fn check_policies(value: &Value) -> Result<(), CedarError> {
    let walked = walk(value, MAX_WEIGHT, |key, member| match key {
        "has" => 2,
        "is" if member.get("in").is_some() => 2,
        _ => 1,
    })?;
    if walked.depth + walked.longest_conditions > MAX_TREE_DEPTH {
        return Err(CedarError::TooDeep(format!(
            "a policy's clauses and nesting come to more than {MAX_TREE_DEPTH} levels; split it into several policies"
        )));
    }
    Ok(())
}

struct Walked {
    depth: usize,
    longest_conditions: usize,
}

/// Visits every value, without recursion. `factor` says how often Cedar works through a member of that name.
fn walk(value: &Value, most: u64, factor: impl Fn(&str, &Value) -> u64) -> Result<Walked, CedarError> {
    let mut walked = Walked { depth: 0, longest_conditions: 0 };
    let mut total: u64 = 0;
    let mut open = vec![(value, 1_usize, 1_u64)];
    while let Some((value, depth, weight)) = open.pop() {
        total = total.saturating_add(weight);
        if depth > MAX_JSON_DEPTH {
            return Err(CedarError::TooDeep(format!(
                "the JSON is nested deeper than {MAX_JSON_DEPTH} levels; send policies and schemas as Cedar text instead"
            )));
        }
        if total > most {
            return Err(CedarError::TooDeep(format!(
                "the JSON comes to more than {most} values; in policies `has` and `is … in` count double for what they \
                 test, so do not nest them in the left side of one another"
            )));
        }
        walked.depth = walked.depth.max(depth);
        match value {
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1, weight))),
            Value::Object(members) => {
                if let Some(Value::Array(conditions)) = members.get("conditions") {
                    walked.longest_conditions = walked.longest_conditions.max(conditions.len());
                }
                open.extend(
                    members.iter().map(|(key, member)| (member, depth + 1, weight.saturating_mul(factor(key, member)))),
                );
            }
            _ => {}
        }
    }
    Ok(walked)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize, wrap: impl Fn(Value) -> Value) -> Value {
        (0..levels).fold(json!(1), |inner, _| wrap(inner))
    }

    #[test]
    fn the_limit_is_the_128th_level() {
        assert!(check_depth(&nested(127, |inner| json!([inner]))).is_ok());
        assert!(check_depth(&nested(128, |inner| json!([inner]))).is_err());
        assert!(check_depth(&nested(128, |inner| json!({ "a": inner }))).is_err());
    }

    #[test]
    fn requests_hold_a_limited_number_of_values() {
        let most = usize::try_from(MAX_REQUEST_VALUES).unwrap();
        assert!(check_request(&json!(vec![1; most - 1])).is_ok());
        assert!(check_request(&json!(vec![1; most])).is_err());
    }

    #[test]
    fn clauses_count_as_depth() {
        let policy = |clauses: usize| json!({"effect": "permit", "conditions": vec![json!({}); clauses]});
        assert!(check_policies(&policy(390)).is_ok());
        assert!(check_policies(&policy(400)).is_err());
    }

    #[test]
    fn what_cedar_reads_twice_weighs_twice() {
        let has = |levels| nested(levels, |inner| json!({"has": {"left": inner, "attr": "a"}}));
        assert!(check_policies(&has(10)).is_ok());
        assert!(check_policies(&has(30)).is_err());
        let is_in = |levels| nested(levels, |inner| json!({"is": {"left": inner, "entity_type": "T", "in": 1}}));
        assert!(check_policies(&is_in(30)).is_err());
        let is = |levels| nested(levels, |inner| json!({"is": {"left": inner, "entity_type": "T"}}));
        assert!(check_policies(&is(30)).is_ok());
    }
}
