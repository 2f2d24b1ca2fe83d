//! The entities that a zone keeps.

use std::sync::Arc;

use cedarkeep_model::{Digest, EntityChange, EntityRecord, ZoneId};

use super::{
    samples::{AWKWARD, at, id, zone},
    support::{commit, items, read, walk, whole},
};
use crate::{Store, Window};

/// The entity of this type and id, as of this revision.
pub(super) fn entity(zone_id: ZoneId, entity_type: &str, entity_id: &str, changed_revision: u64) -> EntityRecord {
    let body = format!("{{\"body\": \"{AWKWARD}/{entity_id} of {changed_revision}\",  \"x\": [1]}}");
    let (entity_type, entity_id) = (entity_type.to_owned(), entity_id.to_owned());
    EntityRecord { zone_id, entity_type, entity_id, sha: Digest::of(body.as_bytes()), body, changed_revision }
}

fn deleted(record: &EntityRecord, changed_revision: u64) -> EntityChange {
    let (entity_type, entity_id) = (record.entity_type.clone(), record.entity_id.clone());
    EntityChange::Deleted { entity_type, entity_id, changed_revision }
}

fn uid(record: &EntityRecord) -> (String, String) {
    (record.entity_type.clone(), record.entity_id.clone())
}

async fn all(store: &Arc<dyn Store>, zone: ZoneId) -> Vec<EntityRecord> {
    items(read(store).await.entities(zone, None, &whole()).await.unwrap())
}

async fn changes(store: &Arc<dyn Store>, zone: ZoneId, after: u64) -> Vec<EntityChange> {
    items(read(store).await.entity_changes(zone, after, &whole()).await.unwrap())
}

/// Byte for byte, whatever stands in id and body.
pub async fn entities_come_back_as_written(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    let given =
        [entity(zone, "App::User", AWKWARD, 2), entity(zone, "App::User", "", 2), entity(zone, "Folder", "a/b/", 2)];
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        to.put_entities(&given).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    for one in &given {
        let found = from.entity(zone, &one.entity_type, &one.entity_id).await.unwrap();
        assert_eq!(found.as_ref(), Some(one));
    }
    assert_eq!(from.entity(zone, "App::User", "b").await.unwrap(), None);
    assert_eq!(from.entity(zone, "Folder", AWKWARD).await.unwrap(), None);
    let [awkward, empty, folder] = given;
    assert_eq!(all(store, zone).await, [empty, awkward, folder]);
}

/// Whole; and what was deleted can be there again.
pub async fn an_entity_replaces_the_one_before(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    let (old, new, other) = (entity(zone, "A", "1", 2), entity(zone, "A", "1", 3), entity(zone, "A", "2", 2));
    let again = entity(zone, "A", "1", 5);
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        to.put_entities(&[old, other.clone()]).await.unwrap();
        to.put_entities(std::slice::from_ref(&new)).await.unwrap();
    })
    .await;
    assert_eq!(all(store, zone).await, [new.clone(), other.clone()]);
    commit(store, async |to| to.delete_entities(zone, 4, &[uid(&new)]).await.unwrap()).await;
    assert_eq!(all(store, zone).await, std::slice::from_ref(&other));
    assert_eq!(read(store).await.entity(zone, "A", "1").await.unwrap(), None);
    commit(store, async |to| to.put_entities(std::slice::from_ref(&again)).await.unwrap()).await;
    assert_eq!(all(store, zone).await, [again, other]);
}

/// Those named, or all; what is not there stays as it is.
pub async fn entities_can_be_deleted(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    let given: Vec<_> = (0..600).map(|n| entity(zone, "A", &format!("{AWKWARD} {n:03}"), 2)).collect();
    let (gone, left) = given.split_at(550);
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        to.put_entities(&given).await.unwrap();
    })
    .await;
    assert_eq!(read(store).await.count_entities(zone, None).await.unwrap(), 600);
    let mut uids: Vec<_> = gone.iter().map(uid).collect();
    uids.push(("A".to_owned(), "nobody".to_owned()));
    commit(store, async |to| to.delete_entities(zone, 3, &uids).await.unwrap()).await;
    assert_eq!(all(store, zone).await, left);
    commit(store, async |to| to.delete_entities(zone, 4, &uids).await.unwrap()).await;
    assert_eq!(changes(store, zone, 3).await, [], "what is gone is not deleted again");
    commit(store, async |to| to.delete_all_entities(zone, 5).await.unwrap()).await;
    assert_eq!(all(store, zone).await, []);
    assert_eq!(read(store).await.count_entities(zone, None).await.unwrap(), 0);
    assert_eq!(changes(store, zone, 3).await, left.iter().map(|one| deleted(one, 5)).collect::<Vec<_>>());
}

