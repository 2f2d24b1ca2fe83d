//! The files of tests, in the form that `cedar run-tests` takes.

use cedarkeep_cedar::{Decision, TestRequest, Uid};
use cedarkeep_model::json::Strict;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value};

use crate::{
    finding::{Finding, Rule},
    layout::Source,
};

/// A request and what should come of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file that it stands in.
    pub file: String,
    /// What it is called; its place in the file where it has no name.
    pub name: String,
    /// The request.
    pub request: TestRequest,
    /// Cedar entity JSON in place of `entities.json`.
    pub entities: Option<Value>,
    /// What should come of it.
    pub expect: Expectation,
}

/// What should come of a request.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// Allow or deny.
    pub decision: Decision,
    /// Policies that must be among the determining ones: names, `name/policy0`, or `@id` annotations.
    pub reason: Vec<String>,
    /// How many statements must fail; any number when absent.
    pub num_errors: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenCase {
    name: Option<String>,
    request: GivenRequest,
    entities: Option<Strict>,
    decision: GivenDecision,
    #[serde(default)]
    reason: Vec<String>,
    num_errors: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRequest {
    principal: Reference,
    action: Reference,
    resource: Reference,
    context: Option<Strict>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum GivenDecision {
    Allow,
    Deny,
}

/// A Cedar entity uid in either form.
struct Reference(Uid);

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uid::from_json(&Strict::deserialize(deserializer)?.0).map(Self).map_err(D::Error::custom)
    }
}

/// Reads a file of tests.
pub(crate) fn read(source: &Source) -> Result<Vec<Case>, Finding> {
    let cases: Vec<GivenCase> =
        serde_json::from_str(&source.text).map_err(|error| Finding::from_json(Rule::TestFile, source, &error))?;
    Ok(cases.into_iter().enumerate().map(|(index, case)| case.named(source, index)).collect())
}

impl GivenCase {
    fn named(self, source: &Source, index: usize) -> Case {
        let GivenRequest { principal, action, resource, context } = self.request;
        let context = context.map_or_else(|| Value::Object(Map::new()), |context| context.0);
        Case {
            file: source.path.clone(),
            name: self.name.unwrap_or_else(|| format!("test {}", index + 1)),
            request: TestRequest { principal: principal.0, action: action.0, resource: resource.0, context },
            entities: self.entities.map(|entities| entities.0),
            expect: Expectation {
                decision: match self.decision {
                    GivenDecision::Allow => Decision::Allow,
                    GivenDecision::Deny => Decision::Deny,
                },
                reason: self.reason,
                num_errors: self.num_errors,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Case>, Finding> {
        read(&Source { path: "tests/a.json".into(), text: text.into() })
    }

    const REQUEST: &str =
        r#""request": {"principal": "U::\"a\"", "action": {"type": "Action", "id": "r"}, "resource": "D::\"1\""}"#;

    #[test]
    fn the_form_of_cedar_run_tests_is_taken() {
        let cases = read_text(&format!(
            r#"[{{"name": "a", {REQUEST}, "entities": [], "decision": "allow", "reason": ["p"], "num_errors": 0}},
                {{{REQUEST}, "decision": "deny"}}]"#
        ))
        .unwrap();
        assert_eq!((cases[0].name.as_str(), cases[1].name.as_str()), ("a", "test 2"));
        assert_eq!(cases[0].expect.num_errors, Some(0));
        assert!(cases[1].entities.is_none() && cases[1].expect.num_errors.is_none());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, word) in [
            (format!("[\n{{{REQUEST}, \"decison\": \"allow\"}}]"), "unknown field `decison`"),
            (format!("[\n{{{REQUEST}, \"decision\": \"maybe\"}}]"), "unknown variant `maybe`"),
            (format!("[\n{{{REQUEST}, \"decision\": \"deny\", \"decision\": \"allow\"}}]"), "duplicate field"),
            ("[\n{\"request\": {\"principal\": \"nobody\"".to_owned(), "not an entity uid"),
        ] {
            let finding = read_text(&text).unwrap_err();
            assert!(finding.line == Some(2) && finding.message.contains(word), "{finding:?}");
        }
    }
}
