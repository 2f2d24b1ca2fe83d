//! Compiled policy sets by content: one for each manifest and schema digest, shared by every slot and zone that uses it,
//! compiled once however many ask at the same time. Those that nobody uses are kept as far as the memory goes.

use std::sync::Arc;

use cedarkeep_cedar::CompiledSet;
use cedarkeep_model::Digest;
use moka::future::Cache;

use crate::Error;

/// Manifest digest and schema digest.
type Key = (Digest, Digest);

pub(crate) struct CompiledCache(Cache<Key, Arc<CompiledSet>>);

impl CompiledCache {
    pub(crate) fn new(bytes: u64) -> Self {
        let weigh = |_: &Key, set: &Arc<CompiledSet>| u32::try_from(set.bytes()).unwrap_or(u32::MAX);
        Self(Cache::builder().max_capacity(bytes).weigher(weigh).build())
    }

    pub(crate) async fn put(&self, manifest_sha: Digest, schema_sha: Digest, set: Arc<CompiledSet>) {
        self.0.insert((manifest_sha, schema_sha), set).await;
    }

    /// The compiled set, compiling it when it is not there; who asks meanwhile waits for the one compilation.
    pub(crate) async fn get(
        &self,
        manifest_sha: Digest,
        schema_sha: Digest,
        compile: impl Future<Output = Result<Arc<CompiledSet>, Error>>,
    ) -> Result<Arc<CompiledSet>, Error> {
        let key = (manifest_sha, schema_sha);
        if let Some(set) = self.0.get(&key).await {
            metrics::counter!("cedarkeep_compiled_cache_hits_total").increment(1);
            return Ok(set);
        }
        metrics::counter!("cedarkeep_compiled_cache_misses_total").increment(1);
        // Those who waited share the error: its cause is logged by the one who compiled.
        let shared = |error: Arc<Error>| Error::new(error.code(), error.message().to_owned()).with_source(error);
        self.0.try_get_with(key, compile).await.map_err(shared)
    }
}
