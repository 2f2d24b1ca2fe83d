//! The `OpenID` Authorization API 1.0 (`AuthZEN`). Its requests may hold members that nobody knows: they are ignored.

use cedarkeep_model::ZoneId;
use cedarkeep_service as service;
use cedarkeep_service::{Code, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    body::RequestBody,
    config::BaseUrl,
    status::{authzen_status, status},
};

/// The member of a request's context that is for this server: `{"explain": true}`. Policies do not see it.
const FOR_US: &str = "cedarkeep";

/// A subject or a resource.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AuthzenEntity {
    /// A Cedar entity type, or what the zone's `authzen.types` maps to one.
    #[serde(rename = "type")]
    type_name: String,
    /// Its id within the type.
    id: String,
    /// Become the attributes of an entity that the zone's store does not hold.
    #[schema(value_type = Option<Object>)]
    properties: Option<Map<String, Value>>,
}

/// An action.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AuthzenAction {
    /// The id of an action of the schema.
    name: String,
    /// Become the member `action` of the Cedar context.
    #[schema(value_type = Option<Object>)]
    properties: Option<Map<String, Value>>,
}

/// May this subject do this to that resource?
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "subject": {"type": "User", "id": "alice"},
    "action": {"name": "read"},
    "resource": {"type": "Doc", "id": "1", "properties": {"status": "archived"}},
    "context": {"time": "2026-03-16T09:30:00Z"}
}))]
pub(crate) struct EvaluationRequest {
    subject: AuthzenEntity,
    action: AuthzenAction,
    resource: AuthzenEntity,
    /// The circumstances. `"cedarkeep": {"explain": true}` in it asks for the reasons.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
}

/// A decision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthzenDecision)]
pub(crate) struct EvaluationAnswer {
    /// Whether access is allowed.
    pub(super) decision: bool,
    /// The reasons, when they were asked for; an `error` where one request of many could not be decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
}

impl From<AuthzenEntity> for service::AuthzenEntity {
    fn from(entity: AuthzenEntity) -> Self {
        let AuthzenEntity { type_name, id, properties } = entity;
        Self { type_name, id, properties }
    }
}

impl From<AuthzenAction> for service::AuthzenAction {
    fn from(action: AuthzenAction) -> Self {
        let AuthzenAction { name, properties } = action;
        Self { name, properties }
    }
}

/// A context without what is for this server, and whether that asks for reasons.
pub(super) fn context(context: Option<Map<String, Value>>) -> (Map<String, Value>, bool) {
    let mut context = context.unwrap_or_default();
    let explain = context.remove(FOR_US).is_some_and(|for_us| for_us.get("explain") == Some(&Value::Bool(true)));
    (context, explain)
}

impl EvaluationRequest {
    /// `explain` is what a header says; the context may say it, too.
    pub(crate) fn into_request(self, explain: bool) -> service::AuthzenRequest {
        let (context, explains) = context(self.context);
        service::AuthzenRequest {
            subject: self.subject.into(),
            action: self.action.into(),
            resource: self.resource.into(),
            context,
            explain: explain || explains,
        }
    }
}

impl RequestBody for EvaluationRequest {
    const KEYED: bool = false;
    const LARGE: bool = true;
}

impl From<service::AuthzenDecision> for EvaluationAnswer {
    fn from(decision: service::AuthzenDecision) -> Self {
        Self { decision: decision.decision, context: decision.reasons }
    }
}

impl From<Result<service::AuthzenDecision, Error>> for EvaluationAnswer {
    /// What failed is denied, and says how.
    fn from(answer: Result<service::AuthzenDecision, Error>) -> Self {
        match answer {
            Ok(decision) => decision.into(),
            Err(error) => {
                let (status, message) = (authzen_status(status(error.code())).as_u16(), error.message());
                let error = json!({"status": status, "message": message});
                Self { decision: false, context: Some(Map::from_iter([("error".to_owned(), error)])) }
            }
        }
    }
}

/// Where the endpoints of a zone are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuthzenMetadata {
    /// The zone's base URL.
    policy_decision_point: String,
    access_evaluation_endpoint: String,
    access_evaluations_endpoint: String,
    search_subject_endpoint: String,
    search_resource_endpoint: String,
    search_action_endpoint: String,
}

impl AuthzenMetadata {
    /// The metadata of a zone.
    pub(crate) fn new(base: &BaseUrl, zone: ZoneId) -> Self {
        let point = format!("{base}/zones/{zone}");
        let endpoint = |name: &str| format!("{point}/access/v1/{name}");
        Self {
            access_evaluation_endpoint: endpoint("evaluation"),
            access_evaluations_endpoint: endpoint("evaluations"),
            search_subject_endpoint: endpoint("search/subject"),
            search_resource_endpoint: endpoint("search/resource"),
            search_action_endpoint: endpoint("search/action"),
            policy_decision_point: point,
        }
    }
}

/// What is wrong with a part of a body.
pub(super) fn complaint(error: &serde_path_to_error::Error<serde_json::Error>, within: &str) -> Error {
    let path = match error.path().to_string() {
        path if path == "." => within.to_owned(),
        path if within.is_empty() => path,
        path => format!("{within}.{path}"),
    };
    let message = if path.is_empty() { error.inner().to_string() } else { format!("{path}: {}", error.inner()) };
    Error::new(Code::BadRequest, message)
}
