//! Policy tests: requests put to policies that need not decide anywhere, nor be published. A dry run: nothing is written.

mod gather;
mod run;

use std::{sync::Arc, time::Duration};

use cedarkeep_cedar::{Decision, Findings, TestError, Uid};
use cedarkeep_model::{
    PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaVersion, ValidationMode, ZoneId,
};
use serde::Serialize;
use serde_json::Value;

use self::run::{Run, evaluate};
use crate::{Call, Code, Error, GivenPolicy, GivenSchema, Service};

/// The most requests of one call.
pub const MAX_POLICY_TESTS: usize = 1_000;

/// How much time the threads that decide give to the requests of one call.
const BUDGET: Duration = Duration::from_secs(30);

/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// A call: policies, what they are held against, and the requests.
#[derive(Debug, Clone)]
pub struct PolicyTests {
    /// The policies.
    pub policies: TestedPolicies,
    /// The schema.
    pub schema: TestedSchema,
    /// Whether policies, entities and requests are checked against the schema.
    pub validation: ValidationMode,
    /// Cedar entity JSON for every request that brings none of its own.
    pub entities: Value,
    /// The requests, at most [`MAX_POLICY_TESTS`].
    pub requests: Vec<PolicyTest>,
}

/// Where the policies come from.
#[derive(Debug, Clone)]
pub enum TestedPolicies {
    /// From the caller.
    Given(GivenPolicy),
    /// Published versions of different policies.
    Versions(Vec<PolicyVersionId>),
    /// What a set version pins.
    SetVersion(PolicySetVersionId),
    /// The draft of a policy.
    PolicyDraft(PolicyId),
    /// What the draft of a set pins.
    SetDraft(PolicySetId),
    /// What stands active in the zone's own slot.
    Bound,
}

/// Where the schema comes from.
#[derive(Debug, Clone)]
pub enum TestedSchema {
    /// The one that the policies' source names; where it names none, the zone's default under strict validation, and
    /// none without.
    Default,
    /// A schema version of the zone, archived or not.
    Version(SchemaVersion),
    /// From the caller.
    Given(GivenSchema),
}

/// A request and what should come of it.
#[derive(Debug, Clone)]
pub struct PolicyTest {
    /// What the caller calls it.
    pub name: Option<String>,
    /// Who.
    pub principal: Uid,
    /// Does what.
    pub action: Uid,
    /// To what.
    pub resource: Uid,
    /// Under which circumstances: a JSON object.
    pub context: Value,
    /// Cedar entity JSON in place of that of the call.
    pub entities: Option<Value>,
    /// What should come of it.
    pub expect: Option<Expectation>,
}

/// What should come of a request, as `cedar run-tests` means it.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Allow or deny.
    pub decision: Decision,
    /// Policies that must be among the determining ones, by id or by `@id` annotation.
    pub reason: Vec<String>,
    /// How many policies must fail; any number when absent.
    pub num_errors: Option<u64>,
}

/// What came of a call.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyTestRun {
    /// What validation found; absent without validation.
    pub validation: Option<Findings>,
    /// What came of each request, in order.
    pub results: Vec<PolicyTestResult>,
}

/// What came of a request.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyTestResult {
    /// What the caller calls it.
    pub name: Option<String>,
    /// Allow or deny; absent when the request could not be decided.
    pub decision: Option<Decision>,
    /// The ids of the determining policies.
    pub reason: Vec<String>,
    /// The policies that failed and were skipped.
    pub errors: Vec<TestError>,
    /// Why it could not be decided.
    pub request_error: Option<String>,
    /// Whether it came to what was expected, when something was.
    pub met: Option<bool>,
}

impl Service {
    /// Puts requests to policies. It records nothing, and Cedar alone decides: no slots, no rule for erring `forbid`s.
    ///
    /// # Errors
    /// `not_found` for the source of the policies, `policy_version_not_found`, `manifest_empty`,
    /// `manifest_duplicate_policy`, `schema_version_not_found`, `missing_cedar_content`, `invalid_cedar`, `too_large`
    /// for what takes too long or says too much, `unavailable` while too many other tests are under way.
    pub async fn test_policies(&self, _call: &Call, zone: ZoneId, tests: PolicyTests) -> Result<PolicyTestRun, Error> {
        let PolicyTests { policies, schema, validation, entities, requests } = tests;
        let (mut store, owner) = self.living(zone).await?;
        if requests.len() > MAX_POLICY_TESTS {
            let message = format!("{} requests; at most {MAX_POLICY_TESTS} are tested in one call", requests.len());
            return Err(Error::new(Code::BadRequest, message));
        }
        let gathered = gather::gather(&mut *store, &owner, policies, schema, validation).await?;
        // The connection goes back before the work that takes its time.
        drop(store);
        let turn = tokio::time::timeout(PATIENCE, self.0.turns.take(zone)).await.map_err(|_| {
            Error::new(Code::Unavailable, "other work on policies is under way; send this call again in a moment")
        })?;
        let turn = Arc::new(turn?);
        let held = Arc::clone(&turn);
        let begin = move || {
            let run = Run::new(&gathered, validation, &entities, requests);
            drop(held);
            run
        };
        let run = self.0.cedar.run(begin).await??;
        let tested = evaluate(&self.0.cedar, run, BUDGET).await;
        drop(turn);
        tested
    }
}
