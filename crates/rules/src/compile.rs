//! From rules to Cedar: one statement a rule, in the order in which they were written.
//!
//! *The first rule that matches decides, and a deny wins.* A statement that permits need not look at other rules: if one
//! that denies came first, its `forbid` stands beside and wins. A statement that forbids looks at the rules that allow
//! and come before it: if one of them matches, this one is never tried.

use std::collections::BTreeMap;

use cedarkeep_cedar::{CedarError, Given, MAX_POLICY_BYTES, PolicyContent, format_policies, read_policy};
use cedarkeep_model::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    binding::{Binding, Identity, IdentityKind},
    expression as expr,
    matching::{self, Absent, overlap},
    permission::Permission,
    policy::RulePolicy,
    rule::{Rule, RuleAction},
};

/// What the statement of the default action has in the place of a rule's index.
pub const DEFAULT_RULE: &str = "default";

/// The annotation of the statement that [`compile_guard`] makes.
pub const GUARD: &str = "guard";

/// The policy-set JSON of a policy with these bindings, under its id. The statement of rule 3 is `policy3`, and it is
/// annotated with the policy, the rule, and what comes with the decision.
///
/// A policy that is not enabled, or to which nobody is bound, has all its statements, and none of them ever holds.
///
/// # Errors
/// What would be larger than a policy version may be; it is not even built.
pub fn compile(id: &str, policy: &RulePolicy, bindings: &[Binding]) -> Result<Value, CedarError> {
    let about = About::new(id, policy, bindings);
    about.check_size()?;
    let mut statements: Vec<Value> = (0..).zip(&policy.rules).map(|(index, rule)| about.rule(index, rule)).collect();
    if policy.default_action() == RuleAction::Allow {
        statements.push(about.default_allow());
    }
    Ok(policy_set(statements))
}

/// The policy-set JSON of the one statement that stands beside all compiled policies: what is no path with one spelling
/// is denied, whoever asks. A pattern such as `app/*` would otherwise match `app/../admin`.
#[must_use]
pub fn compile_guard() -> Value {
    let path = || expr::context("path");
    let literal = |text: &str| expr::binary("==", path(), expr::text(text));
    let patterns = ["/*", "*/", "*//*", "./*", "../*", "*/./*", "*/../*", "*/.", "*/..", "*%*", "*\\*"];
    let mut spellings: Vec<Value> = ["", ".", ".."].map(literal).into();
    spellings.extend(patterns.map(|pattern| expr::like(path(), pattern)));
    let any = json!({"op": "All"});
    policy_set(vec![json!({
        "effect": "forbid",
        "principal": any,
        "action": any,
        "resource": any,
        "annotations": {GUARD: "a path has one spelling: no empty segments, no `.` or `..`, no `%` or `\\`"},
        "conditions": [clause("when", expr::or(spellings))],
    })])
}

/// Lets Cedar read what was compiled, and print it in its own style: the content of a policy version. Runs on the
/// [pool](cedarkeep_cedar::CedarPool).
///
/// # Errors
/// What is larger than a policy version may be.
pub fn read_compiled(compiled: &Value) -> Result<PolicyContent, CedarError> {
    let content = read_policy(Given::Json(compiled))?;
    let text = content.cedar_raw.as_deref().and_then(|text| format_policies(text).ok());
    // What has no text, or too long a one, stays JSON; what has one means the same, to the digest.
    match text.map(|text| read_policy(Given::Text(&text))) {
        Some(Ok(printed)) if printed.sha == content.sha => Ok(printed),
        _ => Ok(content),
    }
}

/// The policy that is compiled.
struct About<'a> {
    id: &'a str,
    policy: &'a RulePolicy,
    scope: Value,
    bound: Option<Value>,
    idle: Option<&'static str>,
}

impl<'a> About<'a> {
    fn new(id: &'a str, policy: &'a RulePolicy, bindings: &[Binding]) -> Self {
        let idle = match (policy.enabled, bindings.is_empty()) {
            (false, _) => Some("it is not enabled"),
            (true, true) => Some("nobody is bound to it"),
            (true, false) => None,
        };
        let (scope, bound) = whom(bindings);
        Self { id, policy, scope, bound, idle }
    }

