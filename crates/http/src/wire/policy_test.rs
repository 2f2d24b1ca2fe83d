//! Tests of policies.

use cedarkeep_model::{self as model, ValidationMode};
use cedarkeep_service::{
    Code, Decision, Expectation, GivenPolicy, GivenSchema, PolicyTest, PolicyTests, TestedPolicies, TestedSchema, Uid,
};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{body::RequestBody, failure::Failure, wire::kinds};

/// Policies and requests that are put to them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "policies": {"cedar_raw": "permit (principal == User::\"alice\", action, resource);"},
    "validation": "off",
    "entities": [],
    "requests": [{
        "name": "alice reads",
        "principal": "User::\"alice\"",
        "action": "Action::\"read\"",
        "resource": {"type": "Doc", "id": "1"},
        "context": {},
        "expect": {"decision": "allow", "reason": ["policy0"], "num_errors": 0}
    }]
}))]
pub(crate) struct PolicyTestRequest {
    policies: PolicySource,
    /// A schema version of the zone, archived or not. With no schema given it is the one that the set version or the
    /// draft names; where they name none, the zone's default, or with `validation` `off` none at all.
    #[schema(value_type = Option<kinds::SchemaVersionName>)]
    schema_version: Option<model::SchemaVersion>,
    /// A schema as text, in place of a schema version.
    cedar_schema: Option<String>,
    /// A schema as JSON, in place of a schema version.
    cedar_schema_json: Option<Map<String, Value>>,
    /// `strict` (the default) validates the policies and checks entities and requests against the schema; with `off`
    /// the schema gives the actions and their hierarchy, and nothing is checked.
    #[schema(value_type = Option<kinds::ValidationMode>)]
    validation: Option<ValidationMode>,
    /// Entities for every request, in Cedar's entity JSON. Actions come from the schema: one that stands here must equal
    /// the schema's. Without a schema everything here counts.
    #[schema(value_type = Option<Vec<Object>>)]
    entities: Option<Vec<Value>>,
    /// Up to 1,000. Without any, the policies are validated and no more.
    requests: Option<Vec<PolicyTestCase>>,
}

/// The policies under test: exactly one of these.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PolicySource {
    /// Cedar text.
    cedar_raw: Option<String>,
    /// Cedar policy-set JSON, or the JSON of one policy.
    cedar_json: Option<Map<String, Value>>,
    /// Published versions of different policies.
    #[schema(value_type = Option<Vec<kinds::Id>>)]
    policy_version_ids: Option<Vec<String>>,
    /// The policies of a set version.
    #[schema(value_type = Option<kinds::Id>)]
    policy_set_version_id: Option<String>,
    /// A draft.
    draft: Option<DraftSource>,
    /// `true`: the policies of the version that is active in the zone's own slot.
    bound: Option<bool>,
}

/// The draft of a policy, or that of a policy set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DraftSource {
    #[schema(value_type = Option<kinds::Id>)]
    policy_id: Option<String>,
    #[schema(value_type = Option<kinds::Id>)]
    policy_set_id: Option<String>,
}

/// A request and what should come of it. A test case of `cedar run-tests` is taken as it stands in its file: `request`
/// in place of the members of the request, and `decision`, `reason` and `num_errors` in place of `expect`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PolicyTestCase {
    /// Comes back with the result.
    name: Option<String>,
    #[schema(value_type = Option<kinds::EntityUid>)]
    principal: Option<Reference>,
    #[schema(value_type = Option<kinds::EntityUid>)]
    action: Option<Reference>,
    #[schema(value_type = Option<kinds::EntityUid>)]
    resource: Option<Reference>,
    /// The Cedar context.
    context: Option<Map<String, Value>>,
    /// As in a decision request; it matters to slots, and a test has none.
    #[expect(dead_code, reason = "it is taken, and matters to nothing here")]
    session: Option<String>,
    /// Entities for this request, in place of those of the call.
    #[schema(value_type = Option<Vec<Object>>)]
    entities: Option<Vec<Value>>,
    expect: Option<ExpectedAnswer>,
    request: Option<TestedRequest>,
    decision: Option<ExpectedDecision>,
    /// As in `expect`.
    reason: Option<Vec<String>>,
    /// As in `expect`.
    num_errors: Option<u64>,
}

/// A request as test cases of `cedar run-tests` have it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestedRequest {
    #[schema(value_type = kinds::EntityUid)]
    principal: Reference,
    #[schema(value_type = kinds::EntityUid)]
    action: Reference,
    #[schema(value_type = kinds::EntityUid)]
    resource: Reference,
    context: Option<Map<String, Value>>,
}

/// What should come of a request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExpectedAnswer {
    decision: ExpectedDecision,
    /// Policies that must be among the determining ones, each by its id or by its `@id` annotation.
    reason: Option<Vec<String>>,
    /// How many policies must fail; any number when left out.
    num_errors: Option<u64>,
}

/// Allow or deny.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ExpectedDecision {
    Allow,
    Deny,
}

/// A Cedar entity uid in either form.
#[derive(Debug)]
struct Reference(Uid);

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uid::from_json(&Value::deserialize(deserializer)?).map(Self).map_err(de::Error::custom)
    }
}

impl RequestBody for PolicyTestRequest {
    const KEYED: bool = false;
    const LARGE: bool = true;
}

