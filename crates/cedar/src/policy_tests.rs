//! Policy tests: requests that are put to policies as Cedar alone decides them, without slots, without the rule for
//! erring `forbid`s and without an index.

use std::{collections::HashMap, fmt::Display};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Entities, EvaluationError, Policy, PolicyId as CedarId, PolicySet,
    PolicySetError, Request,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    content::{Given, Pinned, Statements, statement_order},
    entities,
    error::{CedarError, EvaluateError, Finding, Findings},
    evaluate::Decision,
    guard_json,
    schema::Schema,
    uid::Uid,
    validate,
};

/// The policies to be tested.
#[derive(Debug, Clone, Copy)]
pub enum TestPolicies<'a> {
    /// Content as it came; its statements keep their ids (`policy0`, …).
    Given(Given<'a>),
    /// Stored versions that stand together; their statements are told apart as `policy_id/policy0`.
    Pinned(&'a [Pinned]),
    /// Texts that stand together; their statements are told apart as `name/policy0`. What validation finds does not say
    /// whose it is.
    Named(&'a [NamedText<'a>]),
}

/// The text of a policy that has a name, and no id yet.
#[derive(Debug, Clone, Copy)]
pub struct NamedText<'a> {
    /// The name; no two have the same.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
}

/// What policies and requests are held against.
#[derive(Debug, Clone)]
pub enum TestSchema {
    /// Nothing: every entity that is given counts, actions too.
    Absent,
    /// The actions and their hierarchy come from the schema; nothing is checked against it.
    Actions(Schema),
    /// Policies, entities and requests are checked against it.
    Strict(Schema),
}

impl TestSchema {
    fn actions(&self) -> Option<&Schema> {
        match self {
            Self::Absent => None,
            Self::Actions(schema) | Self::Strict(schema) => Some(schema),
        }
    }

    fn strict(&self) -> Option<&Schema> {
        if let Self::Strict(schema) = self { Some(schema) } else { None }
    }
}

/// A request of a test.
#[derive(Debug, Clone)]
pub struct TestRequest {
    /// Who.
    pub principal: Uid,
    /// Does what.
    pub action: Uid,
    /// To what.
    pub resource: Uid,
    /// Under which circumstances: a JSON object.
    pub context: Value,
}

/// Entities that were read once, for any number of requests to the same policies.
#[derive(Debug)]
pub struct TestEntities(Entities);

/// What Cedar says to a request. Policies and errors stand in the order of the policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestDecision {
    /// Allow or deny.
    pub decision: Decision,
    /// The policies that determined it.
    pub reason: Vec<TestReason>,
    /// The policies that failed, which Cedar skips.
    pub errors: Vec<TestError>,
}

/// A policy that determined a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReason {
    /// Its id.
    pub cedar_id: String,
    /// The value of its `@id` annotation, by which Cedar's own command line calls it.
    pub id_annotation: Option<String>,
}

/// A policy that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestError {
    /// Its id.
    pub cedar_id: String,
    /// What failed.
    pub message: String,
}

/// Policies ready to be tested.
#[derive(Debug)]
pub struct TestBed {
    policies: PolicySet,
    /// The place of each policy that can decide.
    places: HashMap<CedarId, usize>,
    schema: TestSchema,
    findings: Option<Findings>,
}

impl TestBed {
    /// Reads the policies and validates them if they are to be; what validation finds stops nothing. Runs on the
    /// [pool](crate::CedarPool).
    pub fn new(policies: TestPolicies<'_>, schema: TestSchema) -> Result<Self, CedarError> {
        let findings = schema.strict().map(|_| Findings::default());
        let mut bed = Self { policies: PolicySet::new(), places: HashMap::new(), schema, findings };
        match policies {
            TestPolicies::Given(given) => {
                let (read, text) = match given {
                    Given::Text(text) => (Statements::from_text(text)?, Some(text)),
                    Given::Json(value) => (Statements::from_json(value)?, None),
                };
                bed.check_work(text.map_or_else(|| read.json.to_string().len(), str::len))?;
                bed.find(&read, None, text);
                for policy in in_order(&read.set) {
                    bed.places.insert(policy.id().clone(), bed.places.len());
                }
                bed.policies = read.set;
            }
            TestPolicies::Pinned(versions) => {
                bed.check_work(versions.iter().map(Pinned::bytes).sum())?;
                for pinned in versions {
                    let read = Statements::pinned(pinned)?;
                    bed.find(&read, Some(pinned), pinned.text());
                    bed.add(&pinned.policy_id, &read.set)?;
                }
            }
            TestPolicies::Named(texts) => {
                bed.check_work(texts.iter().map(|named| named.text.len()).sum())?;
                for named in texts {
                    let read = Statements::from_text(named.text)?;
                    bed.find(&read, None, Some(named.text));
                    bed.add(&named.name, &read.set)?;
                }
            }
        }
        Ok(bed)
    }

