//! The `OpenID` Authorization API 1.0 (`AuthZEN`): its requests in Cedar's terms, and decisions as its answers.

mod search;
mod terms;
mod token;

use std::sync::Arc;

use cedarkeep_cedar::Decision;
use cedarkeep_model::ZoneId;
use serde_json::{Map, Value};

pub use self::search::{AuthzenFound, AuthzenPage, AuthzenSearch, Sought};
use self::terms::{Asked, Objection, Terms};
use crate::{Call, DecisionAnswer, Error, Service, authorize::Manner, snapshot::Snapshot};

/// A subject or a resource.
#[derive(Debug, Clone)]
pub struct AuthzenEntity {
    /// Its type, in the caller's words.
    pub type_name: String,
    /// Its id within the type.
    pub id: String,
    /// What the caller says of it.
    pub properties: Option<Map<String, Value>>,
}

/// An action.
#[derive(Debug, Clone)]
pub struct AuthzenAction {
    /// Its name.
    pub name: String,
    /// What the caller says of it.
    pub properties: Option<Map<String, Value>>,
}

/// May this subject do this to that resource?
#[derive(Debug, Clone)]
pub struct AuthzenRequest {
    /// Who.
    pub subject: AuthzenEntity,
    /// Does what.
    pub action: AuthzenAction,
    /// To what.
    pub resource: AuthzenEntity,
    /// Under which circumstances.
    pub context: Map<String, Value>,
    /// Whether the answer gives its reasons.
    pub explain: bool,
}

/// A decision.
#[derive(Debug, Clone, PartialEq)]
pub struct AuthzenDecision {
    /// Whether access is allowed.
    pub decision: bool,
    /// Why, when asked.
    pub reasons: Option<Map<String, Value>>,
}

/// When a call with many requests ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semantic {
    /// With the last.
    #[default]
    ExecuteAll,
    /// With the first that is denied or fails.
    DenyOnFirstDeny,
    /// With the first that is permitted.
    PermitOnFirstPermit,
}

impl Semantic {
    fn ends_with(self, answer: &Result<AuthzenDecision, Error>) -> bool {
        let permitted = answer.as_ref().is_ok_and(|answer| answer.decision);
        match self {
            Self::ExecuteAll => false,
            Self::DenyOnFirstDeny => !permitted,
            Self::PermitOnFirstPermit => permitted,
        }
    }
}

/// After so many evaluations other requests get their turn on this thread.
const TURN: usize = 32;

impl Service {
    /// Decides one request.
    ///
    /// # Errors
    /// `not_found`; `bad_request` and `invalid_request` for what cannot be read, or does not fit the schema where the zone
    /// asks for that; `integrity_error` and `unavailable` instead of any decision that could be wrong.
    pub async fn authzen_evaluation(
        &self,
        _call: &Call,
        zone: ZoneId,
        request: AuthzenRequest,
    ) -> Result<AuthzenDecision, Error> {
        let snapshot = self.snapshot(zone).await?;
        self.authzen_decision(&snapshot, request).await
    }

    /// Decides many requests at one moment of the zone, in their order, until the semantic is satisfied. Each is made only
    /// when its turn comes.
    ///
    /// # Errors
    /// `not_found`. What concerns one request only is its own answer.
    pub async fn authzen_evaluations(
        &self,
        _call: &Call,
        zone: ZoneId,
        requests: impl Iterator<Item = Result<AuthzenRequest, Error>> + Send,
        semantic: Semantic,
    ) -> Result<Vec<Result<AuthzenDecision, Error>>, Error> {
        let snapshot = self.snapshot(zone).await?;
        let mut answers = Vec::new();
        for request in requests {
            if answers.len() % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
            let answer = match request {
                Ok(request) => self.authzen_decision(&snapshot, request).await,
                Err(error) => Err(error),
            };
            let last = semantic.ends_with(&answer);
            answers.push(answer);
            if last {
                break;
            }
        }
        Ok(answers)
    }

    async fn authzen_decision(
        &self,
        snapshot: &Arc<Snapshot>,
        request: AuthzenRequest,
    ) -> Result<AuthzenDecision, Error> {
        let AuthzenRequest { subject, action, resource, context, explain } = request;
        let asked = Asked { subject, action, resource, context };
        let answer = match self.put(snapshot, &asked).await? {
            Ok(Terms { question, entities }) => {
                let manner = Manner { explain, validate: snapshot.zone.settings.authzen.validate };
                self.answer(snapshot, question, &entities, manner).await?
            }
            Err(objection) => {
                let question = asked.unread(snapshot).ok().map(|terms| terms.question);
                let answer = self.refuse(snapshot, question, objection.reason());
                return Ok(AuthzenDecision::of(&answer, explain, Some(objection.to_string()))?);
            }
        };
        Ok(AuthzenDecision::of(&answer, explain, None)?)
    }

    /// A request in Cedar's terms, unless the schema of a version that decides stands against it.
    async fn put(&self, snapshot: &Snapshot, asked: &Asked) -> Result<Result<Terms, Objection>, Error> {
        let Some(zone) = self.standing_in_zone(snapshot).await? else { return Ok(asked.unread(snapshot)) };
        let terms = match asked.read(snapshot, zone.schema())? {
            Ok(terms) => terms,
            Err(objection) => return Ok(Err(objection)),
        };
        for standing in self.standing(snapshot, &terms.question).await? {
            let other = standing.schema();
            if other.sha() != zone.schema().sha()
                && let Some(objection) = asked.objection(snapshot, other, &terms.question)
            {
                return Ok(Err(objection));
            }
        }
        Ok(Ok(terms))
    }
}

impl AuthzenDecision {
    fn of(answer: &DecisionAnswer, explain: bool, message: Option<String>) -> Result<Self, serde_json::Error> {
        let decision = answer.decision == Decision::Allow;
        if !explain {
            return Ok(Self { decision, reasons: None });
        }
        let mut reasons = match serde_json::to_value(answer)? {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        reasons.remove("decision");
        reasons.extend(message.map(|message| ("message".to_owned(), Value::String(message))));
        Ok(Self { decision, reasons: Some(reasons) })
    }
}
