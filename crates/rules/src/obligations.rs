//! What comes with a decision.

use crate::{rate_limit::RateLimit, rule::Rule};

/// What whoever enforces a decision has to heed, of the rules that decided: one a policy, see
/// [`RulePolicy::deciding`](crate::RulePolicy::deciding).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obligations {
    /// How often it may be done: the strictest of the limits.
    pub rate_limit: Option<RateLimit>,
    /// What the rules want to be said, each text once.
    pub messages: Vec<String>,
}

impl Obligations {
    /// Gathers them.
    pub fn of<'a>(deciding: impl IntoIterator<Item = &'a Rule>) -> Self {
        let mut obligations = Self::default();
        for rule in deciding {
            let limits = obligations.rate_limit.into_iter().chain(rule.rate_limit);
            obligations.rate_limit = RateLimit::strictest(limits);
            let message = rule.message.as_ref().map(ToString::to_string);
            let new = message.filter(|message| !obligations.messages.contains(message));
            obligations.messages.extend(new);
        }
        obligations
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::policy;

    #[test]
    fn of_several_rules_the_strictest_limit_and_every_message_hold() {
        let rule = |requests: u64, period: &str, message: &str| json!({"path_pattern": "*", "permissions": ["read"], "rateLimit": {"requests": requests, "period": period}, "message": message});
        let plain = json!({"path_pattern": "*", "permissions": ["read"]});
        let policy = policy(&json!({"name": "p", "rules": [
            plain, rule(100, "second", "a"), rule(10_000, "hour", "b"), rule(1, "second", "a")]}));
        let obligations = Obligations::of(&policy.rules);
        assert_eq!(obligations.rate_limit.unwrap().to_string(), "1/second");
        assert_eq!(obligations.messages, ["a", "b"]);
        assert_eq!(Obligations::of(&policy.rules[..1]), Obligations::default());
    }
}