    fn rule(&self, index: usize, rule: &Rule) -> Value {
        let (effect, absent) = match rule.action() {
            RuleAction::Allow => ("permit", Absent::Fails),
            RuleAction::Deny => ("forbid", Absent::Matches),
        };
        let mut annotations = self.annotations(&index.to_string());
        let mut annotate = |name: &str, value: String| annotations.insert(name.to_owned(), Value::String(value));
        if let Some(limit) = rule.rate_limit {
            annotate("rate_limit", limit.to_string());
        }
        if let Some(message) = &rule.message {
            annotate("message", message.to_string());
        }
        let unless = if rule.action() == RuleAction::Deny { self.allowed_before(rule) } else { Vec::new() };
        let permissions = rule.permissions.as_deref();
        self.statement(effect, annotations, action_scope(permissions), matching::terms(rule, absent), unless)
    }

    fn default_allow(&self) -> Value {
        self.statement("permit", self.annotations(DEFAULT_RULE), action_scope(None), Vec::new(), Vec::new())
    }

    /// When a rule that allows is tried before this one and matches.
    fn allowed_before(&self, deny: &Rule) -> Vec<Value> {
        let matches = |(_, rule): (usize, &Rule)| {
            let mut terms: Vec<Value> = rule.permissions.as_deref().and_then(asked).into_iter().collect();
            terms.extend(matching::terms(rule, Absent::Fails));
            expr::and(terms)
        };
        self.before(deny).map(matches).collect()
    }

    /// The rules that allow, are tried before this one, and may match the same request.
    fn before<'b>(&'b self, deny: &'b Rule) -> impl Iterator<Item = (usize, &'b Rule)> {
        let allows = |rule: &Rule| rule.action() == RuleAction::Allow && rule.priority() < deny.priority();
        self.policy.rules.iter().enumerate().filter(move |(_, rule)| allows(rule) && overlap(rule, deny))
    }

    /// Adds up what every statement repeats: the bindings, its own terms, and those of the rules before it.
    fn check_size(&self) -> Result<(), CedarError> {
        let length = |value: &Value| value.to_string().len();
        let own = |rule: &Rule| matching::terms(rule, Absent::Matches).iter().map(length).sum::<usize>();
        let own: Vec<usize> = self.policy.rules.iter().map(own).collect();
        let denies = self.policy.rules.iter().filter(|rule| rule.action() == RuleAction::Deny);
        let repeated = denies.flat_map(|deny| self.before(deny)).filter_map(|(index, _)| own.get(index));
        let bound = own.len() * self.bound.as_ref().map_or(0, length);
        let total = bound + own.iter().sum::<usize>() + repeated.sum::<usize>();
        if total <= MAX_POLICY_BYTES {
            return Ok(());
        }
        Err(CedarError::TooLarge(format!(
            "the policy compiles to about {total} bytes of Cedar, and at most {MAX_POLICY_BYTES} make one version: every \
             rule repeats the bindings, and one that denies repeats the rules that allow before it; bind groups instead \
             of many identities, or split the policy"
        )))
    }

    fn annotations(&self, rule: &str) -> Map<String, Value> {
        let mut annotations = Map::from_iter([("policy".to_owned(), self.id.into()), ("rule".to_owned(), rule.into())]);
        if let Some(why) = self.idle {
            annotations.insert("idle".to_owned(), why.into());
        }
        annotations
    }

    fn statement(
        &self,
        effect: &str,
        annotations: Map<String, Value>,
        action: Value,
        terms: Vec<Value>,
        unless: Vec<Value>,
    ) -> Value {
        let idle = self.idle.map(|_| expr::boolean(false));
        let when: Vec<Value> = idle.into_iter().chain(self.bound.clone()).chain(terms).collect();
        let mut conditions = Vec::new();
        if !when.is_empty() {
            conditions.push(clause("when", expr::and(when)));
        }
        if !unless.is_empty() {
            conditions.push(clause("unless", expr::or(unless)));
        }
        expr::object([
            ("effect", effect.into()),
            ("principal", self.scope.clone()),
            ("action", action),
            ("resource", json!({"op": "All"})),
            ("annotations", Value::Object(annotations)),
            ("conditions", Value::Array(conditions)),
        ])
    }
}

