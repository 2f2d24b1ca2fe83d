//! A workload as the Cedar crate takes it, and as Cedar itself does.

use std::{str::FromStr as _, sync::Arc};

use cedar_policy::{Entities, PolicySet, Request};
use cedarkeep_cedar::{
    CedarPool, Change, CompiledSet, Compiler, DecisionRequest, EntityStore, Facts, Given, Ground, InlineEntities,
    Pinned, Schema, Uid, load_schema, read_policy, read_schema, read_stored,
};
use cedarkeep_tests::workload::{Question, SCHEMA, Workload};
use serde_json::Value;

/// How many different requests there are.
const QUESTIONS: usize = 1_000;

/// A compiled set, the entities, and what is asked.
pub(crate) struct Bed {
    pub(crate) set: CompiledSet,
    pub(crate) ground: Ground,
    workload: Workload,
    questions: Vec<Question>,
}

impl Bed {
    pub(crate) fn of(workload: Workload) -> Self {
        let pool = CedarPool::new(1).unwrap();
        let (set, ground) = pool.run_blocking(move || build(workload)).unwrap();
        Self { set, ground, workload, questions: workload.questions(QUESTIONS) }
    }

    pub(crate) fn requests(&self) -> Vec<DecisionRequest> {
        self.questions.iter().map(|question| request(&self.workload.request(question))).collect()
    }

    pub(crate) fn facts(&self) -> Vec<Facts> {
        let none = InlineEntities::default();
        self.requests().iter().map(|request| self.ground.read_here(request, &none).unwrap()).collect()
    }

    /// The same policies, entities and requests for Cedar's own authorizer.
    pub(crate) fn plain(&self) -> (PolicySet, Entities, Vec<Request>) {
        let policies = PolicySet::from_str(&self.workload.text(0..self.workload.statements)).unwrap();
        let entities = Entities::from_json_value(Value::Array(self.workload.entities()), None).unwrap();
        (policies, entities, self.questions.iter().map(|question| self.workload.cedar_request(question)).collect())
    }
}

fn build(workload: Workload) -> (CompiledSet, Ground) {
    let schema = schema();
    let read = read_stored(&workload.entities(), &schema, true).unwrap();
    let changes = read.into_iter().map(|given| Change::Upsert(given.entity)).collect();
    let store = EntityStore::default().with(changes).unwrap();
    let set = Compiler::new(0).compile(&pinned(workload), schema.clone()).unwrap();
    (set, Ground { schema, store: Arc::new(store), validate: true, replaces: false })
}

/// The schema, read. Runs on the pool.
pub(crate) fn schema() -> Schema {
    let content = read_schema(Given::Text(SCHEMA)).unwrap();
    load_schema(&content.cedar_schema_json, content.schema_sha).unwrap()
}

/// One policy version a statement. Runs on the pool.
pub(crate) fn pinned(workload: Workload) -> Vec<Pinned> {
    (0..workload.statements).map(|number| version(number, &workload.statement(number))).collect()
}

/// A policy version of this text. Runs on the pool.
pub(crate) fn version(number: usize, text: &str) -> Pinned {
    let content = read_policy(Given::Text(text)).unwrap();
    Pinned {
        policy_id: format!("0198c0de-0000-7000-8000-{number:012}").parse().unwrap(),
        policy_version_id: format!("0198c0de-0001-7000-8000-{number:012}").parse().unwrap(),
        name: format!("policy {number}"),
        origin: content.origin,
        cedar_raw: content.cedar_raw,
        cedar_json: content.cedar_json,
        sha: content.sha,
    }
}

fn request(request: &Value) -> DecisionRequest {
    let uid = |member: &str| Uid::from_json(&request[member]).unwrap();
    DecisionRequest {
        principal: uid("principal"),
        action: uid("action"),
        resource: uid("resource"),
        context: request["context"].clone(),
    }
}

/// Gives one after the other, again from the first after the last.
pub(crate) struct Turns<'a, T>(&'a [T], usize);

impl<'a, T> Turns<'a, T> {
    pub(crate) fn of(all: &'a [T]) -> Self {
        Self(all, 0)
    }

    pub(crate) fn next(&mut self) -> &'a T {
        let turn = &self.0[self.1];
        self.1 = (self.1 + 1) % self.0.len();
        turn
    }
}
