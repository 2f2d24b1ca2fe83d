//! A request of the Authorization API in Cedar's terms.
//!
//! The caller's types become entity types as the zone maps them, properties become attributes, the action is the one of
//! that name in the schema. Whatever nobody declared is taken; but a request is denied when it names a type or an action
//! that the schema does not declare, or when a member had to be left out that it does declare.

use std::{fmt, sync::Arc};

use cedarkeep_cedar::{DenyReason, LeftOut, Parties, Schema, Uid};
use cedarkeep_model::RequestEntities;
use serde_json::{Map, Value};

use super::{AuthzenAction, AuthzenEntity};
use crate::{
    Code, Error,
    authorize::{GivenEntities, Question},
    snapshot::Snapshot,
};

/// What is asked, as it came.
pub(super) struct Asked {
    pub(super) subject: AuthzenEntity,
    pub(super) action: AuthzenAction,
    pub(super) resource: AuthzenEntity,
    pub(super) context: Map<String, Value>,
}

/// The same as Cedar can be asked.
pub(super) struct Terms {
    pub(super) question: Question,
    pub(super) entities: Arc<GivenEntities>,
}

/// Why a request is denied whatever the policies say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Objection {
    UndeclaredType(String),
    UndeclaredAction(String),
    LeftOut(String),
}

impl Objection {
    pub(super) fn reason(&self) -> DenyReason {
        match self {
            Self::UndeclaredType(_) | Self::UndeclaredAction(_) => DenyReason::Undeclared,
            Self::LeftOut(_) => DenyReason::LeftOut,
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UndeclaredType(name) => write!(f, "the schema declares no entity type `{name}`"),
            Self::UndeclaredAction(name) => write!(f, "the schema declares no action `{name}`, or more than one"),
            Self::LeftOut(place) => {
                write!(f, "the schema declares {place}, and what came there Cedar cannot hold: no null, no fraction")
            }
        }
    }
}

/// How many values of requests were left out because Cedar cannot hold them.
const LEFT_OUT_METRIC: &str = "cedarkeep_authzen_left_out_total";

impl Asked {
    /// The request where no schema reads it; it will be denied.
    pub(super) fn unread(&self, snapshot: &Snapshot) -> Result<Terms, Objection> {
        let settings = &snapshot.zone.settings.authzen;
        let uid = |of: &AuthzenEntity| uid(settings.entity_type(&of.type_name), &of.id);
        let action = uid_of_action(&self.action.name)?;
        let (principal, resource) = (uid(&self.subject)?, uid(&self.resource)?);
        let question = Question { principal, action, resource, context: Value::Object(Map::new()), session: None };
        Ok(Terms { question, entities: Arc::new(GivenEntities::new(Value::Array(Vec::new()))) })
    }

    /// The request by the schema that decides in the zone.
    pub(super) fn read(&self, snapshot: &Snapshot, schema: &Schema) -> Result<Result<Terms, Objection>, Error> {
        let mut question = match self.question(snapshot, schema) {
            Ok(question) => question,
            Err(objection) => return Ok(Err(objection)),
        };
        question.session = self.session(snapshot)?;
        let contradiction = |member: &String| {
            let message = format!("subject and resource are one entity, with two values for its property `{member}`");
            Error::new(Code::BadRequest, message)
        };
        if let Some(member) = self.contradiction(&question) {
            return Err(contradiction(member));
        }
        let (context, of_context) =
            schema.foreign_context(&question.action, &self.context(snapshot, schema, &question));
        let (entities, of_entities) = self.entities(snapshot, schema, &question);
        let values = of_context.values + of_entities.values;
        if values > 0 {
            metrics::counter!(LEFT_OUT_METRIC).increment(values);
        }
        if let Some(place) = of_context.declared.or(of_entities.declared) {
            return Ok(Err(Objection::LeftOut(place)));
        }
        question.context = Value::Object(context);
        Ok(Ok(Terms { question, entities: Arc::new(GivenEntities::new(Value::Array(entities))) }))
    }

    /// What another version's schema has against the same question.
    pub(super) fn objection(&self, snapshot: &Snapshot, schema: &Schema, question: &Question) -> Option<Objection> {
        for uid in [&question.principal, &question.resource] {
            let name = uid.type_name();
            if !schema.declares_type(&name) {
                return Some(Objection::UndeclaredType(name));
            }
        }
        if !schema.declares_action(&question.action) {
            return Some(Objection::UndeclaredAction(self.action.name.clone()));
        }
        let (_, of_context) = schema.foreign_context(&question.action, &self.context(snapshot, schema, question));
        let (_, of_entities) = self.entities(snapshot, schema, question);
        of_context.declared.or(of_entities.declared).map(Objection::LeftOut)
    }

