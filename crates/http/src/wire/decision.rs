//! Decisions.

use std::borrow::Cow;

use cedarkeep_service::{Code, DecisionAnswer, DecisionBatch, DecisionRequest, Error, Question, Uid};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Array, RefOr, Schema,
        schema::Type::{Integer, Object, String as Text},
    },
};

use super::kinds::{
    self, EntityUid, Id, ScopeCombination, ScopeType, Sha256, Timestamp, bare, kind, members, reference,
};
use crate::{body::RequestBody, failure::Failure};

mod quick;

/// A question: may this principal do this to that resource?
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "principal": {"type": "User", "id": "alice"},
    "action": {"type": "Action", "id": "read"},
    "resource": {"type": "Doc", "id": "1"},
    "context": {},
    "entities": []
}))]
pub(crate) struct AuthorizeRequest {
    #[serde(deserialize_with = "uid")]
    #[schema(value_type = EntityUid)]
    principal: Uid,
    #[serde(deserialize_with = "uid")]
    #[schema(value_type = EntityUid)]
    action: Uid,
    #[serde(deserialize_with = "uid")]
    #[schema(value_type = EntityUid)]
    resource: Uid,
    /// The Cedar context.
    context: Option<Map<String, Value>>,
    /// The session that the request belongs to, from a verified token.
    session: Option<String>,
    /// Entities in Cedar's entity JSON; the zone's `request_entities` says what they count for.
    #[schema(value_type = Option<Vec<Object>>)]
    entities: Option<Vec<Value>>,
    /// Whether the answer names the policies that determined it.
    explain: Option<bool>,
    /// Wait until this instance has seen that revision of the zone.
    at_least_revision: Option<u64>,
}

fn uid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uid, D::Error> {
    Uid::from_json(&Value::deserialize(deserializer)?).map_err(de::Error::custom)
}

impl From<AuthorizeRequest> for DecisionRequest {
    fn from(body: AuthorizeRequest) -> Self {
        Self {
            principal: body.principal,
            action: body.action,
            resource: body.resource,
            context: Value::Object(body.context.unwrap_or_default()),
            session: body.session,
            entities: Value::Array(body.entities.unwrap_or_default()),
            explain: body.explain.unwrap_or(false),
            at_least_revision: body.at_least_revision,
        }
    }
}

/// Many questions at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "requests": [
        {"principal": {"type": "User", "id": "alice"}, "action": {"type": "Action", "id": "read"},
         "resource": {"type": "Doc", "id": "1"}, "context": {}},
        {"principal": "User::\"bob\"", "action": "Action::\"read\"", "resource": "Doc::\"1\""}
    ],
    "entities": []
}))]
pub(crate) struct AuthorizeBatchRequest {
    /// 1 to 1000 questions, each with `principal`, `action`, `resource` and, if it has them, `context` and `session`. One
    /// that is malformed fails alone.
    #[schema(value_type = Vec<BatchQuestion>)]
    requests: Vec<GivenQuestion>,
    /// Entities in Cedar's entity JSON, for all of the questions.
    #[schema(value_type = Option<Vec<Object>>)]
    entities: Option<Vec<Value>>,
    /// Whether the answers name the policies that determined them.
    explain: Option<bool>,
    /// Wait until this instance has seen that revision of the zone.
    at_least_revision: Option<u64>,
}

/// A question of a batch: read already, or still to be looked at.
#[derive(Debug)]
enum GivenQuestion {
    Read(Box<BatchQuestion>),
    Json(Value),
}

impl<'de> Deserialize<'de> for GivenQuestion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::Json)
    }
}

impl GivenQuestion {
    fn read(self, place: usize) -> Result<BatchQuestion, Error> {
        let value = match self {
            Self::Read(question) => return Ok(*question),
            Self::Json(value) => value,
        };
        serde_path_to_error::deserialize(value).map_err(|error| {
            let (path, why) = (error.path().to_string(), error.inner());
            let path = if path == "." { String::new() } else { format!(".{path}") };
            Error::new(Code::BadRequest, format!("requests[{place}]{path}: {why}"))
        })
    }
}

/// One question of many.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchQuestion {
    #[serde(deserialize_with = "uid")]
    #[schema(value_type = EntityUid)]
    principal: Uid,
    #[serde(deserialize_with = "uid")]
    #[schema(value_type = EntityUid)]
    action: Uid,
    #[serde(deserialize_with = "uid")]
    #[schema(value_type = EntityUid)]
    resource: Uid,
    /// The Cedar context.
    context: Option<Map<String, Value>>,
    /// The session that the request belongs to, from a verified token.
    session: Option<String>,
}

