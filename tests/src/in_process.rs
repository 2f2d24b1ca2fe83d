//! A whole service in this process, the same at every run: a clock that steps, ids that count, keys from fixtures.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use cedarkeep_attest::{KeyPool, KeySource, MasterKey};
use cedarkeep_model::{
    Clock, IdSource, Name, PolicyId, PolicySetId, PolicySetVersion, PolicySetVersionId, PolicyVersion, SchemaVersion,
    ScopeType, Timestamp, Zone, ZoneId,
};
use cedarkeep_service::{
    Call, Config, DecisionRequest, GivenPolicy, GivenSchema, NewEntry, NewPolicy, NewZone, Parts, Principal, Service,
    SettingsPatch, Uid,
};
use cedarkeep_store::Store;
use serde_json::json;
use uuid::Uuid;

use crate::home::{Engine, Home};

/// A clock that begins on 2026-01-01 and steps a millisecond each time it is read.
#[derive(Debug)]
pub struct SteppingClock(AtomicI64);

impl Default for SteppingClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_767_225_600_000_000))
    }
}

impl SteppingClock {
    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

/// Ids that count up, in the form of version 7.
#[derive(Debug, Default)]
pub struct CountingIds(AtomicU64);

impl IdSource for CountingIds {
    fn next(&self) -> Uuid {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Uuid::from_u128(0x019b_76da_a800_7000_8000_0000_0000_0000 | u128::from(number))
    }
}

/// The fixture keys of this size, in PEM form.
#[must_use]
pub fn fixture_keys(bits: u32) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/keys");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let wanted = |path: &std::path::PathBuf| path.to_string_lossy().contains(&format!("/rsa-{bits}-"));
    paths.iter().filter(|path| wanted(path)).map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// A service on a store of its own.
pub struct InProcess {
    /// The service.
    pub service: Service,
    /// Its clock.
    pub clock: Arc<SteppingClock>,
    /// Its store.
    pub store: Arc<dyn Store>,
    ground: Ground,
}

/// What outlives a service: where its data lies, and where its time, ids and keys come from.
#[derive(Clone)]
pub struct Ground {
    home: Arc<Home>,
    clock: Arc<SteppingClock>,
    ids: Arc<CountingIds>,
    keys: Arc<dyn KeySource>,
}

impl Ground {
    /// A fresh one, with keys from this source.
    #[must_use]
    pub fn new(keys: Arc<dyn KeySource>) -> Self {
        Self { home: Arc::default(), clock: Arc::default(), ids: Arc::default(), keys }
    }

    /// A store and a service on it.
    pub async fn open(&self) -> InProcess {
        self.open_with(Config::default()).await
    }

    async fn open_with(&self, config: Config) -> InProcess {
        self.serve(self.home.open().await, config).await
    }

    async fn serve(&self, store: Arc<dyn Store>, config: Config) -> InProcess {
        let parts = Parts {
            store: store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            keys: self.keys.clone(),
            master: MasterKey::from_bytes([7; 32]),
            config,
        };
        let service = Service::start(parts).await.unwrap();
        InProcess { service, clock: self.clock.clone(), store, ground: self.clone() }
    }
}

/// A schema of people and documents, used where the schema is not what is tested.
pub const SCHEMA: &str = "
entity Group;
entity User in [Group] { level: Long };
entity Doc { owner: User, level: Long };
action read, write appliesTo { principal: User, resource: Doc, context: { mfa?: Bool } };
";

impl InProcess {
    /// A fresh one, with RSA keys of 2048 bits.
    pub async fn start() -> Self {
        Self::with(2048, Config::default()).await
    }

    /// The same on this engine, whatever the environment asks for.
    pub async fn on(engine: Engine) -> Self {
        Self::open(Arc::new(Home::on(engine)), 2048, Config::default()).await
    }

    /// A fresh one.
    pub async fn with(key_bits: u32, config: Config) -> Self {
        Self::open(Arc::default(), key_bits, config).await
    }

    /// Another service on the same store, as after a restart.
    pub async fn restart(&self) -> Self {
        self.service.close().await;
        Self::open(Arc::clone(&self.ground.home), 2048, Config::default()).await
    }