    /// Who asks to do what to what; without context and session.
    fn question(&self, snapshot: &Snapshot, schema: &Schema) -> Result<Question, Objection> {
        let settings = &snapshot.zone.settings.authzen;
        let [principal, resource] = [&self.subject, &self.resource].map(|of| settings.entity_type(&of.type_name));
        for name in [principal, resource] {
            if !schema.declares_type(name) {
                return Err(Objection::UndeclaredType(name.to_owned()));
            }
        }
        let action = schema.action_named(&self.action.name, Parties { principal, resource });
        let action = action.ok_or_else(|| Objection::UndeclaredAction(self.action.name.clone()))?;
        let (principal, resource) = (uid(principal, &self.subject.id)?, uid(resource, &self.resource.id)?);
        Ok(Question { principal, action, resource, context: Value::Null, session: None })
    }

    fn session(&self, snapshot: &Snapshot) -> Result<Option<String>, Error> {
        let Some(member) = &snapshot.zone.settings.authzen.session_from else { return Ok(None) };
        match self.context.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(session)) => Ok(Some(session.clone())),
            Some(_) => {
                let message = format!("context.{member} carries the session in this zone: it must be a string");
                Err(Error::new(Code::BadRequest, message))
            }
        }
    }

    /// The context with the action's properties in it. What carries the session is no part of it unless it is declared.
    fn context(&self, snapshot: &Snapshot, schema: &Schema, question: &Question) -> Map<String, Value> {
        let mut context = self.context.clone();
        if let Some(member) = &snapshot.zone.settings.authzen.session_from
            && !schema.declares_in_context(&question.action, member)
        {
            context.remove(member);
        }
        let properties = self.action.properties.iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
        let mut properties = properties.peekable();
        if properties.peek().is_some() {
            match context.get_mut("action") {
                Some(Value::Object(members)) => members.extend(properties),
                _ => drop(context.insert("action".to_owned(), Value::Object(properties.collect()))),
            }
        }
        context
    }

    /// The entities that the properties say something of, as far as the zone takes their word.
    fn entities(&self, snapshot: &Snapshot, schema: &Schema, question: &Question) -> (Vec<Value>, LeftOut) {
        let store = &snapshot.entities;
        let counts = |uid: &Uid| match snapshot.zone.settings.request_entities {
            RequestEntities::Refuse => false,
            RequestEntities::Extend => store.entity(uid).is_none(),
            RequestEntities::Replace => true,
        };
        let (mut entities, mut left_out) = (Vec::new(), LeftOut::default());
        let mut add = |uid: &Uid, properties: &Map<String, Value>| {
            if counts(uid) {
                let (entity, more) = schema.foreign_entity(uid, properties, store);
                entities.push(entity);
                left_out.values += more.values;
                left_out.declared = left_out.declared.take().or(more.declared);
            }
        };
        let Question { principal, resource, .. } = question;
        match (&self.subject.properties, &self.resource.properties) {
            (Some(one), Some(other)) if principal == resource => {
                let both = one.iter().chain(other).map(|(name, value)| (name.clone(), value.clone())).collect();
                add(principal, &both);
            }
            (one, other) => {
                for (uid, properties) in [(principal, one), (resource, other)] {
                    if let Some(properties) = properties {
                        add(uid, properties);
                    }
                }
            }
        }
        (entities, left_out)
    }

    /// A property that has two values because subject and resource are one entity.
    fn contradiction(&self, question: &Question) -> Option<&String> {
        let (one, other) = (self.subject.properties.as_ref()?, self.resource.properties.as_ref()?);
        let differs = |(name, value): &(&String, &Value)| other.get(*name).is_some_and(|other| other != *value);
        (question.principal == question.resource).then(|| one.iter().find(differs))?.map(|(name, _)| name)
    }
}

fn uid(type_name: &str, id: &str) -> Result<Uid, Objection> {
    Uid::new(type_name, id).map_err(|_| Objection::UndeclaredType(type_name.to_owned()))
}

fn uid_of_action(name: &str) -> Result<Uid, Objection> {
    Uid::new("Action", name).map_err(|_| Objection::UndeclaredAction(name.to_owned()))
}