impl PolicyTestRequest {
    /// What is to be tested.
    pub(crate) fn given(self) -> Result<PolicyTests, Failure> {
        let requests = self.requests.unwrap_or_default().into_iter().enumerate();
        Ok(PolicyTests {
            policies: self.policies.given()?,
            schema: schema(self.schema_version, self.cedar_schema, self.cedar_schema_json)?,
            validation: self.validation.unwrap_or(ValidationMode::Strict),
            entities: Value::Array(self.entities.unwrap_or_default()),
            requests: requests.map(|(at, case)| case.given(at)).collect::<Result<_, _>>()?,
        })
    }
}

fn schema(
    version: Option<model::SchemaVersion>,
    text: Option<String>,
    json: Option<Map<String, Value>>,
) -> Result<TestedSchema, Failure> {
    match (version, text, json) {
        (None, None, None) => Ok(TestedSchema::Default),
        (Some(version), None, None) => Ok(TestedSchema::Version(version)),
        (None, Some(text), None) => Ok(TestedSchema::Given(GivenSchema::Text(text))),
        (None, None, Some(json)) => Ok(TestedSchema::Given(GivenSchema::Json(Value::Object(json)))),
        _ => Err(bad("give at most one of schema_version, cedar_schema (text) and cedar_schema_json")),
    }
}

impl PolicySource {
    fn given(self) -> Result<TestedPolicies, Failure> {
        let Self { cedar_raw, cedar_json, policy_version_ids, policy_set_version_id, draft, bound } = self;
        let versions = |ids: Vec<String>| ids.iter().map(|id| policy_version(id)).collect::<Result<_, _>>();
        let sources = [
            cedar_raw.map(|text| Ok(TestedPolicies::Given(GivenPolicy::Text(text)))),
            cedar_json.map(|json| Ok(TestedPolicies::Given(GivenPolicy::Json(Value::Object(json))))),
            policy_version_ids.map(|ids| versions(ids).map(TestedPolicies::Versions)),
            policy_set_version_id.map(|id| known(&id, "policy set version").map(TestedPolicies::SetVersion)),
            draft.map(DraftSource::given),
            bound.filter(|bound| *bound).map(|_| Ok(TestedPolicies::Bound)),
        ];
        let mut sources = sources.into_iter().flatten();
        match (sources.next(), sources.next()) {
            (Some(source), None) => source,
            _ => Err(bad(
                "policies: give exactly one of cedar_raw (text), cedar_json, policy_version_ids, policy_set_version_id, \
                 draft and \"bound\": true",
            )),
        }
    }
}

impl DraftSource {
    fn given(self) -> Result<TestedPolicies, Failure> {
        match (self.policy_id, self.policy_set_id) {
            (Some(policy), None) => known(&policy, "policy").map(TestedPolicies::PolicyDraft),
            (None, Some(set)) => known(&set, "policy set").map(TestedPolicies::SetDraft),
            _ => Err(bad("policies.draft: give exactly one of policy_id and policy_set_id")),
        }
    }
}

impl PolicyTestCase {
    fn given(self, at: usize) -> Result<PolicyTest, Failure> {
        let bad = |why: &str| bad(&format!("requests[{at}]: {why}"));
        let Self { name, principal, action, resource, context, session: _, entities, expect, .. } = self;
        let TestedRequest { principal, action, resource, context } = match (self.request, principal, action, resource) {
            (Some(request), None, None, None) if context.is_none() => request,
            (None, Some(principal), Some(action), Some(resource)) => {
                TestedRequest { principal, action, resource, context }
            }
            (None, ..) => return Err(bad("principal, action and resource are needed")),
            (Some(_), ..) => return Err(bad("principal, action, resource and context stand in request already")),
        };
        let expect = match (expect, self.decision) {
            (None, None) if self.reason.is_none() && self.num_errors.is_none() => None,
            (None, Some(decision)) => {
                Some(ExpectedAnswer { decision, reason: self.reason, num_errors: self.num_errors })
            }
            (Some(expect), None) if self.reason.is_none() && self.num_errors.is_none() => Some(expect),
            (Some(_), _) => return Err(bad("decision, reason and num_errors stand in expect already")),
            (None, None) => return Err(bad("reason and num_errors need a decision beside them")),
        };
        Ok(PolicyTest {
            name,
            principal: principal.0,
            action: action.0,
            resource: resource.0,
            context: Value::Object(context.unwrap_or_default()),
            entities: entities.map(Value::Array),
            expect: expect.map(ExpectedAnswer::given),
        })
    }
}

impl ExpectedAnswer {
    fn given(self) -> Expectation {
        let decision = match self.decision {
            ExpectedDecision::Allow => Decision::Allow,
            ExpectedDecision::Deny => Decision::Deny,
        };
        Expectation { decision, reason: self.reason.unwrap_or_default(), num_errors: self.num_errors }
    }
}

fn bad(why: &str) -> Failure {
    Failure::new(Code::BadRequest, why)
}

/// Text that is no id is an id that nothing has.
fn known<T: std::str::FromStr>(id: &str, what: &str) -> Result<T, Failure> {
    id.parse().map_err(|_| Failure::new(Code::NotFound, format!("there is no such {what}")))
}

fn policy_version(id: &str) -> Result<model::PolicyVersionId, Failure> {
    let unknown = |_| {
        let why = "policies.policy_version_ids holds a text that is no id, so there is no such policy version";
        Failure::new(Code::PolicyVersionNotFound, why)
    };
    id.parse().map_err(unknown)
}
