//! The four slots of a decision: shadows change nothing, narrower slots grant nothing, an empty zone slot denies, over
//! random bindings and requests. `CASES` says how many of each (10,000 unless said).

use std::env;

use cedarkeep_model::{
    BindingId, BindingMode, PolicySetVersionId, PolicyVersion, RequestEntities, ScopeCombination, ScopeType, ZoneId,
};
use cedarkeep_service::{BindingFilter, Decision, DecisionRequest, DenyReason, PageRequest, SettingsPatch, ZonePatch};
use cedarkeep_tests::{
    in_process::{InProcess, uid},
    random::Random,
};
use serde_json::json;

/// What sets are made of: permits and forbids that apply to some, that fail, that look at attributes and context.
const POLICIES: [&str; 6] = [
    "permit (principal, action, resource);",
    "permit (principal == User::\"u0\", action == Action::\"read\", resource);",
    "permit (principal, action, resource) when { resource.level <= principal.level };",
    "forbid (principal, action == Action::\"write\", resource == Doc::\"d1\");",
    "forbid (principal == User::\"u1\", action, resource) when { principal.level + 9223372036854775807 > 0 };",
    "forbid (principal, action, resource) unless { context has mfa && context.mfa };",
];

/// How many requests are asked of one arrangement of bindings.
const REQUESTS: usize = 25;

fn arrangements() -> usize {
    env::var("CASES").map_or(10_000, |cases| cases.parse().unwrap()) / REQUESTS
}

/// A zone with a set version for each scope and each choice of policies.
struct World {
    it: InProcess,
    zone: ZoneId,
    versions: Vec<(ScopeType, Vec<PolicySetVersionId>)>,
}

impl World {
    async fn new() -> Self {
        let it = InProcess::start().await;
        let zone = it.zone().await.id;
        let mut policies: Vec<PolicyVersion> = Vec::new();
        for (number, text) in POLICIES.iter().enumerate() {
            let policy = it.policy(zone, &format!("policy {number}")).await;
            policies.push(it.version(zone, policy, text).await);
        }
        let mut versions = Vec::new();
        for scope in ScopeType::ALL {
            let set = it.set(zone, scope.as_str(), *scope).await;
            let mut of_scope = Vec::new();
            for choice in 1..1_usize << POLICIES.len() {
                let chosen: Vec<_> =
                    (0..POLICIES.len()).filter(|bit| choice >> bit & 1 == 1).map(|bit| policies[bit].clone()).collect();
                of_scope.push(it.set_version(zone, set, &chosen).await.record.id);
            }
            versions.push((*scope, of_scope));
        }
        Self { it, zone, versions }
    }

    fn version(&self, random: &mut Random, scope: ScopeType) -> PolicySetVersionId {
        let (_, versions) = self.versions.iter().find(|(of, _)| *of == scope).unwrap();
        *random.of(versions)
    }

    async fn bind(&self, scope: ScopeType, version: PolicySetVersionId, mode: BindingMode, target: &str) -> BindingId {
        let call = InProcess::call();
        let target = (scope != ScopeType::Zone).then(|| target.to_owned());
        self.it.service.bind(&call, self.zone, version, mode, target).await.unwrap().object.id
    }

    /// Binds a random version of this scope to a random target.
    async fn bind_some(&self, random: &mut Random, scope: ScopeType, mode: BindingMode) -> BindingId {
        let target = match scope {
            ScopeType::Zone => String::new(),
            ScopeType::Resource => format!("Doc::\"d{}\"", random.below(2)),
            ScopeType::User => format!("User::\"u{}\"", random.below(2)),
            ScopeType::Session => format!("s{}", random.below(2)),
        };
        let version = self.version(random, scope);
        self.bind(scope, version, mode, &target).await
    }

    async fn unbind(&self, bindings: Vec<BindingId>) {
        for binding in bindings {
            // A later binding may have taken its slot.
            let _ = self.it.service.unbind(&InProcess::call(), self.zone, binding).await;
        }
    }

