//! The content of a policy version: what came, what Cedar makes of it, and its digest.

use std::str::FromStr;

use cedar_policy::{Effect, PolicySet};
use cedarkeep_model::{
    Digest, Origin, PolicyId, PolicyVersionId, canonical_digest, escape_longs, has_reserved_key, json,
};
use serde_json::{Map, Value};

use crate::{
    error::{CedarError, Finding, MAX_FINDINGS},
    guard_json, guard_text, print,
};

/// The largest content of one policy version, in bytes of text or of compact JSON.
pub const MAX_POLICY_BYTES: usize = 256 << 10;

/// The members of Cedar's policy-set JSON.
const MEMBERS: [&str; 3] = ["staticPolicies", "templates", "templateLinks"];

/// Policies or a schema as they came.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// Cedar text.
    Text(&'a str),
    /// Cedar JSON; it must have been read with [`json::parse`], which refuses duplicate members.
    Json(&'a Value),
}

/// The content of a policy version, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyContent {
    /// The form it came in, and from which it is loaded ever after.
    pub origin: Origin,
    /// The text as it came; for JSON the printed text if that means exactly the same, else none.
    pub cedar_raw: Option<String>,
    /// Cedar's policy-set JSON with all three members, plain integers, statements in the order of their ids.
    pub cedar_json: String,
    /// SHA-256 over the canonical form of that JSON.
    pub sha: Digest,
    /// How many static policies, templates and template links permit.
    pub permits: u64,
}

/// A stored policy version, as a manifest pins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The policy.
    pub policy_id: PolicyId,
    /// The pinned version.
    pub policy_version_id: PolicyVersionId,
    /// The policy's name, for whoever reads a decision.
    pub name: String,
    /// The form it came in.
    pub origin: Origin,
    /// The text, if there is one.
    pub cedar_raw: Option<String>,
    /// The JSON.
    pub cedar_json: String,
    /// The digest it was published under.
    pub sha: Digest,
}

impl Pinned {
    /// The text that Cedar reads it from, if it came as text.
    pub(crate) fn text(&self) -> Option<&str> {
        self.cedar_raw.as_deref().filter(|_| self.origin == Origin::Text)
    }

    /// The size of its content.
    pub(crate) fn bytes(&self) -> usize {
        self.cedar_raw.as_ref().map_or(self.cedar_json.len(), String::len)
    }
}

/// Reads what a client publishes. Runs on the [pool](crate::CedarPool).
///
/// Before it answers it takes the way that a later load takes, so that nothing is stored that cannot be read again.
pub fn read_policy(given: Given<'_>) -> Result<PolicyContent, CedarError> {
    let (origin, cedar_raw, read) = match given {
        Given::Text(text) => (Origin::Text, Some(text.to_owned()), Statements::from_text(text)?),
        Given::Json(value) => {
            let read = Statements::from_json(value)?;
            (Origin::Json, print::text(&read), read)
        }
    };
    let permits = read.permits();
    let content = PolicyContent { origin, cedar_raw, cedar_json: read.json.to_string(), sha: read.sha, permits };
    let again = Statements::load(origin, content.cedar_raw.as_deref(), &content.cedar_json)?;
    if again.sha == content.sha { Ok(content) } else { Err(mismatch(content.sha, again.sha)) }
}

/// Whether a stored version still is all that was published: its digest, its JSON and its text. Runs on the
/// [pool](crate::CedarPool).
pub fn check_content(pinned: &Pinned) -> Result<(), CedarError> {
    let read = Statements::pinned(pinned)?;
    let json = read.json.to_string();
    if json != pinned.cedar_json {
        return Err(CedarError::Unreadable("its JSON is not the one it was published with".into()));
    }
    if pinned.origin == Origin::Json && print::text(&read) != pinned.cedar_raw {
        return Err(CedarError::Unreadable("its text is not the one it was published with".into()));
    }
    Ok(())
}

/// Policies that Cedar has read, with the JSON that it prints for them and its digest.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) set: PolicySet,
    pub(crate) json: Value,
    pub(crate) sha: Digest,
}

impl Statements {
    /// Reads stored content from the form it came in: text and JSON do not always survive a translation into the other.
    pub(crate) fn load(origin: Origin, cedar_raw: Option<&str>, cedar_json: &str) -> Result<Self, CedarError> {
        match (origin, cedar_raw) {
            (Origin::Text, Some(text)) => Self::from_text(text),
            (Origin::Text, None) => {
                Err(CedarError::Unreadable("the text of a version that came as text is missing".into()))
            }
            (Origin::Json, _) => {
                let value =
                    json::parse(cedar_json.as_bytes()).map_err(|error| CedarError::Unreadable(error.to_string()))?;
                Self::from_json(&value)
            }
        }
    }

    /// Reads a pinned version and checks that it still is what was published.
    pub(crate) fn pinned(pinned: &Pinned) -> Result<Self, CedarError> {
        let read = Self::load(pinned.origin, pinned.cedar_raw.as_deref(), &pinned.cedar_json)?;
        if read.sha == pinned.sha { Ok(read) } else { Err(mismatch(pinned.sha, read.sha)) }
    }

