//! What is sent and what is read. The fields are those of `schemas/openapi.json`, of which only what is used here is
//! named; a test compares.

use cedarkeep_model::{
    BindingId, BindingMode, Digest, OwnerType, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId,
    SchemaVersion, ScopeType, ZoneId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A zone of the server.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Zone {
    pub(crate) id: ZoneId,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) revision: u64,
}

/// A schema version.
#[derive(Debug, Deserialize)]
pub(crate) struct Schema {
    pub(crate) schema_sha: Digest,
}

/// A policy of the zone.
#[derive(Debug, Deserialize)]
pub(crate) struct Policy {
    pub(crate) id: PolicyId,
    pub(crate) name: String,
    pub(crate) owner_type: OwnerType,
}

/// A policy set.
#[derive(Debug, Deserialize)]
pub(crate) struct PolicySet {
    pub(crate) id: PolicySetId,
    pub(crate) name: String,
    pub(crate) scope_type: ScopeType,
    pub(crate) latest_version_id: Option<PolicySetVersionId>,
}

/// A version of a policy set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetVersion {
    pub(crate) id: PolicySetVersionId,
    pub(crate) version: u64,
    pub(crate) schema_version: SchemaVersion,
    pub(crate) manifest_sha: Digest,
}

/// A policy version that a set version pins.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PinnedPolicy {
    pub(crate) id: PolicyVersionId,
    pub(crate) policy_id: PolicyId,
    pub(crate) version: u64,
    pub(crate) cedar_raw: Option<String>,
}

/// What a slot points at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Binding {
    pub(crate) id: BindingId,
    pub(crate) mode: BindingMode,
    pub(crate) scope_type: ScopeType,
    pub(crate) scope_target_id: String,
    pub(crate) policy_set_id: PolicySetId,
    pub(crate) policy_set_version_id: PolicySetVersionId,
    pub(crate) version: u64,
    pub(crate) revision: u64,
}

/// A change that was recorded.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    pub(crate) kind: String,
    pub(crate) body: Value,
}

/// What publishing did to one policy.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) action: String,
    pub(crate) name: String,
    pub(crate) policy_id: Option<PolicyId>,
    pub(crate) policy_version_id: Option<PolicyVersionId>,
}

/// What the server wants to have said.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Warning {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What publishing did.
#[derive(Debug, Deserialize)]
pub(crate) struct Applied {
    pub(crate) id: PolicySetId,
    pub(crate) policy_set_version: SetVersion,
    pub(crate) binding: Option<Binding>,
    pub(crate) changes: Vec<Change>,
    pub(crate) warnings: Vec<Warning>,
}

/// What came of a test.
#[derive(Debug, Deserialize)]
pub(crate) struct TestAnswers {
    pub(crate) results: Vec<TestAnswer>,
}

/// What came of a request.
#[derive(Debug, Deserialize)]
pub(crate) struct TestAnswer {
    pub(crate) decision: Option<Word>,
    pub(crate) reason: Vec<String>,
    pub(crate) errors: Vec<FailedStatement>,
    pub(crate) request_error: Option<String>,
}

/// Allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Word {
    Allow,
    Deny,
}

/// A statement that failed.
#[derive(Debug, Deserialize)]
pub(crate) struct FailedStatement {
    pub(crate) cedar_id: String,
    pub(crate) message: String,
}

/// A schema version to be.
#[derive(Debug, Serialize)]
pub(crate) struct SchemaCreate<'a> {
    pub(crate) version: &'a SchemaVersion,
    pub(crate) cedar_schema: &'a str,
}

/// A set version to be, with all that is new.
#[derive(Debug, Serialize)]
pub(crate) struct Manifest<'a> {
    pub(crate) schema_version: &'a SchemaVersion,
    pub(crate) entries: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) activate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<BindingMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope_target_id: Option<&'a str>,
}

/// A policy of a set version.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_id: Option<PolicyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) new_policy: Option<NewPolicy<'a>>,
    pub(crate) cedar_raw: &'a str,
}

/// A policy to be.
#[derive(Debug, Serialize)]
pub(crate) struct NewPolicy<'a> {
    pub(crate) name: &'a str,
}

/// A set to be, with its first version.
#[derive(Debug, Serialize)]
pub(crate) struct SetCreate<'a> {
    pub(crate) name: &'a str,
    pub(crate) scope_type: ScopeType,
    pub(crate) manifest: &'a Manifest<'a>,
}

/// A version to be published into a set.
#[derive(Debug, Serialize)]
pub(crate) struct Apply<'a> {
    pub(crate) manifest: &'a Manifest<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dry_run: Option<bool>,
}

/// A slot to be pointed at a version.
#[derive(Debug, Serialize)]
pub(crate) struct Bind<'a> {
    pub(crate) policy_set_version_id: PolicySetVersionId,
    pub(crate) mode: BindingMode,
    pub(crate) scope_target_id: &'a str,
}

/// Requests to be put to a published version.
#[derive(Debug, Serialize)]
pub(crate) struct Test<'a> {
    pub(crate) policies: Tested,
    pub(crate) entities: &'a Value,
    pub(crate) requests: Vec<TestCase<'a>>,
}

/// Which policies are tested.
#[derive(Debug, Serialize)]
pub(crate) struct Tested {
    pub(crate) policy_set_version_id: PolicySetVersionId,
}

/// A request of a test.
#[derive(Debug, Serialize)]
pub(crate) struct TestCase<'a> {
    pub(crate) principal: String,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) context: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entities: Option<&'a Value>,
}

/// A question whose answer is of no interest, only that there is one at this revision or a later one.
#[derive(Debug, Serialize)]
pub(crate) struct Wait {
    pub(crate) requests: [Value; 1],
    pub(crate) at_least_revision: u64,
}

/// The answers to it.
#[derive(Debug, Deserialize)]
pub(crate) struct Waited {
    pub(crate) results: Vec<Value>,
}
