//! The service itself: what it is made of, and how it starts.

use std::{collections::HashSet, sync::Arc, time::Duration};

use cedarkeep_attest::{AttestError, KeySource, MasterKey, SealingKey, SecretHasher};
use cedarkeep_cedar::{BUILT_IN_SCHEMAS, CedarPool, Compiler, Given, SchemaContent};
use cedarkeep_model::{Clock, Digest, IdSource, OrganizationId, SchemaVersion, Timestamp, ZoneId};
use cedarkeep_store::{Read, Store};
use tokio::sync::Mutex;

use crate::{
    Code, Error,
    access::Rules,
    accounts::{self, Principals},
    age::StoreAge,
    authorize::Meters,
    compiled::CompiledCache,
    decision_log::DecisionLog,
    divergences::Divergences,
    entity_cache::EntityCache,
    jobs::Jobs,
    keys::Signers,
    loaded::LoadedSets,
    snapshot::Snapshots,
    turns::{FEWEST_THREADS, Turns},
};

/// Sizes that an operator may choose.
#[derive(Debug, Clone)]
pub struct Config {
    /// Threads for work on policies, and for the decisions that cannot be made in passing, to which one is left: there
    /// are at least two.
    pub cedar_threads: usize,
    /// The most bytes of compiled policy sets that are kept.
    pub compiled_bytes: u64,
    /// From which age on what is in memory decides no more, while the store does not answer; none for never.
    pub max_store_age: Option<Duration>,
    /// Of so many decisions one is checked by Cedar's own authorizer, of a large set fewer; 0 for none.
    pub check_every: u64,
}

impl Default for Config {
    fn default() -> Self {
        let cedar_threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { cedar_threads, compiled_bytes: 1 << 30, max_store_age: None, check_every: 1_000 }
    }
}

/// What a service is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn IdSource>,
    /// Fresh RSA keys.
    pub keys: Arc<dyn KeySource>,
    /// What wraps the data keys of the zones.
    pub master: MasterKey,
    /// Sizes.
    pub config: Config,
}

/// The use cases. Cheap to clone; all clones are one service.
#[derive(Clone)]
pub struct Service(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) keys: Arc<dyn KeySource>,
    pub(crate) master: MasterKey,
    pub(crate) cedar: CedarPool,
    pub(crate) cursor_key: SealingKey,
    pub(crate) rules: Arc<Rules>,
    pub(crate) secrets: SecretHasher,
    pub(crate) principals: Principals,
    /// Zones that were found to be an organization's.
    pub(crate) zones_of: moka::future::Cache<(OrganizationId, ZoneId), ()>,
    pub(crate) organization: OrganizationId,
    pub(crate) built_in: Vec<(SchemaVersion, SchemaContent)>,
    pub(crate) admin_hash: arc_swap::ArcSwapOption<Digest>,
    pub(crate) signers: Signers,
    pub(crate) compiler: Arc<Compiler>,
    pub(crate) compiled: CompiledCache,
    pub(crate) loaded: LoadedSets,
    pub(crate) entities: EntityCache,
    pub(crate) snapshots: Snapshots,
    pub(crate) jobs: Jobs,
    pub(crate) meters: Meters,
    pub(crate) age: StoreAge,
    pub(crate) divergences: Divergences,
    pub(crate) decision_log: DecisionLog,
    pub(crate) turns: Turns,
    /// Scopes of the idempotency keys that are under way.
    pub(crate) under_way: std::sync::Mutex<HashSet<Digest>>,
    /// Held while the installation's own values are read and written.
    pub(crate) bootstrap: Mutex<()>,
}

/// How many zones are known by heart to be an organization's.
const MOST_ZONES_OF: u64 = 100_000;
/// Under which name the default organization's id is kept.
const ORGANIZATION: &str = "default_organization";
/// Under which name a text sealed by the master key is kept, by which a wrong master key is noticed.
pub(crate) const MASTER_CHECK: &str = "master_key_check";
/// Written by whoever begins a store, so that of many instances that start at once one goes first.
pub(crate) const START_LOCK: &str = "start_lock";

