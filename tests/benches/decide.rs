//! What a decision costs in process, beside the plain call of Cedar's authorizer with the same policies and request.
//!
//! `cargo bench -p cedarkeep-tests --bench decide`. Take the ratios: machines are noisy.

use std::{fmt::Write as _, hint::black_box, str::FromStr};

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicySet, Request, Schema};
use cedarkeep_model::{BindingMode, ScopeType};
use cedarkeep_service::{Decision, DecisionRequest, Uid};
use cedarkeep_tests::in_process::{InProcess, SCHEMA};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

fn policy(number: usize) -> String {
    format!(
        "permit (principal == User::\"u{number}\", action == Action::\"read\", resource) \
         when {{ resource.level <= principal.level }};"
    )
}

fn entities() -> Value {
    json!([
        {"uid": {"type": "User", "id": "u0"}, "attrs": {"level": 3}, "parents": []},
        {"uid": {"type": "Doc", "id": "d"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "u0"}}, "level": 2},
         "parents": []},
    ])
}

fn uid(text: &str) -> Uid {
    Uid::from_json(&Value::String(text.to_owned())).unwrap()
}

fn plain(c: &mut Criterion, size: usize) {
    let text = (0..size).fold(String::new(), |mut all, number| {
        writeln!(all, "{}", policy(number)).unwrap();
        all
    });
    let policies = PolicySet::from_str(&text).unwrap();
    let schema = Schema::from_str(SCHEMA).unwrap();
    let uid = |text: &str| EntityUid::from_str(text).unwrap();
    let (user, read, doc) = (uid("User::\"u0\""), uid("Action::\"read\""), uid("Doc::\"d\""));
    let request = Request::new(user, read, doc, Context::empty(), Some(&schema)).unwrap();
    let entities = Entities::from_json_value(entities(), Some(&schema)).unwrap();
    let authorizer = Authorizer::new();
    c.bench_function(&format!("decide/{size}/floor_plain_cedar_call"), |b| {
        b.iter(|| authorizer.is_authorized(black_box(&request), &policies, &entities));
    });
}

fn ours(c: &mut Criterion, size: usize) {
    let runtime = Runtime::new().unwrap();
    let it = runtime.block_on(InProcess::start());
    let zone = runtime.block_on(async {
        let zone = it.zone().await.id;
        let mut pinned = Vec::with_capacity(size);
        for number in 0..size {
            let id = it.policy(zone, &format!("policy {number}")).await;
            pinned.push(it.version(zone, id, &policy(number)).await);
        }
        let set = it.set(zone, "set", ScopeType::Zone).await;
        let version = it.set_version(zone, set, &pinned).await.record.id;
        let call = InProcess::call();
        let bind = it.service.activate_set_version(&call, zone, set, version, BindingMode::Active, None);
        bind.await.unwrap();
        zone
    });
    let request = DecisionRequest {
        principal: uid("User::\"u0\""),
        action: uid("Action::\"read\""),
        resource: uid("Doc::\"d\""),
        context: json!({}),
        session: None,
        entities: entities(),
        explain: false,
        at_least_revision: None,
    };
    let call = InProcess::call();
    c.bench_function(&format!("decide/{size}/authorize"), |b| {
        b.iter(|| {
            let answer = runtime.block_on(it.service.authorize(&call, zone, request.clone())).unwrap();
            assert_eq!(answer.decision, Decision::Allow);
        });
    });
}

fn decide(c: &mut Criterion) {
    for size in [1, 100, 1_000] {
        plain(c, size);
        ours(c, size);
    }
}

criterion_group!(benches, decide);
criterion_main!(benches);
