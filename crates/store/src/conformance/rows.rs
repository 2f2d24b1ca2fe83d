//! Rows as they are moved, views on one moment, and stores that are read-only.

use std::{sync::Arc, time::Duration};

use cedarkeep_model::ZoneId;

use super::{
    samples::{at, id, zone},
    support::{commit, items, read, whole},
    world::{TARGET, one_of_everything, world},
};
use crate::{
    Cell, DecisionFilter, PolicyFilter, PolicySetFilter, READ_ONLY, Read, Row, RowKind, Rows, Store, StoreError,
    ZoneFilter,
};

async fn all(from: &mut dyn Read, kind: RowKind, zone: ZoneId) -> Vec<Row> {
    let zone = (!kind.is_of_the_installation()).then_some(zone);
    from.rows(&Rows { kind, zone, after: None, limit: 1_000 }).await.unwrap()
}

/// The row, moved to another zone.
fn moved(mut row: Row, to: ZoneId) -> Row {
    row.replace(if row.kind == RowKind::Zone { "id" } else { "zone_id" }, Cell::Text(to.to_string()));
    row.replace("slug", Cell::Text("moved".to_owned()));
    row
}

/// There is a row of each kind, with all its members, and it has its key from them.
pub async fn rows_of_every_kind_are_there(store: &Arc<dyn Store>) {
    one_of_everything(store).await;
    let mut from = read(store).await;
    for kind in RowKind::ALL {
        let rows = all(&mut *from, *kind, id(1)).await;
        assert!(!rows.is_empty(), "{kind:?}");
        for row in rows {
            assert_eq!((row.kind, row.cells.len()), (*kind, kind.members().len()));
            assert_eq!(row.zone(), (!kind.is_of_the_installation()).then(|| id(1)));
            for (member, cell) in kind.members().iter().zip(&row.cells) {
                assert!(member.nullable || *cell != Cell::Null, "{kind:?} {}", member.name);
            }
        }
    }
}