impl Service {
    /// Reads the shipped schemas and the installation's own values, making those that are not there yet.
    ///
    /// # Errors
    /// When the store cannot be reached, or the master key is not the one that this store was begun with.
    pub async fn start(parts: Parts) -> Result<Self, Error> {
        let Parts { store, clock, ids, keys, master, config } = parts;
        let threads = config.cedar_threads.max(FEWEST_THREADS);
        let cedar = CedarPool::new(threads)?;
        let built_in = cedar.run(read_built_in).await??;
        check_master(&*store, &master).await?;
        let rules = cedar.run(Rules::shipped).await??;
        let organization = organization(&*store, &*ids, clock.now()).await?;
        let admin_hash = crate::auth::admin_hash(&mut *store.read().await?).await?;
        let (divergences, backlog) = Divergences::new();
        let (decision_log, decided) = DecisionLog::new();
        let service = Arc::new(Inner {
            cursor_key: master.sealing_key("cursors")?,
            rules,
            secrets: SecretHasher::new(&master)?,
            principals: Principals::default(),
            zones_of: moka::future::Cache::new(MOST_ZONES_OF),
            compiler: Arc::new(Compiler::new(config.check_every)),
            compiled: CompiledCache::new(config.compiled_bytes / 4),
            loaded: LoadedSets::new(config.compiled_bytes / 4 * 3),
            signers: Signers::default(),
            entities: EntityCache::default(),
            snapshots: Snapshots::default(),
            jobs: Jobs::default(),
            meters: Meters::default(),
            age: StoreAge::new(config.max_store_age),
            divergences,
            decision_log,
            turns: Turns::new(threads),
            admin_hash: arc_swap::ArcSwapOption::from_pointee(admin_hash),
            under_way: std::sync::Mutex::default(),
            bootstrap: Mutex::new(()),
            store,
            clock,
            ids,
            keys,
            master,
            cedar,
            organization,
            built_in,
        });
        tokio::spawn(backlog.write_for(Arc::downgrade(&service)));
        tokio::spawn(decided.write_for(Arc::downgrade(&service)));
        Ok(Self(service))
    }

    /// The present moment by the service's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// A fresh id for a request.
    #[must_use]
    pub fn new_request_id(&self) -> String {
        self.0.ids.next().to_string()
    }

    /// The organization that owns zones made without naming one.
    #[must_use]
    pub fn default_organization(&self) -> OrganizationId {
        self.0.organization
    }

    /// Waits for what is under way in the store and closes it.
    pub async fn close(&self) {
        /// How long the end of the service waits for decisions to be logged.
        const LAST_DECISIONS: Duration = Duration::from_secs(10);
        self.0.divergences.flush().await;
        self.0.decision_log.flush(LAST_DECISIONS).await;
        self.0.store.close().await;
    }

    #[tracing::instrument(target = "cedarkeep::trace", level = "trace", name = "store connection", skip_all)]
    pub(crate) async fn read(&self) -> Result<Box<dyn Read>, Error> {
        self.check_store()?;
        Ok(self.0.store.read().await?)
    }
}

fn read_built_in() -> Result<Vec<(SchemaVersion, SchemaContent)>, Error> {
    let broken = |reason: String| Error::new(Code::Internal, format!("a shipped schema cannot be used: {reason}"));
    BUILT_IN_SCHEMAS
        .iter()
        .map(|(version, text)| {
            let name = SchemaVersion::new(*version).map_err(|error| broken(error.to_string()))?;
            let content = cedarkeep_cedar::read_schema(Given::Text(text)).map_err(|error| broken(error.to_string()))?;
            Ok((name, content))
        })
        .collect()
}

/// Whether a store was begun: from then on it belongs to one master key.
pub async fn is_begun(store: &dyn Store) -> Result<bool, Error> {
    Ok(store.read().await?.meta(MASTER_CHECK).await?.is_some())
}

/// What the text is sealed with by which a wrong master key is noticed.
pub(crate) fn master_seal(master: &MasterKey) -> Result<SealingKey, AttestError> {
    master.sealing_key("master key check")
}

async fn check_master(store: &dyn Store, master: &MasterKey) -> Result<(), Error> {
    let key = master_seal(master)?;
    let check = |sealed: Vec<u8>| {
        let wrong = "the master key is not the one that this store was begun with; give the server that key";
        key.open(b"", &sealed).map(|_| ()).map_err(|error| Error::new(Code::Unavailable, wrong).with_source(error))
    };
    // A store that is read-only is not even asked for a transaction.
    if let Some(sealed) = store.read().await?.meta(MASTER_CHECK).await? {
        return check(sealed);
    }
    let mut tx = store.write().await?;
    tx.put_meta(START_LOCK, b"").await?;
    if let Some(sealed) = tx.meta(MASTER_CHECK).await? {
        return check(sealed);
    }
    tx.put_meta(MASTER_CHECK, &key.seal(b"", b"cedarkeep")?).await?;
    Ok(tx.commit().await?)
}

async fn organization(store: &dyn Store, ids: &dyn IdSource, now: Timestamp) -> Result<OrganizationId, Error> {
    let read = |bytes: Vec<u8>| {
        let known = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
        known.ok_or_else(|| Error::new(Code::IntegrityError, "the default organization's id is damaged"))
    };
    if let Some(bytes) = store.read().await?.meta(ORGANIZATION).await? {
        return read(bytes);
    }
    let mut tx = store.write().await?;
    tx.put_meta(START_LOCK, b"").await?;
    if let Some(bytes) = tx.meta(ORGANIZATION).await? {
        return read(bytes);
    }
    let organization = accounts::default_organization(OrganizationId::new(ids.next()), now)?;
    tx.put_meta(ORGANIZATION, organization.id.to_string().as_bytes()).await?;
    tx.insert_organization(&organization).await?;
    tx.commit().await?;
    Ok(organization.id)
}
