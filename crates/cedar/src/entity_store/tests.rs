use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{EntityReader, MAX_ANCESTOR_DEPTH, testing::on_pool};

fn uid(id: impl std::fmt::Display) -> Uid {
    Uid::new("Group", &id.to_string()).unwrap()
}

fn entity(id: impl std::fmt::Display, parents: &[String]) -> Change {
    let parents: Vec<_> = parents.iter().map(|id| json!({"type": "Group", "id": id})).collect();
    let body = json!({"uid": {"type": "Group", "id": id.to_string()}, "attrs": {}, "parents": parents});
    Change::Upsert(EntityReader::default().read(&body.to_string()).unwrap())
}

fn link(child: usize, parent: usize) -> Change {
    entity(child, &[parent.to_string()])
}

fn ids(store: &EntityStore) -> Vec<String> {
    store.uids().map(|(type_name, id)| format!("{type_name}/{id}")).collect()
}

#[test]
fn a_change_answers_another_store_and_leaves_the_former() {
    on_pool(|| {
        let empty = EntityStore::default();
        let one = empty.with(vec![entity("a", &[]), entity("b", &["a".into()])]).unwrap();
        let two = one.with(vec![Change::Delete(uid("a")), entity("c", &[]), Change::Delete(uid("nobody"))]).unwrap();
        assert_eq!((empty.len(), one.len(), two.len()), (0, 2, 2));
        assert_eq!(
            (ids(&one), ids(&two)),
            (vec!["Group/a".into(), "Group/b".into()], vec!["Group/b".into(), "Group/c".into()])
        );
        assert!(one.entity(&uid("a")).is_some() && two.entity(&uid("a")).is_none());
        assert_eq!(two.entity(&uid("b")).unwrap().uid(), uid("b"));
        assert!(empty.is_empty() && one.bytes() > 0);
        let gone = two.with(vec![Change::Delete(uid("b")), Change::Delete(uid("c"))]).unwrap();
        assert_eq!((gone.bytes(), gone.types().count(), gone.depths.0.len()), (0, 0, 0));
    });
}