    pub(crate) fn from_text(text: &str) -> Result<Self, CedarError> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(too_large(text.len()));
        }
        if let Some(offset) = text.find('\0') {
            // Cedar takes one in a comment, some databases take none in a text.
            return Err(CedarError::invalid(Finding::at(text, offset, "a NUL character; remove it")));
        }
        guard_text::check(text)?;
        let set = PolicySet::from_str(text).map_err(|errors| {
            let findings =
                errors.iter().take(MAX_FINDINGS).map(|error| Finding::from_cedar(error, Some(text))).collect();
            CedarError::Invalid { findings }
        })?;
        Self::new(set)
    }

    pub(crate) fn from_json(value: &Value) -> Result<Self, CedarError> {
        guard_json::check_policies(value)?;
        let length = value.to_string().len();
        if length > MAX_POLICY_BYTES {
            return Err(too_large(length));
        }
        if has_reserved_key(value) {
            return Err(CedarError::ReservedKey);
        }
        let set = PolicySet::from_json_value(whole(value)?)
            .map_err(|error| CedarError::invalid(Finding::from_cedar(&error, None)))?;
        Self::new(set)
    }

    fn new(set: PolicySet) -> Result<Self, CedarError> {
        if set.is_empty() {
            return Err(CedarError::MissingContent);
        }
        let printed = set.clone().to_json().map_err(|error| CedarError::Unreadable(error.to_string()))?;
        let json = ordered(printed);
        if has_reserved_key(&json) {
            return Err(CedarError::ReservedKey);
        }
        let sha = canonical_digest(&escape_longs(&json)).map_err(|error| CedarError::Unreadable(error.to_string()))?;
        Ok(Self { set, json, sha })
    }

    fn permits(&self) -> u64 {
        let policies = self.set.policies().map(cedar_policy::Policy::effect);
        let templates = self.set.templates().map(cedar_policy::Template::effect);
        policies.chain(templates).map(|effect| u64::from(effect == Effect::Permit)).sum()
    }
}

/// Sorts `policy0`, `policy1`, …, `policy10` by number; ids of another form follow, by name.
pub(crate) fn statement_order(id: &str) -> (u64, &str) {
    let number = id.strip_prefix("policy").and_then(|digits| digits.parse().ok());
    (number.unwrap_or(u64::MAX), id)
}

/// The whole policy-set JSON of what was sent: absent members are empty, a single policy is `policy0`.
fn whole(value: &Value) -> Result<Value, CedarError> {
    let Value::Object(given) = value else {
        return match value {
            Value::Null => Err(CedarError::MissingContent),
            _ => Err(CedarError::invalid(Finding::new("Cedar policy JSON is an object"))),
        };
    };
    let mut set = Map::from_iter(MEMBERS.map(|member| (member.to_owned(), empty(member))));
    if given.contains_key("effect") {
        let has_slot = ["principal", "resource"].iter().any(|part| mentions_slot(given.get(*part)));
        let member = if has_slot { "templates" } else { "staticPolicies" };
        set.insert(member.to_owned(), Value::Object(Map::from_iter([("policy0".to_owned(), value.clone())])));
        return Ok(Value::Object(set));
    }
    for (member, content) in given {
        if !MEMBERS.contains(&member.as_str()) {
            let message = format!(
                "unknown member `{member}`: a policy set has `staticPolicies`, `templates` and `templateLinks`"
            );
            return Err(CedarError::invalid(Finding::new(message)));
        }
        set.insert(member.clone(), content.clone());
    }
    Ok(Value::Object(set))
}

/// `{"op": "==", "slot": "?principal"}` or `{"op": "is", …, "in": {"slot": …}}`.
fn mentions_slot(constraint: Option<&Value>) -> bool {
    constraint.is_some_and(|constraint| constraint.get("slot").is_some() || mentions_slot(constraint.get("in")))
}

fn empty(member: &str) -> Value {
    if member == "templateLinks" { Value::Array(Vec::new()) } else { Value::Object(Map::new()) }
}

/// What Cedar printed with its members in their usual order and the statements in that of their ids.
fn ordered(printed: Value) -> Value {
    let Value::Object(mut printed) = printed else { return printed };
    let members = MEMBERS.iter().map(|member| {
        let content = match printed.remove(*member) {
            Some(Value::Object(statements)) => {
                let mut statements: Vec<_> = statements.into_iter().collect();
                statements.sort_by(|(a, _), (b, _)| statement_order(a).cmp(&statement_order(b)));
                Value::Object(statements.into_iter().collect())
            }
            Some(Value::Array(links)) => links.into_iter().map(ordered_link).collect(),
            Some(other) => other,
            None => empty(member),
        };
        ((*member).to_owned(), content)
    });
    Value::Object(members.collect())
}

/// Cedar prints the values of a link's slots in an order that differs from one time to the next.
fn ordered_link(mut link: Value) -> Value {
    if let Some(Value::Object(values)) = link.get_mut("values") {
        values.sort_keys();
    }
    link
}

fn too_large(bytes: usize) -> CedarError {
    CedarError::TooLarge(format!("{bytes} bytes of policy; at most {MAX_POLICY_BYTES} make one version"))
}

fn mismatch(expected: Digest, found: Digest) -> CedarError {
    CedarError::DigestMismatch { expected, found }
}

#[cfg(test)]
mod tests;
