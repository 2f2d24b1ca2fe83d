//! Notices of changes.

use std::sync::Arc;

use super::{
    samples::{id, zone},
    support::commit,
};
use crate::{Changed, Store};

/// What is committed, and nothing that is not; where the store is shared.
pub async fn a_shared_store_tells_of_changes(store: &Arc<dyn Store>) {
    let changes = store.changes();
    assert_eq!(changes.is_some(), store.is_shared());
    commit(store, async |to| {
        to.insert_zone(&zone(1), b"key").await.unwrap();
        // Where nobody listens it is as good.
        to.announce(id(1)).await.unwrap();
    })
    .await;
    let Some(mut changes) = changes else { return };
    while changes.next().await != Changed::Something {}
    let mut dropped = store.write().await.unwrap();
    dropped.bump_revision(id(1)).await.unwrap();
    drop(dropped);
    let revision = commit(store, async |to| to.bump_revision(id(1)).await.unwrap()).await;
    // The announcement from before may have been heard, too.
    loop {
        match changes.next().await {
            Changed::Shows(zone) if zone == id(1) => {}
            told => break assert_eq!(told, Changed::Decides(id(1), revision)),
        }
    }
    commit(store, async |to| to.announce(id(1)).await.unwrap()).await;
    assert_eq!(changes.next().await, Changed::Shows(id(1)));
    commit(store, async |to| to.put_meta("key", b"value").await.unwrap()).await;
    assert_eq!(changes.next().await, Changed::Something);
    commit(store, async |to| to.delete_zone(id(1), super::samples::at(9)).await.unwrap()).await;
    assert_eq!(changes.next().await, Changed::Shows(id(1)));
}