/// By type, then by id, byte by byte; all or those of one type.
pub async fn entities_are_listed_through_windows(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    // A type that begins like another, ids with the separator of positions, and letters that dictionaries put elsewhere.
    let uids =
        [("A", "1"), ("A", "B"), ("A", "a"), ("A", "ü"), ("A::A", "/"), ("A::A", "//"), ("A::A", "a/b"), ("B", "")];
    let mut written: Vec<_> = uids.iter().map(|(entity_type, id)| entity(zone, entity_type, id, 2)).collect();
    written.reverse();
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        to.put_entities(&written).await.unwrap();
        to.put_entities(&[entity(zone, "A", "2", 2), entity(zone, "A::A", "0", 2)]).await.unwrap();
        to.delete_entities(zone, 3, &[("A".into(), "2".into()), ("A::A".into(), "0".into())]).await.unwrap();
    })
    .await;
    let name = |one: &EntityRecord| format!("{} {}", one.entity_type, one.entity_id);
    let named: Vec<_> = uids.iter().map(|(entity_type, id)| format!("{entity_type} {id}")).collect();
    walk(&named, name, async |window| read(store).await.entities(zone, None, &window).await.unwrap()).await;
    let some: Vec<_> = named.iter().filter(|one| one.starts_with("A::A ")).cloned().collect();
    walk(&some, name, async |window| read(store).await.entities(zone, Some("A::A"), &window).await.unwrap()).await;
    let mut from = read(store).await;
    assert_eq!(from.count_entities(zone, None).await.unwrap(), 8);
    assert_eq!(from.count_entities(zone, Some("A")).await.unwrap(), 4);
    assert_eq!(from.count_entities(zone, Some("a")).await.unwrap(), 0);
}

/// The last change of each, deletions too, in the order of revisions.
pub async fn changes_of_entities_can_be_followed(store: &Arc<dyn Store>) {
    let zone = zone(1).id;
    let one = |id: &str, revision| entity(zone, "A", id, revision);
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        to.put_entities(&[one("a", 2), one("b", 2), one("c", 2), one("d", 2)]).await.unwrap();
        to.put_entities(&[one("b", 3), one("e", 3)]).await.unwrap();
        to.delete_entities(zone, 4, &[uid(&one("e", 3)), uid(&one("a", 2))]).await.unwrap();
        to.put_entities(&[one("c", 5)]).await.unwrap();
    })
    .await;
    let kept = |id, revision| EntityChange::Kept(one(id, revision));
    let gone = |id| deleted(&one(id, 0), 4);
    let expected = [kept("d", 2), kept("b", 3), gone("a"), gone("e"), kept("c", 5)];
    assert_eq!(changes(store, zone, 0).await, expected);
    assert_eq!(changes(store, zone, 2).await, expected[1..]);
    assert_eq!(changes(store, zone, 4).await, expected[4..]);
    assert_eq!(changes(store, zone, 5).await, []);
    assert_eq!(read(store).await.entities_revision(zone).await.unwrap(), 5);
    let name = |change: &EntityChange| format!("{change:?}");
    let names: Vec<_> = expected.iter().map(name).collect();
    walk(&names, name, async |window: Window| read(store).await.entity_changes(zone, 1, &window).await.unwrap()).await;
}

/// A deleted zone keeps none, not even for who would make its id anew.
pub async fn entities_go_with_their_zone(store: &Arc<dyn Store>) {
    let (gone, other) = (zone(1).id, zone(2).id);
    let left = entity(other, "A", "1", 2);
    commit(store, async |to| {
        to.insert_zone(&super::samples::zone(1), b"key").await.unwrap();
        to.insert_zone(&super::samples::zone(2), b"key").await.unwrap();
        to.put_entities(&[entity(gone, "A", "1", 2), left.clone()]).await.unwrap();
        to.delete_all_entities(id(3), 9).await.unwrap();
    })
    .await;
    commit(store, async |to| to.delete_zone(gone, at(90)).await.unwrap()).await;
    assert_eq!(changes(store, gone, 0).await, []);
    let mut from = read(store).await;
    assert_eq!(from.entities_revision(gone).await.unwrap(), 0);
    assert_eq!(from.entities_revision(id(3)).await.unwrap(), 0);
    drop(from);
    assert_eq!(all(store, other).await, [left]);
}
