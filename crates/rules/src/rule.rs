//! One rule.

use cedarkeep_model::{Description, InvalidName};
use serde_json::{Map, Value};

use crate::{
    condition::Conditions,
    error::{InvalidRules, Place},
    fields::Fields,
    path::{InvalidPath, PathPattern},
    permission::Permission,
    policy::MAX_PRIORITY,
    rate_limit::RateLimit,
};

/// Which permissions on which paths are allowed or denied under which conditions.
///
/// A rule that does not say its `action` allows; it must then say what it allows, where. One that says it may leave out
/// `path_pattern` (any path), and a deny may leave out `permissions` (all).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which paths; any when absent.
    pub path_pattern: Option<PathPattern>,
    /// Which permissions; all when absent.
    pub permissions: Option<Vec<Permission>>,
    /// What it says, if it was written.
    pub action: Option<RuleAction>,
    /// When it is tried, if it was written: the lowest number first.
    pub priority: Option<u64>,
    /// Under which conditions.
    pub conditions: Conditions,
    /// What comes with an allow.
    pub rate_limit: Option<RateLimit>,
    /// What comes with the decision.
    pub message: Option<Description>,
}

/// What a rule says, or a policy when no rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAction {
    /// Allow.
    Allow,
    /// Deny.
    Deny,
}

impl RuleAction {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }

    pub(crate) fn take(fields: &mut Fields, name: &'static str) -> Result<Option<Self>, InvalidRules> {
        let parse = |word: &str| [Self::Allow, Self::Deny].into_iter().find(|action| action.as_str() == word);
        fields.word(name, "allow, deny", parse)
    }
}

impl Rule {
    /// What it says.
    #[must_use]
    pub fn action(&self) -> RuleAction {
        self.action.unwrap_or(RuleAction::Allow)
    }

    /// When it is tried; 0, the first, when it was not written.
    #[must_use]
    pub fn priority(&self) -> u64 {
        self.priority.unwrap_or(0)
    }

    pub(crate) fn read(place: Place, value: &Value) -> Result<Self, InvalidRules> {
        let mut fields = Fields::of(place, value)?;
        let pattern = fields.text("path_pattern")?.map(PathPattern::new).transpose();
        let path_pattern = pattern.map_err(fields.at("path_pattern").refuse::<InvalidPath>())?;
        let permissions = read_permissions(&mut fields)?;
        let action = RuleAction::take(&mut fields, "action")?;
        let priority = fields.integer("priority", 0, MAX_PRIORITY)?;
        let conditions = fields.take("conditions");
        let conditions = conditions.map(|conditions| Conditions::read(fields.at("conditions"), &conditions));
        let rate_limit = fields.take("rateLimit");
        let rate_limit = rate_limit.map(|limit| RateLimit::read(fields.at("rateLimit"), &limit)).transpose()?;
        let message = fields.text("message")?.map(Description::new).transpose();
        let message = message.map_err(fields.at("message").refuse::<InvalidName>())?;
        let place = fields.place().clone();
        fields.done()?;
        let conditions = conditions.transpose()?.unwrap_or_default();
        let rule = Self { path_pattern, permissions, action, priority, conditions, rate_limit, message };
        rule.check(&place)?;
        Ok(rule)
    }

    /// What it leaves out must not widen what it allows.
    fn check(&self, place: &Place) -> Result<(), InvalidRules> {
        if self.permissions.is_none() && self.action() == RuleAction::Allow {
            return Err(place
                .member("permissions")
                .error("is missing: only a rule that denies may leave it out, for all"));
        }
        if self.path_pattern.is_none() && self.action.is_none() {
            let message = "is missing: write `*` for any path; only a rule that says its `action` may leave it out";
            return Err(place.member("path_pattern").error(message));
        }
        if self.rate_limit.is_some() && self.action() == RuleAction::Deny {
            return Err(place.member("rateLimit").error("has no meaning in a rule that denies; leave it out"));
        }
        Ok(())
    }

    /// As it is written in a document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        let mut put = |name: &str, value: Option<Value>| value.map(|value| members.insert(name.to_owned(), value));
        put("path_pattern", self.path_pattern.as_ref().map(|pattern| pattern.as_str().into()));
        put("action", self.action.map(|action| action.as_str().into()));
        put("priority", self.priority.map(Into::into));
        put("conditions", (!self.conditions.is_empty()).then(|| self.conditions.to_json()));
        let words = |permissions: &Vec<Permission>| permissions.iter().map(|permission| permission.as_str()).collect();
        put("permissions", self.permissions.as_ref().map(words));
        put("rateLimit", self.rate_limit.map(RateLimit::to_json));
        put("message", self.message.as_ref().map(|message| message.as_str().into()));
        Value::Object(members)
    }
}

fn read_permissions(fields: &mut Fields) -> Result<Option<Vec<Permission>>, InvalidRules> {
    let Some(items) = fields.list("permissions")? else { return Ok(None) };
    let place = fields.at("permissions");
    if items.is_empty() {
        return Err(place.error("must name at least one permission"));
    }
    Permission::read_list(&place, &items).map(Some)
}