    async fn combine_by(&self, combination: ScopeCombination) {
        let settings = SettingsPatch { scope_combination: Some(combination), ..SettingsPatch::default() };
        let patch = ZonePatch { settings, ..ZonePatch::default() };
        self.it.service.update_zone(&InProcess::call(), self.zone, patch).await.unwrap();
    }

    async fn ask(&self, request: &DecisionRequest) -> cedarkeep_service::DecisionAnswer {
        self.it.service.authorize(&InProcess::call(), self.zone, request.clone()).await.unwrap()
    }
}

fn request(random: &mut Random) -> DecisionRequest {
    let (user, doc) = (random.below(2), random.below(2));
    let context = random.of(&[json!({}), json!({"mfa": true}), json!({"mfa": false})]).clone();
    let owner = json!({"__entity": {"type": "User", "id": "u0"}});
    DecisionRequest {
        principal: uid(&format!("User::\"u{user}\"")),
        action: uid(random.of::<&str>(&["Action::\"read\"", "Action::\"write\""])),
        resource: uid(&format!("Doc::\"d{doc}\"")),
        context,
        session: random.of(&[None, Some("s0".to_owned()), Some("s1".to_owned())]).clone(),
        entities: json!([
            {"uid": {"type": "User", "id": format!("u{user}")}, "attrs": {"level": random.below(3)}, "parents": []},
            {"uid": {"type": "Doc", "id": format!("d{doc}")}, "parents": [],
             "attrs": {"level": random.below(3), "owner": owner}},
        ]),
        explain: true,
        at_least_revision: None,
    }
}