fn clause(kind: &str, body: Value) -> Value {
    expr::object([("kind", kind.into()), ("body", body)])
}

fn policy_set(statements: Vec<Value>) -> Value {
    let named = statements.into_iter().enumerate().map(|(index, statement)| (format!("policy{index}"), statement));
    let statements = Value::Object(named.collect());
    expr::object([("staticPolicies", statements), ("templates", json!({})), ("templateLinks", json!([]))])
}

/// The constraint on the action. Everything is in `admin`.
fn action_scope(permissions: Option<&[Permission]>) -> Value {
    match permissions {
        None => json!({"op": "All"}),
        Some(permissions) if permissions.contains(&Permission::Admin) => {
            json!({"op": "in", "entity": matching::action(Permission::Admin)})
        }
        Some([permission]) => json!({"op": "==", "entity": matching::action(*permission)}),
        Some(permissions) => {
            let actions: Vec<Value> = permissions.iter().copied().map(matching::action).collect();
            json!({"op": "in", "entities": actions})
        }
    }
}

/// That one of these is asked for, unless these are all.
fn asked(permissions: &[Permission]) -> Option<Value> {
    let action = || expr::variable("action");
    match permissions {
        _ if permissions.contains(&Permission::Admin) => None,
        [permission] => Some(expr::binary("==", action(), expr::entity(matching::action(*permission)))),
        _ => {
            let actions = permissions.iter().map(|permission| expr::entity(matching::action(*permission)));
            Some(expr::binary("in", action(), expr::set(actions.collect())))
        }
    }
}

/// The constraint on the principal, and what else must hold: one binding stands in the scope, where Cedar's reader and
/// the index look first; several stand in a condition, those that end together in one term.
fn whom(bindings: &[Binding]) -> (Value, Option<Value>) {
    let any = json!({"op": "All"});
    match bindings {
        [] => (any, None),
        [one] => {
            let operator = if one.identity.kind == IdentityKind::Group { "in" } else { "==" };
            let scope = json!({"op": operator, "entity": one.identity.to_cedar()});
            (scope, one.expires_at.map(not_expired))
        }
        _ => (any, Some(any_of(bindings))),
    }
}

fn any_of(bindings: &[Binding]) -> Value {
    let mut ends: BTreeMap<Option<Timestamp>, BTreeMap<IdentityKind, Vec<&Identity>>> = BTreeMap::new();
    for binding in bindings {
        let identity = &binding.identity;
        ends.entry(binding.expires_at).or_default().entry(identity.kind).or_default().push(identity);
    }
    let term = |(end, kinds): (Option<Timestamp>, BTreeMap<IdentityKind, Vec<&Identity>>)| {
        let among = kinds.into_values().map(|identities| principal_in(&identities)).collect();
        let mut terms = vec![expr::or(among)];
        terms.extend(end.map(not_expired));
        expr::and(terms)
    };
    expr::or(ends.into_iter().map(term).collect())
}

/// Identities of one kind: Cedar's strict mode takes no set of several types.
fn principal_in(identities: &[&Identity]) -> Value {
    let entities: Vec<Value> = identities.iter().map(|identity| expr::entity(identity.to_cedar())).collect();
    expr::binary("in", expr::variable("principal"), expr::set(entities))
}

fn not_expired(end: Timestamp) -> Value {
    expr::binary("<", expr::context("now"), expr::call("datetime", vec![expr::text(&milliseconds(end))]))
}

/// The moment as Cedar writes it, with three fractional digits; what is finer is cut off.
pub(crate) fn milliseconds(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}Z", text.get(..23).unwrap_or(&text))
}

#[cfg(test)]
mod tests;
