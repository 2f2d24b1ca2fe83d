//! Many evaluations in one request.

use cedarkeep_service::{AuthzenRequest, Code, Error, Semantic};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::authzen::{EvaluationAnswer, EvaluationRequest, complaint};
use crate::{body::RequestBody, failure::Failure};

/// Many questions, with defaults for what they have in common. Without any in `evaluations` it is one question.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "subject": {"type": "User", "id": "alice"},
    "action": {"name": "read"},
    "evaluations": [
        {"resource": {"type": "Doc", "id": "1"}},
        {"resource": {"type": "Doc", "id": "2"}, "action": {"name": "write"}}
    ],
    "options": {"evaluations_semantic": "execute_all"}
}))]
pub(crate) struct EvaluationsRequest {
    /// The subject of those that have none of their own.
    #[schema(value_type = Option<super::authzen::AuthzenEntity>)]
    subject: Option<Value>,
    /// The action likewise.
    #[schema(value_type = Option<super::authzen::AuthzenAction>)]
    action: Option<Value>,
    /// The resource likewise.
    #[schema(value_type = Option<super::authzen::AuthzenEntity>)]
    resource: Option<Value>,
    /// The context likewise.
    #[schema(value_type = Option<Object>)]
    context: Option<Value>,
    /// Up to 1000 requests, each with `subject`, `action`, `resource` and `context`, or without what is the default.
    #[schema(value_type = Option<Vec<Object>>)]
    evaluations: Option<Vec<Value>>,
    options: Option<EvaluationsOptions>,
}

/// How they are carried out.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct EvaluationsOptions {
    evaluations_semantic: Option<EvaluationsSemantic>,
}

/// When the evaluations end.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EvaluationsSemantic {
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

/// The decisions, in the order of the requests; fewer where the semantic ended them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvaluationsAnswer {
    pub(crate) evaluations: Vec<EvaluationAnswer>,
}

impl RequestBody for EvaluationsRequest {
    const KEYED: bool = false;
    const LARGE: bool = true;
}

/// The most evaluations of a request.
const MAX_EVALUATIONS: usize = 1_000;

/// How much the defaults may come to over all evaluations: a value, or 64 characters of text, counts as one.
const MAX_DEFAULTS: usize = 1_000_000;

/// What a request with many evaluations asks for.
pub(crate) enum Asked {
    One(Box<AuthzenRequest>),
    Many(Box<Evaluations>, Semantic),
}

/// The requests, each made when its turn comes.
pub(crate) struct Evaluations {
    defaults: [(&'static str, Value); 4],
    items: std::iter::Enumerate<std::vec::IntoIter<Value>>,
    explain: bool,
}

impl EvaluationsRequest {
    pub(crate) fn into_asked(self, explain: bool) -> Result<Asked, Failure> {
        let Self { subject, action, resource, context, evaluations, options } = self;
        let defaults = [("subject", subject), ("action", action), ("resource", resource), ("context", context)];
        let defaults = defaults.map(|(name, value)| (name, value.unwrap_or_default()));
        let items = evaluations.unwrap_or_default();
        if items.is_empty() {
            let mut all =
                Evaluations { defaults, items: vec![Value::Object(Map::new())].into_iter().enumerate(), explain };
            let one = all.items.next().map(|(_, empty)| all.request(empty, ""));
            return Ok(Asked::One(Box::new(one.ok_or_else(Failure::internal)??)));
        }
        if items.len() > MAX_EVALUATIONS {
            let why = format!("evaluations: {} of them; send at most {MAX_EVALUATIONS}", items.len());
            return Err(Failure::new(Code::BadRequest, why));
        }
        let weight: usize = defaults.iter().map(|(_, value)| weight(value)).sum();
        if weight.saturating_mul(items.len()) > MAX_DEFAULTS {
            let why = "the defaults are too large for so many evaluations: send fewer evaluations at once";
            return Err(Failure::new(Code::TooLarge, why));
        }
        let semantic = match options.unwrap_or_default().evaluations_semantic {
            None | Some(EvaluationsSemantic::ExecuteAll) => Semantic::ExecuteAll,
            Some(EvaluationsSemantic::DenyOnFirstDeny) => Semantic::DenyOnFirstDeny,
            Some(EvaluationsSemantic::PermitOnFirstPermit) => Semantic::PermitOnFirstPermit,
        };
        let requests = Evaluations { defaults, items: items.into_iter().enumerate(), explain };
        Ok(Asked::Many(Box::new(requests), semantic))
    }
}

/// About how much work a value is. Recursive; JSON nests 128 levels at the most.
fn weight(value: &Value) -> usize {
    const TEXT: usize = 64;
    1 + match value {
        Value::String(text) => text.len() / TEXT,
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members.iter().map(|(name, member)| name.len() / TEXT + weight(member)).sum(),
        _ => 0,
    }
}

impl Evaluations {
    /// An item with the defaults for what it leaves out; what it has replaces a default whole.
    fn request(&self, item: Value, within: &str) -> Result<AuthzenRequest, Error> {
        let Value::Object(mut members) = item else {
            return Err(Error::new(Code::BadRequest, format!("{within}: an evaluation is an object")));
        };
        for (name, default) in &self.defaults {
            let own = members.get(*name).is_some_and(|own| !own.is_null());
            if !own && !default.is_null() {
                members.insert((*name).to_owned(), default.clone());
            }
        }
        let request: EvaluationRequest =
            serde_path_to_error::deserialize(Value::Object(members)).map_err(|error| complaint(&error, within))?;
        Ok(request.into_request(self.explain))
    }
}

impl Iterator for Evaluations {
    type Item = Result<AuthzenRequest, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (place, item) = self.items.next()?;
        Some(self.request(item, &format!("evaluations[{place}]")))
    }
}
