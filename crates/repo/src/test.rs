//! Running the tests of a repository.

use cedarkeep_cedar::{
    CedarError, Decision, EvaluateError, NamedText, TestBed, TestDecision, TestEntities, TestError, TestPolicies,
    TestSchema,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    cases::{Case, Expectation},
    check::Ready,
};

/// What came of all tests.
#[derive(Debug, Serialize)]
pub struct TestRun {
    /// How many came to what was expected.
    pub passed: usize,
    /// How many did not.
    pub failed: usize,
    /// One by one, in the order of their files.
    pub results: Vec<TestResult>,
}

/// What came of a test.
#[derive(Debug, Serialize)]
pub struct TestResult {
    /// The file that it stands in.
    pub file: String,
    /// What it is called.
    pub name: String,
    /// Whether it came to what was expected.
    pub met: bool,
    /// Allow or deny; absent when the request could not be decided.
    pub decision: Option<Decision>,
    /// The statements that determined it, as `name/policy0`.
    pub reason: Vec<String>,
    /// The statements that failed, which Cedar skips.
    pub errors: Vec<TestError>,
    /// What was not as expected, in words.
    pub failures: Vec<String>,
}

impl Ready {
    /// Puts every request to all policies together, as Cedar alone decides it, and as `POST …/policy-tests` does. Runs on
    /// the [pool](cedarkeep_cedar::CedarPool).
    ///
    /// # Errors
    /// Policies that are too much to be validated together.
    pub fn test(&self) -> Result<TestRun, CedarError> {
        let named = |policy: &'_ crate::PolicyFile| (policy.name.to_string(), policy.source.text.clone());
        let texts: Vec<(String, String)> = self.policies.iter().map(named).collect();
        let texts: Vec<_> = texts.iter().map(|(name, text)| NamedText { name, text }).collect();
        let bed = TestBed::new(TestPolicies::Named(&texts), TestSchema::Strict(self.loaded.clone()))?;
        let entities = bed.read_entities(&self.entities);
        let results = self.cases.iter().map(|case| result(case, decide(&bed, case, &entities)));
        Ok(TestRun::of(results.collect()))
    }

    /// What tests came to that were decided elsewhere: an answer a test, in their order, or why there is none. Statements
    /// are named as [`Ready::test`] names them.
    #[must_use]
    pub fn judge(&self, came: Vec<Result<TestDecision, String>>) -> TestRun {
        TestRun::of(self.cases.iter().zip(came).map(|(case, came)| result(case, came)).collect())
    }

    /// The entities of all tests that have none of their own.
    #[must_use]
    pub fn entities(&self) -> &Value {
        &self.entities
    }
}

impl TestRun {
    fn of(results: Vec<TestResult>) -> Self {
        let passed = results.iter().filter(|result| result.met).count();
        Self { passed, failed: results.len() - passed, results }
    }
}

fn decide(bed: &TestBed, case: &Case, all: &Result<TestEntities, EvaluateError>) -> Result<TestDecision, String> {
    match (&case.entities, all) {
        (Some(own), _) => {
            bed.read_entities(own).and_then(|own| bed.decide(&case.request, &own)).map_err(|e| e.to_string())
        }
        (None, Ok(entities)) => bed.decide(&case.request, entities).map_err(|error| error.to_string()),
        (None, Err(error)) => Err(error.to_string()),
    }
}

fn result(case: &Case, decided: Result<TestDecision, String>) -> TestResult {
    let (file, name) = (case.file.clone(), case.name.clone());
    match decided {
        Ok(decision) => {
            let failures = failures(&case.expect, &decision);
            let TestDecision { decision, reason, errors } = decision;
            let reason = reason.into_iter().map(|reason| reason.cedar_id).collect();
            TestResult { file, name, met: failures.is_empty(), decision: Some(decision), reason, errors, failures }
        }
        Err(why) => {
            let failures = vec![format!("it could not be decided: {why}")];
            TestResult { file, name, met: false, decision: None, reason: Vec::new(), errors: Vec::new(), failures }
        }
    }
}

/// What is not as expected, as `cedar run-tests` means it.
fn failures(expect: &Expectation, came: &TestDecision) -> Vec<String> {
    let mut failures = Vec::new();
    let determined: Vec<&str> = came.reason.iter().map(|reason| reason.cedar_id.as_str()).collect();
    let determined = if determined.is_empty() { "no policy".to_owned() } else { determined.join(", ") };
    if came.decision != expect.decision {
        let (wanted, got) = (word(expect.decision), word(came.decision));
        failures.push(format!("expected {wanted}, got {got}, determined by {determined}"));
    }
    for id in expect.reason.iter().filter(|id| !names(came, id)) {
        failures.push(format!("expected {id:?} to determine it, but {determined} did"));
    }
    let errors = came.errors.len();
    if let Some(wanted) = expect.num_errors.filter(|wanted| *wanted != errors) {
        let found: Vec<_> =
            came.errors.iter().map(|error| format!("; {}: {}", error.cedar_id, error.message)).collect();
        failures.push(format!("expected {wanted} statements to fail, {errors} did{}", found.concat()));
    }
    failures
}

/// Whether a policy of this name, a statement of this id, or one with this `@id` determined it.
fn names(came: &TestDecision, id: &str) -> bool {
    let of_policy = |cedar_id: &str| cedar_id.rsplit_once('/').is_some_and(|(policy, _)| policy == id);
    came.names(id) || came.reason.iter().any(|reason| of_policy(&reason.cedar_id))
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Deny => "deny",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{run_tests, sample};

    fn case(expect: &str) -> String {
        format!(
            r#"[{{"request": {{"principal": "User::\"alice\"", "action": "Action::\"write\"",
               "resource": "Document::\"plan\"", "context": {{"mfa": true}}}}, {expect}}}]"#
        )
    }

    #[test]
    fn a_policy_is_expected_by_its_name_by_its_statement_or_by_its_id() {
        for reason in ["owners", "owners/policy0", "owners-may-do-anything"] {
            let folder =
                sample(&[("tests/a.json", &case(&format!("\"decision\": \"allow\", \"reason\": [\"{reason}\"]")))]);
            let run = run_tests(folder.path());
            assert!(run.results[0].met, "{reason}: {:?}", run.results[0]);
        }
    }

    #[test]
    fn what_came_otherwise_is_said() {
        for (expect, word) in [
            ("\"decision\": \"deny\"", "expected deny, got allow, determined by owners/policy0"),
            (
                "\"decision\": \"allow\", \"reason\": [\"readers\"]",
                "expected \"readers\" to determine it, but owners/policy0 did",
            ),
            ("\"decision\": \"allow\", \"num_errors\": 2", "expected 2 statements to fail, 0 did"),
            (
                "\"decision\": \"allow\", \"entities\": [{\"uid\": {\"type\": \"Alien\", \"id\": \"a\"}, \"attrs\": {}, \"parents\": []}]",
                "could not be decided",
            ),
        ] {
            let folder = sample(&[("tests/a.json", &case(expect))]);
            let run = run_tests(folder.path());
            assert_eq!(run.failed, 1);
            assert!(run.results[0].failures[0].contains(word), "{:?}", run.results[0]);
        }
    }

    #[test]
    fn entities_of_a_test_stand_in_for_those_of_all() {
        let folder = sample(&[("tests/a.json", &case("\"decision\": \"deny\", \"entities\": []"))]);
        assert_eq!(run_tests(folder.path()).results[0].decision, Some(Decision::Deny));
    }
}
