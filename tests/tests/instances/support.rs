//! What the cases do over and over.

use std::time::Duration;

use cedarkeep_model::{BindingMode, PolicyId, ScopeType, ZoneId};
use cedarkeep_service::{Code, Decision, DecisionAnswer, DecisionRequest, Error, Service};
use cedarkeep_tests::{
    in_process::{InProcess, reading},
    until::{self, PATIENCE},
};
use tokio::{
    runtime::Handle,
    task::{JoinHandle, block_in_place},
};

/// What a service answers to one question.
pub async fn ask(service: &Service, zone: ZoneId, at_least_revision: Option<u64>) -> Result<DecisionAnswer, Error> {
    let request = DecisionRequest { explain: true, at_least_revision, ..reading("User::\"alice\"") };
    service.authorize(&InProcess::call(), zone, request).await
}

/// The same in short: the decision and the revision that decided.
pub async fn decide(service: &Service, zone: ZoneId, at_least_revision: Option<u64>) -> Result<(Decision, u64), Code> {
    let answer = ask(service, zone, at_least_revision).await;
    answer.map(|answer| (answer.decision, answer.revision)).map_err(|error| error.code())
}

/// Allows everything; the policy that does.
pub async fn activate(it: &InProcess, zone: ZoneId) -> PolicyId {
    let policy = it.policy(zone, "policy").await;
    let pinned = it.version(zone, policy, "permit (principal, action, resource);").await;
    let set = it.set(zone, "set", ScopeType::Zone).await;
    let version = it.set_version(zone, set, &[pinned]).await.record.id;
    let call = InProcess::call();
    it.service.activate_set_version(&call, zone, set, version, BindingMode::Active, None).await.unwrap();
    policy
}

/// Lets an instance follow the others, looking so often.
pub fn follow(it: &InProcess, every: Duration) -> JoinHandle<()> {
    let service = it.service.clone();
    tokio::spawn(async move { service.follow_others(every, std::future::pending()).await })
}

/// Asks again until it is so. What it waits for goes on meanwhile, on the other threads of the runtime.
pub fn until(what: &str, so: impl AsyncFn() -> bool) {
    block_in_place(|| until::until(PATIENCE, what, || Handle::current().block_on(so())));
}
