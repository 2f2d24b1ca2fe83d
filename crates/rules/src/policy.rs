//! A policy of rules.

use cedarkeep_model::{Description, InvalidName, Name};
use serde_json::{Value, json};

use crate::{
    error::{InvalidRules, Place},
    fields::Fields,
    rule::{Rule, RuleAction},
};

/// The most rules of a policy.
pub const MAX_RULES: usize = 100;

/// The highest priority number, of rules and of policies.
pub const MAX_PRIORITY: u64 = 1_000_000;

/// The longest time for which access may be asked, in seconds: a year.
pub const MAX_DURATION_SECONDS: u64 = 31_536_000;

/// What a policy says of durations when nothing is written, in seconds: a day.
const DURATION_SECONDS: u64 = 86_400;

/// A policy without its bindings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulePolicy {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// Whether it says anything.
    pub enabled: bool,
    /// Whose it is.
    pub scope: Scope,
    /// Where it stands in lists; across policies a deny wins, whatever their numbers.
    pub priority: u64,
    /// For how long access may be asked at most, in seconds.
    pub max_duration_seconds: u64,
    /// For how long access is given when nobody says otherwise, in seconds.
    pub default_duration_seconds: Option<u64>,
    /// Where whoever keeps the policy wants to hear of it.
    pub notification_channel: Option<Name>,
    /// The rules, as they were written.
    pub rules: Vec<Rule>,
    /// What it says when no rule matches; whether it was written.
    pub default_action: Option<RuleAction>,
}

/// Whose a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The tenant's own.
    Tenant,
    /// A partner's.
    Partner,
}

impl Scope {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Partner => "partner",
        }
    }

    /// The scope of that name.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Tenant, Self::Partner].into_iter().find(|scope| scope.as_str() == word)
    }
}

impl RulePolicy {
    /// Reads a document. It must have been read with [`cedarkeep_model::json::parse`], which refuses duplicate members.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read(value: &Value) -> Result<Self, InvalidRules> {
        let mut fields = Fields::of(Place::document(), value)?;
        let named = |fields: &mut Fields, member| {
            let text = fields.text(member)?.map(Name::new).transpose();
            text.map_err(fields.at(member).refuse::<InvalidName>())
        };
        let name = named(&mut fields, "name")?.ok_or_else(|| fields.at("name").error("is missing"))?;
        let description = fields.text("description")?.map(Description::new).transpose();
        let description = description.map_err(fields.at("description").refuse::<InvalidName>())?;
        let enabled = read_enabled(&mut fields)?;
        let scope = fields.word("scope", "tenant, partner", Scope::of_word)?.unwrap_or(Scope::Tenant);
        let priority = fields.integer("priority", 0, MAX_PRIORITY)?.unwrap_or(0);
        let (max_duration_seconds, default_duration_seconds) = read_durations(&mut fields)?;
        let notification_channel = named(&mut fields, "notification_channel")?;
        let rules = read_rules(&mut fields)?;
        let default_action = RuleAction::take(&mut fields, "defaultAction")?;
        fields.done()?;
        Ok(Self {
            name,
            description,
            enabled,
            scope,
            priority,
            max_duration_seconds,
            default_duration_seconds,
            notification_channel,
            rules,
            default_action,
        })
    }

    /// The whole document; reading it gives the same policy.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut document = json!({
            "name": self.name.as_str(),
            "description": self.description.as_ref().map(Description::as_str),
            "enabled": self.enabled,
            "scope": self.scope.as_str(),
            "priority": self.priority,
            "max_duration_seconds": self.max_duration_seconds,
            "default_duration_seconds": self.default_duration_seconds,
            "notification_channel": self.notification_channel.as_ref().map(Name::as_str),
            "rules": self.rules.iter().map(Rule::to_json).collect::<Vec<_>>(),
        });
        if let (Some(action), Some(members)) = (self.default_action, document.as_object_mut()) {
            members.insert("defaultAction".to_owned(), action.as_str().into());
        }
        document
    }

    /// What it says when no rule matches.
    #[must_use]
    pub fn default_action(&self) -> RuleAction {
        self.default_action.unwrap_or(RuleAction::Deny)
    }

    /// Which rule decided, of the statements that hold: several may, because one that permits does not look at the rules
    /// before it. The index behind the last rule is the default action.
    #[must_use]
    pub fn deciding(&self, holding: &[usize]) -> Option<usize> {
        self.order().into_iter().chain([self.rules.len()]).find(|index| holding.contains(index))
    }

    /// The indices of the rules in the order in which they are tried.
    #[must_use]
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<_> = self.rules.iter().enumerate().collect();
        order.sort_by_key(|(index, rule)| (rule.priority(), rule.action() == RuleAction::Allow, *index));
        order.into_iter().map(|(index, _)| index).collect()
    }
}

fn read_enabled(fields: &mut Fields) -> Result<bool, InvalidRules> {
    match (fields.boolean("enabled")?, fields.boolean("is_active")?) {
        (Some(enabled), Some(active)) if enabled != active => {
            Err(fields.at("is_active").error("says the same as `enabled`, so it must not say otherwise; write one"))
        }
        (enabled, active) => Ok(enabled.or(active).unwrap_or(true)),
    }
}

fn read_durations(fields: &mut Fields) -> Result<(u64, Option<u64>), InvalidRules> {
    let default = fields.integer("default_duration_seconds", 1, MAX_DURATION_SECONDS)?;
    let most = fields.integer("max_duration_seconds", 1, MAX_DURATION_SECONDS)?;
    let most = most.unwrap_or(DURATION_SECONDS.max(default.unwrap_or(0)));
    if default.is_some_and(|default| default > most) {
        let message = format!("must be at most max_duration_seconds, which is {most}");
        return Err(fields.at("default_duration_seconds").error(message));
    }
    Ok((most, default))
}

fn read_rules(fields: &mut Fields) -> Result<Vec<Rule>, InvalidRules> {
    let place = fields.at("rules");
    let rules =
        fields.list("rules")?.ok_or_else(|| place.error(format!("is missing: a list of 1 to {MAX_RULES} rules")))?;
    if rules.is_empty() || rules.len() > MAX_RULES {
        return Err(place.error(format!("must be 1 to {MAX_RULES} rules, has {}", rules.len())));
    }
    rules.iter().enumerate().map(|(index, rule)| Rule::read(place.rule(index), rule)).collect()
}

#[cfg(test)]
mod tests;
