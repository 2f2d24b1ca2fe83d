//! A zone with attested versions, and short ways to look at its keys.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    sync::{Arc, LazyLock},
};

use cedarkeep_attest::{AttestError, Jwks, KeyPair, KeySource, Refusal, verify_envelope};
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{AttestationStatement, Event, KeyState, PolicySetId, PolicySetVersionId, ScopeType, ZoneId};
use cedarkeep_service::{Call, Principal, Service, ZoneKey, ZoneKeys, fsck};
use cedarkeep_store::{Direction, Order, Store, Window};
use cedarkeep_tests::in_process::{Ground, InProcess};

/// Fresh keys without end.
pub struct FreshKeys;

impl KeySource for FreshKeys {
    fn next(&self) -> Result<KeyPair, AttestError> {
        KeyPair::generate(2048)
    }
}

/// Where a service with fresh keys stands.
pub fn fresh_ground() -> Ground {
    Ground::new(Arc::new(FreshKeys))
}

/// A set with versions of its own; every version pins another version of one policy.
pub struct Published {
    pub zone: ZoneId,
    pub set: PolicySetId,
    pub versions: Vec<PolicySetVersionId>,
}

/// Publishes this many versions.
pub async fn publish(it: &InProcess, count: usize) -> Published {
    let zone = it.zone().await.id;
    let policy = it.policy(zone, "policy").await;
    let set = it.set(zone, "set", ScopeType::Zone).await;
    let mut versions = Vec::new();
    for number in 1..=count {
        let text = format!("permit (principal, action, resource) when {{ principal.level > {number} }};");
        let pinned = it.version(zone, policy, &text).await;
        versions.push(it.set_version(zone, set, &[pinned]).await.record.id);
    }
    Published { zone, set, versions }
}

impl Published {
    /// Publishes one version more.
    pub async fn publish_more(&self, it: &InProcess) -> PolicySetVersionId {
        let name = format!("policy {}", it.service.new_request_id());
        let policy = it.policy(self.zone, &name).await;
        let pinned = it.version(self.zone, policy, "permit (principal, action, resource);").await;
        it.set_version(self.zone, self.set, &[pinned]).await.record.id
    }

    pub async fn archive(&self, it: &InProcess, version: PolicySetVersionId) {
        let call = InProcess::call();
        it.service.archive_set_version(&call, self.zone, self.set, version).await.unwrap();
    }

    /// The attestations of a version, oldest first, each verified against this key set.
    pub async fn verified(
        &self,
        it: &InProcess,
        version: PolicySetVersionId,
        jwks: &Jwks,
    ) -> Vec<Result<AttestationStatement, Refusal>> {
        let call = InProcess::call();
        let envelopes = it.service.attestations(&call, self.zone, self.set, version).await.unwrap();
        let verify = |envelope| {
            let (statement, kid) = verify_envelope(&serde_json::to_vec(&envelope).unwrap(), jwks)?;
            assert_eq!(statement.key_id, kid);
            Ok(statement)
        };
        envelopes.into_iter().map(verify).collect()
    }

    /// Their statements, all of which must verify against the zone's key set of now.
    pub async fn statements(&self, it: &InProcess, version: PolicySetVersionId) -> Vec<AttestationStatement> {
        let jwks = jwks(it, self.zone).await;
        self.verified(it, version, &jwks).await.into_iter().map(Result::unwrap).collect()
    }

    /// The statements behind so many older attestations.
    pub async fn statements_since(
        &self,
        it: &InProcess,
        version: PolicySetVersionId,
        older: usize,
    ) -> Vec<AttestationStatement> {
        let jwks = jwks(it, self.zone).await;
        let verified = self.verified(it, version, &jwks).await;
        verified.into_iter().skip(older).map(Result::unwrap).collect()
    }

    /// The keys that signed a version, oldest first; looked up in the store, whether they are good or not.
    pub async fn signers(&self, store: &Arc<dyn Store>, version: PolicySetVersionId) -> Vec<String> {
        let records = store.read().await.unwrap().attestations(self.zone, version).await.unwrap();
        records.into_iter().map(|record| record.kid).collect()
    }

    /// Asks for a key that signs after so many seconds.
    pub async fn rotate(&self, it: &InProcess, publish_ahead_seconds: i64) -> ZoneKey {
        it.service.rotate_key(&by("rotator"), self.zone, Some(publish_ahead_seconds)).await.unwrap()
    }

    pub async fn revoke(&self, it: &InProcess, kid: &str) -> ZoneKey {
        it.service.revoke_key(&by("revoker"), self.zone, kid).await.unwrap()
    }
}

pub fn by(id: &str) -> Call {
    Call::by(Principal { id: id.to_owned(), ..Principal::administrator() })
}

/// Works until nothing is left to do; in how many steps.
pub async fn finish(service: &Service) -> usize {
    let mut steps = 0;
    while service.work_once().await {
        steps += 1;
    }
    steps
}

pub async fn keys(it: &InProcess, zone: ZoneId) -> ZoneKeys {
    it.service.signing_keys(&InProcess::call(), zone).await.unwrap()
}

/// Total, done, refused.
pub async fn progress(it: &InProcess, zone: ZoneId) -> (u64, u64, Vec<PolicySetVersionId>) {
    let re_signing = keys(it, zone).await.re_signing;
    (re_signing.total, re_signing.done, re_signing.refused)
}

/// The states of the keys, oldest first.
pub async fn states(it: &InProcess, zone: ZoneId) -> Vec<KeyState> {
    keys(it, zone).await.keys.iter().map(|key| key.state).collect()
}

/// The id of the key that signs.
pub async fn signing(it: &InProcess, zone: ZoneId) -> String {
    let keys = keys(it, zone).await.keys;
    keys.into_iter().find(|key| key.state == KeyState::Signing).unwrap().kid
}

/// The key set as verifiers get it.
pub async fn jwks(it: &InProcess, zone: ZoneId) -> Jwks {
    Jwks::parse(it.service.jwks(zone).await.unwrap().as_bytes()).unwrap()
}

/// Whether exactly these keys are published.
pub async fn publishes(it: &InProcess, zone: ZoneId, kids: &[&str]) -> bool {
    let jwks = jwks(it, zone).await;
    jwks.kids().collect::<BTreeSet<_>>() == kids.iter().copied().collect()
}

pub async fn events(it: &InProcess, zone: ZoneId) -> Vec<Event> {
    let window = Window { order: Order::Asc, start: None, direction: Direction::Forward, limit: 100_000 };
    let slice = it.store.read().await.unwrap().events(zone, &window).await.unwrap();
    slice.items.into_iter().map(|(_, event)| event).collect()
}

static POOL: LazyLock<CedarPool> = LazyLock::new(|| CedarPool::new(2).unwrap());

/// What fsck has to say.
pub async fn problems(store: &Arc<dyn Store>) -> Vec<String> {
    fsck::check(&**store, &POOL).await.unwrap().problems
}

pub async fn assert_sound(store: &Arc<dyn Store>) {
    assert_eq!(problems(store).await, Vec::<String>::new());
}

/// No key has signed a version twice: each attestation of a version is by another one.
pub fn assert_no_repeats<T: Ord + Clone + Debug>(signers: &[T]) {
    let once: BTreeSet<_> = signers.iter().cloned().collect();
    assert_eq!(once.len(), signers.len(), "{signers:?}");
}
