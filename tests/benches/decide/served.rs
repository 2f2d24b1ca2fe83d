//! Decisions by the service.

use cedarkeep_model::{BindingMode, Name, PolicyId, PolicyVersionId, SchemaVersion, ScopeType, ZoneId};
use cedarkeep_service::{
    Activate, Apply, ApplyEntry, ApplyTo, Decision, DecisionRequest, GivenPolicy, GivenSchema, MAX_PUT_ENTITIES,
    PutMode, Uid,
};
use cedarkeep_tests::{
    in_process::InProcess,
    workload::{Question, SCHEMA, SCHEMA_VERSION, Workload},
};
use criterion::Criterion;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::sets::Turns;

/// How many different requests there are.
const QUESTIONS: usize = 1_000;
/// A manifest has at most so many entries; larger sets have several statements in a version.
const ENTRIES: usize = 10_000;
const LARGE_ENTRIES: usize = 1_000;

pub(crate) fn authorize(c: &mut Criterion, runtime: &Runtime, size: usize) {
    let (it, workload) = (runtime.block_on(InProcess::start()), Workload::of(size));
    let zone = runtime.block_on(Zone::make(&it, workload));
    let questions = workload.questions(QUESTIONS);
    let mut group = c.benchmark_group(format!("decide/{size}"));
    let asked: Vec<_> = questions.iter().map(|one| Asked::of(workload, one).with(workload.entities_of(one))).collect();
    let mut turns = Turns::of(&asked);
    group.bench_function("authorize_entities_in_the_request", |b| {
        b.iter(|| runtime.block_on(turns.next().ask(&it, zone.id)));
    });
    runtime.block_on(zone.fill(&it, workload));
    let asked: Vec<_> = questions.iter().map(|one| Asked::of(workload, one)).collect();
    let mut turns = Turns::of(&asked);
    group.bench_function("authorize_entities_in_the_store", |b| {
        b.iter(|| runtime.block_on(turns.next().ask(&it, zone.id)));
    });
    group.finish();
}

/// A zone in which a workload decides.
pub(crate) struct Zone {
    pub(crate) id: ZoneId,
    set: cedarkeep_model::PolicySetId,
    pinned: Vec<(PolicyId, PolicyVersionId)>,
}

impl Zone {
    pub(crate) async fn make(it: &InProcess, workload: Workload) -> Self {
        let id = it.zone().await.id;
        let schema = GivenSchema::Text(SCHEMA.to_owned());
        it.service.create_schema(&InProcess::call(), id, bench_schema(), schema).await.unwrap();
        let each = if workload.statements > ENTRIES { workload.statements.div_ceil(LARGE_ENTRIES) } else { 1 };
        let new = |(number, text)| ApplyEntry::New {
            name: Name::new(format!("policy {number}")).unwrap(),
            description: None,
            given: GivenPolicy::Text(text),
        };
        let entries = workload.versions(each).into_iter().enumerate().map(new).collect();
        let to = ApplyTo::New { name: Name::new("set").unwrap(), scope: ScopeType::Zone };
        let applied = it.service.apply(&InProcess::call(), id, to, active(entries)).await.unwrap();
        let pinned =
            applied.changes.iter().map(|change| (change.policy_id.unwrap(), change.policy_version_id.unwrap()));
        Self { id, set: applied.set.unwrap().set.id, pinned: pinned.collect() }
    }

    /// Puts the entities of a workload into the store.
    pub(crate) async fn fill(&self, it: &InProcess, workload: Workload) {
        for entities in workload.entities().chunks(MAX_PUT_ENTITIES) {
            let call = InProcess::call();
            let put = it.service.put_entities(&call, self.id, PutMode::Upsert, entities.to_vec());
            put.await.unwrap();
        }
    }

    /// Publishes the set with another text of its first policy, and binds it.
    pub(crate) async fn change_first(&self, it: &InProcess, text: String) {
        let first = ApplyEntry::Content { policy_id: self.pinned[0].0, given: GivenPolicy::Text(text) };
        let others = self.pinned[1..].iter().map(|(policy_id, version)| ApplyEntry::Pinned {
            policy_id: *policy_id,
            policy_version_id: Some(*version),
        });
        let entries = std::iter::once(first).chain(others).collect();
        let to = ApplyTo::Existing(self.set);
        it.service.apply(&InProcess::call(), self.id, to, active(entries)).await.unwrap();
    }
}

fn bench_schema() -> SchemaVersion {
    SchemaVersion::new(SCHEMA_VERSION).unwrap()
}

fn active(entries: Vec<ApplyEntry>) -> Apply {
    let activate = Some(Activate { mode: BindingMode::Active, scope_target_id: None });
    Apply { entries, schema_version: Some(bench_schema()), activate, dry_run: false }
}

/// A request and its answer.
pub(crate) struct Asked {
    request: DecisionRequest,
    decision: Decision,
}

impl Asked {
    pub(crate) fn of(workload: Workload, question: &Question) -> Self {
        let request = workload.request(question);
        let uid = |member: &str| Uid::from_json(&request[member]).unwrap();
        let request = DecisionRequest {
            principal: uid("principal"),
            action: uid("action"),
            resource: uid("resource"),
            context: request["context"].clone(),
            session: None,
            entities: Value::Array(Vec::new()),
            explain: false,
            at_least_revision: None,
        };
        Self { request, decision: if question.allowed { Decision::Allow } else { Decision::Deny } }
    }

    fn with(mut self, entities: Vec<Value>) -> Self {
        self.request.entities = Value::Array(entities);
        self
    }

    pub(crate) async fn ask(&self, it: &InProcess, zone: ZoneId) {
        let answer = it.service.authorize(&InProcess::call(), zone, self.request.clone()).await.unwrap();
        assert_eq!(answer.decision, self.decision);
    }
}