/// The most questions of a batch.
const MAX_BATCH: usize = 1_000;

impl AuthorizeBatchRequest {
    pub(crate) fn into_batch(self) -> Result<DecisionBatch, Failure> {
        if !(1..=MAX_BATCH).contains(&self.requests.len()) {
            let why = format!("requests: {} of them; send 1 to {MAX_BATCH}", self.requests.len());
            return Err(Failure::new(Code::BadRequest, why));
        }
        let question = |(place, given): (usize, GivenQuestion)| {
            let BatchQuestion { principal, action, resource, context, session } = given.read(place)?;
            let context = Value::Object(context.unwrap_or_default());
            Ok(Question { principal, action, resource, context, session })
        };
        Ok(DecisionBatch {
            questions: self.requests.into_iter().enumerate().map(question).collect(),
            entities: Value::Array(self.entities.unwrap_or_default()),
            explain: self.explain.unwrap_or(false),
            at_least_revision: self.at_least_revision,
        })
    }
}

impl RequestBody for AuthorizeBatchRequest {
    const KEYED: bool = false;
    const LARGE: bool = true;

    fn quick(body: &[u8]) -> Option<Self> {
        quick::batch(body)
    }
}

/// The answers of a batch, in the order of the questions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DecisionList {
    /// Each as of a decision, or `error` with `code`, `message`, `details` and `notices` where there is none.
    #[schema(value_type = Vec<Decision>)]
    results: Vec<BatchAnswer>,
}

/// One answer of many.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum BatchAnswer {
    Decided(Box<DecisionAnswer>),
    Failed { error: BatchError },
}

/// Why a question of a batch has no decision.
#[derive(Debug, Serialize)]
struct BatchError {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    details: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notices: Vec<String>,
}

impl From<Vec<Result<DecisionAnswer, Error>>> for DecisionList {
    fn from(answers: Vec<Result<DecisionAnswer, Error>>) -> Self {
        let wire = |answer| match answer {
            Ok(decision) => BatchAnswer::Decided(Box::new(decision)),
            Err(error) => BatchAnswer::Failed { error: BatchError::from(&error) },
        };
        Self { results: answers.into_iter().map(wire).collect() }
    }
}

impl From<&Error> for BatchError {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().as_str(),
            message: error.message().to_owned(),
            details: error.details().clone(),
            notices: error.notices().to_vec(),
        }
    }
}

impl RequestBody for AuthorizeRequest {
    const KEYED: bool = false;
    const LARGE: bool = true;

    fn quick(body: &[u8]) -> Option<Self> {
        quick::authorize_request(body)
    }
}

kind!(
    /// A decision.
    Decision => members(
        "The answer to a decision request.",
        vec![
            ("decision", bare(Text), "`allow` or `deny`."),
            ("decision_id", reference::<Id>(), "The id of this decision."),
            ("revision", bare(Integer), "The zone's revision that decided."),
            ("combination", reference::<ScopeCombination>(), "How the slots were put together."),
            ("evaluated_at", reference::<Timestamp>(), "When."),
            ("reason?", bare(Text),
             "On a deny: `no_active_policy_set`, `forbidden`, `no_permit`, `forbid_errored` or `session_required`."),
            ("scopes", Schema::Array(Array::new(slot())).into(), "The slots that decided, in order."),
            ("shadow", bare_array(), "The shadow bindings, which never change a decision, each as a slot with `diverged`."),
        ],
    )
);

fn slot() -> RefOr<Schema> {
    let slot = members(
        "One slot.",
        vec![
            ("scope_type", reference::<ScopeType>(), "The slot's kind."),
            ("scope_target_id", bare(Text), "The slot's target."),
            ("decision", bare(Text), "`allow` or `deny`."),
            ("policy_set_id", reference::<Id>(), "The bound set."),
            ("policy_set_version_id", reference::<Id>(), "The bound version."),
            ("version", bare(Integer), "Its number within the set."),
            ("manifest_sha", reference::<Sha256>(), "Its manifest digest, which its attestation signs."),
            ("reason?", bare(Text), "On a deny: why."),
            (
                "determining_policies?",
                bare_array(),
                "With `explain`: policy_id, policy_version_id, name, cedar_id, effect and annotations of each.",
            ),
            ("errors?", bare_array(), "With `explain`: policies that could not be evaluated, and why."),
        ],
    );
    Schema::Object(slot.build()).into()
}

fn bare_array() -> RefOr<Schema> {
    Schema::Array(Array::new(kinds::bare(Object))).into()
}
