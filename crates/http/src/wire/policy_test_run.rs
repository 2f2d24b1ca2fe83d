//! What came of tests of policies.

use cedarkeep_model as model;
use cedarkeep_service::{self as service, Decision};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::kinds;

/// What came of a test of policies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyTestRun {
    /// What validation found; null with `validation` `off`.
    #[schema(required)]
    validation: Option<PolicyValidation>,
    /// What came of each request, in order.
    results: Vec<PolicyTestResult>,
    /// Requests that came to what was expected of them.
    passed: u64,
    /// Requests that did not. One without an expectation counts in neither.
    failed: u64,
}

/// What validation found.
#[derive(Debug, Serialize, ToSchema)]
struct PolicyValidation {
    /// Whether publishing would accept the policies: there are no errors.
    valid: bool,
    /// At most 100.
    errors: Vec<PolicyFinding>,
    /// At most 100.
    warnings: Vec<PolicyFinding>,
}

/// One fault or remark.
#[derive(Debug, Serialize, ToSchema)]
struct PolicyFinding {
    /// The statement within its version, where it is known.
    #[schema(required, example = "policy0")]
    cedar_id: Option<String>,
    /// The policy, where stored versions were tested.
    #[schema(value_type = Option<kinds::Id>, required)]
    policy_id: Option<model::PolicyId>,
    message: String,
    /// Line in the text, from 1.
    #[schema(required)]
    line: Option<u32>,
    /// Column in the text, from 1, in characters.
    #[schema(required)]
    column: Option<u32>,
}

/// What came of one request.
#[derive(Debug, Serialize, ToSchema)]
struct PolicyTestResult {
    #[schema(required)]
    name: Option<String>,
    /// `allow` or `deny`; null when the request could not be decided.
    #[schema(value_type = Option<String>, required, example = "allow")]
    decision: Option<Decision>,
    /// The determining policies: `policy0` in the given text or draft, `policy_id/policy0` among stored versions.
    #[schema(example = json!(["policy0"]))]
    reason: Vec<String>,
    /// The policies that failed, which Cedar skips.
    errors: Vec<FailedPolicy>,
    /// Why it could not be decided: it, or its entities, do not fit the schema or cannot be read.
    #[schema(required)]
    request_error: Option<String>,
    /// Whether it came to what was expected; null when nothing was.
    #[schema(required)]
    met: Option<bool>,
}

/// A policy that failed.
#[derive(Debug, Serialize, ToSchema)]
struct FailedPolicy {
    #[schema(example = "policy1")]
    cedar_id: String,
    message: String,
}

impl From<service::PolicyTestRun> for PolicyTestRun {
    fn from(run: service::PolicyTestRun) -> Self {
        let count = |met| run.results.iter().map(|result| u64::from(result.met == Some(met))).sum();
        Self {
            passed: count(true),
            failed: count(false),
            validation: run.validation.map(PolicyValidation::from),
            results: run.results.into_iter().map(PolicyTestResult::from).collect(),
        }
    }
}

impl From<service::Findings> for PolicyValidation {
    fn from(findings: service::Findings) -> Self {
        let wire = |findings: Vec<service::Finding>| findings.into_iter().map(PolicyFinding::from).collect();
        Self { valid: findings.errors.is_empty(), errors: wire(findings.errors), warnings: wire(findings.warnings) }
    }
}

impl From<service::Finding> for PolicyFinding {
    fn from(finding: service::Finding) -> Self {
        let service::Finding { policy_id, cedar_id, message, line, column } = finding;
        Self { cedar_id, policy_id, message, line, column }
    }
}

impl From<service::PolicyTestResult> for PolicyTestResult {
    fn from(result: service::PolicyTestResult) -> Self {
        let service::PolicyTestResult { name, decision, reason, errors, request_error, met } = result;
        let failed = |error: service::TestError| FailedPolicy { cedar_id: error.cedar_id, message: error.message };
        Self { name, decision, reason, errors: errors.into_iter().map(failed).collect(), request_error, met }
    }
}
