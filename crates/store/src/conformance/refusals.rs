//! What no engine takes, because another one could not.

use std::sync::Arc;

use cedarkeep_model::{BindingMode, DraftContent, Origin, PolicyDraft, PolicySchema, PolicyVersion};

use super::{
    samples::{at, binding, policy_draft, policy_version, schema},
    support::{items, read, whole},
    world::{World, world},
};
use crate::{PolicyFilter, Store, StoreError, Write};

/// A transaction for one step that is refused.
async fn refused(store: &Arc<dyn Store>, step: impl AsyncFnOnce(&mut Box<dyn Write>) -> Result<(), StoreError>) {
    let mut transaction = store.write().await.unwrap();
    let error = step(&mut transaction).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error:?}");
}

/// Wherever text is kept as it was given; and whoever looks for it finds nothing.
pub async fn text_with_a_nul_is_refused(store: &Arc<dyn Store>) {
    let World { zone, policy, version, .. } = world(store, 1).await;
    let text = "// \0".to_owned();
    let policy_version = PolicyVersion { cedar_raw: Some(text.clone()), ..policy_version(&policy, 99, 9) };
    refused(store, async |to| to.insert_policy_version(&policy_version).await).await;
    let schema = PolicySchema { cedar_schema: text.clone(), ..schema(zone.id, "other") };
    refused(store, async |to| to.insert_schema(&schema).await).await;
    let content = Some(DraftContent { origin: Origin::Text, body: text.clone() });
    let draft = PolicyDraft { content, updated_at: at(0), ..policy_draft(&policy) };
    refused(store, async |to| to.put_policy_draft(&draft).await).await;
    let target = binding(&version, 99, BindingMode::Active, &text, 9);
    refused(store, async |to| to.bind(&target).await).await;
    let filter = PolicyFilter { query: vec![text], ..PolicyFilter::default() };
    assert_eq!(items(read(store).await.policies(zone.id, &filter, &whole()).await.unwrap()), []);
}

/// One that an index cannot hold. So long a one as is allowed is not refused, however little it can be compressed.
pub async fn a_target_of_thousands_of_bytes_is_refused(store: &Arc<dyn Store>) {
    let World { version, .. } = world(store, 1).await;
    let text: String = (0_u32..)
        .map(|n| char::from(b'!' + u8::try_from(n.wrapping_mul(2_654_435_761) >> 24).unwrap() % 90))
        .take(2_001)
        .collect();
    let long = binding(&version, 99, BindingMode::Active, &text, 9);
    refused(store, async |to| to.bind(&long).await).await;
    let longest = binding(&version, 99, BindingMode::Active, &text[..2_000], 9);
    let mut transaction = store.write().await.unwrap();
    transaction.bind(&longest).await.unwrap();
    transaction.commit().await.unwrap();
    let bound = read(store).await.binding(longest.zone_id, longest.id).await.unwrap();
    assert_eq!(bound, Some(longest));
}
