//! The requests of one call, decided a slice at a time: whoever waits for the same threads to decide something real gets
//! a turn between two slices, and a caller who goes away stops the rest.

use std::{
    time::{Duration, Instant},
    vec::IntoIter,
};

use cedarkeep_cedar::{
    CedarPool, EvaluateError, Findings, Given, TestBed, TestDecision, TestEntities, TestPolicies, TestRequest,
    TestSchema,
};
use cedarkeep_model::ValidationMode;
use serde_json::Value;

use super::{
    Expectation, PolicyTest, PolicyTestResult, PolicyTestRun,
    gather::{Gathered, Policies, Schema},
};
use crate::{Code, Error, GivenPolicy, GivenSchema, publish::cedar_error, publish_set::pinned_version};

/// How long one turn on a thread may take, give or take one request.
const SLICE: Duration = Duration::from_millis(20);

/// The most bytes of ids and messages in an answer.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Entities, or why they cannot be read.
type Entities = Result<TestEntities, String>;

/// Requests under way. Every method runs on the Cedar pool.
pub(super) struct Run {
    bed: TestBed,
    entities: Entities,
    waiting: IntoIter<PolicyTest>,
    results: Vec<PolicyTestResult>,
    bytes: usize,
}

/// Decides every request.
pub(super) async fn evaluate(pool: &CedarPool, mut run: Run, budget: Duration) -> Result<PolicyTestRun, Error> {
    let mut spent = Duration::ZERO;
    while !run.waiting.as_slice().is_empty() {
        if spent >= budget {
            return Err(run.too_long(budget));
        }
        let turn = move || {
            let begun = Instant::now();
            while begun.elapsed() < SLICE && run.step()? {}
            Ok::<_, Error>((run, begun.elapsed()))
        };
        let (next, took) = pool.run(turn).await??;
        run = next;
        spent += took;
    }
    Ok(PolicyTestRun { validation: run.findings(), results: run.results })
}

impl Run {
    /// Reads policies, schema and entities.
    pub(super) fn new(
        gathered: &Gathered,
        validation: ValidationMode,
        entities: &Value,
        requests: Vec<PolicyTest>,
    ) -> Result<Self, Error> {
        let schema = match &gathered.schema {
            None => TestSchema::Absent,
            Some(schema) => {
                let schema = load(schema)?;
                match validation {
                    ValidationMode::Strict => TestSchema::Strict(schema),
                    ValidationMode::Off => TestSchema::Actions(schema),
                }
            }
        };
        let bed = match &gathered.policies {
            Policies::Given(GivenPolicy::Text(text)) => TestBed::new(TestPolicies::Given(Given::Text(text)), schema),
            Policies::Given(GivenPolicy::Json(json)) => TestBed::new(TestPolicies::Given(Given::Json(json)), schema),
            Policies::Versions(versions) => {
                let pinned: Vec<_> = versions.iter().cloned().map(pinned_version).collect();
                TestBed::new(TestPolicies::Pinned(&pinned), schema)
            }
        };
        let bed = bed.map_err(|error| cedar_error(&error))?;
        let entities = read_entities(&bed, entities)?;
        let results = Vec::with_capacity(requests.len());
        Ok(Self { bed, entities, waiting: requests.into_iter(), results, bytes: 0 })
    }

    /// Decides the next request; whether there was one.
    fn step(&mut self) -> Result<bool, Error> {
        let Some(PolicyTest { name, principal, action, resource, context, entities, expect }) = self.waiting.next()
        else {
            return Ok(false);
        };
        let own = entities.map(|own| read_entities(&self.bed, &own)).transpose()?;
        let request = TestRequest { principal, action, resource, context };
        let decided = match own.as_ref().unwrap_or(&self.entities) {
            Ok(entities) => {
                self.bed.decide(&request, entities).map_or_else(request_error, |decided| Ok(Ok(decided)))?
            }
            Err(why) => Err(why.clone()),
        };
        let result = result(name, decided, expect.as_ref());
        self.bytes += result.bytes();
        if self.bytes > MAX_ANSWER_BYTES {
            return Err(self.too_much());
        }
        self.results.push(result);
        Ok(true)
    }

    fn findings(&self) -> Option<Findings> {
        self.bed.findings().cloned()
    }

    fn too_long(&self, budget: Duration) -> Error {
        let (done, all) = (self.results.len(), self.results.len() + self.waiting.len());
        let message = format!(
            "{done} of {all} requests were decided in the {} seconds that a call may take; send them in several calls, or \
             test fewer policies at once",
            budget.as_secs()
        );
        Error::new(Code::TooLarge, message)
    }

    fn too_much(&self) -> Error {
        let message = format!(
            "requests[{}] brings the answer, which names every determining and every failed policy, above {} MiB; send \
             fewer requests in one call",
            self.results.len(),
            MAX_ANSWER_BYTES >> 20
        );
        Error::new(Code::TooLarge, message)
    }
}

fn load(schema: &Schema) -> Result<cedarkeep_cedar::Schema, Error> {
    let loaded = match schema {
        Schema::Stored(stored) => cedarkeep_cedar::load_schema(&stored.cedar_schema_json, stored.schema_sha),
        Schema::Given(given) => {
            let read = match given {
                GivenSchema::Text(text) => cedarkeep_cedar::read_schema(Given::Text(text)),
                GivenSchema::Json(json) => cedarkeep_cedar::read_schema(Given::Json(json)),
            };
            read.and_then(|content| cedarkeep_cedar::load_schema(&content.cedar_schema_json, content.schema_sha))
        }
    };
    loaded.map_err(|error| cedar_error(&error))
}