/// The answer without what differs between any two answers, and without its shadow part.
fn decided(answer: &cedarkeep_service::DecisionAnswer) -> String {
    let mut answer = serde_json::to_value(answer).unwrap();
    let members = answer.as_object_mut().unwrap();
    for member in ["decision_id", "evaluated_at", "revision", "shadow"] {
        assert!(members.remove(member).is_some(), "{member} is missing");
    }
    answer.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn shadows_never_change_an_answer() {
    let (world, mut random) = (World::new().await, Random::new(1));
    let mut diverged = 0;
    for _ in 0..arrangements() {
        let (mut active, mut shadows) = (Vec::new(), Vec::new());
        for scope in ScopeType::ALL {
            if random.below(4) > 0 {
                active.push(world.bind_some(&mut random, *scope, BindingMode::Active).await);
            }
        }
        let requests: Vec<_> = (0..REQUESTS).map(|_| request(&mut random)).collect();
        let mut before = Vec::new();
        for request in &requests {
            before.push(decided(&world.ask(request).await));
        }
        for scope in ScopeType::ALL {
            shadows.push(world.bind_some(&mut random, *scope, BindingMode::Shadow).await);
        }
        for (request, before) in requests.iter().zip(before) {
            let answer = world.ask(request).await;
            assert_eq!(decided(&answer), before);
            assert!(!answer.shadow.is_empty());
            diverged += answer.shadow.iter().filter(|shadow| shadow.diverged() == Some(true)).count();
        }
        world.unbind(shadows).await;
        world.unbind(active).await;
    }
    assert!(diverged > 0, "no shadow ever said anything else: nothing was tested");
    let (page, totals) = world
        .it
        .service
        .shadow_divergences(&InProcess::call(), world.zone, None, PageRequest::default())
        .await
        .unwrap();
    assert_eq!(totals.iter().map(|total| total.diverged).sum::<u64>(), diverged as u64);
    assert!(!page.items.is_empty());
}

/// Adding a binding never turns a deny into an allow: under `intersect` to any narrower slot, under `union` to a user's
/// or a session's. An empty zone slot denies whatever else is bound.
#[tokio::test(flavor = "multi_thread")]
async fn narrower_slots_never_grant() {
    use ScopeType::{Resource, Session, User};
    let (world, mut random) = (World::new().await, Random::new(2));
    for (combination, narrowing) in
        [(ScopeCombination::Intersect, &[Resource, User, Session][..]), (ScopeCombination::Union, &[User, Session])]
    {
        world.combine_by(combination).await;
        let mut turned = 0;
        for round in 0..arrangements() {
            let mut bound = Vec::new();
            let zone_bound = round % 8 > 0;
            for scope in ScopeType::ALL {
                if *scope == ScopeType::Zone && zone_bound || *scope != ScopeType::Zone && random.below(3) == 0 {
                    bound.push(world.bind_some(&mut random, *scope, BindingMode::Active).await);
                }
            }
            let requests: Vec<_> = (0..REQUESTS).map(|_| request(&mut random)).collect();
            let mut before = Vec::new();
            for request in &requests {
                before.push(world.ask(request).await.decision);
            }
            let added = *random.of(narrowing);
            // A slot that was filled would be replaced, not added to.
            let call = InProcess::call();
            let filled = world.it.service.bindings(&call, world.zone, BindingFilter::default(), PageRequest::default());
            let filled = filled.await.unwrap().items;
            let filled = |target: &str| filled.iter().any(|b| b.scope_type == added && b.scope_target_id == target);
            let target = match added {
                Resource => format!("Doc::\"d{}\"", random.below(2)),
                User => format!("User::\"u{}\"", random.below(2)),
                _ => format!("s{}", random.below(2)),
            };
            if !filled(&target) {
                let version = world.version(&mut random, added);
                bound.push(world.bind(added, version, BindingMode::Active, &target).await);
            }
            for (request, before) in requests.iter().zip(before) {
                let answer = world.ask(request).await;
                assert!(
                    before == Decision::Allow || answer.decision == Decision::Deny,
                    "{combination} {added}: {request:?}"
                );
                turned += usize::from(before != answer.decision);
                if !zone_bound {
                    assert_eq!((answer.decision, answer.reason), (Decision::Deny, Some(DenyReason::NoActivePolicySet)));
                }
            }
            world.unbind(bound).await;
        }
        assert!(turned > 0, "no binding ever narrowed anything: nothing was tested");
    }
}

/// What a zone takes from requests, for each setting.
#[tokio::test]
async fn a_zone_that_refuses_entities_takes_none() {
    let (world, mut random) = (World::new().await, Random::new(3));
    let settings = SettingsPatch { request_entities: Some(RequestEntities::Refuse), ..SettingsPatch::default() };
    let patch = ZonePatch { settings, ..ZonePatch::default() };
    world.it.service.update_zone(&InProcess::call(), world.zone, patch).await.unwrap();
    let mut request = request(&mut random);
    let refused = world.it.service.authorize(&InProcess::call(), world.zone, request.clone()).await.unwrap_err();
    assert_eq!(refused.code(), cedarkeep_service::Code::InvalidRequest);
    request.entities = json!([]);
    assert_eq!(world.ask(&request).await.decision, Decision::Deny);
}

/// A shadow whose stored content is not what was attested is no decision, and nothing that concerns one.
#[tokio::test]
async fn a_shadow_that_cannot_be_used_changes_nothing() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let (active, shadow) = (it.policy(zone, "active").await, it.policy(zone, "shadow").await);
    let active = it.version(zone, active, POLICIES[0]).await;
    let shadow = it.version(zone, shadow, POLICIES[3]).await;
    let call = InProcess::call();
    for (name, pinned, mode) in [("active", &active, BindingMode::Active), ("shadow", &shadow, BindingMode::Shadow)] {
        let set = it.set(zone, name, ScopeType::Zone).await;
        let version = it.set_version(zone, set, std::slice::from_ref(pinned)).await.record.id;
        it.service.bind(&call, zone, version, mode, None).await.unwrap();
    }
    let request = request(&mut Random::new(4));
    let sound = it.service.authorize(&call, zone, request.clone()).await.unwrap();
    it.tamper(&format!("UPDATE policy_versions SET cedar_raw = cedar_raw || ' ' WHERE id = '{}'", shadow.id)).await;
    let it = it.restart().await;
    let damaged = it.service.authorize(&call, zone, request).await.unwrap();
    assert_eq!(decided(&damaged), decided(&sound));
    assert_eq!(damaged.decision, Decision::Allow);
    let answer = serde_json::to_value(&damaged.shadow).unwrap();
    assert_eq!(answer[0]["error"], "integrity_error");
}
