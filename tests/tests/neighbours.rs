//! One zone's heavy work does not keep another's decisions waiting.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use cedarkeep_cedar::Decision;
use cedarkeep_model::{BindingMode, ScopeType, ZoneId};
use cedarkeep_service::{Config, DecisionRequest, GivenPolicy};
use cedarkeep_tests::{
    in_process::{InProcess, schema_version},
    largest::largest_policy,
};
use serde_json::json;
use tokio::task::JoinSet;

/// How many of the largest policies one zone wants to have validated.
const FLOOD: usize = 4;
/// How many decisions another zone wants meanwhile.
const DECISIONS: usize = 20;

fn request() -> DecisionRequest {
    DecisionRequest {
        principal: "User::\"u\"".parse().unwrap(),
        action: "Action::\"read\"".parse().unwrap(),
        resource: "Doc::\"d\"".parse().unwrap(),
        context: json!({}),
        session: None,
        entities: json!([]),
        explain: false,
        at_least_revision: None,
    }
}

/// A zone in which everything is permitted.
async fn open_zone(it: &InProcess) -> ZoneId {
    let zone = it.zone().await.id;
    let policy = it.policy(zone, "all").await;
    let version = it.version(zone, policy, "permit (principal, action, resource);").await;
    let set = it.set(zone, "set", ScopeType::Zone).await;
    let version = it.set_version(zone, set, &[version]).await.record.id;
    it.service.bind(&InProcess::call(), zone, version, BindingMode::Active, None).await.unwrap();
    zone
}

/// Every decision is made on the threads that validate, of which there are as few as there can be: each is checked by
/// Cedar's own authorizer, which runs nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_of_one_zone_do_not_stand_behind_the_validation_of_another() {
    let it = Arc::new(InProcess::with(2048, Config { cedar_threads: 1, check_every: 1, ..Config::default() }).await);
    let quiet = open_zone(&it).await;
    let decide = async || it.service.authorize(&InProcess::call(), quiet, request()).await.unwrap().decision;
    assert_eq!(decide().await, Decision::Allow, "what decides is in memory");

    let noisy = it.zone().await.id;
    let validated = Arc::new(AtomicUsize::new(0));
    let mut flood = JoinSet::new();
    for number in 0..FLOOD {
        let policy = it.policy(noisy, &format!("large {number}")).await;
        let (it, validated) = (Arc::clone(&it), Arc::clone(&validated));
        flood.spawn(async move {
            let (call, given) = (InProcess::call(), GivenPolicy::Text(largest_policy(number)));
            let published = it.service.publish_policy_version(&call, noisy, policy, schema_version(), given).await;
            validated.fetch_add(1, Ordering::SeqCst);
            published.unwrap();
        });
    }
    // From one end of a validation to the next there is time for all decisions, or else they stood behind one.
    let mut made = 0;
    let mut seen = validated.load(Ordering::SeqCst);
    while made < DECISIONS {
        assert_eq!(decide().await, Decision::Allow);
        let now = validated.load(Ordering::SeqCst);
        assert!(now < FLOOD, "all validations went before {DECISIONS} decisions");
        made = if now == seen { made + 1 } else { 0 };
        seen = now;
    }
    while let Some(published) = flood.join_next().await {
        published.unwrap();
    }
    assert_eq!(validated.load(Ordering::SeqCst), FLOOD, "and every validation has its turn");
}
