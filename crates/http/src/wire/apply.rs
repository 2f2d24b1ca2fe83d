//! Publishing everything at once.

use cedarkeep_model as model;
use cedarkeep_service::{Activate, Applied, Apply, ApplyEntry, Change, ChangeAction, Code, GivenPolicy};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{PolicyBinding, PolicySet, PolicySetVersion, Warning};
use crate::{body::RequestBody, failure::Failure, wire::kinds};

/// A manifest to be applied to a set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "manifest": {
        "schema_version": "2026-03-16",
        "activate": true,
        "entries": [
            {"policy_id": "0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a11"},
            {"new_policy": {"name": "Readers"}, "cedar_raw": "permit (principal, action, resource);"}
        ]
    },
    "dry_run": true
}))]
pub(crate) struct ApplyRequest {
    manifest: ApplyManifest,
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
}

/// The whole manifest of the version to be published, with content where there is new content.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplyManifest {
    /// 1 to 10,000 entries, each policy once.
    #[schema(max_items = 10_000)]
    entries: Vec<ApplyEntryGiven>,
    /// The schema version; the zone's default when left out.
    #[schema(value_type = Option<kinds::SchemaVersionName>)]
    schema_version: Option<model::SchemaVersion>,
    /// Whether to bind the version once it is published.
    #[serde(default)]
    activate: bool,
    /// How to bind it; `active` when left out.
    #[schema(value_type = Option<kinds::BindingMode>)]
    mode: Option<model::BindingMode>,
    /// The slot's target; the zone for zone sets.
    scope_target_id: Option<String>,
}

/// A policy of the zone (in its newest version, a named one, or one with this content), or a new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplyEntryGiven {
    #[schema(value_type = Option<kinds::Id>)]
    policy_id: Option<String>,
    #[schema(value_type = Option<kinds::Id>)]
    policy_version_id: Option<String>,
    new_policy: Option<NewPolicyGiven>,
    /// Cedar text.
    cedar_raw: Option<String>,
    /// Cedar policy-set JSON.
    cedar_json: Option<Map<String, Value>>,
}

/// A policy to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPolicyGiven {
    #[schema(value_type = kinds::Name)]
    name: model::Name,
    #[schema(value_type = Option<kinds::Description>)]
    description: Option<model::Description>,
}

impl RequestBody for ApplyRequest {
    const LARGE: bool = true;
}

impl ApplyRequest {
    pub(crate) fn given(self) -> Result<Apply, Failure> {
        self.manifest.given(self.dry_run)
    }
}

impl ApplyManifest {
    pub(crate) fn given(self, dry_run: bool) -> Result<Apply, Failure> {
        let Self { entries, schema_version, activate, mode, scope_target_id } = self;
        if !activate && (mode.is_some() || scope_target_id.is_some()) {
            let why = "manifest.mode and manifest.scope_target_id go with manifest.activate";
            return Err(Failure::new(Code::BadRequest, why));
        }
        let mode = mode.unwrap_or(model::BindingMode::Active);
        let entries = entries.into_iter().enumerate().map(|(index, entry)| entry.given(index));
        Ok(Apply {
            entries: entries.collect::<Result<_, _>>()?,
            schema_version,
            activate: activate.then_some(Activate { mode, scope_target_id }),
            dry_run,
        })
    }
}

impl ApplyEntryGiven {
    fn given(self, index: usize) -> Result<ApplyEntry, Failure> {
        let content = match (self.cedar_raw, self.cedar_json) {
            (Some(text), None) => Some(GivenPolicy::Text(text)),
            (None, Some(json)) => Some(GivenPolicy::Json(Value::Object(json))),
            (None, None) => None,
            (Some(_), Some(_)) => {
                let why = format!("manifest.entries[{index}]: give content in one form, cedar_raw or cedar_json");
                return Err(Failure::new(Code::MissingCedarContent, why));
            }
        };
        match (self.policy_id, self.policy_version_id, self.new_policy, content) {
            (Some(policy), version, None, None) => Ok(ApplyEntry::Pinned {
                policy_id: id(index, &policy)?,
                policy_version_id: version.map(|version| id(index, &version)).transpose()?,
            }),
            (Some(policy), None, None, Some(given)) => {
                Ok(ApplyEntry::Content { policy_id: id(index, &policy)?, given })
            }
            (None, None, Some(NewPolicyGiven { name, description }), Some(given)) => {
                Ok(ApplyEntry::New { name, description, given })
            }
            (None, None, Some(_), None) => {
                let why = format!("manifest.entries[{index}]: a new policy needs cedar_raw or cedar_json");
                Err(Failure::new(Code::MissingCedarContent, why))
            }
            _ => {
                let why = format!(
                    "manifest.entries[{index}]: give policy_id (with policy_version_id, cedar_raw or cedar_json if \
                     wanted), or new_policy with cedar_raw or cedar_json"
                );
                Err(Failure::new(Code::BadRequest, why))
            }
        }
    }
}

/// Text that is no id is an id that the zone does not have.
fn id<T: std::str::FromStr>(index: usize, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| {
        let why = format!("manifest.entries[{index}]: this zone does not have {text:?}");
        Failure::new(Code::PolicyVersionNotFound, why.chars().take(300).collect::<String>())
    })
}

/// What was done, or would be done in a dry run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApplyResult {
    /// The set with its bindings; absent in a dry run.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    set: Option<PolicySet>,
    /// The set version; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_set_version: Option<PolicySetVersion>,
    /// The binding that it was given; null without one.
    #[schema(required)]
    binding: Option<PolicyBinding>,
    changes: Vec<ApplyChange>,
    warnings: Vec<Warning>,
}

/// What happens to one policy.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApplyChange {
    #[schema(value_type = ChangeWord)]
    action: ChangeAction,
    /// The policy's name.
    name: String,
    /// Null in a dry run that would make the policy.
    #[schema(value_type = Option<kinds::Id>, required)]
    policy_id: Option<model::PolicyId>,
    /// Null in a dry run that would publish the version, and for a policy that is dropped.
    #[schema(value_type = Option<kinds::Id>, required)]
    policy_version_id: Option<model::PolicyVersionId>,
}

/// What happens to a policy, for the document alone.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "names the words of ChangeAction in the OpenAPI document")]
pub(crate) enum ChangeWord {
    /// The policy and its first version are made.
    CreatedPolicy,
    /// A version is published.
    CreatedVersion,
    /// What is published already is pinned.
    Reused,
    /// Another published version is pinned than before.
    Repinned,
    /// The policy is no longer pinned.
    Dropped,
}

impl From<Change> for ApplyChange {
    fn from(change: Change) -> Self {
        let Change { action, name, policy_id, policy_version_id } = change;
        Self { action, name, policy_id, policy_version_id }
    }
}

impl From<Applied> for ApplyResult {
    fn from(applied: Applied) -> Self {
        Self {
            set: applied.set.map(PolicySet::from),
            policy_set_version: applied.version.map(PolicySetVersion::from),
            binding: applied.binding.map(PolicyBinding::from),
            changes: applied.changes.into_iter().map(ApplyChange::from).collect(),
            warnings: applied.warnings.into_iter().map(Warning::from).collect(),
        }
    }
}