fn read_entities(bed: &TestBed, entities: &Value) -> Result<Entities, Error> {
    bed.read_entities(entities).map_or_else(request_error, |entities| Ok(Ok(entities)))
}

/// What a request says wrong is said in its result; what is no fault of the request ends the call.
fn request_error<T>(error: EvaluateError) -> Result<Result<T, String>, Error> {
    match error {
        EvaluateError::InvalidRequest(findings) => {
            let messages: Vec<_> = findings.into_iter().map(|finding| finding.message).collect();
            Ok(Err(messages.join("; ")))
        }
        EvaluateError::RecursionLimit => {
            let message = "a policy could not be evaluated to its end, so there is no decision";
            Err(Error::new(Code::Unavailable, message).with_source(error))
        }
    }
}

fn result(
    name: Option<String>,
    decided: Result<TestDecision, String>,
    expect: Option<&Expectation>,
) -> PolicyTestResult {
    let met = expect.map(|expect| decided.as_ref().is_ok_and(|decided| expect.is_met_by(decided)));
    match decided {
        Ok(TestDecision { decision, reason, errors }) => PolicyTestResult {
            name,
            decision: Some(decision),
            reason: reason.into_iter().map(|reason| reason.cedar_id).collect(),
            errors,
            request_error: None,
            met,
        },
        Err(why) => PolicyTestResult {
            name,
            decision: None,
            reason: Vec::new(),
            errors: Vec::new(),
            request_error: Some(why),
            met,
        },
    }
}

impl Expectation {
    fn is_met_by(&self, decided: &TestDecision) -> bool {
        self.decision == decided.decision
            && self.reason.iter().all(|id| decided.names(id))
            && self.num_errors.is_none_or(|errors| usize::try_from(errors) == Ok(decided.errors.len()))
    }
}

impl PolicyTestResult {
    /// About how long it is on the wire.
    fn bytes(&self) -> usize {
        let errors = self.errors.iter().map(|error| error.cedar_id.len() + error.message.len() + 32);
        let reason = self.reason.iter().map(|id| id.len() + 3);
        let request_error = self.request_error.as_ref().map_or(0, String::len);
        100 + request_error + errors.sum::<usize>() + reason.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use cedarkeep_cedar::Decision;
    use serde_json::json;

    use super::*;

    fn run(policies: &str, requests: usize) -> Run {
        let gathered = Gathered { policies: Policies::Given(GivenPolicy::Text(policies.to_owned())), schema: None };
        let request = PolicyTest {
            name: None,
            principal: "User::\"alice\"".parse().unwrap(),
            action: "Action::\"read\"".parse().unwrap(),
            resource: "Doc::\"1\"".parse().unwrap(),
            context: json!({}),
            entities: None,
            expect: None,
        };
        Run::new(&gathered, ValidationMode::Off, &json!([]), vec![request; requests]).unwrap()
    }

    async fn outcome(policies: String, requests: usize, budget: Duration) -> Result<PolicyTestRun, Error> {
        let pool = CedarPool::new(1).unwrap();
        let run = pool.run(move || run(&policies, requests)).await.unwrap();
        evaluate(&pool, run, budget).await
    }

    #[tokio::test]
    async fn a_call_ends_when_its_time_is_up_and_says_what_to_do() {
        let forbid = "forbid (principal, action, resource);".to_owned();
        let error = outcome(forbid.clone(), 3, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.code(), Code::TooLarge);
        assert!(error.message().starts_with("0 of 3 requests") && error.message().contains("several calls"), "{error}");
        let run = outcome(forbid, 3, BUDGET_OF_TESTS).await.unwrap();
        assert_eq!(run.results.iter().map(|result| result.decision).collect::<Vec<_>>(), [Some(Decision::Deny); 3]);
    }

    #[tokio::test]
    async fn what_decides_gets_its_turn_between_two_slices() {
        let pool = CedarPool::new(1).unwrap();
        let many = "permit (principal, action, resource) when { 1 + 1 == 3 };".repeat(500);
        let run = pool.run(move || run(&many, 500)).await.unwrap();
        let (mut tested, mut waiting) = (pin!(evaluate(&pool, run, BUDGET_OF_TESTS)), pin!(pool.run(|| ())));
        tokio::select! {
            biased;
            _ = &mut tested => panic!("one slice was all"),
            decided = &mut waiting => decided.unwrap(),
        }
        assert_eq!(tested.await.unwrap().results.len(), 500);
    }

    #[tokio::test]
    async fn an_answer_does_not_grow_without_end() {
        let long = format!("permit (principal, action, resource) when {{ context.{} }};", "a".repeat(2_000));
        let error = outcome(long.repeat(10), 1_000, BUDGET_OF_TESTS).await.unwrap_err();
        assert_eq!(error.code(), Code::TooLarge);
        assert!(error.message().contains("fewer requests"), "{error}");
    }

    const BUDGET_OF_TESTS: Duration = Duration::from_mins(5);
}