    async fn open(home: Arc<Home>, key_bits: u32, config: Config) -> Self {
        let keys = Arc::new(KeyPool::from_pems(fixture_keys(key_bits)).unwrap());
        let (clock, ids) = (Arc::default(), Arc::default());
        Ground { home, clock, ids, keys }.open_with(config).await
    }

    /// Another service on the same store at the same time; on a server with connections of its own.
    pub async fn beside(&self) -> Self {
        self.beside_with(Config::default()).await
    }

    /// The same with these sizes.
    pub async fn beside_with(&self, config: Config) -> Self {
        let store = if self.store.is_shared() { self.ground.home.open().await } else { self.store.clone() };
        self.ground.serve(store, config).await
    }

    /// Changes what is stored, with the guards taken away as somebody who owns the database could.
    pub async fn tamper(&self, sql: &str) {
        self.ground.home.tamper(sql).await;
    }

    /// Where its data is.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.ground.home
    }

    /// A call by the administrator.
    #[must_use]
    pub fn call() -> Call {
        Call::by(Principal::administrator())
    }

    /// A zone with [`SCHEMA`] as version `test`.
    pub async fn zone(&self) -> Zone {
        let new = NewZone {
            name: Name::new("Test").unwrap(),
            slug: None,
            description: None,
            organization_id: None,
            settings: SettingsPatch::default(),
        };
        let zone = self.service.create_zone(&Self::call(), new).await.unwrap();
        let given = GivenSchema::Text(SCHEMA.to_owned());
        self.service.create_schema(&Self::call(), zone.id, schema_version(), given).await.unwrap();
        zone
    }

    /// A policy.
    pub async fn policy(&self, zone: ZoneId, name: &str) -> PolicyId {
        let new = NewPolicy { name: Name::new(name).unwrap(), description: None };
        self.service.create_policy(&Self::call(), zone, new).await.unwrap().id
    }

    /// A version of a policy against [`SCHEMA`].
    pub async fn version(&self, zone: ZoneId, policy: PolicyId, text: &str) -> PolicyVersion {
        let given = GivenPolicy::Text(text.to_owned());
        let call = Self::call();
        let published = self.service.publish_policy_version(&call, zone, policy, schema_version(), given).await;
        published.unwrap().object
    }

    /// A policy set for this scope.
    pub async fn set(&self, zone: ZoneId, name: &str, scope: ScopeType) -> PolicySetId {
        let name = Name::new(name).unwrap();
        self.service.create_policy_set(&Self::call(), zone, name, scope).await.unwrap().set.id
    }

    /// The set that a version belongs to.
    pub async fn store_set_of(&self, zone: ZoneId, version: PolicySetVersionId) -> PolicySetId {
        self.store.read().await.unwrap().set_of_version(zone, version).await.unwrap().unwrap()
    }

    /// A version of a set that pins these.
    pub async fn set_version(&self, zone: ZoneId, set: PolicySetId, pinned: &[PolicyVersion]) -> PolicySetVersion {
        let call = Self::call();
        let published = self.service.publish_set_version(&call, zone, set, schema_version(), entries(pinned)).await;
        published.unwrap().object
    }
}

/// The id of an entity, from Cedar's text form.
#[must_use]
pub fn uid(text: &str) -> Uid {
    text.parse().unwrap()
}

/// Asks whether this principal may read the document `1` of [`SCHEMA`], and says nothing else.
#[must_use]
pub fn reading(principal: &str) -> DecisionRequest {
    DecisionRequest {
        principal: uid(principal),
        action: uid("Action::\"read\""),
        resource: uid("Doc::\"1\""),
        context: json!({}),
        session: None,
        entities: json!([]),
        explain: false,
        at_least_revision: None,
    }
}

/// The schema version of [`SCHEMA`].
#[must_use]
pub fn schema_version() -> SchemaVersion {
    SchemaVersion::new("test").unwrap()
}

/// Entries that pin these versions.
#[must_use]
pub fn entries(pinned: &[PolicyVersion]) -> Vec<NewEntry> {
    let entry = |version: &PolicyVersion| NewEntry {
        policy_id: version.policy_id,
        policy_version_id: version.id,
        sha: Some(version.sha),
    };
    pinned.iter().map(entry).collect()
}
