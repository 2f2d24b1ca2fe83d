//! When a rule matches, as an expression of Cedar.

use serde_json::{Value, json};

use crate::{
    NAMESPACE,
    condition::{Conditions, MFA_MINUTES, TimeWindow},
    expression as expr,
    permission::Permission,
    rule::Rule,
};

/// What a condition is worth when the request does not say what it asks for. A rule that denies then matches: leaving
/// something out gets nobody past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    Matches,
    Fails,
}

/// Everything of a rule but its permissions, term by term.
pub(crate) fn terms(rule: &Rule, absent: Absent) -> Vec<Value> {
    let pattern = rule.path_pattern.iter().filter(|pattern| !pattern.is_any());
    let mut terms: Vec<Value> = pattern.map(|pattern| expr::like(expr::context("path"), pattern.as_str())).collect();
    terms.extend(conditions(&rule.conditions, absent));
    terms
}

fn conditions(conditions: &Conditions, absent: Absent) -> Vec<Value> {
    let mut terms = Vec::new();
    if !conditions.ip_ranges.is_empty() {
        let address = expr::context("source_ip");
        let within = conditions.ip_ranges.iter().flat_map(|range| range.tests(&address)).collect();
        terms.push(guarded(expr::context_has("source_ip"), expr::or(within), absent));
    }
    if conditions.require_mfa == Some(true) {
        terms.push(guarded(expr::context_has("mfa_verified_at"), mfa_is_recent(), absent));
    }
    terms.extend(conditions.time_window.map(within_window));
    for (name, value) in &conditions.attributes {
        let tag = |operator| expr::binary(operator, expr::context("request"), expr::text(name));
        let equals = expr::binary("==", tag("getTag"), expr::text(value.as_str()));
        terms.push(guarded(tag("hasTag"), equals, absent));
    }
    terms
}

fn guarded(present: Value, holds: Value, absent: Absent) -> Value {
    match absent {
        Absent::Fails => expr::and(vec![present, holds]),
        Absent::Matches => expr::if_then_else(present, holds, expr::boolean(true)),
    }
}

/// Not in the future, and not too long ago.
fn mfa_is_recent() -> Value {
    let (now, verified) = (expr::context("now"), expr::context("mfa_verified_at"));
    let age = expr::call("durationSince", vec![now.clone(), verified.clone()]);
    expr::and(vec![expr::binary("<=", verified, now), expr::binary("<", age, duration(MFA_MINUTES))])
}

fn within_window(window: TimeWindow) -> Value {
    let time = expr::call("toTime", vec![expr::context("now")]);
    let begun = expr::binary("<=", duration(window.start.into()), time.clone());
    let not_ended = expr::binary("<", time, duration(window.end.into()));
    if window.start < window.end { expr::and(vec![begun, not_ended]) } else { expr::or(vec![begun, not_ended]) }
}

/// So many minutes: `9h30m`.
fn duration(minutes: u32) -> Value {
    let text = match (minutes / 60, minutes % 60) {
        (hours, 0) => format!("{hours}h"),
        (0, minutes) => format!("{minutes}m"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    };
    expr::call("duration", vec![expr::text(&text)])
}

/// The action of a permission.
pub(crate) fn action(permission: Permission) -> Value {
    json!({"type": format!("{NAMESPACE}::Action"), "id": permission.as_str()})
}

/// Whether a request can be one that both rules are about, as far as their permissions and the beginnings of their paths
/// tell.
pub(crate) fn overlap(one: &Rule, other: &Rule) -> bool {
    let permitted = match (&one.permissions, &other.permissions) {
        (Some(one), Some(other)) => {
            let all = |permissions: &[Permission]| permissions.contains(&Permission::Admin);
            all(one) || all(other) || one.iter().any(|permission| other.contains(permission))
        }
        _ => true,
    };
    let beginning =
        |rule: &Rule| rule.path_pattern.as_ref().map_or(String::new(), |pattern| pattern.beginning().to_owned());
    let (one, other) = (beginning(one), beginning(other));
    permitted && (one.starts_with(&other) || other.starts_with(&one))
}
