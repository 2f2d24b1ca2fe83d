//! Searches: which subjects, resources or actions would be permitted. They range over the zone's entity store, and over
//! the actions that the schema declares for the two types.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cedarkeep_cedar::{Decision, Parties, Uid};
use cedarkeep_model::{ZoneId, canonical_digest, escape_longs};
use serde_json::{Map, Value, json};

use super::{
    AuthzenAction, AuthzenEntity, TURN,
    terms::{Asked, Terms},
    token::{Place, Tokens},
};
use crate::{
    Call, Code, Error, Service,
    authorize::{GivenEntities, Question, StandingVersion},
    snapshot::Snapshot,
};

/// What a search looks for, and what it holds fixed.
#[derive(Debug, Clone)]
pub enum Sought {
    /// Subjects of a type.
    Subjects {
        /// The type.
        type_name: String,
        /// What they do.
        action: AuthzenAction,
        /// To what.
        resource: AuthzenEntity,
    },
    /// Resources of a type.
    Resources {
        /// Who.
        subject: AuthzenEntity,
        /// Does what.
        action: AuthzenAction,
        /// The type.
        type_name: String,
    },
    /// Actions.
    Actions {
        /// Who.
        subject: AuthzenEntity,
        /// To what.
        resource: AuthzenEntity,
    },
}

/// A search.
#[derive(Debug, Clone)]
pub struct AuthzenSearch {
    /// What it looks for.
    pub sought: Sought,
    /// Under which circumstances.
    pub context: Map<String, Value>,
    /// Which page.
    pub page: AuthzenPage,
}

/// A page of a search.
#[derive(Debug, Clone, Default)]
pub struct AuthzenPage {
    /// The token of the page before.
    pub token: Option<String>,
    /// The most results.
    pub limit: Option<u64>,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct AuthzenFound {
    /// Ids, or names of actions, ascending.
    pub found: Vec<String>,
    /// Where it goes on; empty at the end.
    pub next_token: String,
    /// The zone's revision that decided.
    pub revision: u64,
    /// How many candidates were looked at.
    pub evaluated: usize,
}

/// The most results of a page.
const MAX_RESULTS: usize = 1_000;

/// After so many evaluations, or this long, a page ends, however few results it has.
const MAX_EVALUATIONS: usize = 10_000;
const MAX_TIME: Duration = Duration::from_secs(2);

/// So many ids are taken from the store at once.
const CHUNK: usize = 256;

impl Service {
    /// Searches.
    ///
    /// # Errors
    /// `not_found`; `invalid_cursor` for a token of another search; `bad_request` for what cannot be read;
    /// `integrity_error` and `unavailable` instead of any answer that could be wrong.
    pub async fn authzen_search(
        &self,
        _call: &Call,
        zone: ZoneId,
        search: AuthzenSearch,
    ) -> Result<AuthzenFound, Error> {
        let snapshot = self.snapshot(zone).await?;
        let AuthzenSearch { sought, context, page } = search;
        let digest = canonical_digest(&escape_longs(&sought.bound_to(&snapshot, &context)))?;
        let tokens = Tokens::new(&self.0.cursor_key, zone, digest);
        let place = tokens.place(page.token.as_deref(), page.limit)?;
        let mut walk = Walk { service: self, snapshot, begun: Instant::now(), evaluated: 0, found: Vec::new(), place };
        let more = match walk.round(sought, context).await? {
            Some(round) => walk.over(round).await?,
            None => false,
        };
        let next_token = if more { tokens.seal(&walk.place)? } else { String::new() };
        let Walk { found, evaluated, snapshot, .. } = walk;
        Ok(AuthzenFound { found, next_token, revision: snapshot.zone.revision, evaluated })
    }
}

impl Sought {
    /// Everything that must stay the same from page to page.
    fn bound_to(&self, snapshot: &Snapshot, context: &Map<String, Value>) -> Value {
        let entity = |of: &AuthzenEntity| json!([of.type_name, of.id, of.properties]);
        let action = |of: &AuthzenAction| json!([of.name, of.properties]);
        let of_type = |name: &str| json!([name, snapshot.zone.settings.authzen.entity_type(name)]);
        match self {
            Self::Subjects { type_name, action: of, resource } => {
                json!(["subject", of_type(type_name), action(of), entity(resource), context])
            }
            Self::Resources { subject, action: of, type_name } => {
                json!(["resource", entity(subject), action(of), of_type(type_name), context])
            }
            Self::Actions { subject, resource } => json!(["action", entity(subject), entity(resource), context]),
        }
    }