/// In the order of their keys, from behind whichever is named; those of a deleted zone too.
pub async fn rows_are_listed_by_their_keys(store: &Arc<dyn Store>) {
    for number in [3, 1, 2] {
        world(store, number).await;
    }
    commit(store, async |to| {
        for number in 1..8_u64 {
            to.append_event(id(1), super::samples::new_event(number)).await.unwrap();
            to.put_meta(&format!("key {}", 9 - number), b"").await.unwrap();
        }
        to.delete_zone(id(2), at(1)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    for (kind, of, count) in [
        (RowKind::Meta, None, 7),
        (RowKind::Zone, None, 3),
        (RowKind::Zone, Some(id(2)), 1),
        (RowKind::Event, Some(id(1)), 8),
        (RowKind::PolicyVersion, Some(id(2)), 1),
        (RowKind::Attestation, Some(id(2)), 1),
        (RowKind::Event, Some(id(9)), 0),
    ] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let rows = from.rows(&Rows { kind, zone: of, after, limit: 2 }).await.unwrap();
            assert!(rows.len() <= 2);
            let Some(last) = rows.last() else { break };
            after = Some(last.key().to_vec());
            seen.extend(rows);
        }
        assert_eq!(seen.len(), count, "{kind:?}");
        assert!(seen.is_sorted_by(|one, other| one.key() < other.key()), "{kind:?}");
    }
}

/// Byte for byte, and everything that an engine derives from them is there too.
pub async fn rows_are_taken_in_as_they_were(store: &Arc<dyn Store>) {
    one_of_everything(store).await;
    let mut from = read(store).await;
    let mut rows = Vec::new();
    for kind in RowKind::ALL.iter().filter(|kind| !kind.is_of_the_installation()) {
        let of_kind = all(&mut *from, *kind, id(1)).await;
        rows.push(of_kind.into_iter().map(|row| moved(row, id(2))).collect::<Vec<_>>());
    }
    commit(store, async |to| {
        for of_kind in &rows {
            to.insert_rows(of_kind).await.unwrap();
        }
        to.insert_rows(&[]).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    for of_kind in rows {
        let kind = of_kind.first().unwrap().kind;
        assert_eq!(all(&mut *from, kind, id(2)).await, of_kind);
    }
    let (one, other): (ZoneId, ZoneId) = (id(1), id(2));
    let named = PolicyFilter { query: vec!["ÜBER".to_owned(), "Ü".to_owned()], ..PolicyFilter::default() };
    assert_eq!(from.count_policies(other, &named).await.unwrap(), from.count_policies(one, &named).await.unwrap());
    let named = PolicySetFilter { query: vec!["Ü".to_owned()], ..PolicySetFilter::default() };
    assert_eq!(
        from.count_policy_sets(other, &named).await.unwrap(),
        from.count_policy_sets(one, &named).await.unwrap()
    );
    let found = items(from.decisions(one, &DecisionFilter::default(), &whole()).await.unwrap());
    let found = found.first().unwrap();
    let asked = DecisionFilter {
        principal: Some(found.principal.clone()),
        resource: Some(found.resource.clone()),
        policy_set_version_id: found.body.scopes.first().map(|scope| scope.policy_set_version_id),
        ..DecisionFilter::default()
    };
    assert_eq!(from.decisions(other, &asked, &whole()).await.unwrap().items.len(), 1);
    let pinned = from.pinned_names(one, id(21)).await.unwrap();
    assert!(!pinned.is_empty() && from.pinned_names(other, id(21)).await.unwrap() == pinned);
    assert_eq!(from.bundle_sets(other, Some(TARGET), crate::ArchivedFilter::Any).await.unwrap().len(), 1);
}

/// Neither what is there already, nor what refers to nothing, nor what has another type.
pub async fn rows_that_do_not_fit_are_refused(store: &Arc<dyn Store>) {
    world(store, 1).await;
    let policy = all(&mut *read(store).await, RowKind::Policy, id(1)).await.remove(0);
    let version = all(&mut *read(store).await, RowKind::PolicyVersion, id(1)).await.remove(0);
    let mut typed = moved(policy.clone(), id(2));
    typed.replace("revision", Cell::Text("1".to_owned()));
    let mut nul = moved(policy.clone(), id(2));
    nul.replace("name", Cell::Text("\0".to_owned()));
    let short = Row { cells: policy.key().to_vec(), ..policy.clone() };
    let mixed = [moved(policy.clone(), id(3)), version.clone()];
    for rows in [&[policy] as &[Row], &[moved(version, id(2))], &[typed], &[nul], &[short], &mixed] {
        let mut tx = store.write().await.unwrap();
        assert!(tx.insert_rows(rows).await.is_err(), "{rows:?}");
        assert!(tx.commit().await.is_err());
    }
}

/// Whatever others commit meanwhile.
pub async fn a_snapshot_sees_one_moment(store: &Arc<dyn Store>) {
    commit(store, async |to| to.insert_zone(&zone(1), b"key").await.unwrap()).await;
    let mut snapshot = store.snapshot().await.unwrap();
    commit(store, async |to| {
        to.insert_zone(&zone(2), b"key").await.unwrap();
        to.put_meta("key", b"value").await.unwrap();
    })
    .await;
    let zones = async |from: &mut dyn Read| from.count_zones(&ZoneFilter::default()).await.unwrap();
    assert_eq!((zones(&mut *snapshot).await, zones(&mut *read(store).await).await), (1, 2));
    assert_eq!(snapshot.meta("key").await.unwrap(), None);
    assert_eq!(zones(&mut *store.snapshot().await.unwrap()).await, 2);
    drop(snapshot);
    // What it was read with is fit for others.
    for _ in 0..20 {
        assert_eq!(zones(&mut *read(store).await).await, 2);
    }
    commit(store, async |to| to.insert_zone(&zone(3), b"key").await.unwrap()).await;
    assert_eq!(zones(&mut *read(store).await).await, 3);
}

/// By whomever, from when it was said until it is taken back; reading goes on.
pub async fn a_store_that_is_read_only_is_not_written_to(store: &Arc<dyn Store>) {
    commit(store, async |to| to.put_meta("before", b"1").await.unwrap()).await;
    for _ in 0..2 {
        store.set_read_only(true).await.unwrap();
        assert!(matches!(store.write().await.err(), Some(StoreError::ReadOnly)));
    }
    let mut from = read(store).await;
    assert_eq!(from.meta("before").await.unwrap(), Some(b"1".to_vec()));
    assert_eq!(from.meta(READ_ONLY).await.unwrap(), Some(Vec::new()));
    drop(from);
    store.ready().await.unwrap();
    for _ in 0..2 {
        store.set_read_only(false).await.unwrap();
        commit(store, async |to| to.put_meta("after", b"1").await.unwrap()).await;
    }
    assert_eq!(read(store).await.meta(READ_ONLY).await.unwrap(), None);
}

/// What was begun before may be committed, and then is there when it is answered that the store is read-only.
pub async fn who_makes_a_store_read_only_waits_for_writers(store: &Arc<dyn Store>) {
    let mut under_way = store.write().await.unwrap();
    under_way.put_meta("under way", b"1").await.unwrap();
    let other = Arc::clone(store);
    let mut said = tokio::spawn(async move { other.set_read_only(true).await });
    let early = tokio::time::timeout(Duration::from_millis(50), &mut said).await;
    assert!(early.is_err(), "a transaction is open");
    under_way.commit().await.unwrap();
    said.await.unwrap().unwrap();
    assert_eq!(read(store).await.meta("under way").await.unwrap(), Some(b"1".to_vec()));
    assert!(matches!(store.write().await.err(), Some(StoreError::ReadOnly)));
}

/// Of many that write while it is said, each is told whether its own was kept, and none is kept afterwards.
pub async fn no_write_slips_in_while_a_store_becomes_read_only(store: &Arc<dyn Store>) {
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut kept = Vec::new();
                for number in 0_u32.. {
                    let key = format!("{writer}/{number}");
                    let mut tx = match store.write().await {
                        Ok(tx) => tx,
                        Err(StoreError::ReadOnly) => break,
                        Err(other) => panic!("{other:?}"),
                    };
                    tx.put_meta(&key, b"1").await.unwrap();
                    tx.commit().await.unwrap();
                    kept.push(key);
                }
                kept
            })
        })
        .collect();
    while read(store).await.meta("0/5").await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    store.set_read_only(true).await.unwrap();
    let mut moment = store.snapshot().await.unwrap();
    let mut keys = Vec::new();
    for writer in writers {
        keys.extend(writer.await.unwrap());
    }
    for key in &keys {
        assert!(moment.meta(key).await.unwrap().is_some(), "{key} was acknowledged and is not there");
    }
    let of = Rows { kind: RowKind::Meta, zone: None, after: None, limit: 1_000_000 };
    assert_eq!(read(store).await.rows(&of).await.unwrap().len(), keys.len() + 1);
}