    /// What validation found, if the policies were validated.
    #[must_use]
    pub fn findings(&self) -> Option<&Findings> {
        self.findings.as_ref()
    }

    /// Reads Cedar entity JSON. Runs on the [pool](crate::CedarPool).
    pub fn read_entities(&self, entities: &Value) -> Result<TestEntities, EvaluateError> {
        entities::read(entities, self.schema.actions(), self.schema.strict().is_some()).map(TestEntities)
    }

    /// Decides a request with entities that [`read_entities`](Self::read_entities) has read. Runs on the
    /// [pool](crate::CedarPool).
    pub fn decide(&self, request: &TestRequest, entities: &TestEntities) -> Result<TestDecision, EvaluateError> {
        let request = self.request(request)?;
        let response = Authorizer::new().is_authorized(&request, &self.policies, &entities.0);
        let mut errors = Vec::new();
        for AuthorizationError::PolicyEvaluationError(error) in response.diagnostics().errors() {
            if matches!(error.inner(), EvaluationError::RecursionLimit(_)) {
                return Err(EvaluateError::RecursionLimit);
            }
            errors.push((error.policy_id(), Finding::from_cedar(error.inner(), None).message));
        }
        errors.sort_by_key(|(id, _)| self.places.get(id));
        let mut reason: Vec<&CedarId> = response.diagnostics().reason().collect();
        reason.sort_by_key(|id| self.places.get(id));
        Ok(TestDecision {
            decision: match response.decision() {
                cedar_policy::Decision::Allow => Decision::Allow,
                cedar_policy::Decision::Deny => Decision::Deny,
            },
            reason: reason.into_iter().map(|id| self.reason(id)).collect(),
            errors: errors.into_iter().map(|(id, message)| TestError { cedar_id: id.to_string(), message }).collect(),
        })
    }

    fn request(&self, request: &TestRequest) -> Result<Request, EvaluateError> {
        guard_json::check_request(&request.context)?;
        let refused = |finding| EvaluateError::InvalidRequest(vec![finding]);
        let schema = self.schema.strict().map(Schema::cedar);
        let action = request.action.cedar();
        let context = Context::from_json_value(request.context.clone(), schema.map(|schema| (schema, action)))
            .map_err(|error| refused(Finding::from_cedar(&error, None)))?;
        let (principal, resource) = (request.principal.cedar().clone(), request.resource.cedar().clone());
        Request::new(principal, action.clone(), resource, context, schema)
            .map_err(|error| refused(Finding::from_cedar(&error, None)))
    }

    fn reason(&self, id: &CedarId) -> TestReason {
        TestReason { cedar_id: id.to_string(), id_annotation: self.policies.annotation(id, "id").map(str::to_owned) }
    }

    fn check_work(&self, bytes: usize) -> Result<(), CedarError> {
        self.schema.strict().map_or(Ok(()), |schema| validate::check_work(bytes, schema))
    }

    fn find(&mut self, read: &Statements, pinned: Option<&Pinned>, text: Option<&str>) {
        if let (Some(findings), Some(schema)) = (&mut self.findings, self.schema.strict()) {
            validate::find(findings, read, pinned.map(|pinned| pinned.policy_id), text, schema);
        }
    }

    /// Adds the statements of one policy behind its id or name, so that policies cannot collide.
    fn add(&mut self, policy: &dyn Display, read: &PolicySet) -> Result<(), CedarError> {
        let apart = |id: &CedarId| CedarId::new(format!("{policy}/{id}"));
        for template in read.templates() {
            self.policies.add_template(template.new_id(apart(template.id()))).map_err(refused)?;
        }
        for policy in in_order(read) {
            let id = apart(policy.id());
            match (policy.template_id(), policy.template_links()) {
                (Some(template), Some(values)) => self.policies.link(apart(template), id.clone(), values),
                _ => self.policies.add(policy.new_id(id.clone())),
            }
            .map_err(refused)?;
            self.places.insert(id, self.places.len());
        }
        Ok(())
    }
}

impl TestDecision {
    /// Whether a policy that determined it has this id or this `@id` annotation.
    #[must_use]
    pub fn names(&self, id: &str) -> bool {
        self.reason.iter().any(|reason| reason.cedar_id == id || reason.id_annotation.as_deref() == Some(id))
    }
}

/// The policies that can decide, in the order of their ids.
fn in_order(set: &PolicySet) -> Vec<&Policy> {
    let mut policies: Vec<&Policy> = set.policies().collect();
    policies.sort_by(|a, b| statement_order(a.id().as_ref()).cmp(&statement_order(b.id().as_ref())));
    policies
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn refused(error: PolicySetError) -> CedarError {
    CedarError::invalid(Finding::from_cedar(&error, None))
}

#[cfg(test)]
mod tests;