    /// The question that is asked of every candidate; the candidate's own place in it is empty.
    fn asked(self, context: Map<String, Value>) -> (Kind, Asked) {
        let open = |type_name| AuthzenEntity { type_name, id: String::new(), properties: None };
        match self {
            Self::Subjects { type_name, action, resource } => {
                (Kind::Subjects, Asked { subject: open(type_name), action, resource, context })
            }
            Self::Resources { subject, action, type_name } => {
                (Kind::Resources, Asked { subject, action, resource: open(type_name), context })
            }
            Self::Actions { subject, resource } => {
                let action = AuthzenAction { name: String::new(), properties: None };
                (Kind::Actions, Asked { subject, action, resource, context })
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Subjects,
    Resources,
    Actions,
}

/// What is put to every candidate.
struct Round {
    kind: Kind,
    asked: Asked,
    candidates: Candidates,
    /// The question, once it is the same for all.
    terms: Option<Terms>,
}

/// Who comes into question, ascending.
enum Candidates {
    /// The stored entities of a type.
    Entities(String),
    /// These.
    Names(Vec<String>),
}

impl Candidates {
    /// Those that follow.
    fn after(&self, snapshot: &Snapshot, after: Option<&str>) -> Vec<String> {
        match self {
            Self::Entities(type_name) => {
                let ids = snapshot.entities.page_of_type(type_name, after, CHUNK);
                ids.into_iter().map(|id| id.to_string()).collect()
            }
            Self::Names(names) => {
                let follows = |name: &&String| after.is_none_or(|after| name.as_str() > after);
                names.iter().filter(follows).take(CHUNK).cloned().collect()
            }
        }
    }
}

/// A search under way.
struct Walk<'a> {
    service: &'a Service,
    snapshot: Arc<Snapshot>,
    begun: Instant,
    evaluated: usize,
    found: Vec<String>,
    place: Place,
}

impl Walk<'_> {
    /// What is to be asked of whom; none where nobody can be permitted.
    async fn round(&self, sought: Sought, context: Map<String, Value>) -> Result<Option<Round>, Error> {
        let (kind, asked) = sought.asked(context);
        let Some(zone) = self.service.standing_in_zone(&self.snapshot).await? else { return Ok(None) };
        let settings = &self.snapshot.zone.settings.authzen;
        let [principal, resource] =
            [&asked.subject, &asked.resource].map(|of| settings.entity_type(&of.type_name).to_owned());
        let parties = Parties { principal: &principal, resource: &resource };
        if kind == Kind::Actions {
            let names = zone.schema().actions_between(parties);
            return Ok(Some(Round { kind, asked, candidates: Candidates::Names(names), terms: None }));
        }
        // The sought entities are stored, and what is said of the others is read once for all candidates.
        let Ok(terms) = asked.read(&self.snapshot, zone.schema())? else { return Ok(None) };
        let type_name = if kind == Kind::Subjects { principal } else { resource };
        Ok(Some(Round { kind, asked, candidates: Candidates::Entities(type_name), terms: Some(terms) }))
    }

    /// Looks at candidates until the page is full and another result is known, or at its limits. Whether there may be
    /// more.
    async fn over(&mut self, mut round: Round) -> Result<bool, Error> {
        let most = self.place.limit.map_or(MAX_RESULTS, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let most = most.min(MAX_RESULTS);
        loop {
            let chunk = round.candidates.after(&self.snapshot, self.place.after.as_deref());
            if chunk.is_empty() {
                return Ok(false);
            }
            for candidate in chunk {
                if self.evaluated >= MAX_EVALUATIONS || (self.evaluated > 0 && self.begun.elapsed() >= MAX_TIME) {
                    return Ok(true);
                }
                if self.evaluated % TURN == TURN - 1 {
                    tokio::task::yield_now().await;
                }
                self.evaluated += 1;
                if self.permits(&mut round, &candidate).await? {
                    if self.found.len() == most {
                        return Ok(true);
                    }
                    self.found.push(candidate.clone());
                }
                self.place.after = Some(candidate);
            }
        }
    }

    /// Whether an evaluation with this candidate would be permitted.
    async fn permits(&self, round: &mut Round, candidate: &str) -> Result<bool, Error> {
        let Some(Terms { mut question, entities }) = self.terms(round, candidate).await? else { return Ok(false) };
        let with_id = |uid: &Uid| Uid::new(&uid.type_name(), candidate).unwrap_or_else(|_| uid.clone());
        match round.kind {
            Kind::Subjects => question.principal = with_id(&question.principal),
            Kind::Resources => question.resource = with_id(&question.resource),
            Kind::Actions => {}
        }
        let active = self.service.standing(&self.snapshot, &question).await?;
        if self.stands_against(&active, round, &question) {
            round.keep(question, entities);
            return Ok(false);
        }
        let validate = self.snapshot.zone.settings.authzen.validate;
        let (question, overall) = self.service.weigh(&self.snapshot, &active, question, &entities, validate).await?;
        round.keep(question, entities);
        match overall {
            Ok(overall) => Ok(overall.decision == Decision::Allow),
            // It does not fit the schema, so an evaluation would not permit it either.
            Err(error) if error.code() == Code::InvalidRequest => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The question to be asked next: the one that goes from candidate to candidate, or one of its own for an action,
    /// whose context is its own, too.
    async fn terms(&self, round: &mut Round, candidate: &str) -> Result<Option<Terms>, Error> {
        if round.kind != Kind::Actions {
            return Ok(round.terms.take());
        }
        candidate.clone_into(&mut round.asked.action.name);
        let Some(zone) = self.service.standing_in_zone(&self.snapshot).await? else { return Ok(None) };
        Ok(round.asked.read(&self.snapshot, zone.schema())?.ok())
    }

    /// Whether the schema of one of these versions has something against the question, or the entity, that the zone's
    /// schema has not.
    fn stands_against(&self, active: &[StandingVersion], round: &Round, question: &Question) -> bool {
        let Some(zone) = active.first() else { return true };
        let others = active.iter().filter(|standing| standing.schema().sha() != zone.schema().sha());
        let mut objections = others.filter_map(|other| round.asked.objection(&self.snapshot, other.schema(), question));
        objections.next().is_some()
    }
}

impl Round {
    fn keep(&mut self, question: Question, entities: Arc<GivenEntities>) {
        if self.kind != Kind::Actions {
            self.terms = Some(Terms { question, entities });
        }
    }
}