#[test]
fn of_several_changes_of_one_entity_the_last_counts() {
    on_pool(|| {
        let store =
            EntityStore::default().with(vec![link(1, 2), link(1, 3), Change::Delete(uid(4)), link(4, 1)]).unwrap();
        assert_eq!(ids(&store), ["Group/1", "Group/4"]);
        let body = store.entity(&uid(1)).unwrap().body().unwrap();
        assert!(body.contains(r#""id":"3""#) && !body.contains(r#""id":"2""#), "{body}");
        assert!(store.with(vec![link(3, 1), Change::Delete(uid(3))]).is_ok());
    });
}

#[test]
fn pages_of_a_type_follow_one_another() {
    on_pool(|| {
        let other = r#"{"attrs":{},"parents":[],"uid":{"id":"5","type":"Other"}}"#;
        let other = Change::Upsert(EntityReader::default().read(other).unwrap());
        let changes = (0..25).map(|n| entity(format!("{n:02}"), &[])).chain([other]).collect();
        let store = EntityStore::default().with(changes).unwrap();
        assert_eq!(store.types().collect::<Vec<_>>(), ["Group", "Other"]);
        let (mut seen, mut after) = (Vec::new(), None::<SmolStr>);
        loop {
            let page = store.page_of_type("Group", after.as_deref(), 10);
            after = page.last().cloned();
            seen.extend(page);
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..25).map(|n| format!("{n:02}")).collect::<Vec<_>>());
        assert_eq!(store.page_of_type("Group", Some("no such id"), 10), Vec::<SmolStr>::new());
        assert_eq!(store.page_of_type("Nothing", None, 10), Vec::<SmolStr>::new());
        assert_eq!(store.page_of_type("Group", Some("11"), 2), ["12", "13"]);
    });
}

#[test]
fn no_entity_becomes_its_own_ancestor() {
    on_pool(|| {
        let chain = EntityStore::default().with(vec![link(1, 2), link(2, 3), link(3, 4)]).unwrap();
        for changes in [vec![link(4, 1)], vec![link(3, 3)], vec![link(4, 5), link(5, 2)]] {
            assert!(chain.with(changes).unwrap_err().to_string().contains("cycle"));
        }
        let turned = chain.with(vec![link(4, 3), link(3, 2), link(2, 1), entity(1, &[])]).unwrap();
        assert_eq!(turned.len(), 4);
        assert!(
            chain.with(vec![link(4, 1), Change::Delete(uid(2))]).is_ok(),
            "nothing leads up from what is not there"
        );
    });
}

#[test]
fn a_chain_grows_to_its_limit_from_either_end_and_no_further() {
    on_pool(|| {
        let most = MAX_ANCESTOR_DEPTH;
        let mut down = EntityStore::default();
        for n in (0..most).rev() {
            down = down.with(vec![link(n, n + 1)]).unwrap();
        }
        let mut up = EntityStore::default();
        for n in 0..most {
            up = up.with(vec![link(n, n + 1)]).unwrap();
        }
        let whole = EntityStore::default().with((0..most).map(|n| link(n, n + 1)).collect()).unwrap();
        for store in [down, up, whole] {
            for longer in [link(most, most + 1), entity("below", &["0".into()])] {
                assert!(store.with(vec![longer]).unwrap_err().to_string().contains("100 ancestors"));
            }
            let cut = store.with(vec![Change::Delete(uid(50))]).unwrap();
            let longer = cut.with(vec![link(most, most + 1)]).unwrap();
            assert!(longer.with(vec![link(50, 51)]).is_err(), "the two halves would be one again");
        }
        let long = (0..5_000).map(|n| link(n, n + 1)).collect();
        assert!(EntityStore::default().with(long).is_err());
    });
}

#[test]
fn a_uid_that_many_name_is_held_once() {
    on_pool(|| {
        let store = EntityStore::default().with(vec![entity("g", &[])]).unwrap();
        let store = store.with(vec![entity("a", &["g".into()]), entity("b", &["g".into()])]).unwrap();
        let of = |id| store.get(Probe::of(&uid(id).cedar().clone().into())).unwrap().clone();
        let (a, b, g) = (of("a"), of("b"), of("g"));
        assert!(a.parents[0].is(&b.parents[0]) && a.parents[0].is(&g.key));
        let again = store.with(vec![entity("g", &[])]).unwrap();
        assert!(again.get(g.key.probe()).unwrap().key.is(&g.key));
    });
}

/// What a plain map of parents says.
type Model = BTreeMap<usize, BTreeSet<usize>>;

fn longest(model: &Model, from: usize, way: &mut Vec<usize>) -> Option<usize> {
    if way.contains(&from) {
        return None;
    }
    way.push(from);
    let mut found = 0;
    for parent in model.get(&from).into_iter().flatten() {
        found = found.max(1 + longest(model, *parent, way)?);
    }
    way.pop();
    Some(found)
}

/// The longest chain below, from the chains above everything.
fn deepest(model: &Model, to: usize) -> usize {
    model
        .iter()
        .filter(|(_, parents)| parents.contains(&to))
        .map(|(child, _)| 1 + deepest(model, *child))
        .max()
        .unwrap_or(0)
}

proptest! {
    /// Random changes of random links: the same are refused as a look at everything refuses, and what is kept about
    /// depths is what it would be if it were counted anew.
    #[test]
    fn the_hierarchy_is_the_one_that_a_look_at_everything_finds(
        steps in prop::collection::vec(
            prop::collection::vec((0..9_usize, prop::option::of(prop::collection::btree_set(0..9_usize, 0..3))), 1..4),
            1..12,
        )
    ) {
        on_pool(move || {
            let (mut store, mut model) = (EntityStore::default(), Model::new());
            for step in steps {
                let mut wanted = model.clone();
                let mut changes = Vec::new();
                for (id, parents) in step {
                    if let Some(parents) = parents {
                        changes.push(entity(id, &parents.iter().map(ToString::to_string).collect::<Vec<_>>()));
                        wanted.insert(id, parents);
                    } else {
                        changes.push(Change::Delete(uid(id)));
                        wanted.remove(&id);
                    }
                }
                let fine = wanted.keys().all(|id| longest(&wanted, *id, &mut Vec::new()).is_some());
                let next = store.with(changes);
                assert_eq!(next.is_ok(), fine, "{wanted:?}");
                if let Ok(next) = next {
                    (store, model) = (next, wanted);
                }
                for id in 0..9 {
                    let key = Key::new(uid(id).cedar().clone().into());
                    let below = store.depths.0.get(&key).map_or(0, super::hierarchy::Children::longest);
                    assert_eq!(below, deepest(&model, id), "{id} in {model:?}");
                }
                assert_eq!(store.len(), model.len());
            }
        });
    }
}
